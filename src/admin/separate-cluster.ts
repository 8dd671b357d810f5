import { existsSync, readFileSync, statSync } from 'node:fs';
import { FileConfigStore } from '../cluster/file-config-store.ts';
import type { ClusterMap } from '../cluster/map.ts';
import { clusterSecretProblem } from '../crypto/secure-channel-auth.ts';
import type { Configuration } from './option-table.ts';
import type { ProcessParts } from './running.ts';

/** What the processes of a cluster share: its map and its secret. */
export interface SharedCluster {
  readonly map: ClusterMap;
  readonly store: FileConfigStore;
  readonly secret: Buffer;
}

export type OpenedCluster =
  | { readonly ok: true; readonly cluster: SharedCluster }
  | { readonly ok: false; readonly problem: string };

const ANYBODY_ELSE = 0o077;
const SECRET_MAX_BYTES = 4096;

/** Where a proxy's keystore lies unless told. */
export const SHARED_KEYSTORE_FILE = './junokv-keystore.json';

/** Reads the map and the secret that `junokv cluster init` wrote. */
export async function openSharedCluster(config: Configuration, parts: ProcessParts): Promise<OpenedCluster> {
  if (!existsSync(config.map)) {
    return {
      ok: false,
      problem: `there is no cluster map at ${config.map}; 'junokv cluster init' makes one, --map names another`,
    };
  }
  const secret = readSecret(config.secret);
  if (!secret.ok) return secret;
  const store = new FileConfigStore({ path: config.map, ...parts });
  const read = await store.read();
  if (!read.ok) return read;
  if (read.value === null) return { ok: false, problem: `${config.map} holds no cluster map yet` };
  return { ok: true, cluster: { map: read.value, store, secret: secret.secret } };
}

type ReadSecret = { readonly ok: true; readonly secret: Buffer } | { readonly ok: false; readonly problem: string };

/** The secret is the text of its first line; only its owner may read the file. */
function readSecret(path: string): ReadSecret {
  try {
    const stats = statSync(path);
    if ((stats.mode & ANYBODY_ELSE) !== 0) {
      return {
        ok: false,
        problem: `the cluster secret ${path} can be used by others than its owner. Run: chmod 600 ${path}`,
      };
    }
    if (stats.size > SECRET_MAX_BYTES)
      return { ok: false, problem: `the cluster secret ${path} is too large to be one` };
    const secret = Buffer.from(readFileSync(path, 'utf8').split('\n')[0]?.trim() ?? '');
    const problem = clusterSecretProblem(secret);
    return problem === null ? { ok: true, secret } : { ok: false, problem: `${path}: ${problem}` };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { ok: false, problem: `cannot read the cluster secret (--secret): ${message}` };
  }
}

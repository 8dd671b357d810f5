import { existsSync, readFileSync, statSync } from 'node:fs';
import type { ConfigStore, StoreResult } from '../cluster/config-store.ts';
import type { Registration } from '../cluster/etcd-registration.ts';
import { FileConfigStore } from '../cluster/file-config-store.ts';
import type { ClusterMap } from '../cluster/map.ts';
import { clusterSecretProblem } from '../crypto/secure-channel-auth.ts';
import { storeOptionsProblem } from './etcd-place.ts';
import type { Configuration, OptionKey } from './option-table.ts';
import type { ProcessParts } from './running.ts';

/** A cluster's map and the store that it lives in, which its owner closes. */
export interface SharedMap {
  readonly map: ClusterMap;
  readonly store: ConfigStore;
  /** Where the map is, for the operator. */
  readonly place: string;
  /** `<keystoreMark>.fingerprint` remembers which keystore the data belong to. */
  readonly keystoreMark: string;
  /** Registers this process, where the store has a place for it, until it is stopped. */
  announce(registration: Registration): Announced;
  /** The processes that are registered; null: the store has no place for them. */
  readonly registrations: (() => Promise<StoreResult<readonly Registration[]>>) | null;
}

export interface Announced {
  /** Before the store is closed. */
  stop(): Promise<void>;
}

export type OpenedMap = StoreResult<SharedMap>;

/** What the processes of a cluster share: its map and its secret. */
export interface SharedCluster extends SharedMap {
  readonly secret: Buffer;
}

/** How a command was called, as far as it says where the cluster is. */
export interface ClusterRequest {
  readonly config: Configuration;
  readonly given: ReadonlySet<OptionKey>;
}

export type OpenedCluster =
  | { readonly ok: true; readonly cluster: SharedCluster }
  | { readonly ok: false; readonly problem: string };

const ANYBODY_ELSE = 0o077;
const SECRET_MAX_BYTES = 4096;

/** Where a proxy's keystore lies unless told. */
export const SHARED_KEYSTORE_FILE = './junokv-keystore.json';

/**
 * Opens the map and reads the secret that `junokv cluster init` made. `statePath`: where a process that serves keeps what it needs
 * to start while etcd is down.
 */
export async function openSharedCluster(
  { config, given }: ClusterRequest,
  parts: ProcessParts,
  statePath: string | null,
): Promise<OpenedCluster> {
  const opened = await openSharedMap({ config, given }, parts, statePath);
  if (!opened.ok) return opened;
  const secret = readSecret(config.secret);
  if (secret.ok) return { ok: true, cluster: { ...opened.value, secret: secret.secret } };
  opened.value.store.close();
  return secret;
}

/** As `openSharedCluster`, for who needs no secret. */
export async function openSharedMap(
  { config, given }: ClusterRequest,
  parts: ProcessParts,
  statePath: string | null,
): Promise<OpenedMap> {
  const problem = storeOptionsProblem(config, given);
  if (problem !== null) return { ok: false, problem };
  if (config.etcd.length === 0) return openFileMap(config, parts);
  // Loaded when needed: the library of etcd is large.
  return (await import('./etcd-cluster.ts')).openEtcdMap(config, parts, statePath);
}

async function openFileMap(config: Configuration, parts: ProcessParts): Promise<OpenedMap> {
  const path = config.map;
  if (!existsSync(path)) {
    return {
      ok: false,
      problem: `there is no cluster map at ${path}; 'junokv cluster init' makes one, --map names another`,
    };
  }
  const store = new FileConfigStore({ path, ...parts });
  const read = await store.read();
  if (!read.ok) return read;
  if (read.value === null) return { ok: false, problem: `${path} holds no cluster map yet` };
  const announce = (): Announced => ({ stop: async () => {} });
  const shared = { map: read.value, store, place: path, keystoreMark: path, announce, registrations: null };
  return { ok: true, value: shared };
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

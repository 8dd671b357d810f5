import type { Clock } from '../../base/clock.ts';
import { BackupLink, bytesOf } from '../backup/backup-link.ts';
import { BackupProblem } from '../backup/backup-problem.ts';
import type { Configuration } from '../option-table.ts';

/** What one proxy says of its keys. */
export interface ProxyKeys {
  readonly target: string;
  readonly fingerprint: string;
  readonly activeVersion: number;
  readonly versions: readonly number[];
  /** Of the cluster. */
  readonly shards: number;
  /** Shards that move. */
  readonly moves: number;
}

/** Asks every proxy of --target. Throws BackupProblem where one does not answer. */
export function askProxies(config: Configuration, clock: Clock): Promise<readonly ProxyKeys[]> {
  return Promise.all(config.target.map((target) => askProxy(config, target, clock)));
}

async function askProxy(config: Configuration, target: string, clock: Clock): Promise<ProxyKeys> {
  const link = new BackupLink({ ...config, target: [target] }, clock);
  try {
    const json: unknown = JSON.parse(bytesOf(await link.call('JUNO.KEYS', 'VERSIONS')).toString());
    return { target, ...fieldsOf(json) };
  } catch (error) {
    if (error instanceof BackupProblem) throw new BackupProblem(`${target}: ${error.message}`);
    throw error;
  } finally {
    link.close();
  }
}

function fieldsOf(json: unknown): Omit<ProxyKeys, 'target'> {
  if (typeof json === 'object' && json !== null) {
    const { fingerprint, activeVersion, versions, shards, moves } = json as Record<string, unknown>;
    const numbers = [activeVersion, shards, moves].every((value) => typeof value === 'number');
    if (typeof fingerprint === 'string' && numbers && Array.isArray(versions)) {
      return {
        fingerprint,
        activeVersion: Number(activeVersion),
        versions: versions.map(Number),
        shards: Number(shards),
        moves: Number(moves),
      };
    }
  }
  throw new BackupProblem('the proxy answers something else than JUNO.KEYS should; is it of another version?');
}

/** The first of the proxies, all of which seal with the same version. Throws BackupProblem. */
export function sameActive(proxies: readonly ProxyKeys[]): ProxyKeys {
  const [first] = proxies;
  if (first === undefined) throw new BackupProblem('--target names no proxy');
  for (const { target, fingerprint, activeVersion } of proxies) {
    if (fingerprint !== first.fingerprint) {
      throw new BackupProblem(`${first.target} and ${target} have different keystores; are they of one cluster?`);
    }
    if (activeVersion !== first.activeVersion) {
      throw new BackupProblem(
        `${first.target} seals with version ${first.activeVersion}, ${target} with ${activeVersion}; ` +
          'wait until all of them have taken the keystore up',
      );
    }
  }
  return first;
}

import { existsSync } from 'node:fs';
import { BackupProblem } from '../backup/backup-problem.ts';
import { keystorePathBeside } from '../cluster-keystore.ts';
import type { Configuration } from '../option-table.ts';
import { SHARED_KEYSTORE_FILE } from '../separate-cluster.ts';

/** The keystore that `junokv keys` is about: --keystore, else the one of the two usual places that there is. */
export function keystorePath(config: Configuration): string {
  if (config.keystore !== '') return config.keystore;
  const usual = [SHARED_KEYSTORE_FILE, keystorePathBeside(config.data)];
  const there = usual.filter((path) => existsSync(path));
  const [only] = there;
  if (only !== undefined && there.length === 1) return only;
  throw new BackupProblem(
    only === undefined
      ? `there is no keystore at ${usual.join(' or ')}; name it with --keystore`
      : `there are keystores at ${there.join(' and ')}; name one with --keystore`,
  );
}

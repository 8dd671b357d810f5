import { createRequire } from 'node:module';
import { beforeEach, expect } from 'vitest';

/** Tests that open RocksDB databases, in their own process or in one that they start. */
const NEEDS_ROCKSDB =
  /src\/storage\/(rocksdb|wal|node-life).*\.test\.ts$|src\/admin\/(cli|assemble)\.test\.ts$|src\/main\.test\.ts$|compat-tests\//;

/** Why RocksDB cannot be loaded, or null. Where root may, `npm test` has installed what it needs. */
function rocksdbProblem(): string | null {
  try {
    createRequire(import.meta.url)('rocksdb-native');
    return null;
  } catch (error) {
    return error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
  }
}

if (NEEDS_ROCKSDB.test(expect.getState().testPath ?? '')) {
  const problem = rocksdbProblem();
  if (problem !== null) beforeEach(({ skip }) => skip(`RocksDB cannot be loaded: ${problem}`));
}

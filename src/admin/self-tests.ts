import { cryptoSelfTest } from '../crypto/self-test.ts';
import { rocksdbSelfTest } from '../storage/rocksdb-self-test.ts';

/** Loads the native modules that a process will need before it needs them; null, or what to install. */
export async function selfTests(needs: { readonly rocksdb: boolean }): Promise<string | null> {
  const problem = cryptoSelfTest();
  if (problem !== null || !needs.rocksdb) return problem;
  const rocksdb = await rocksdbSelfTest();
  return rocksdb.ok ? null : rocksdb.problem;
}

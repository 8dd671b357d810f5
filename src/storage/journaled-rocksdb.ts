import { join } from 'node:path';
import { type OpenedJournaledEngine, openJournaledEngine } from './open-journaled-engine.ts';
import { openRocksdbEngine, type RocksdbEngineOptions } from './rocksdb-engine.ts';

export interface JournaledRocksdbOptions extends RocksdbEngineOptions {
  /** Of a new journal, see `JournaledEngineOptions`. */
  readonly segments?: number;
  readonly segmentBytes?: number;
}

/** RocksDB behind a journal, which lies in the database's directory: the two are copied and deleted together. */
export async function openJournaledRocksdb(options: JournaledRocksdbOptions): Promise<OpenedJournaledEngine> {
  const opened = await openRocksdbEngine(options);
  if (!opened.ok) return opened;
  return openJournaledEngine({ ...options, inner: opened.engine, directory: join(options.directory, 'journal') });
}

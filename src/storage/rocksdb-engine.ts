import { assert } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import { type FileError, type Files, filePromise } from '../base/files.ts';
import { limits } from '../base/limits.ts';
import {
  type Engine,
  type EngineCallback,
  type EngineChange,
  type EngineEntry,
  EngineError,
  type EngineFigures,
  type EngineRange,
} from './engine.ts';
import { loadRocksdb, type RocksdbDatabase } from './rocksdb-binding.ts';
import { closedError, openError, runningError } from './rocksdb-error.ts';
import { WalSync } from './wal-sync.ts';

export interface RocksdbEngineOptions {
  /** Made, with its parents, if it is missing. */
  readonly directory: string;
  readonly clock: Clock;
  readonly files: Files;
  /** Default `limits.engineWriteBufferBytes`. */
  readonly writeBufferBytes?: number;
}

export type OpenedRocksdb =
  | { readonly ok: true; readonly engine: Engine }
  /** `corrupt`: acknowledged data is damaged or missing; `io`: anything else, such as another process that has it open. */
  | { readonly ok: false; readonly error: EngineError };

/** Opens or creates the database. Bounded by `limits.engineOpenMs`; after that error the process should end. */
export async function openRocksdbEngine(options: RocksdbEngineOptions): Promise<OpenedRocksdb> {
  const { directory, clock, files } = options;
  const loaded = loadRocksdb();
  if (!loaded.ok) return { ok: false, error: new EngineError('io', loaded.problem) };
  const writeBufferBytes = options.writeBufferBytes ?? limits.engineWriteBufferBytes;
  const { promise: late, resolve: giveUp } = Promise.withResolvers<null>();
  const timer = clock.after(limits.engineOpenMs, () => giveUp(null));
  const open = async (): Promise<Engine> => {
    await filePromise<void>((callback) => files.makeDirectory(directory, callback));
    const database = await loaded.open(directory, { writeBufferBytes });
    const sizeBytes = await filePromise<number>((callback) => files.treeBytes(directory, callback));
    return new RocksdbEngine(database, options, sizeBytes);
  };
  try {
    const engine = await Promise.race([open(), late]);
    if (engine !== null) return { ok: true, engine };
    const message = `${directory} could not be opened within ${limits.engineOpenMs} ms: the disk hangs, or is very slow`;
    return { ok: false, error: new EngineError('io', message) };
  } catch (error) {
    return { ok: false, error: openError(directory, error) };
  } finally {
    timer.cancel();
  }
}

/** An engine over one RocksDB database; made by `openRocksdbEngine`. */
class RocksdbEngine implements Engine {
  readonly name = 'rocksdb';
  readonly supports = { durable: true } as const;
  readonly #database: RocksdbDatabase;
  readonly #directory: string;
  readonly #clock: Clock;
  readonly #files: Files;
  readonly #wal: WalSync;
  #writing = false;
  /** There may be acknowledged writes that no sync has covered. */
  #unsynced = true;
  #syncsInFlight = 0;
  #inFlight = 0;
  #closed = false;
  #onIdle: (() => void) | null = null;
  #sizeBytes: number;
  #sizeAtMs: number;
  #sizing = false;
  /** A moving average, to fetch about as many entries as a scan's limit of bytes has room for. */
  #entryBytes = 1_024;

  constructor(database: RocksdbDatabase, options: RocksdbEngineOptions, sizeBytes: number) {
    this.#database = database;
    this.#directory = options.directory;
    this.#clock = options.clock;
    this.#files = options.files;
    this.#wal = new WalSync(options.files, options.directory);
    this.#sizeBytes = sizeBytes;
    this.#sizeAtMs = options.clock.monotonicMs();
  }

  getMany(keys: readonly Buffer[], callback: EngineCallback<readonly (Buffer | null)[]>): void {
    if (this.#closed) {
      callback(closedError(), undefined);
      return;
    }
    const reading = this.#database.read(keys);
    this.#inFlight++;
    reading.then(
      (values) => {
        this.#ended();
        callback(null, values);
      },
      (error: unknown) => {
        this.#ended();
        callback(runningError(error), undefined);
      },
    );
  }

  write(changes: readonly EngineChange[], callback: EngineCallback<void>): void {
    assert(!this.#writing, 'one write batch in flight at a time');
    if (this.#closed || changes.length === 0) {
      callback(this.#closed ? closedError() : null, undefined);
      return;
    }
    const writing = this.#database.write(changes);
    this.#writing = true;
    this.#inFlight++;
    writing.then(
      () => {
        this.#writing = false;
        this.#unsynced = true;
        this.#ended();
        callback(null, undefined);
      },
      (error: unknown) => {
        this.#writing = false;
        this.#ended();
        callback(runningError(error), undefined);
      },
    );
  }

  sync(callback: EngineCallback<void>): void {
    if (this.#closed || (!this.#unsynced && this.#syncsInFlight === 0)) {
      callback(this.#closed ? closedError() : null, undefined);
      return;
    }
    this.#unsynced = false;
    this.#inFlight++;
    this.#syncsInFlight++;
    this.#wal.sync((error) => {
      this.#syncsInFlight--;
      if (error !== null) this.#unsynced = true;
      this.#ended();
      callback(error === null ? null : runningError(error), undefined);
    });
  }

  scan(range: EngineRange, callback: EngineCallback<readonly EngineEntry[]>): void {
    const { from, to, limit, limitBytes, keysOnly } = range;
    if (this.#closed) {
      callback(closedError(), undefined);
      return;
    }
    // RocksDB takes an empty end for none.
    if (Buffer.compare(from, to) >= 0 || limit <= 0) {
      callback(null, []);
      return;
    }
    this.#inFlight++;
    const entries: EngineEntry[] = [];
    let bytes = 0;
    this.#database.scan({
      from,
      to,
      keysOnly,
      limit,
      capacity: this.#iteratorCapacity(range),
      onEntry: (key, value) => {
        entries.push({ key, value: value ?? EMPTY });
        bytes += key.length + (value?.length ?? 0);
        return bytes < limitBytes && entries.length < limit;
      },
      onClose: (error) => {
        if (!keysOnly && entries.length > 0) this.#entryBytes += (bytes / entries.length - this.#entryBytes) / 8;
        this.#ended();
        if (error === null) callback(null, entries);
        else callback(runningError(error), undefined);
      },
    });
  }

  /**
   * Writes the memory table out, after which its log goes; merging is left to RocksDB. Asking for that by way of the binding
   * ended the process now and then (a fault in native code).
   */
  reclaim(callback: EngineCallback<void>): void {
    if (this.#closed) {
      callback(closedError(), undefined);
      return;
    }
    this.#inFlight++;
    this.#database.flush().then(
      () => {
        this.#ended();
        callback(null, undefined);
      },
      (error: unknown) => {
        this.#ended();
        callback(runningError(error), undefined);
      },
    );
  }

  sizeBytes(): number {
    const nowMs = this.#clock.monotonicMs();
    if (!this.#closed && !this.#sizing && nowMs - this.#sizeAtMs >= limits.engineSizeRefreshMs) {
      this.#sizing = true;
      this.#files.treeBytes(this.#directory, (error, sizeBytes) => {
        this.#sizing = false;
        this.#sizeAtMs = nowMs;
        if (error === null && sizeBytes !== undefined) this.#sizeBytes = sizeBytes;
      });
    }
    return this.#sizeBytes;
  }

  figures(callback: (figures: EngineFigures | null) => void): void {
    if (this.#closed) {
      callback(null);
      return;
    }
    this.#inFlight++;
    const asked = Object.entries(PROPERTIES).map(
      async ([name, property]): Promise<[string, number | null]> => [name, await this.#database.property(property)],
    );
    Promise.all(asked).then(
      (told) => {
        this.#ended();
        callback(Object.fromEntries(told.filter((pair): pair is [string, number] => pair[1] !== null)));
      },
      () => {
        this.#ended();
        callback(null);
      },
    );
  }

  /** Syncs before it closes; an error of either is reported, and the database closed as far as it goes. */
  close(callback: EngineCallback<void>): void {
    if (this.#closed) {
      callback(closedError(), undefined);
      return;
    }
    this.#closed = true;
    let finished = false;
    const finish = (error: EngineError | null): void => {
      if (finished) return;
      finished = true;
      timer.cancel();
      callback(error, undefined);
    };
    const timer = this.#clock.after(limits.engineCloseMs, () => {
      finish(new EngineError('io', `${this.#directory} could not be closed within ${limits.engineCloseMs} ms`));
    });
    this.#onIdle = () => this.#closeIdle(finish);
    if (this.#inFlight === 0) this.#onIdle();
  }

  /** RocksDB's own close leaves the log as it is: without this sync a clean stop would not be one for a loss of power. */
  #closeIdle(finish: (error: EngineError | null) => void): void {
    const closeDatabase = (syncError: FileError | null): void => {
      this.#wal.close(() => {
        this.#database.close().then(
          () => finish(syncError === null ? null : runningError(syncError)),
          (error: unknown) => finish(runningError(error)),
        );
      });
    };
    if (this.#unsynced) this.#wal.sync(closeDatabase);
    else closeDatabase(null);
  }

  #ended(): void {
    this.#inFlight--;
    if (this.#inFlight === 0) this.#onIdle?.();
  }

  #iteratorCapacity(range: EngineRange): number {
    const wanted = range.keysOnly ? range.limit : Math.min(range.limit, range.limitBytes / this.#entryBytes);
    // One more than wanted: a native call that comes back short says that there is nothing more.
    const capacity = Math.min(limits.engineIteratorEntries, Math.ceil(wanted) + 1);
    return Math.max(limits.engineIteratorEntriesMin, capacity);
  }
}

const EMPTY = Buffer.alloc(0);

/** What operators see of RocksDB, and its names for that. None of them walks over data. */
const PROPERTIES = {
  memoryTableBytes: 'rocksdb.cur-size-all-mem-tables',
  tableFileBytes: 'rocksdb.total-sst-files-size',
  tableReaderBytes: 'rocksdb.estimate-table-readers-mem',
  blockCacheBytes: 'rocksdb.block-cache-usage',
  pendingCompactionBytes: 'rocksdb.estimate-pending-compaction-bytes',
  runningCompactions: 'rocksdb.num-running-compactions',
  runningFlushes: 'rocksdb.num-running-flushes',
  immutableMemoryTables: 'rocksdb.num-immutable-mem-table',
  level0Files: 'rocksdb.num-files-at-level0',
  keys: 'rocksdb.estimate-num-keys',
  backgroundErrors: 'rocksdb.background-errors',
  isWriteStopped: 'rocksdb.is-write-stopped',
} as const;

import { createRequire } from 'node:module';
import { assert } from '../base/assert.ts';
import { limits } from '../base/limits.ts';
import type { EngineChange } from './engine.ts';
import { describeLoadFailure } from './rocksdb-load-failure.ts';

/** rocksdb-native ships no types and checks nothing: what of it is used, and only here. */
interface NativeReadBatch {
  get(key: Buffer): Promise<Buffer | null>;
  /** Sends the gets without a promise of its own. */
  tryFlush(): void;
  destroy(): void;
}

interface NativeWriteBatch {
  tryPut(key: Buffer, value: Buffer): void;
  tryDelete(key: Buffer): void;
  /** Rejected with an error whose `cause` is RocksDB's; the batch can be used again either way. */
  flush(): Promise<void>;
  destroy(): void;
}

interface NativeIterator {
  on(event: 'data', listener: (entry: { key: Buffer; value: Buffer | null }) => void): void;
  on(event: 'error', listener: (error: unknown) => void): void;
  on(event: 'close', listener: () => void): void;
  destroy(): void;
}

interface NativeDatabase {
  ready(): Promise<void>;
  read(options: { capacity: number }): NativeReadBatch;
  write(options: { capacity: number }): NativeWriteBatch;
  iterator(range: { gte: Buffer; lt: Buffer }, options: object): NativeIterator;
  /** Writes the memory table out. */
  flush(): Promise<void>;
  /** Undefined where RocksDB has no such property. */
  getProperty(name: string): Promise<string | null | undefined>;
  close(): Promise<void>;
}

interface NativeModule {
  new (path: string, options: object): NativeDatabase;
  readonly constants: { readonly walRecoveryMode: { readonly TOLERATE_CORRUPTED_TAIL_RECORDS: number } };
}

export type LoadedRocksdb =
  | { readonly ok: true; readonly open: (path: string, options: RocksdbOptions) => Promise<RocksdbDatabase> }
  /** What is missing on this machine, for the operator. */
  | { readonly ok: false; readonly problem: string };

export interface RocksdbOptions {
  readonly writeBufferBytes: number;
}

const requireHere = createRequire(import.meta.url);

/** Where the native module is, for trying it in a child process. */
export function rocksdbModulePath(): string {
  return requireHere.resolve('rocksdb-native');
}

/** Loads the native module, which may fail on a machine that lacks a library. */
export function loadRocksdb(): LoadedRocksdb {
  let native: NativeModule;
  try {
    native = requireHere('rocksdb-native');
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    return { ok: false, problem: describeLoadFailure(detail, process.platform, process.arch) };
  }
  return { ok: true, open: (path, options) => RocksdbDatabase.open(native, path, options) };
}

/** One iterator's run: entries until `onEntry` says stop (false), then `onClose` once, with the error if there was one. */
export interface RocksdbScan {
  readonly from: Buffer;
  /** Not empty: RocksDB takes that for no end. */
  readonly to: Buffer;
  readonly keysOnly: boolean;
  readonly limit: number;
  /** Entries that one native call fetches. */
  readonly capacity: number;
  onEntry(key: Buffer, value: Buffer | null): boolean;
  onClose(error: unknown): void;
}

const INITIAL_BATCH_CAPACITY = 64;

/**
 * An open database. Errors reach the caller as the binding gives them: rejections whose message (or that of their
 * `cause`) is RocksDB's text.
 */
export class RocksdbDatabase {
  readonly #native: NativeDatabase;
  readonly #writeBatch: NativeWriteBatch;
  readonly #idleReadBatches: NativeReadBatch[] = [];

  static async open(native: NativeModule, path: string, options: RocksdbOptions): Promise<RocksdbDatabase> {
    const database = new native(path, {
      // The default opens after damage in the middle of the log, without a word and without what follows it. This one
      // refuses that, and accepts only a torn last record, which was never acknowledged.
      walRecoveryMode: native.constants.walRecoveryMode.TOLERATE_CORRUPTED_TAIL_RECORDS,
      writeBufferSize: options.writeBufferBytes,
      maxOpenFiles: limits.engineOpenFiles,
    });
    await database.ready();
    return new RocksdbDatabase(database);
  }

  private constructor(native: NativeDatabase) {
    this.#native = native;
    this.#writeBatch = native.write({ capacity: INITIAL_BATCH_CAPACITY });
  }

  /** One atomic batch. The buffers are referenced, not copied, until the promise settles. One at a time. */
  write(changes: readonly EngineChange[]): Promise<void> {
    for (const { key, value } of changes) {
      assert(Buffer.isBuffer(key), 'keys are buffers');
      assert(value === null || Buffer.isBuffer(value), 'values are buffers or null');
    }
    const batch = this.#writeBatch;
    for (const { key, value } of changes) {
      if (value === null) batch.tryDelete(key);
      else batch.tryPut(key, value);
    }
    return batch.flush();
  }

  /** All reads in one native call, seeing one state of the database. */
  read(keys: readonly Buffer[]): Promise<(Buffer | null)[]> {
    for (const key of keys) assert(Buffer.isBuffer(key), 'keys are buffers');
    const batch = this.#idleReadBatches.pop() ?? this.#native.read({ capacity: INITIAL_BATCH_CAPACITY });
    const values = Promise.all(keys.map((key) => batch.get(key)));
    batch.tryFlush();
    const done = (): void => {
      if (this.#idleReadBatches.length < limits.engineIdleReadBatches) this.#idleReadBatches.push(batch);
      else batch.destroy();
    };
    values.then(done, done);
    return values;
  }

  scan(scan: RocksdbScan): void {
    assert(Buffer.isBuffer(scan.from) && Buffer.isBuffer(scan.to) && scan.to.length > 0, 'a range with an end');
    const { keysOnly, limit, capacity } = scan;
    const iterator = this.#native.iterator({ gte: scan.from, lt: scan.to }, { values: !keysOnly, limit, capacity });
    let failure: unknown = null;
    let stopped = false;
    iterator.on('data', ({ key, value }) => {
      if (stopped || scan.onEntry(key, value)) return;
      stopped = true;
      iterator.destroy();
    });
    iterator.on('error', (error) => {
      failure = error;
    });
    iterator.on('close', () => scan.onClose(failure));
  }

  /** Writes the memory table out; its log goes then. */
  flush(): Promise<void> {
    return this.#native.flush();
  }

  /** A number that RocksDB keeps of itself, by its name for it; null where it has none. */
  async property(name: string): Promise<number | null> {
    const value = Number.parseFloat((await this.#native.getProperty(name)) ?? '');
    return Number.isFinite(value) ? value : null;
  }

  /** Only when nothing is in flight: it waits for ever on what was not destroyed. */
  close(): Promise<void> {
    for (const batch of this.#idleReadBatches) batch.destroy();
    this.#writeBatch.destroy();
    return this.#native.close();
  }
}

import { assert } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import { FileError, type Files } from '../base/files.ts';
import { limits } from '../base/limits.ts';
import { BatchLog } from './batch-log.ts';
import { eachEncoded } from './batch-log-codec.ts';
import {
  type Engine,
  type EngineCallback,
  type EngineChange,
  type EngineEntry,
  EngineError,
  type EngineRange,
} from './engine.ts';
import { closedError, runningError } from './rocksdb-error.ts';
import { BUCKETS, bucketOf, Unsettled } from './unsettled.ts';

export interface LoggedEngineOptions {
  /** Where changes go in the end. Closed with this engine. */
  readonly table: Engine;
  /** Directory of the log; made if it is missing. */
  readonly directory: string;
  readonly files: Files;
  readonly clock: Clock;
  /**
   * Memory for what is in the log only. A file of the log is full at half of it; while there is more, writes wait for the
   * table. The more, the less often a key that is written again and again goes to the table.
   */
  readonly unsettledBytes: number;
}

export type OpenedEngine =
  | { readonly ok: true; readonly engine: Engine }
  | { readonly ok: false; readonly error: EngineError };

interface Job {
  readonly bucket: number;
  done(error: EngineError | null): void;
}

interface HeldWrite {
  readonly changes: readonly EngineChange[];
  readonly callback: EngineCallback<void>;
}

/** Opens the log over a table, with what the log has that the table may lack. */
export async function openLoggedEngine(options: LoggedEngineOptions): Promise<OpenedEngine> {
  const unsettled = new Unsettled();
  try {
    const opened = await BatchLog.open(options.files, options.directory, unsettled);
    if (!opened.ok) return { ok: false, error: new EngineError('corrupt', opened.problem) };
    return { ok: true, engine: new LoggedEngine(options, opened.log, unsettled) };
  } catch (error) {
    if (error instanceof FileError) return { ok: false, error: runningError(error) };
    throw error;
  }
}

/**
 * A table behind a log. A batch is one entry of the log, one write; its changes stay in memory, to be read there, until they
 * are settled: written to the table in order of their keys, bucket by bucket, whenever a file of the log is full. So a key
 * that is written often costs the table little, and a small batch no other thread.
 */
class LoggedEngine implements Engine {
  readonly name: Engine['name'];
  readonly supports: Engine['supports'];
  readonly #table: Engine;
  readonly #clock: Clock;
  readonly #log: BatchLog;
  readonly #unsettled: Unsettled;
  readonly #unsettledBytes: number;
  #writing = false;
  #held: HeldWrite | null = null;
  #jobs: Job[] = [];
  #settling = false;
  /** From a full file of the log to the removal of it. */
  #round = false;
  #closed = false;
  /** Set by a close that waits for a write. */
  #onWritten: (() => void) | null = null;

  constructor(options: LoggedEngineOptions, log: BatchLog, unsettled: Unsettled) {
    this.#table = options.table;
    this.name = options.table.name;
    this.supports = options.table.supports;
    this.#clock = options.clock;
    this.#unsettledBytes = options.unsettledBytes;
    this.#log = log;
    this.#unsettled = unsettled;
    const before = log.numberBefore;
    if (before > 0) {
      this.#round = true;
      this.#beginRound(before);
    }
  }

  getMany(keys: readonly Buffer[], callback: EngineCallback<readonly (Buffer | null)[]>): void {
    if (this.#closed) {
      callback(closedError(), undefined);
      return;
    }
    const values: (Buffer | null)[] = [];
    const missing: Buffer[] = [];
    const places: number[] = [];
    for (const key of keys) {
      assert(Buffer.isBuffer(key), 'keys are buffers');
      const found = this.#unsettled.find(key);
      if (found === undefined) {
        missing.push(key);
        places.push(values.length);
      }
      values.push(found ?? null);
    }
    if (missing.length === 0) {
      callback(null, values);
      return;
    }
    this.#table.getMany(missing, (error, found) => {
      if (found === undefined) {
        callback(error, undefined);
        return;
      }
      for (let i = 0; i < places.length; i++) values[places[i] ?? 0] = found[i] ?? null;
      callback(null, values);
    });
  }

  write(changes: readonly EngineChange[], callback: EngineCallback<void>): void {
    assert(!this.#writing, 'one write batch in flight at a time');
    if (this.#closed || changes.length === 0) {
      callback(this.#closed ? closedError() : null, undefined);
      return;
    }
    if (this.#unsettled.bytes <= this.#unsettledBytes) {
      this.#append(changes, callback);
    } else {
      this.#writing = true;
      this.#held = { changes, callback };
    }
  }

  sync(callback: EngineCallback<void>): void {
    if (this.#closed) callback(closedError(), undefined);
    else this.#log.sync((error) => callback(error === null ? null : runningError(error), undefined));
  }

  /** What lies in the range is settled first: the table alone knows the order of keys. */
  scan(range: EngineRange, callback: EngineCallback<readonly EngineEntry[]>): void {
    if (this.#closed) {
      callback(closedError(), undefined);
      return;
    }
    const { from, to } = range;
    const near = from.length > 2 && to.length > 2 && from[0] === to[0] && from[1] === to[1];
    this.#settle(near ? bucketOf(from) : 0, near ? bucketOf(to) : BUCKETS - 1, (error) => {
      if (error === null) this.#table.scan(range, callback);
      else callback(error, undefined);
    });
  }

  sizeBytes(): number {
    return this.#table.sizeBytes() + this.#log.totalBytes;
  }

  /** The log is empty after a close that went well. One that did not leaves in it what the table lacks. */
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
      finish(new EngineError('io', `the log could not be settled within ${limits.engineCloseMs} ms`));
    });
    const settle = (): void => this.#settle(0, BUCKETS - 1, (error) => this.#closeSettled(error, finish));
    if (this.#held !== null) this.#letIn(null);
    if (this.#writing) this.#onWritten = settle;
    else settle();
  }

  #closeSettled(settleError: EngineError | null, finish: (error: EngineError | null) => void): void {
    this.#log.sync((syncError) => {
      this.#table.close((closeError) => {
        const error = closeError ?? (syncError === null ? null : runningError(syncError));
        const end = (): void => this.#log.close(() => finish(error));
        if (settleError !== null || closeError !== null) end();
        else this.#log.removeUpTo(Number.MAX_SAFE_INTEGER, end);
      });
    });
  }

  #append(changes: readonly EngineChange[], callback: EngineCallback<void>): void {
    if (this.#log.isNextReady) this.#beginRound(this.#log.switchOver());
    const entry = this.#log.encode(changes);
    this.#writing = true;
    this.#log.append(entry, (error) => {
      this.#writing = false;
      if (error === null) {
        eachEncoded(entry, changes, this.#unsettled);
        if (this.#log.segmentBytes > this.#unsettledBytes / 2 && !this.#round && !this.#closed) this.#prepareRound();
      }
      callback(error === null ? null : runningError(error), undefined);
      this.#onWritten?.();
    });
  }

  #prepareRound(): void {
    this.#round = true;
    this.#log.prepareNext((error) => {
      if (error !== null) this.#retry(() => this.#prepareRound());
      else if (!this.#writing) this.#beginRound(this.#log.switchOver());
    });
  }

  /** Settles all that the files up to this number have, and then removes them. */
  #beginRound(lastNumber: number): void {
    const again = (): void => this.#beginRound(lastNumber);
    this.#settle(0, BUCKETS - 1, (error) => {
      if (error !== null) {
        this.#retry(again);
        return;
      }
      this.#table.sync((syncError) => {
        if (syncError !== null) {
          this.#retry(again);
          return;
        }
        this.#log.removeUpTo(lastNumber, (removeError) => {
          if (removeError !== null) this.#retry(again);
          else this.#round = false;
        });
      });
    });
  }

  #retry(again: () => void): void {
    this.#clock.after(limits.settleRetryMs, () => {
      if (!this.#closed) again();
    });
  }

  /** Buckets from `first` to `last`, each as it is when its turn comes; the first error ends it. */
  #settle(first: number, last: number, callback: (error: EngineError | null) => void): void {
    let bucket = first;
    const next = (error: EngineError | null): void => {
      if (error !== null) {
        callback(error);
        return;
      }
      while (bucket <= last && this.#unsettled.isEmpty(bucket)) bucket++;
      if (bucket > last) {
        callback(null);
        return;
      }
      this.#jobs.push({ bucket, done: next });
      bucket++;
      this.#runJobs();
    };
    next(null);
  }

  #runJobs(): void {
    if (this.#settling) return;
    const job = this.#jobs.shift();
    if (job === undefined) return;
    const changes = this.#unsettled.take(job.bucket);
    if (changes.length === 0) {
      job.done(null);
      this.#runJobs();
      return;
    }
    this.#settling = true;
    this.#table.write(changes, (error) => {
      this.#settling = false;
      if (error === null) this.#unsettled.settled(job.bucket);
      else this.#unsettled.failed(job.bucket);
      this.#letIn(error);
      job.done(error);
      this.#runJobs();
    });
  }

  /** The write that waits goes on when there is room, or hears why there will be none. */
  #letIn(error: EngineError | null): void {
    const held = this.#held;
    if (held === null) return;
    if (error !== null || this.#closed) {
      this.#held = null;
      this.#writing = false;
      held.callback(error ?? closedError(), undefined);
    } else if (this.#unsettled.bytes <= this.#unsettledBytes) {
      this.#held = null;
      this.#append(held.changes, held.callback);
    }
  }
}

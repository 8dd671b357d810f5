import { join } from 'node:path';
import type { FileError, Files, OpenFile } from '../base/files.ts';

type SyncCallback = (error: FileError | null) => void;

interface LogFile {
  readonly number: number;
  readonly file: OpenFile;
  /** Size before its last sync: a log that has not grown since holds nothing unsynced. */
  syncedBytes: number;
}

const NOT_SYNCED = -1;

/**
 * Puts RocksDB's write-ahead logs on the disk: the binding has no sync of its own. Looks at the directory's `*.log` files
 * each time, for RocksDB may start a new one at any write; a log that is gone was written out to tables, synced, before.
 * Calls made while a sync runs share the next one, since what they are about may have come after it began.
 */
export class WalSync {
  readonly #files: Files;
  readonly #directory: string;
  readonly #logs = new Map<number, LogFile>();
  #waiting: SyncCallback[] = [];
  #running = false;
  #broken: FileError | null = null;
  /** A log's name may not be on the disk yet. */
  #newNames = false;
  #closeCallback: (() => void) | null = null;

  constructor(files: Files, directory: string) {
    this.#files = files;
    this.#directory = directory;
  }

  /** What RocksDB wrote to its logs before this call is on the disk when the callback comes without an error. */
  sync(callback: SyncCallback): void {
    this.#waiting.push(callback);
    if (!this.#running) this.#run();
  }

  /** Waits for the sync in flight, and closes the files. No sync may be asked for after it. */
  close(callback: () => void): void {
    this.#closeCallback = callback;
    if (!this.#running) this.#closeAll(callback);
  }

  #run(): void {
    const callbacks = this.#waiting;
    this.#waiting = [];
    this.#running = true;
    this.#syncAll((error) => {
      this.#running = false;
      // Waiting ones first, so that a callback which asks again does not overtake them.
      if (this.#waiting.length > 0) this.#run();
      for (const callback of callbacks) callback(error);
      if (!this.#running && this.#closeCallback !== null) this.#closeAll(this.#closeCallback);
    });
  }

  #syncAll(callback: SyncCallback): void {
    if (this.#broken !== null) {
      callback(this.#broken);
      return;
    }
    this.#files.list(this.#directory, (error, names) => {
      if (error !== null || names === undefined) {
        callback(error);
        return;
      }
      const numbers = logNumbers(names);
      this.#forgetGone(numbers);
      const fresh = numbers.filter((number) => !this.#logs.has(number));
      if (fresh.length > 0) this.#newNames = true;
      this.#openAll(fresh, (openError) => {
        if (openError !== null) callback(openError);
        else this.#syncLogs(numbers.at(-1) ?? 0, callback);
      });
    });
  }

  #openAll(numbers: readonly number[], callback: SyncCallback): void {
    const all = gather(numbers.length, callback);
    for (const number of numbers) {
      this.#files.open(join(this.#directory, logName(number)), false, (error, file) => {
        if (file !== undefined) this.#logs.set(number, { number, file, syncedBytes: NOT_SYNCED });
        // Gone between the listing and now: its content is in tables.
        all(error === null || error.code === 'ENOENT' ? null : error);
      });
    }
  }

  #syncLogs(newest: number, callback: SyncCallback): void {
    const newNames = this.#newNames;
    const finished = gather(this.#logs.size + (newNames ? 1 : 0), (error) => {
      // After a failed sync nobody knows what is on the disk, and the next one would succeed without the lost pages.
      if (error !== null) this.#broken = error;
      else this.#newNames = false;
      callback(error);
    });
    if (newNames) this.#files.syncDirectory(this.#directory, finished);
    for (const log of this.#logs.values()) {
      log.file.sizeBytes((error, sizeBytes) => {
        if (error !== null || sizeBytes === undefined) {
          finished(error);
        } else if (log.number !== newest && log.syncedBytes === sizeBytes) {
          finished(null);
        } else {
          log.file.sync((syncError) => {
            if (syncError === null) log.syncedBytes = sizeBytes;
            finished(syncError);
          });
        }
      });
    }
  }

  #forgetGone(present: readonly number[]): void {
    for (const [number, log] of this.#logs) {
      if (present.includes(number)) continue;
      this.#logs.delete(number);
      log.file.close(() => {});
    }
  }

  #closeAll(callback: () => void): void {
    const all = gather(this.#logs.size, callback);
    for (const log of this.#logs.values()) log.file.close(() => all(null));
    this.#logs.clear();
  }
}

/** Numbers of the write-ahead logs among the names of a database directory, ascending. `LOG` is another thing. */
function logNumbers(names: readonly string[]): number[] {
  const numbers: number[] = [];
  for (const name of names) {
    const digits = /^(\d+)\.log$/.exec(name)?.[1];
    if (digits !== undefined) numbers.push(Number(digits));
  }
  return numbers.sort((a, b) => a - b);
}

function logName(number: number): string {
  return `${String(number).padStart(6, '0')}.log`;
}

/** Calls back once `count` calls were made, with the first error; at once if there are none. */
function gather(count: number, callback: SyncCallback): SyncCallback {
  let left = count;
  let first: FileError | null = null;
  if (count === 0) callback(null);
  return (error) => {
    first ??= error;
    left--;
    if (left === 0) callback(first);
  };
}

import { join } from 'node:path';
import { assert } from '../base/assert.ts';
import type { FileError, Files, OpenFile } from '../base/files.ts';
import { filePromise } from '../base/files.ts';
import { limits } from '../base/limits.ts';
import { type ChangeSink, checkEntry, eachChange, encodeEntry, hasLaterEntry } from './batch-log-codec.ts';
import type { EngineChange } from './engine.ts';
import { WalSync } from './wal-sync.ts';

type LogCallback = (error: FileError | null) => void;

export type OpenedLog =
  | { readonly ok: true; readonly log: BatchLog }
  /** An entry that was acknowledged is missing or damaged. */
  | { readonly ok: false; readonly problem: string };

/**
 * Batches of changes, one behind the other, in files that are numbered from 1. What `append` has acknowledged outlives the
 * process; what `sync` has, a loss of power. Files are removed from the oldest on, once the table has all that is in them.
 */
export class BatchLog {
  readonly #files: Files;
  readonly #directory: string;
  readonly #sync: WalSync;
  /** Oldest first; the last one is written to. */
  #numbers: number[];
  #file: OpenFile;
  #position = 0;
  #closedBytes: number;
  #sequence: number;
  #next: { readonly file: OpenFile; readonly number: number } | null = null;

  /**
   * Reads what is there, entry by entry in order, into `sink`, and starts a new file. Rejects with FileError. Only the end
   * of the last file may be torn: a batch that nobody was told of.
   */
  static async open(files: Files, directory: string, sink: ChangeSink): Promise<OpenedLog> {
    await filePromise<void>((callback) => files.makeDirectory(directory, callback));
    const names = await filePromise<readonly string[]>((callback) => files.list(directory, callback));
    const numbers = logNumbers(names);
    let next: number | null = null;
    let bytesBefore = 0;
    for (const number of numbers) {
      const path = join(directory, logName(number));
      const bytes = await filePromise<Buffer>((callback) => files.read(path, limits.logReadBytes, callback));
      bytesBefore += bytes.length;
      let at = 0;
      for (;;) {
        const entry = checkEntry(bytes, at);
        if (entry === null) break;
        if (next !== null && entry.sequence !== next) return missing(path, next);
        next = entry.sequence + 1;
        eachChange(bytes, at, sink);
        at = entry.next;
      }
      const last = number === numbers.at(-1);
      if (at < bytes.length && last && hasLaterEntry(bytes, at + 1, next ?? 0)) return missing(path, next ?? 0);
    }
    const number = (numbers.at(-1) ?? 0) + 1;
    const file = await filePromise<OpenFile>((callback) =>
      files.open(join(directory, logName(number)), true, callback),
    );
    return { ok: true, log: new BatchLog(files, directory, [...numbers, number], file, bytesBefore, next ?? 1) };
  }

  private constructor(
    files: Files,
    directory: string,
    numbers: number[],
    file: OpenFile,
    closedBytes: number,
    sequence: number,
  ) {
    this.#files = files;
    this.#directory = directory;
    this.#sync = new WalSync(files, directory);
    this.#numbers = numbers;
    this.#file = file;
    this.#closedBytes = closedBytes;
    this.#sequence = sequence;
  }

  /** Number of the last file before the one that is written to; 0 if there is none. */
  get numberBefore(): number {
    return this.#numbers.at(-2) ?? 0;
  }

  /** Bytes of the file that is written to. */
  get segmentBytes(): number {
    return this.#position;
  }

  /** Bytes of all files. */
  get totalBytes(): number {
    return this.#closedBytes + this.#position;
  }

  /** The next entry. Asserts that keys and values are buffers. */
  encode(changes: readonly EngineChange[]): Buffer {
    return encodeEntry(this.#sequence, changes);
  }

  /**
   * Writes the next entry; at most one at a time. The callback may be called before the call returns. After an error the log
   * stands as before: the next entry is written over what there is of this one.
   */
  append(entry: Buffer, callback: LogCallback): void {
    const written: LogCallback = (error) => {
      if (error === null) {
        this.#position += entry.length;
        this.#sequence++;
      }
      callback(error);
    };
    if (entry.length <= limits.logWriteNowBytes) written(this.#file.writeNow(this.#position, entry));
    else this.#file.writeAt(this.#position, entry, written);
  }

  /** Opens the file that comes after this one. */
  prepareNext(callback: LogCallback): void {
    const number = (this.#numbers.at(-1) ?? 0) + 1;
    this.#files.open(join(this.#directory, logName(number)), true, (error, file) => {
      if (file !== undefined) this.#next = { file, number };
      callback(error);
    });
  }

  /** `prepareNext` has done its work. */
  get isNextReady(): boolean {
    return this.#next !== null;
  }

  /** Entries go to the file prepared from now on; no append may be under way. Gives the number of the file before it. */
  switchOver(): number {
    const next = this.#next;
    const last = this.#numbers.at(-1);
    assert(next !== null && last !== undefined, 'the next file is ready');
    this.#file.close(() => {});
    this.#closedBytes += this.#position;
    this.#numbers.push(next.number);
    this.#file = next.file;
    this.#position = 0;
    this.#next = null;
    return last;
  }

  /** What was appended before the call survives a loss of power. */
  sync(callback: LogCallback): void {
    this.#sync.sync(callback);
  }

  /** Removes the files up to this number, oldest first. */
  removeUpTo(number: number, callback: LogCallback): void {
    const first = this.#numbers[0];
    if (first === undefined || first > number) {
      callback(null);
      return;
    }
    this.#files.removeTree(join(this.#directory, logName(first)), (error) => {
      if (error !== null) {
        callback(error);
        return;
      }
      this.#numbers.shift();
      if (this.#numbers.length === 1) this.#closedBytes = 0;
      this.removeUpTo(number, callback);
    });
  }

  close(callback: () => void): void {
    this.#sync.close(() => this.#file.close(() => callback()));
  }
}

function missing(path: string, sequence: number): OpenedLog {
  return { ok: false, problem: `${path} is damaged: the batch number ${sequence} that was written there is missing` };
}

/** Ascending. */
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

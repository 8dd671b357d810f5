import { join } from 'node:path';
import { assert } from '../base/assert.ts';
import { FileError, type Files, filePromise, type OpenFile } from '../base/files.ts';
import { limits } from '../base/limits.ts';

type DoneCallback = (error: FileError | null) => void;

/** The file of a segment. */
export function segmentName(number: number): string {
  return `segment-${String(number).padStart(3, '0')}`;
}

/**
 * The files of the journal, one a segment. They are made once and written over ever after: an append changes no
 * directory, and soon no file's size, so that syncing one is cheap.
 */
export class JournalFiles {
  readonly #files: readonly OpenFile[];
  /** Written to since their last sync. */
  #unsynced = new Set<OpenFile>();
  #waiting: DoneCallback[] = [];
  #syncing = false;
  #broken: FileError | null = null;

  /** Makes those that are missing, durably, if `create`; otherwise all must be there (ENOENT). Rejects with FileError. */
  static async open(files: Files, directory: string, segments: number, create: boolean): Promise<JournalFiles> {
    if (create) await filePromise<void>((callback) => files.makeDirectory(directory, callback));
    const opened: OpenFile[] = [];
    try {
      for (let number = 0; number < segments; number++) {
        const path = join(directory, segmentName(number));
        opened.push(await filePromise<OpenFile>((callback) => files.open(path, create, callback)));
      }
      if (create) await filePromise<void>((callback) => files.syncDirectory(directory, callback));
    } catch (error) {
      for (const file of opened) file.close(() => {});
      throw error;
    }
    return new JournalFiles(opened);
  }

  private constructor(files: readonly OpenFile[]) {
    this.#files = files;
  }

  /** Writes into a segment. The bytes must not be touched before the callback (perhaps within the call): they survive the process. */
  write(segment: number, position: number, bytes: Buffer, callback: DoneCallback): void {
    const file = this.#files[segment];
    assert(file !== undefined, 'each segment has a file');
    if (bytes.length <= limits.journalWriteNowBytes) {
      this.#unsynced.add(file);
      callback(file.writeNow(position, bytes));
      return;
    }
    file.writeAt(position, bytes, (error) => {
      this.#unsynced.add(file);
      callback(error);
    });
  }

  /** What was written before this call is on the disk when the callback comes without an error. */
  sync(callback: DoneCallback): void {
    this.#waiting.push(callback);
    if (!this.#syncing) this.#syncWaiting();
  }

  close(callback: () => void): void {
    let left = this.#files.length;
    for (const file of this.#files) {
      file.close(() => {
        left--;
        if (left === 0) callback();
      });
    }
  }

  #syncWaiting(): void {
    const callbacks = this.#waiting;
    const unsynced = this.#unsynced;
    this.#waiting = [];
    this.#unsynced = new Set();
    this.#syncing = true;
    let left = unsynced.size;
    const finish = (): void => {
      this.#syncing = false;
      if (this.#waiting.length > 0) this.#syncWaiting();
      for (const callback of callbacks) callback(this.#broken);
    };
    if (left === 0 || this.#broken !== null) {
      finish();
      return;
    }
    for (const file of unsynced) {
      file.sync((error) => {
        // After a failed sync nobody knows what is on the disk, and the next one would succeed without the lost pages.
        if (error !== null) this.#broken ??= error;
        left--;
        if (left === 0) finish();
      });
    }
  }
}

/** A segment's file as it is; EBADMSG if it is longer than a segment. */
export async function readSegment(
  files: Files,
  directory: string,
  number: number,
  segmentBytes: number,
): Promise<Buffer> {
  const path = join(directory, segmentName(number));
  try {
    return await filePromise<Buffer>((callback) => files.read(path, segmentBytes, callback));
  } catch (error) {
    if (error instanceof FileError && (error.code === 'EFBIG' || error.code === 'ENOENT')) {
      throw new FileError('EBADMSG', `${path} is damaged: ${error.message}`);
    }
    throw error;
  }
}

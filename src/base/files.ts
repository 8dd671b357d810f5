import type { FileLockResult } from './file-lock.ts';

/** An expected failure of the file system; `code` is the system's name for it: ENOENT, ENOSPC, EIO ... */
export class FileError extends Error {
  override readonly name = 'FileError';
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** Error first; the result is undefined exactly when there is an error. */
export type FileCallback<T> = (error: FileError | null, result: T | undefined) => void;

/** A file that stays open. Calls on it may overlap. */
export interface OpenFile {
  /** Writes all of `bytes` at `position`, or fails. `bytes` must not be touched before the callback. */
  writeAt(position: number, bytes: Buffer, callback: FileCallback<void>): void;
  /**
   * Writes all of `bytes` at `position` before it returns; an error, or null. The bytes are the system's then, and outlive the
   * process. For what is small: handing it to another thread and back costs more than the copy.
   */
  writeNow(position: number, bytes: Buffer): FileError | null;
  /** The content written before the call survives a loss of power (fdatasync). */
  sync(callback: FileCallback<void>): void;
  sizeBytes(callback: FileCallback<number>): void;
  close(callback: FileCallback<void>): void;
}

/**
 * The file system, as far as a node needs it. The real one is `system-files.ts`; the simulator has its own, which forgets
 * what was not synced. Nothing throws; callbacks come once, never before the call has returned.
 */
export interface Files {
  /** Makes the directory and its parents, durably; one that is there already is fine. */
  makeDirectory(path: string, callback: FileCallback<void>): void;
  /** Names in the directory, without order. */
  list(path: string, callback: FileCallback<readonly string[]>): void;
  /** The whole file; EFBIG if it is longer than `limitBytes`, ENOENT if there is none. */
  read(path: string, limitBytes: number, callback: FileCallback<Buffer>): void;
  /** The file holds either what it held or all of `bytes`, whenever power is lost; `bytes` once the callback came. */
  replace(path: string, bytes: Buffer, callback: FileCallback<void>): void;
  /** Removes the directory with all that is in it; durable. None there is fine. */
  removeTree(path: string, callback: FileCallback<void>): void;
  /** Gives a file or directory another name in the same directory; durable. */
  rename(from: string, to: string, callback: FileCallback<void>): void;
  /** Opens for writing without truncating; ENOENT if there is none, unless `create`. */
  open(path: string, create: boolean, callback: FileCallback<OpenFile>): void;
  /** Names made and removed in the directory survive a loss of power. */
  syncDirectory(path: string, callback: FileCallback<void>): void;
  /** Bytes of all files under the directory; files that vanish meanwhile do not count. */
  treeBytes(path: string, callback: FileCallback<number>): void;
  /** Takes the lock on a file without waiting (`file-lock.ts`). Used at start only. */
  lock(path: string): FileLockResult;
}

/** A callback-style call as a promise, rejected with FileError: for start and stop, not for the data path. */
export function filePromise<T>(call: (callback: FileCallback<T>) => void): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    call((error, result) => {
      if (error !== null) reject(error);
      else resolve(result as T);
    });
  });
}

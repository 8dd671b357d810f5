import * as fs from 'node:fs';
import { dirname, join } from 'node:path';
import { type FileLockResult, tryLockFile } from './file-lock.ts';
import { type FileCallback, FileError, type Files, type OpenFile } from './files.ts';

/** The machine's file system. The only file, beside `file-lock.ts`, that touches it on behalf of a node. */
export class SystemFiles implements Files {
  makeDirectory(path: string, callback: FileCallback<void>): void {
    fs.mkdir(path, { recursive: true }, (error, firstMade) => {
      if (error !== null) callback(toFileError(error), undefined);
      else if (firstMade === undefined) callback(null, undefined);
      else this.#syncUpTo(path, dirname(firstMade), callback);
    });
  }

  list(path: string, callback: FileCallback<readonly string[]>): void {
    fs.readdir(path, (error, names) => {
      if (error !== null) callback(toFileError(error), undefined);
      else callback(null, names);
    });
  }

  read(path: string, limitBytes: number, callback: FileCallback<Buffer>): void {
    fs.stat(path, (statError, stats) => {
      if (statError !== null) callback(toFileError(statError), undefined);
      else if (stats.size > limitBytes) {
        callback(new FileError('EFBIG', `${path} has ${stats.size} bytes, more than ${limitBytes}`), undefined);
      } else {
        fs.readFile(path, (error, bytes) => {
          if (error !== null) callback(toFileError(error), undefined);
          else callback(null, bytes);
        });
      }
    });
  }

  replace(path: string, bytes: Buffer, callback: FileCallback<void>): void {
    const temporary = `${path}.new`;
    // `flush` is an fsync before the close.
    fs.writeFile(temporary, bytes, { flush: true }, (writeError) => {
      if (writeError !== null) {
        callback(toFileError(writeError), undefined);
        return;
      }
      fs.rename(temporary, path, (renameError) => {
        if (renameError !== null) callback(toFileError(renameError), undefined);
        else this.syncDirectory(dirname(path), callback);
      });
    });
  }

  removeTree(path: string, callback: FileCallback<void>): void {
    fs.rm(path, { recursive: true, force: true }, (error) => {
      if (error !== null) callback(toFileError(error), undefined);
      else this.syncDirectory(dirname(path), callback);
    });
  }

  rename(from: string, to: string, callback: FileCallback<void>): void {
    fs.rename(from, to, (error) => {
      if (error !== null) callback(toFileError(error), undefined);
      else this.syncDirectory(dirname(to), callback);
    });
  }

  open(path: string, create: boolean, callback: FileCallback<OpenFile>): void {
    const flags = fs.constants.O_RDWR | (create ? fs.constants.O_CREAT : 0);
    fs.open(path, flags, 0o600, (error, descriptor) => {
      if (error !== null) callback(toFileError(error), undefined);
      else callback(null, new SystemOpenFile(descriptor));
    });
  }

  syncDirectory(path: string, callback: FileCallback<void>): void {
    fs.open(path, fs.constants.O_RDONLY, (openError, descriptor) => {
      if (openError !== null) {
        callback(toFileError(openError), undefined);
        return;
      }
      fs.fsync(descriptor, (error) => {
        fs.close(descriptor, () => callback(error === null ? null : toFileError(error), undefined));
      });
    });
  }

  treeBytes(path: string, callback: FileCallback<number>): void {
    fs.promises.readdir(path, { recursive: true, withFileTypes: true }).then(
      (entries) => {
        const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
        sumSizes(paths, 0, 0, callback);
      },
      (error: unknown) => callback(toFileError(error), undefined),
    );
  }

  lock(path: string): FileLockResult {
    return tryLockFile(path);
  }

  /** A new directory lasts once its parent is synced, and so on up to the first one that was there before. */
  #syncUpTo(path: string, top: string, callback: FileCallback<void>): void {
    this.syncDirectory(path, (error) => {
      if (error !== null || path === top || path === dirname(path)) callback(error, undefined);
      else this.#syncUpTo(dirname(path), top, callback);
    });
  }
}

class SystemOpenFile implements OpenFile {
  readonly #descriptor: number;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  writeAt(position: number, bytes: Buffer, callback: FileCallback<void>): void {
    fs.write(this.#descriptor, bytes, 0, bytes.length, position, (error, written) => {
      if (error !== null) callback(toFileError(error), undefined);
      else if (written === bytes.length) callback(null, undefined);
      // A short write is followed by the error that cut it, or by the rest.
      else if (written > 0) this.writeAt(position + written, bytes.subarray(written), callback);
      else callback(new FileError('EIO', 'nothing could be written'), undefined);
    });
  }

  writeNow(position: number, bytes: Buffer): FileError | null {
    try {
      for (let done = 0; done < bytes.length; ) {
        const written = fs.writeSync(this.#descriptor, bytes, done, bytes.length - done, position + done);
        if (written === 0) return new FileError('EIO', 'nothing could be written');
        done += written;
      }
      return null;
    } catch (error) {
      return toFileError(error);
    }
  }

  sync(callback: FileCallback<void>): void {
    fs.fdatasync(this.#descriptor, (error) => callback(error === null ? null : toFileError(error), undefined));
  }

  sizeBytes(callback: FileCallback<number>): void {
    fs.fstat(this.#descriptor, (error, stats) => {
      if (error !== null) callback(toFileError(error), undefined);
      else callback(null, stats.size);
    });
  }

  close(callback: FileCallback<void>): void {
    fs.close(this.#descriptor, (error) => callback(error ? toFileError(error) : null, undefined));
  }
}

/** One after the other: a count of thousands of files must not fill the thread pool that the data path uses too. */
function sumSizes(paths: readonly string[], index: number, sum: number, callback: FileCallback<number>): void {
  const path = paths[index];
  if (path === undefined) {
    callback(null, sum);
    return;
  }
  fs.stat(path, (error, stats) => {
    if (error !== null && error.code !== 'ENOENT') callback(toFileError(error), undefined);
    else sumSizes(paths, index + 1, sum + (error === null ? stats.size : 0), callback);
  });
}

function toFileError(error: unknown): FileError {
  if (!(error instanceof Error)) return new FileError('EIO', String(error));
  const code = 'code' in error && typeof error.code === 'string' ? error.code : 'EIO';
  return new FileError(code, error.message);
}

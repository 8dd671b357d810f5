import { statfs } from 'node:fs';
import { FileError } from './files.ts';
import type { FreeSpace } from './free-space.ts';

/** The file system that `path` lies on. */
export function systemFreeSpace(path: string): FreeSpace {
  return {
    freeBytes(callback) {
      statfs(path, (error, stats) => {
        if (error !== null) callback(new FileError(error.code ?? 'EIO', error.message), undefined);
        else callback(null, stats.bavail * stats.bsize);
      });
    },
  };
}

import { describe, expect, it } from 'vitest';
import { FileError } from '../base/files.ts';
import { openError, runningError } from './rocksdb-error.ts';

const batchError = (text: string): Error => new Error('Batch was not applied', { cause: new Error(text) });

describe('runningError', () => {
  // The texts are RocksDB's, seen with a full tmpfs, a limit on file sizes, damaged files and missing ones.
  it.each([
    ['While appending to file: /d/000004.log: No space left on device', 'full'],
    ['While appending to file: /d/000004.log: File too large', 'io'],
    ['While fdatasync: /d/000012.sst: Input/output error', 'io'],
    ['While open a file for random read: /d/000008.sst: No such file or directory', 'corrupt'],
    ['block checksum mismatch: stored = 1, computed = 2 in /d/000008.sst offset 0 size 10', 'corrupt'],
    ['something never seen', 'io'],
  ])('%s: %s', (text, kind) => {
    expect(runningError(batchError(text))).toMatchObject({ kind, message: text });
    expect(runningError(new Error(text)).kind).toBe(kind);
  });

  it('goes by the code of a sync', () => {
    expect(runningError(new FileError('ENOSPC', 'ENOSPC: no space left on device, fdatasync')).kind).toBe('full');
    expect(runningError(new FileError('EIO', 'EIO: i/o error, fdatasync')).kind).toBe('io');
  });
});

describe('openError', () => {
  it.each([
    ['checksum mismatch', 'corrupt', 'is damaged'],
    ['bad record length', 'corrupt', 'is damaged'],
    ['something never seen', 'corrupt', 'is damaged'],
    ['While opening a file for sequentially reading: /d/CURRENT: Permission denied', 'io', 'cannot be opened'],
    ['While lock file: /d/LOCK: Resource temporarily unavailable', 'io', 'in use by another process'],
    ['lock hold by current process, acquire time 1 acquiring thread 2: /d/LOCK: No locks available', 'io', 'in use'],
    ['While mkdir if missing: /d: No space left on device', 'full', 'the disk is full'],
  ])('%s: %s', (text, kind, message) => {
    expect(openError('/d', new Error(text))).toMatchObject({ kind, message: expect.stringContaining(message) });
  });

  it('takes no error of the file system for damage', () => {
    expect(openError('/d', new FileError('ENOTDIR', 'ENOTDIR: not a directory, mkdir')).kind).toBe('io');
  });
});

import { mkdtempSync, readdirSync, renameSync, rmSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FileCallback, FileError, type OpenFile } from '../base/files.ts';
import { SystemClock } from '../base/system-clock.ts';
import { SystemFiles } from '../base/system-files.ts';
import { close, sync, write } from './engine-conformance.ts';
import { openRocksdbEngine } from './rocksdb-engine.ts';
import { WalSync } from './wal-sync.ts';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'junokv-wal-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** Real files that note what was synced, and at what size; syncs can be held back or made to fail. */
class WatchedFiles extends SystemFiles {
  /** Every fdatasync of a file and fsync of a directory, in order, by name. */
  readonly synced: string[] = [];
  /** A file's size when its last sync began, by path. */
  readonly syncedBytes = new Map<string, number>();
  open_ = 0;
  failure: FileError | null = null;
  held: (() => void)[] | null = null;

  override open(path: string, create: boolean, callback: FileCallback<OpenFile>): void {
    super.open(path, create, (error, file) => {
      if (file === undefined) {
        callback(error, undefined);
        return;
      }
      this.open_++;
      callback(null, {
        writeAt: (position, bytes, done) => file.writeAt(position, bytes, done),
        writeNow: (position, bytes) => file.writeNow(position, bytes),
        sizeBytes: (done) => file.sizeBytes(done),
        close: (done) => {
          this.open_--;
          file.close(done);
        },
        sync: (done) => this.#sync(path, file, done),
      });
    });
  }

  override syncDirectory(path: string, callback: FileCallback<void>): void {
    this.synced.push(basename(path));
    super.syncDirectory(path, callback);
  }

  #sync(path: string, file: OpenFile, done: FileCallback<void>): void {
    this.synced.push(basename(path));
    const failure = this.failure;
    if (failure !== null) {
      done(failure, undefined);
      return;
    }
    const sizeBytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
    file.sync((error) => {
      this.syncedBytes.set(path, sizeBytes);
      const finish = (): void => done(error, undefined);
      if (this.held === null) finish();
      else this.held.push(finish);
    });
  }

  take(): string[] {
    return this.synced.splice(0);
  }
}

const log = (number: number): string => join(directory, `${String(number).padStart(6, '0')}.log`);
const append = (number: number): void => writeFileSync(log(number), 'record', { flag: 'a' });
const synced = (wal: WalSync): Promise<FileError | null> => new Promise((resolve) => wal.sync(resolve));
const closed = (wal: WalSync): Promise<void> => new Promise((resolve) => wal.close(resolve));

describe('WalSync', () => {
  it('syncs every log that may have grown, and the directory when there is a new one', async () => {
    const files = new WatchedFiles();
    const wal = new WalSync(files, directory);
    const self = basename(directory);
    for (const name of ['LOG', 'LOG.old.1', '000002.sst', 'CURRENT']) writeFileSync(join(directory, name), 'x');
    append(4);
    expect(await synced(wal)).toBe(null);
    expect(files.take().sort()).toEqual(['000004.log', self]);
    append(4);
    expect(await synced(wal)).toBe(null);
    expect(files.take()).toEqual(['000004.log']);
    append(4);
    append(7);
    expect(await synced(wal)).toBe(null);
    expect(files.take().sort()).toEqual(['000004.log', '000007.log', self]);
    append(7);
    expect(await synced(wal)).toBe(null);
    expect(files.take()).toEqual(['000007.log']);
    // Late for a log that was taken for finished: noticed by its size.
    append(4);
    expect(await synced(wal)).toBe(null);
    expect(files.take().sort()).toEqual(['000004.log', '000007.log']);
    expect(files.open_).toBe(2);
    unlinkSync(log(4));
    await synced(wal);
    expect(files.open_).toBe(1);
    await closed(wal);
    expect(files.open_).toBe(0);
  });

  it('shares one sync between the calls made while another runs', async () => {
    const files = new WatchedFiles();
    const wal = new WalSync(files, directory);
    append(1);
    await synced(wal);
    files.take();
    files.held = [];
    const order: string[] = [];
    const first = synced(wal).then(() => order.push('first'));
    while (files.held.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    const others = ['a', 'b', 'c'].map((name) => synced(wal).then(() => order.push(name)));
    const [release] = files.held;
    files.held = null;
    expect(files.take()).toEqual(['000001.log']);
    release?.();
    await Promise.all([first, ...others]);
    expect(order).toEqual(['first', 'a', 'b', 'c']);
    expect(files.take()).toEqual(['000001.log']);
    await closed(wal);
  });

  it('never says synced again after a failed sync: the next one would succeed without the lost pages', async () => {
    const files = new WatchedFiles();
    const wal = new WalSync(files, directory);
    append(1);
    files.failure = new FileError('EIO', 'the disk is broken');
    expect(await synced(wal)).toBe(files.failure);
    const failure = files.failure;
    files.failure = null;
    expect(await synced(wal)).toBe(failure);
    await closed(wal);
  });

  it('goes on after the directory could not be listed', async () => {
    const wal = new WalSync(new WatchedFiles(), directory);
    append(1);
    renameSync(directory, `${directory}.away`);
    expect((await synced(wal))?.code).toBe('ENOENT');
    renameSync(`${directory}.away`, directory);
    expect(await synced(wal)).toBe(null);
    await closed(wal);
  });
});

describe('RocksDB engine: sync', () => {
  const open = async (files: WatchedFiles) => {
    // Small memory tables: RocksDB starts a new log every few dozen batches.
    const options = { directory, clock: new SystemClock(), files, writeBufferBytes: 65_536 };
    const opened = await openRocksdbEngine(options);
    if (!opened.ok) throw opened.error;
    return opened.engine;
  };
  const logSizes = (): Map<string, number> => {
    const sizes = new Map<string, number>();
    for (const name of readdirSync(directory)) {
      const path = join(directory, name);
      // RocksDB may delete a log at any time.
      const stats = /^\d+\.log$/.test(name) ? statSync(path, { throwIfNoEntry: false }) : undefined;
      if (stats !== undefined) sizes.set(path, stats.size);
    }
    return sizes;
  };

  it('has fdatasynced every log at the size that the acknowledged writes gave it, through log switches', async () => {
    const files = new WatchedFiles();
    const engine = await open(files);
    const seen = new Set<string>();
    for (let round = 0; round < 60; round++) {
      for (let i = 0; i < 5; i++) {
        await write(engine, [{ key: Buffer.from(`${round}.${i}`), value: Buffer.alloc(2_000, round) }]);
      }
      const before = logSizes();
      await sync(engine);
      const left = logSizes();
      for (const [path, sizeBytes] of before) {
        seen.add(path);
        if (left.has(path)) expect(files.syncedBytes.get(path)).toBeGreaterThanOrEqual(sizeBytes);
      }
    }
    expect(seen.size).toBeGreaterThan(3);
    await close(engine);
    expect(files.open_).toBe(0);
  });

  it('does nothing when nothing was written since, and syncs what is left when it closes', async () => {
    const files = new WatchedFiles();
    const engine = await open(files);
    await sync(engine);
    files.take();
    await sync(engine);
    expect(files.take()).toEqual([]);
    await write(engine, [{ key: Buffer.from('k'), value: Buffer.from('v') }]);
    const [path] = logSizes().keys();
    await close(engine);
    expect(files.take()).toContain(basename(path ?? ''));
  });

  it('gives a failed sync as an error, and fails the next ones too', async () => {
    const files = new WatchedFiles();
    const engine = await open(files);
    await write(engine, [{ key: Buffer.from('k'), value: Buffer.from('v') }]);
    files.failure = new FileError('EIO', 'EIO: i/o error, fdatasync');
    await expect(sync(engine)).rejects.toMatchObject({ name: 'EngineError', kind: 'io' });
    files.failure = null;
    await expect(sync(engine)).rejects.toMatchObject({ kind: 'io' });
    await write(engine, [{ key: Buffer.from('l'), value: Buffer.from('w') }]);
    await expect(close(engine)).rejects.toMatchObject({ kind: 'io' });
  });
});

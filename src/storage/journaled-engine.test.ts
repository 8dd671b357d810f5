import { mkdtempSync, readFileSync, rmSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { type FileCallback, FileError, type OpenFile } from '../base/files.ts';
import { SystemClock } from '../base/system-clock.ts';
import { SystemFiles } from '../base/system-files.ts';
import { pageKey, shardPageRange } from '../record/record-id.ts';
import {
  type Engine,
  type EngineCallback,
  type EngineChange,
  type EngineEntry,
  EngineError,
  type EngineRange,
  mayHaveMore,
} from './engine.ts';
import { close, getMany, scan, sync, write } from './engine-conformance.ts';
import { segmentName } from './journal-files.ts';
import { entryLength, readEntry, writeEntry } from './journal-format.ts';
import type { JournaledEngine } from './journaled-engine.ts';
import { MemoryEngine } from './memory-engine.ts';
import { openJournaledEngine } from './open-journaled-engine.ts';

const SEGMENTS = 4;
const SEGMENT_BYTES = 8_192;
const clock = new SystemClock();

/** What a disk keeps: lives on when an engine over it is let go, as when a process is killed. Calls can fail, or hang. */
class Table extends MemoryEngine implements Engine {
  failure: EngineError | null = null;
  syncFailure: EngineError | null = null;
  writes = 0;
  puts = 0;
  syncs = 0;
  held: (() => void)[] | null = null;
  heldScans: (() => void)[] | null = null;

  override write(changes: readonly EngineChange[], callback: EngineCallback<void>): void {
    const run = (): void => {
      if (this.failure !== null) {
        callback(this.failure, undefined);
        return;
      }
      this.writes++;
      this.puts += changes.length;
      // A copy: what it is given is only good until the callback.
      const copies = changes.map(({ key, value }) => ({
        key: Buffer.from(key),
        value: value === null ? null : Buffer.from(value),
      }));
      super.write(copies, callback);
    };
    if (this.held === null) setImmediate(run);
    else this.held.push(run);
  }

  override sync(callback: EngineCallback<void>): void {
    this.syncs++;
    if (this.syncFailure === null) super.sync(callback);
    else callback(this.syncFailure, undefined);
  }

  override scan(range: EngineRange, callback: EngineCallback<readonly EngineEntry[]>): void {
    if (this.heldScans === null) super.scan(range, callback);
    else super.scan(range, (error, entries) => this.heldScans?.push(() => callback(error, entries)));
  }

  release(): void {
    const held = this.held ?? [];
    this.held = null;
    for (const run of held) run();
  }

  /** Stays as it is: the test opens it again. */
  override close(callback: EngineCallback<void>): void {
    callback(null, undefined);
  }
}

/** Real files whose writes can fail after some bytes, and that note which were synced. */
class FaultyFiles extends SystemFiles {
  failAfterBytes = Number.POSITIVE_INFINITY;
  syncError: FileError | null = null;
  readonly synced: string[] = [];

  override open(path: string, create: boolean, callback: FileCallback<OpenFile>): void {
    super.open(path, create, (error, file) => {
      if (file === undefined) {
        callback(error, undefined);
        return;
      }
      const writeNow = (position: number, bytes: Buffer): FileError | null => {
        const part = bytes.subarray(0, this.failAfterBytes);
        const failed = file.writeNow(position, part);
        return part.length < bytes.length ? new FileError('ENOSPC', 'No space left on device') : failed;
      };
      callback(null, {
        writeNow,
        writeAt: (position, bytes, done) => setImmediate(() => done(writeNow(position, bytes), undefined)),
        sizeBytes: (done) => file.sizeBytes(done),
        close: (done) => file.close(done),
        sync: (done) => {
          this.synced.push(path);
          if (this.syncError === null) file.sync(done);
          else done(this.syncError, undefined);
        },
      });
    });
  }
}

interface Disk {
  readonly directory: string;
  readonly table: Table;
  readonly files: FaultyFiles;
}

function newDisk(): Disk {
  const directory = mkdtempSync(join(tmpdir(), 'junokv-journal-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return { directory, table: new Table(), files: new FaultyFiles() };
}

async function open(disk: Disk): Promise<JournaledEngine> {
  const { directory, table: inner, files } = disk;
  const sizes = { segments: SEGMENTS, segmentBytes: SEGMENT_BYTES };
  const opened = await openJournaledEngine({ inner, directory, files, clock, ...sizes });
  if (!opened.ok) throw opened.error;
  return opened.engine;
}

const put = (key: string, value: string): EngineChange => ({ key: Buffer.from(key), value: Buffer.from(value) });
const settle = (engine: JournaledEngine): Promise<void> =>
  new Promise((resolve, reject) => engine.settle((error) => (error === null ? resolve() : reject(error))));
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const path = (disk: Disk, segment: number): string => join(disk.directory, segmentName(segment));

const PAGE = { limit: 50, limitBytes: 10_000 };

async function read(engine: Engine): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  let from = Buffer.alloc(0);
  for (;;) {
    const page = await scan(engine, { from, ...PAGE });
    for (const { key, value } of page) found.set(key.toString(), value.toString());
    const last = page.at(-1);
    if (last === undefined || !mayHaveMore(page, PAGE)) return found;
    from = Buffer.concat([last.key, Buffer.alloc(1)]);
  }
}

describe('JournaledEngine: what is overwritten', () => {
  it('never gets to the table within', async () => {
    const disk = newDisk();
    const engine = await open(disk);
    const before = disk.table.puts;
    for (let i = 0; i < 3_000; i++) await write(engine, [put(`hot${i % 5}`, `${i}`.padEnd(50))]);
    // Settled each time round, none of them was the newest any more: only the mark moved on.
    expect(disk.table.puts - before).toBeLessThan(60);
    await settle(engine);
    expect(await read(engine)).toEqual(
      new Map(Array.from({ length: 5 }, (_, i) => [`hot${i}`, `${2_995 + i}`.padEnd(50)])),
    );
    await close(engine);
  });
});

describe('JournaledEngine: what is not overwritten', () => {
  it('is settled when its segment is needed, and not before', async () => {
    const disk = newDisk();
    // A segment is 16 batches of 100, which are settled in four pieces.
    const sizes = { segments: 8, segmentBytes: 524_288 };
    const opened = await openJournaledEngine({
      ...sizes,
      inner: disk.table,
      directory: disk.directory,
      files: disk.files,
      clock,
    });
    if (!opened.ok) throw opened.error;
    const { engine } = opened;
    const value = 'v'.repeat(300);
    for (let batch = 0; batch < 300; batch++) {
      await write(
        engine,
        Array.from({ length: 100 }, (_, i) => put(`k${100 * batch + i}`, value)),
      );
      // The table is slow at times: what was owed meanwhile is made up for, and no more.
      for (let j = 0; j < 20 && batch % 10 === 0; j++) await turn();
      // One is free, one is written to, one is being settled; and there is a mark for each that was.
      const marks = 1 + batch / 16;
      expect(disk.table.puts - marks).toBeLessThanOrEqual(Math.max(0, 100 * (batch + 1) - 5 * 1_600));
    }
    expect(disk.table.puts).toBeGreaterThan(300 * 100 - 8 * 1_600);
    await close(engine);
  });
});

describe('JournaledEngine: starts', () => {
  it('agrees with a plain map, killed at any moment, with a table that fails now and then', async () => {
    const disk = newDisk();
    let engine = await open(disk);
    const model = new Map<string, string>();
    let seed = 3;
    const below = (n: number): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return Math.floor((seed / 2_147_483_648) * n);
    };
    for (let round = 0; round < 2_500; round++) {
      const changes = Array.from({ length: 1 + below(6) }, () => {
        const key = `k${below(400)}`;
        // Some batches are too long for a segment.
        const length = below(100) === 0 ? 9_000 : below(200);
        return below(4) === 0 ? { key: Buffer.from(key), value: null } : put(key, `${round}`.padEnd(length));
      });
      disk.table.failure = below(20) === 0 ? new EngineError('full', 'no space') : null;
      const written = await write(engine, changes).then(
        () => true,
        (error: EngineError) => error.kind !== 'full',
      );
      for (const { key, value } of written ? changes : []) {
        if (value === null) model.delete(key.toString());
        else model.set(key.toString(), value.toString());
      }
      const keys = Array.from({ length: 5 }, () => `k${below(400)}`);
      const values = await getMany(engine, keys);
      expect(values.map((value) => value?.toString())).toEqual(keys.map((key) => model.get(key)));
      if (below(40) === 0) {
        // The process is gone in the middle of whatever it did: only table and files are left.
        disk.table.failure = new EngineError('io', 'gone');
        await turn();
        disk.table.failure = null;
        engine = await open(disk);
      }
      if (round % 25 === 0) expect(await read(engine)).toEqual(new Map([...model].sort()));
    }
    await close(engine);
  });

  it('replays thousands of batches, and goes on behind them', async () => {
    const disk = newDisk();
    const opening = { inner: disk.table, directory: disk.directory, files: disk.files, clock };
    const first = await openJournaledEngine(opening);
    if (!first.ok) throw first.error;
    for (let i = 0; i < 20_000; i++) await write(first.engine, [put(`k${i % 9_000}`, `${i}`)]);
    const puts = disk.table.puts;
    const second = await openJournaledEngine(opening);
    if (!second.ok) throw second.error;
    expect(disk.table.puts).toBe(puts);
    await write(second.engine, [put('k0', 'after')]);
    const third = await openJournaledEngine(opening);
    if (!third.ok) throw third.error;
    const values = await getMany(third.engine, ['k0', 'k1', 'k8999', 'k1999']);
    expect(values.map((value) => value?.toString())).toEqual(['after', '18001', '17999', '19999']);
  });

  it('may find a batch that nobody was told of torn, and then does without it', async () => {
    const disk = newDisk();
    const engine = await open(disk);
    await write(engine, [put('a', '1')]);
    disk.files.failAfterBytes = 30;
    await expect(write(engine, [put('b', '1')])).rejects.toMatchObject({ kind: 'full' });
    expect([...(await read(await open(disk))).keys()]).toEqual(['a']);
    disk.files.failAfterBytes = Number.POSITIVE_INFINITY;
    const again = await open(disk);
    await write(again, [put('c', '1')]);
    expect([...(await read(await open(disk))).keys()]).toEqual(['a', 'c']);
  });

  it('writes over a failed entry that had arrived whole, also from another segment', async () => {
    const disk = newDisk();
    const engine = await open(disk);
    await write(engine, [put('a', 'x'.repeat(6_000))]);
    // All of it is in the file, and yet the write failed.
    const failed = [put('b', 'failed')];
    const { length } = secondEntry(failed);
    disk.files.failAfterBytes = length - 1;
    await expect(write(engine, failed)).rejects.toMatchObject({ kind: 'full' });
    const file = readFileSync(path(disk, 0));
    expect(readEntry(file, 0)?.count).toBe(1);
    writeFileSync(path(disk, 0), Buffer.concat([file.subarray(0, readEntry(file, 0)?.end), secondEntry(failed)]));
    disk.files.failAfterBytes = Number.POSITIVE_INFINITY;
    await write(engine, [put('c', 'y'.repeat(6_000))]);
    await write(engine, [put('d', 'z')]);
    expect([...(await read(await open(disk))).keys()]).toEqual(['a', 'c', 'd']);
  });
});

/** The entry of these changes under number 2. */
function secondEntry(changes: readonly EngineChange[]): Buffer {
  const bytes = Buffer.alloc(entryLength(changes));
  writeEntry(bytes, 0, 2, changes);
  return bytes;
}

describe('JournaledEngine: damage', () => {
  /** Three segments of entries 1, 2, ...: `damage` changes a copy of the disk. */
  async function damaged(damage: (disk: Disk) => void): Promise<EngineError | null> {
    const disk = newDisk();
    const engine = await open(disk);
    disk.table.held = [];
    for (let i = 0; i < 60; i++) await write(engine, [put(`k${i}`, 'v'.repeat(300))]);
    damage(disk);
    const opened = await openJournaledEngine({
      inner: disk.table,
      directory: disk.directory,
      files: disk.files,
      clock,
    });
    return opened.ok ? null : opened.error;
  }
  const turnByte = (file: string, at: number): void => {
    const bytes = readFileSync(file);
    const position = at < 0 ? bytes.length + at : at;
    bytes[position] = (bytes[position] ?? 0) ^ 1;
    writeFileSync(file, bytes);
  };

  it.each([
    ['in the first entry', (disk: Disk) => turnByte(path(disk, 0), 50)],
    ['in the header of the first entry', (disk: Disk) => turnByte(path(disk, 0), 2)],
    ['in the middle of a segment', (disk: Disk) => turnByte(path(disk, 1), 4_000)],
    ['at the end of a segment that others follow', (disk: Disk) => turnByte(path(disk, 0), -1)],
    ['at the start of the last segment', (disk: Disk) => turnByte(path(disk, 2), 50)],
    ['by a segment cut short', (disk: Disk) => truncateSync(path(disk, 1), 1_000)],
    ['by an empty segment', (disk: Disk) => truncateSync(path(disk, 1), 0)],
    ['by a segment that is gone', (disk: Disk) => unlinkSync(path(disk, 2))],
    ['by a segment that is too long', (disk: Disk) => truncateSync(path(disk, 2), SEGMENT_BYTES + 1)],
  ])('is refused: %s', async (_where, damage) => {
    const error = await damaged(damage);
    expect(error).toMatchObject({ kind: 'corrupt', message: expect.stringMatching(/is damaged and was not opened/) });
  });

  it('is not seen in what was settled', async () => {
    const disk = newDisk();
    const engine = await open(disk);
    for (let i = 0; i < 60; i++) await write(engine, [put(`k${i}`, 'v'.repeat(300))]);
    await settle(engine);
    for (let segment = 0; segment < SEGMENTS; segment++) writeFileSync(path(disk, segment), 'rubbish');
    expect((await read(await open(disk))).size).toBe(60);
  });

  it('says which format it does not know, and does not take a later one for damage', async () => {
    const disk = newDisk();
    await close(await open(disk));
    await write(disk.table, [{ key: Buffer.from('j'), value: Buffer.from([9, 0, 0]) }]);
    await expect(open(disk)).rejects.toMatchObject({ kind: 'io', message: expect.stringMatching(/format 9/) });
  });
});

describe('JournaledEngine: a table that is slow, or fails', () => {
  const large = 'v'.repeat(1_000);

  it('makes writes wait once the segments are full, and lets them go on', async () => {
    const disk = newDisk();
    const engine = await open(disk);
    disk.table.held = [];
    let written = 0;
    const writing = (async () => {
      for (let i = 0; i < 100; i++) {
        await write(engine, [put(`k${i}`, large)]);
        written = i + 1;
      }
    })();
    for (let i = 0; i < 200; i++) await turn();
    expect(written).toBeGreaterThan(SEGMENTS * 6);
    expect(written).toBeLessThan(SEGMENTS * 8);
    // What waits is not there yet, what was written is.
    const values = await getMany(engine, [`k${written - 1}`, `k${written}`]);
    expect(values.map((value) => value?.length)).toEqual([1_000, undefined]);
    disk.table.release();
    await writing;
    expect((await read(engine)).size).toBe(100);
    await close(engine);
  });

  it('fails the batch that finds no room, and goes on when the table does', async () => {
    const disk = newDisk();
    const engine = await open(disk);
    disk.table.failure = new EngineError('full', 'No space left on device');
    let written = 0;
    let failure: unknown = null;
    for (let i = 0; i < 100 && failure === null; i++) {
      await write(engine, [put(`k${i}`, large)]).then(
        () => written++,
        (error: unknown) => {
          failure = error;
        },
      );
    }
    expect(failure).toMatchObject({ kind: 'full' });
    await expect(write(engine, [put('x', large)])).rejects.toMatchObject({ kind: 'full' });
    expect((await read(engine)).size).toBe(written);
    disk.table.failure = null;
    await write(engine, [put('y', large)]);
    expect((await read(engine)).size).toBe(written + 1);
    await close(engine);
  });

  it('writes over no segment before the table is synced', async () => {
    const disk = newDisk();
    const engine = await open(disk);
    disk.table.syncFailure = new EngineError('io', 'sync failed');
    let failure: unknown = null;
    for (let i = 0; i < 100 && failure === null; i++) {
      await write(engine, [put(`k${i}`, large)]).catch((error: unknown) => {
        failure = error;
      });
    }
    expect(failure).toMatchObject({ message: 'sync failed' });
    disk.table.syncFailure = null;
    await write(engine, [put('y', large)]);
    await close(engine);
  });

  it('closes while it settles, and has everything after the next start', async () => {
    const disk = newDisk();
    const engine = await open(disk);
    disk.table.held = [];
    for (let i = 0; i < 25; i++) await write(engine, [put(`k${i}`, large)]);
    let isClosed = false;
    const closing = close(engine).then(() => {
      isClosed = true;
    });
    for (let i = 0; i < 5; i++) await turn();
    expect(isClosed).toBe(false);
    disk.table.release();
    await closing;
    expect((await read(await open(disk))).size).toBe(25);
  });
});

describe('JournaledEngine: syncs', () => {
  it('puts the segments that were written to on the disk, each when it was', async () => {
    const disk = newDisk();
    const engine = await open(disk);
    await sync(engine);
    expect(disk.files.synced).toEqual([]);
    await write(engine, [put('a', '1')]);
    await sync(engine);
    await sync(engine);
    expect(disk.files.synced).toEqual([path(disk, 0)]);
    for (let i = 0; i < 20; i++) await write(engine, [put(`k${i}`, 'v'.repeat(600))]);
    await sync(engine);
    expect(disk.files.synced.slice(1)).toEqual([path(disk, 0), path(disk, 1)]);
    await close(engine);
  });

  it('stays failed: after a failed sync nobody knows what is on the disk', async () => {
    const disk = newDisk();
    const engine = await open(disk);
    await write(engine, [put('a', '1')]);
    disk.files.syncError = new FileError('EIO', 'EIO: i/o error');
    await expect(sync(engine)).rejects.toMatchObject({ kind: 'io' });
    disk.files.syncError = null;
    await expect(sync(engine)).rejects.toMatchObject({ kind: 'io' });
    await expect(close(engine)).rejects.toMatchObject({ kind: 'io' });
  });
});

describe('JournaledEngine: scans', () => {
  it('see what was settled while they were under way', async () => {
    const disk = newDisk();
    const engine = await open(disk);
    for (let i = 0; i < 30; i++) await write(engine, [put(`k${i}`, '1')]);
    disk.table.heldScans = [];
    const scanning = scan(engine, {});
    // The scan has seen a table without any of them. Now they are settled, as far as it lets them.
    const settling = settle(engine);
    for (let i = 0; i < 20; i++) await turn();
    const late = scan(engine, { from: Buffer.from('k2') });
    await turn();
    expect(disk.table.heldScans.length).toBe(1);
    const held = disk.table.heldScans;
    disk.table.heldScans = null;
    for (const run of held) run();
    expect((await scanning).length).toBe(30);
    expect((await late).length).toBe(18);
    await settling;
    expect((await scan(engine, {})).length).toBe(30);
    await close(engine);
  });

  it('go on over what is deleted and not settled', async () => {
    const disk = newDisk();
    const engine = await open(disk);
    for (let i = 10; i < 40; i++) await write(engine, [put(`k${i}`, '1')]);
    await settle(engine);
    for (let i = 10; i < 35; i++) await write(engine, [{ key: Buffer.from(`k${i}`), value: null }]);
    // As many as asked for, as long as there are more.
    const firstOf = async (limit: number) => (await scan(engine, { limit })).map(({ key }) => key.toString());
    expect(await firstOf(3)).toEqual(['k35', 'k36', 'k37']);
    await write(engine, [{ key: Buffer.from('k37'), value: null }]);
    expect(await firstOf(3)).toEqual(['k35', 'k36', 'k38']);
    await write(engine, [put('k37', '2')]);
    expect([...(await read(engine)).keys()]).toEqual(['k35', 'k36', 'k37', 'k38', 'k39']);
    await close(engine);
  });

  it('ask the engine within twice for a thousand shards that have nothing', async () => {
    const disk = newDisk();
    const engine = await open(disk);
    const within = vi.spyOn(disk.table, 'scan');
    for (let shard = 0; shard < 1_000; shard++) expect(await scan(engine, shardPageRange(shard))).toEqual([]);
    expect(within).toHaveBeenCalledTimes(2);
    const key = pageKey(700, 'i'.repeat(16), 'p'.repeat(16));
    await write(engine, [{ key, value: Buffer.from('page') }]);
    expect(await scan(engine, shardPageRange(700))).toHaveLength(1);
    await settle(engine);
    expect(await scan(engine, shardPageRange(700))).toHaveLength(1);
    expect(await scan(engine, shardPageRange(701))).toEqual([]);
    expect(within).toHaveBeenCalledTimes(3);
    await close(engine);
  });
});

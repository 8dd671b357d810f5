import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { SystemClock } from '../base/system-clock.ts';
import { SystemFiles } from '../base/system-files.ts';
import { checkEntry, eachChange, encodeEntry, hasLaterEntry } from './batch-log-codec.ts';
import { type Engine, type EngineChange, EngineError } from './engine.ts';
import { describeEngine } from './engine-conformance.ts';
import { type OpenedEngine, openLoggedEngine } from './logged-engine.ts';
import { MemoryEngine } from './memory-engine.ts';
import { openRocksdbEngine } from './rocksdb-engine.ts';

const UNSETTLED_BYTES = 4_000_000;
const clock = new SystemClock();
const files = new SystemFiles();

function temporary(): string {
  const directory = mkdtempSync(join(tmpdir(), 'junokv-logged-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

function opened(result: OpenedEngine): Engine {
  if (!result.ok) throw result.error;
  return result.engine;
}

describeEngine('rocksdb', async () => {
  const directory = temporary();
  const open = async (): Promise<Engine> => {
    const table = await openRocksdbEngine({ directory: join(directory, 'table'), clock, files });
    if (!table.ok) throw table.error;
    return opened(
      await openLoggedEngine({
        table: table.engine,
        directory: join(directory, 'log'),
        clock,
        files,
        unsettledBytes: UNSETTLED_BYTES,
      }),
    );
  };
  return { engine: await open(), reopen: open };
});

/** A table that lives on when an engine over it is simply let go, as a disk does when a process is killed. */
class Table extends MemoryEngine {
  failure: EngineError | null = null;
  writes = 0;
  hold = false;
  held: (() => void)[] = [];

  override write(changes: readonly EngineChange[], callback: Parameters<MemoryEngine['write']>[1]): void {
    this.writes++;
    const { failure } = this;
    if (failure !== null) callback(failure, undefined);
    else if (this.hold) this.held.push(() => super.write(changes, callback));
    else super.write(changes, callback);
  }

  release(): void {
    this.hold = false;
    for (const write of this.held.splice(0)) write();
  }
}

class Disk {
  readonly directory = join(temporary(), 'log');
  readonly table = new Table();

  open(): Promise<OpenedEngine> {
    return openLoggedEngine({
      table: this.table,
      directory: this.directory,
      clock,
      files,
      unsettledBytes: UNSETTLED_BYTES,
    });
  }

  logFiles(): string[] {
    return readdirSync(this.directory)
      .sort()
      .map((name) => join(this.directory, name));
  }

  /** The last file that has entries. */
  lastLog(): string {
    const path = this.logFiles().findLast((file) => readFileSync(file).length > 0);
    if (path === undefined) throw new Error('every log is empty');
    return path;
  }
}

function key(shard: number, name: string): Buffer {
  const bytes = Buffer.from(`r  ${name}`);
  bytes.writeUInt16BE(shard, 1);
  return bytes;
}

function write(engine: Engine, ...changes: (readonly [Buffer, string | null])[]): Promise<EngineError | null> {
  const made = changes.map(([name, value]) => ({ key: name, value: value === null ? null : Buffer.from(value) }));
  return new Promise((resolve) => engine.write(made, (error) => resolve(error)));
}

function get(engine: Engine, ...keys: Buffer[]): Promise<(string | null)[]> {
  return new Promise((resolve, reject) => {
    engine.getMany(keys, (error, values) => {
      if (values === undefined) reject(error);
      else resolve(values.map((value) => value?.toString() ?? null));
    });
  });
}

function keysOf(engine: Engine, from: Buffer, to: Buffer): Promise<string[]> {
  return new Promise((resolve, reject) => {
    engine.scan({ from, to, limit: 10_000, limitBytes: 1e9, keysOnly: true }, (error, entries) => {
      if (entries === undefined) reject(error);
      else resolve(entries.map((entry) => entry.key.toString('latin1')));
    });
  });
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 2_000 && !condition(); i++) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(condition()).toBe(true);
}

async function closed(engine: Engine): Promise<EngineError | null> {
  return new Promise((resolve) => engine.close((error) => resolve(error)));
}

describe('an engine with a log', () => {
  it('keeps what it acknowledged when its process is killed, newest last, deletions too', async () => {
    const disk = new Disk();
    const first = opened(await disk.open());
    for (let i = 0; i < 500; i++) await write(first, [key(i, 'a'), `${i}`], [key(0, 'hot'), `${i}`]);
    await write(first, [key(7, 'a'), null]);
    expect(disk.table.writes).toBe(0);
    // An engine that is let go here goes on, which a killed process does not: it must not get to the table any more.
    disk.table.hold = true;
    const second = opened(await disk.open());
    expect(await get(second, key(3, 'a'), key(0, 'hot'), key(7, 'a'), key(9, 'none'))).toEqual([
      '3',
      '499',
      null,
      null,
    ]);
    await write(second, [key(3, 'a'), 'later']);
    const third = opened(await disk.open());
    expect(await get(third, key(3, 'a'), key(0, 'hot'))).toEqual(['later', '499']);
  });

  it('leaves an empty log behind a close, and everything in the table', async () => {
    const disk = new Disk();
    const engine = opened(await disk.open());
    for (let i = 0; i < 300; i++) await write(engine, [key(i, 'a'), `${i}`]);
    // Once for each bucket, not for each batch.
    expect(await closed(engine)).toBeNull();
    expect(disk.table.writes).toBeLessThanOrEqual(256);
    expect(disk.logFiles()).toEqual([]);
  });

  it('shows a scan what is in the log only, in order, and deletions', async () => {
    const disk = new Disk();
    const engine = opened(await disk.open());
    for (const name of ['b', 'd', 'a']) await write(engine, [key(5, name), name]);
    await write(engine, [key(6, 'x'), 'x']);
    expect(await keysOf(engine, key(5, ''), key(6, ''))).toEqual(
      ['a', 'b', 'd'].map((name) => key(5, name).toString()),
    );
    // Only the shards asked for were settled.
    expect(disk.table.writes).toBeLessThanOrEqual(2);
    await write(engine, [key(5, 'b'), null], [key(5, 'c'), 'c']);
    expect(await keysOf(engine, Buffer.from('r'), Buffer.from('s'))).toHaveLength(4);
  });

  it('reads what is on its way to the table, and what was written again meanwhile', async () => {
    const disk = new Disk();
    const engine = opened(await disk.open());
    await write(engine, [key(1, 'a'), 'old'], [key(1, 'b'), 'b']);
    disk.table.hold = true;
    const scanning = keysOf(engine, key(1, ''), key(2, ''));
    expect(await get(engine, key(1, 'a'), key(1, 'b'))).toEqual(['old', 'b']);
    await write(engine, [key(1, 'a'), 'new']);
    expect(await get(engine, key(1, 'a'))).toEqual(['new']);
    disk.table.release();
    expect(await scanning).toHaveLength(2);
    expect(await get(engine, key(1, 'a'), key(1, 'b'))).toEqual(['new', 'b']);
    const again = opened(await disk.open());
    expect(await get(again, key(1, 'a'), key(1, 'b'))).toEqual(['new', 'b']);
  });

  it('loses nothing when the table fails, and tells a scan', async () => {
    const disk = new Disk();
    const engine = opened(await disk.open());
    await write(engine, [key(1, 'a'), 'one']);
    disk.table.failure = new EngineError('full', 'no space');
    await expect(keysOf(engine, key(1, ''), key(2, ''))).rejects.toMatchObject({ kind: 'full' });
    await write(engine, [key(1, 'a'), 'two']);
    expect(await get(engine, key(1, 'a'))).toEqual(['two']);
    disk.table.failure = null;
    expect(await keysOf(engine, key(1, ''), key(2, ''))).toHaveLength(1);
    expect(await get(engine, key(1, 'a'))).toEqual(['two']);
  });

  it('settles and removes a file of the log that is full, and goes on in the next', async () => {
    const disk = new Disk();
    const engine = opened(await disk.open());
    const value = 'v'.repeat(30_000);
    const batches = Math.ceil((1.5 * UNSETTLED_BYTES) / 2 / value.length);
    for (let i = 0; i < batches; i++) await write(engine, [key(i % 16, `k${i}`), value], [key(1, 'count'), `${i}`]);
    await until(() => disk.logFiles().length === 1 && disk.logFiles()[0]?.endsWith('000002.log') === true);
    expect(disk.table.sizeBytes()).toBeGreaterThan(UNSETTLED_BYTES / 2);
    expect(await get(engine, key(1, 'count'), key(0, 'k0'))).toEqual([`${batches - 1}`, value]);
    const again = opened(await disk.open());
    expect(await get(again, key(1, 'count'), key(0, 'k0'))).toEqual([`${batches - 1}`, value]);
  });

  it('lets writes wait while the table is behind, and then go on', async () => {
    const disk = new Disk();
    const engine = opened(await disk.open());
    disk.table.hold = true;
    const value = 'v'.repeat(40_000);
    let waiting: Promise<EngineError | null> | null = null;
    let done = false;
    for (let i = 0; waiting === null; i++) {
      const writing = write(engine, [key(i % 16, `k${i}`), value]).then((error) => {
        done = true;
        return error;
      });
      await new Promise((resolve) => setImmediate(resolve));
      if (!done) waiting = writing;
      else done = false;
      expect(i).toBeLessThan((2 * UNSETTLED_BYTES) / value.length);
    }
    disk.table.release();
    expect(await waiting).toBeNull();
    expect(await get(engine, key(0, 'k0'))).toEqual([value]);
  });

  it('waits with its close for a table that is slow, and keeps the log of one that fails', async () => {
    const disk = new Disk();
    const engine = opened(await disk.open());
    await write(engine, [key(1, 'a'), 'one']);
    disk.table.failure = new EngineError('io', 'gone');
    expect(await closed(engine)).toBeNull();
    disk.table.failure = null;
    expect(disk.logFiles().length).toBeGreaterThan(0);
    const table = new Table();
    const again = opened(
      await openLoggedEngine({ table, directory: disk.directory, clock, files, unsettledBytes: UNSETTLED_BYTES }),
    );
    expect(await get(again, key(1, 'a'))).toEqual(['one']);
  });
});

describe('a damaged log', () => {
  async function filled(): Promise<Disk> {
    const disk = new Disk();
    const engine = opened(await disk.open());
    for (let i = 0; i < 20; i++) await write(engine, [key(i, 'a'), `value ${i}`]);
    return disk;
  }

  it('is fine where only the end is torn: nobody was told of that batch', async () => {
    const disk = await filled();
    appendFileSync(disk.lastLog(), encodeEntry(21, [{ key: key(1, 'torn'), value: Buffer.from('x') }]).subarray(0, 15));
    const engine = opened(await disk.open());
    expect(await get(engine, key(19, 'a'), key(1, 'torn'))).toEqual(['value 19', null]);
    await write(engine, [key(1, 'b'), 'after']);
    const again = opened(await disk.open());
    expect(await get(again, key(1, 'b'), key(0, 'a'))).toEqual(['after', 'value 0']);
  });

  it('is refused where a batch in the middle is damaged', async () => {
    const disk = await filled();
    const path = disk.lastLog();
    const bytes = readFileSync(path);
    const at = bytes.indexOf('value 9');
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    writeFileSync(path, bytes);
    expect(await disk.open()).toMatchObject({ ok: false, error: { kind: 'corrupt' } });
  });

  it('is refused where a file in the middle lacks its end, or is gone', async () => {
    const disk = await filled();
    const first = disk.lastLog();
    disk.table.hold = true;
    await write(opened(await disk.open()), [key(1, 'b'), 'b']);
    await write(opened(await disk.open()), [key(1, 'c'), 'c']);
    const whole = readFileSync(first);
    truncateSync(first, whole.length - 1);
    expect(await disk.open()).toMatchObject({ ok: false, error: { kind: 'corrupt' } });
    writeFileSync(first, whole);
    const second = disk.logFiles().filter((path) => readFileSync(path).length > 0)[1] ?? '';
    rmSync(second);
    expect(await disk.open()).toMatchObject({ ok: false, error: { kind: 'corrupt' } });
  });
});

function changesOf(bytes: Buffer, offset: number): EngineChange[] {
  const changes: EngineChange[] = [];
  eachChange(bytes, offset, {
    add(_name, whole, keyAt, valueAt, valueEnd) {
      const value = valueEnd < valueAt ? null : Buffer.from(whole.subarray(valueAt, valueEnd));
      changes.push({ key: Buffer.from(whole.subarray(keyAt, valueAt)), value });
    },
  });
  return changes;
}

describe('an entry of the log', () => {
  const changes: EngineChange[] = [
    { key: Buffer.from('k'), value: Buffer.from('val') },
    { key: Buffer.from('gone'), value: null },
  ];

  it('has pinned bytes', () => {
    const entry = encodeEntry(0x0102, changes);
    expect(entry.toString('hex')).toBe(
      `6c00000020${entry.toString('hex', 5, 9)}000000000000010200000002000100000003${'6b'}${'76616c'}0004ffffffff676f6e65`,
    );
    expect(checkEntry(entry, 0)).toEqual({ sequence: 0x0102, next: entry.length });
    expect(changesOf(entry, 0)).toEqual(changes);
  });

  it('is none when cut or changed anywhere', () => {
    const entry = encodeEntry(5, changes);
    for (let i = 0; i < entry.length; i++) {
      expect(checkEntry(entry.subarray(0, i), 0)).toBeNull();
      const changed = Buffer.from(entry);
      changed[i] = (changed[i] ?? 0) ^ 0x10;
      expect(checkEntry(changed, 0)).toBeNull();
    }
  });

  it('round trips, also behind others, and is found behind damage', () => {
    const change = fc.record({
      key: fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
      value: fc.option(
        fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
        { nil: null },
      ),
    });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 8 }), fc.maxSafeNat(), fc.nat(50), (made, sequence, before) => {
        const entry = encodeEntry(sequence, made);
        const bytes = Buffer.concat([Buffer.alloc(before, 0x6c), entry, Buffer.alloc(5)]);
        expect(checkEntry(bytes, before)).toEqual({ sequence, next: before + entry.length });
        expect(changesOf(bytes, before)).toEqual(made);
        expect(hasLaterEntry(bytes, 0, sequence)).toBe(true);
        expect(hasLaterEntry(bytes, before + 1, sequence + 1)).toBe(false);
      }),
      { numRuns: 200 },
    );
  });
});

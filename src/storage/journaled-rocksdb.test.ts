import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, it, onTestFinished } from 'vitest';
import { SystemClock } from '../base/system-clock.ts';
import { SystemFiles } from '../base/system-files.ts';
import type { Engine } from './engine.ts';
import { close, describeEngine, getMany, scan, write } from './engine-conformance.ts';
import { openJournaledRocksdb } from './journaled-rocksdb.ts';
import { openRocksdbEngine } from './rocksdb-engine.ts';

const clock = new SystemClock();
const files = new SystemFiles();

function temporary(): string {
  const directory = mkdtempSync(join(tmpdir(), 'junokv-journaled-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

async function open(directory: string, size: { segments?: number; segmentBytes?: number } = {}): Promise<Engine> {
  const opened = await openJournaledRocksdb({ directory, clock, files, ...size });
  if (!opened.ok) throw opened.error;
  return opened.engine;
}

describeEngine('rocksdb behind a journal', async () => {
  const directory = temporary();
  return { engine: await open(directory), reopen: () => open(directory) };
});

/** So small that everything settles all the time, and some batches are too long for a segment. */
describeEngine('rocksdb behind a small journal', async () => {
  const directory = temporary();
  return { engine: await open(directory, { segments: 3, segmentBytes: 32_768 }), reopen: () => open(directory) };
});

const moduleUrl = (name: string): string => JSON.stringify(new URL(name, import.meta.url).href);

/** A process with the open engine as `engine` and `say(text)` for a line to the test; `shell` goes before it. */
function startChild(
  directory: string,
  body: string,
  shell = '',
): { child: ChildProcess; lines: AsyncIterator<string> } {
  const script = `
    const { openJournaledRocksdb } = await import(${moduleUrl('./journaled-rocksdb.ts')});
    const { SystemClock } = await import(${moduleUrl('../base/system-clock.ts')});
    const { SystemFiles } = await import(${moduleUrl('../base/system-files.ts')});
    const { writeSync } = await import('node:fs');
    const say = (text) => writeSync(1, text + '\\n');
    setInterval(() => {}, 1000);
    const opened = await openJournaledRocksdb({
      directory: ${JSON.stringify(directory)}, clock: new SystemClock(), files: new SystemFiles(),
      segments: 4, segmentBytes: 65536 });
    if (!opened.ok) throw opened.error;
    const engine = opened.engine;
    const key = (i) => Buffer.from('k' + String(i).padStart(6, '0'));
    ${body}`;
  const command = `${shell} exec "$0" --input-type=module -e "$1"`;
  const child = spawn('/bin/sh', ['-c', command, process.execPath, script], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  return { child, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() };
}

describe('RocksDB behind a journal, when its process dies', () => {
  it('has every acknowledged batch after kill -9, and no part of one, however much was settled', async () => {
    const directory = join(temporary(), 'db');
    // Some rows are written again and again, so that old and new values of them are in different places.
    const body = `
      const next = (i) => engine.write(
        [key(2 * i), key(2 * i + 1), Buffer.from('hot' + (i % 7))].map((k) => ({ key: k, value: Buffer.from(String(i).padEnd(200)) })),
        (error) => { if (error) throw error; say(String(i)); setImmediate(() => next(i + 1)); });
      next(0);`;
    const { child, lines } = startChild(directory, body);
    let acknowledged = -1;
    // About 500 KB: every segment of 64 KB was written and settled more than once.
    while (acknowledged < 800) acknowledged = Number((await lines.next()).value);
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    for (;;) {
      const line = await lines.next();
      if (line.done) break;
      acknowledged = Number(line.value);
    }
    await exited;
    const engine = await open(directory);
    onTestFinished(() => close(engine).catch(() => {}));
    const rows = await scan(engine, { from: Buffer.from('k'), to: Buffer.from('l') });
    expect(rows.length).toBeGreaterThanOrEqual(2 * (acknowledged + 1));
    expect(rows.length % 2).toBe(0);
    const last = rows.length / 2 - 1;
    expect(rows.at(-1)?.key.toString()).toBe(`k${String(2 * last + 1).padStart(6, '0')}`);
    const hot = await getMany(
      engine,
      Array.from({ length: 7 }, (_, i) => `hot${(last - i) % 7}`),
    );
    expect(hot.map((value) => Number(value))).toEqual(Array.from({ length: 7 }, (_, i) => last - i));
  });

  it('answers a failed write with an error, goes on reading, and has the rest after a start', async () => {
    const directory = join(temporary(), 'db');
    // The largest file is 10 KB from the point on where the database has been made: appends to a segment fail in its middle.
    const body = `
      process.on('SIGXFSZ', () => {});
      const value = Buffer.alloc(1_000, 1);
      const writeNext = (i) => engine.write([{ key: key(i), value }], (error) => {
        if (error === null && i < 1000) return writeNext(i + 1);
        engine.write([{ key: key(i), value }], (again) => engine.getMany([key(0), key(i)], (readError, values) =>
          engine.close(() => say(JSON.stringify({
            written: i, kind: error?.kind, message: error?.message, again: again?.kind,
            first: values?.[0]?.length, failed: values?.[1] })))));
      });
      writeNext(0);`;
    const { lines } = startChild(directory, body, 'ulimit -f 40;');
    const said = JSON.parse((await lines.next()).value);
    expect(said).toMatchObject({ kind: 'io', again: 'io', first: 1_000, failed: null });
    expect(said.message).toMatch(/EFBIG|too large/);
    const engine = await open(directory);
    onTestFinished(() => close(engine).catch(() => {}));
    const rows = await scan(engine, { keysOnly: true });
    expect(rows.length).toBe(said.written);
  });
});

describe('openJournaledRocksdb', () => {
  it('opens a database that has no journal yet', async () => {
    const directory = temporary();
    const plain = await openRocksdbEngine({ directory, clock, files });
    if (!plain.ok) throw plain.error;
    await write(plain.engine, [
      { key: Buffer.from('old'), value: Buffer.from('1') },
      { key: Buffer.from('gone'), value: Buffer.from('1') },
    ]);
    await close(plain.engine);
    const engine = await open(directory);
    await write(engine, [
      { key: Buffer.from('new'), value: Buffer.from('2') },
      { key: Buffer.from('gone'), value: null },
    ]);
    await close(engine);
    const again = await open(directory);
    onTestFinished(() => close(again).catch(() => {}));
    const rows = await scan(again, {});
    expect(rows.map(({ key, value }) => `${key}=${value}`)).toEqual(['new=2', 'old=1']);
  });

  it('goes with its directory', async () => {
    const root = temporary();
    const engine = await open(join(root, 'a'));
    await write(engine, [{ key: Buffer.from('k'), value: Buffer.from('v') }]);
    await close(engine);
    cpSync(join(root, 'a'), join(root, 'b'), { recursive: true });
    expect(existsSync(join(root, 'b', 'journal'))).toBe(true);
    const copy = await open(join(root, 'b'));
    onTestFinished(() => close(copy).catch(() => {}));
    expect((await getMany(copy, ['k']))[0]?.toString()).toBe('v');
    rmSync(join(root, 'a', 'journal'), { recursive: true });
    await expect(open(join(root, 'a'))).rejects.toMatchObject({ kind: 'corrupt' });
  });

  it('says that the directory is in use', async () => {
    const directory = temporary();
    const engine = await open(directory);
    onTestFinished(() => close(engine).catch(() => {}));
    await expect(open(directory)).rejects.toMatchObject({ kind: 'io', message: expect.stringMatching(/in use/) });
  });
});

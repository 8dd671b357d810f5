import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  cpSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SystemClock } from '../base/system-clock.ts';
import { SystemFiles } from '../base/system-files.ts';
import type { Engine } from './engine.ts';
import { close, getMany, scan, write } from './engine-conformance.ts';
import { type OpenedRocksdb, openRocksdbEngine } from './rocksdb-engine.ts';

let root = '';
let children: ChildProcess[] = [];
let engines: Engine[] = [];
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'junokv-durability-'));
});
afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  for (const engine of engines) await close(engine).catch(() => {});
  children = [];
  engines = [];
  rmSync(root, { recursive: true, force: true });
});

async function open(directory: string): Promise<OpenedRocksdb> {
  const opened = await openRocksdbEngine({ directory, clock: new SystemClock(), files: new SystemFiles() });
  if (opened.ok) engines.push(opened.engine);
  return opened;
}

async function mustOpen(directory: string): Promise<Engine> {
  const opened = await open(directory);
  if (!opened.ok) throw opened.error;
  return opened.engine;
}

const moduleUrl = (name: string): string => JSON.stringify(new URL(name, import.meta.url).href);

/** A process with the open engine as `engine` and `say(text)` for a line to the test; `shell` goes before it. */
function startChild(
  directory: string,
  body: string,
  shell = '',
): { child: ChildProcess; lines: AsyncIterator<string> } {
  const script = `
    const { openRocksdbEngine } = await import(${moduleUrl('./rocksdb-engine.ts')});
    const { SystemClock } = await import(${moduleUrl('../base/system-clock.ts')});
    const { SystemFiles } = await import(${moduleUrl('../base/system-files.ts')});
    const { writeSync } = await import('node:fs');
    const say = (text) => writeSync(1, text + '\\n');
    const opened = await openRocksdbEngine({
      directory: ${JSON.stringify(directory)}, clock: new SystemClock(), files: new SystemFiles() });
    if (!opened.ok) throw opened.error;
    const engine = opened.engine;
    const key = (i) => Buffer.from('k' + String(i).padStart(6, '0'));
    ${body}`;
  const command = `${shell} exec "$0" --input-type=module -e "$1"`;
  const child = spawn('/bin/sh', ['-c', command, process.execPath, script], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  return { child, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() };
}

/** Batches of three rows without end, each announced once acknowledged. */
const ENDLESS_WRITER = `
  const next = (i) => engine.write([key(3 * i), key(3 * i + 1), key(3 * i + 2)].map((k) => ({ key: k, value: Buffer.alloc(200, i) })),
    (error) => { if (error) throw error; say(String(i)); next(i + 1); });
  next(0);`;

async function kill(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

describe('RocksDB when its process dies', () => {
  it('has every acknowledged batch after kill -9, and no part of one', async () => {
    const directory = join(root, 'db');
    const { child, lines } = startChild(directory, ENDLESS_WRITER);
    let acknowledged = -1;
    while (acknowledged < 300) acknowledged = Number((await lines.next()).value);
    const exited = kill(child);
    for (;;) {
      const line = await lines.next();
      if (line.done) break;
      acknowledged = Number(line.value);
    }
    await exited;
    const rows = await scan(await mustOpen(directory), { keysOnly: true });
    expect(rows.length).toBeGreaterThanOrEqual(3 * (acknowledged + 1));
    expect(rows.length % 3).toBe(0);
    expect(rows.at(-1)?.key.toString()).toBe(`k${String(rows.length - 1).padStart(6, '0')}`);
  });

  it('opens with a torn last record, and refuses a log, a manifest or a table that is damaged or gone', async () => {
    const directory = join(root, 'db');
    const { child, lines } = startChild(directory, ENDLESS_WRITER);
    while (Number((await lines.next()).value) < 300) {}
    await kill(child);
    const whole = await rowsAfter(directory, () => {});
    const torn = await rowsAfter(directory, (path) => truncateSync(logOf(path), statSync(logOf(path)).size - 100));
    expect(whole).toBeGreaterThan(900);
    expect(torn).toBe(whole - 3);
    const middle = await refusal(directory, (path) => overwrite(logOf(path), statSync(logOf(path)).size >>> 1));
    expect(middle).toMatchObject({
      kind: 'corrupt',
      message: expect.stringContaining('is damaged and was not opened'),
    });
    const early = await refusal(directory, (path) => overwrite(logOf(path), 100));
    expect(early).toMatchObject({ kind: 'corrupt' });
    const manifest = await refusal(directory, (path) => overwrite(fileLike(path, /^MANIFEST/), 20));
    expect(manifest).toMatchObject({ kind: 'corrupt' });
    await close(await mustOpen(directory));
    await close(await mustOpen(directory));
    const table = await refusal(directory, (path) => rmSync(fileLike(path, /\.sst$/)));
    expect(table).toMatchObject({ kind: 'corrupt' });
  });

  it('tells a second process clearly that the directory is in use, and is free once the first is killed', async () => {
    const directory = join(root, 'db');
    const { child, lines } = startChild(directory, `say('open'); setInterval(() => {}, 1000);`);
    expect((await lines.next()).value).toBe('open');
    const second = await open(directory);
    expect(second.ok ? null : second.error).toMatchObject({
      kind: 'io',
      message: expect.stringMatching(/in use by another process/),
    });
    await kill(child);
    await mustOpen(directory);
    const twice = await open(directory);
    expect(twice.ok ? null : twice.error.message).toMatch(/in use/);
  });

  it('answers a failed write with an error, goes on reading, and closes', async () => {
    const directory = join(root, 'db');
    // The largest file is about half a megabyte: an append that fails like one to a full or broken disk.
    const body = `
      process.on('SIGXFSZ', () => {});
      const value = Buffer.alloc(10_000, 1);
      const writeNext = (i) => engine.write([{ key: key(i), value }], (error) => {
        if (error === null && i < 1000) return writeNext(i + 1);
        engine.write([{ key: key(i), value }], (again) => engine.getMany([key(0), key(i)], (readError, values) =>
          engine.close(() => say(JSON.stringify({
            written: i, kind: error?.kind, message: error?.message, again: again?.kind,
            first: values?.[0]?.length, failed: values?.[1] })))));
      });
      writeNext(0);`;
    const { lines } = startChild(directory, body, 'ulimit -f 1000;');
    const said = JSON.parse((await lines.next()).value);
    expect(said).toMatchObject({ kind: 'io', again: 'io', first: 10_000, failed: null });
    expect(said.message).toContain('File too large');
    const rows = await scan(await mustOpen(directory), { keysOnly: true });
    expect(rows.length).toBe(said.written);
  });
});

describe('openRocksdbEngine', () => {
  it('makes the directory and its parents', async () => {
    const directory = join(root, 'a', 'b', 'c');
    await write(await mustOpen(directory), [{ key: Buffer.from('k'), value: Buffer.from('v') }]);
    expect(readdirSync(directory)).toContain('CURRENT');
  });

  it('says why when the path cannot be a directory', async () => {
    writeFileSync(join(root, 'file'), '');
    const opened = await open(join(root, 'file', 'db'));
    expect(opened.ok ? null : opened.error).toMatchObject({ kind: 'io' });
  });

  it('keeps the bytes as they were when the batch was acknowledged', async () => {
    const directory = join(root, 'db');
    const engine = await mustOpen(directory);
    const key = Buffer.from('key');
    const value = Buffer.alloc(1_000, 'v');
    await write(engine, [{ key, value }]);
    key.fill('x');
    value.fill('x');
    const expected = 'v'.repeat(1_000);
    expect((await getMany(engine, ['key']))[0]?.toString()).toBe(expected);
    await close(engine);
    const again = await mustOpen(directory);
    expect((await getMany(again, ['key', 'xxx'])).map((found) => found?.toString())).toEqual([expected, undefined]);
  });
});

function fileLike(directory: string, pattern: RegExp): string {
  const name = readdirSync(directory).find((entry) => pattern.test(entry));
  if (name === undefined) throw new Error(`no file like ${pattern} in ${directory}`);
  return join(directory, name);
}

function logOf(directory: string): string {
  return fileLike(directory, /^\d+\.log$/);
}

function overwrite(path: string, position: number): void {
  const descriptor = openSync(path, 'r+');
  writeSync(descriptor, Buffer.alloc(16, 0xa5), 0, 16, position);
  closeSync(descriptor);
}

let copies = 0;

async function openCopy(directory: string, change: (path: string) => void): Promise<OpenedRocksdb> {
  const path = join(root, `copy-${++copies}`);
  cpSync(directory, path, { recursive: true });
  change(path);
  return open(path);
}

async function rowsAfter(directory: string, change: (path: string) => void): Promise<number> {
  const opened = await openCopy(directory, change);
  if (!opened.ok) throw opened.error;
  return (await scan(opened.engine, { keysOnly: true })).length;
}

async function refusal(directory: string, change: (path: string) => void): Promise<Error | null> {
  const opened = await openCopy(directory, change);
  return opened.ok ? null : opened.error;
}

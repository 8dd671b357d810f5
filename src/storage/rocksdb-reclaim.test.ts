import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { filePromise } from '../base/files.ts';
import { SystemClock } from '../base/system-clock.ts';
import { SystemFiles } from '../base/system-files.ts';
import { recordKey } from '../record/record-id.ts';
import type { Engine } from './engine.ts';
import { close, write } from './engine-conformance.ts';
import { openJournaledRocksdb } from './journaled-rocksdb.ts';

const VALUE_BYTES = 100_000;
const files = new SystemFiles();

/** Random, as the hashes are that real ids come from. */
const ids = Array.from({ length: 200 }, () => randomBytes(16).toString('latin1'));

function key(n: number): Buffer {
  return recordKey(n * 5, ids[n] ?? '');
}

function reclaim(engine: Engine): Promise<void> {
  return new Promise((resolve, reject) => {
    engine.reclaim?.((error) => (error === null ? resolve() : reject(error)));
  });
}

it('gives the room of what was deleted before it was written out back to the disk, and keeps the rest', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'junokv-reclaim-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const small = { segments: 3, segmentBytes: 1_048_576 };
  const opened = await openJournaledRocksdb({ directory, clock: new SystemClock(), files, ...small });
  if (!opened.ok) throw opened.error;
  const { engine } = opened;
  const treeBytes = () => filePromise<number>((callback) => files.treeBytes(directory, callback));
  const kept = randomBytes(VALUE_BYTES);
  for (let n = 0; n < 200; n++)
    await write(engine, [{ key: key(n), value: n === 77 ? kept : randomBytes(VALUE_BYTES) }]);
  const fullBytes = await treeBytes();
  expect(fullBytes).toBeGreaterThan(200 * VALUE_BYTES);
  for (let n = 0; n < 200; n++) if (n !== 77) await write(engine, [{ key: key(n), value: null }]);
  await reclaim(engine);
  expect(await treeBytes()).toBeLessThan(fullBytes / 3);
  const found = await new Promise((resolve) => engine.getMany([key(77), key(78)], (_error, values) => resolve(values)));
  expect(found).toEqual([kept, null]);
  await close(engine);
});

it('does not keep the engine from closing', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'junokv-reclaim-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const opened = await openJournaledRocksdb({ directory, clock: new SystemClock(), files, segments: 3 });
  if (!opened.ok) throw opened.error;
  const { engine } = opened;
  for (let n = 0; n < 20; n++) await write(engine, [{ key: key(n), value: randomBytes(VALUE_BYTES) }]);
  const reclaimed = reclaim(engine).catch(() => undefined);
  await close(engine);
  await reclaimed;
});

import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { SystemClock } from '../base/system-clock.ts';
import { SystemFiles } from '../base/system-files.ts';
import { recordKey } from '../record/record-id.ts';
import type { Engine, EngineFigures } from './engine.ts';
import { close, write } from './engine-conformance.ts';
import { openJournaledRocksdb } from './journaled-rocksdb.ts';

const SEGMENT_BYTES = 1_048_576;

async function openEngine(): Promise<Engine> {
  const directory = mkdtempSync(join(tmpdir(), 'junokv-figures-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const small = { segments: 3, segmentBytes: SEGMENT_BYTES };
  const opened = await openJournaledRocksdb({
    directory,
    clock: new SystemClock(),
    files: new SystemFiles(),
    ...small,
  });
  if (!opened.ok) throw opened.error;
  return opened.engine;
}

function figuresOf(engine: Engine): Promise<EngineFigures | null> {
  return new Promise((resolve) => engine.figures?.(resolve));
}

function change(n: number) {
  return { key: recordKey(n % 16, randomBytes(16).toString('latin1')), value: randomBytes(10_000) };
}

it("tells RocksDB's figures and how full the journal is", async () => {
  const engine = await openEngine();
  for (let n = 0; n < 50; n++) await write(engine, [change(n)]);
  const figures = await figuresOf(engine);
  expect(figures).toMatchObject({ isWriteStopped: 0, backgroundErrors: 0, journalCapacityBytes: 3 * SEGMENT_BYTES });
  expect(figures?.['journalBytes']).toBeGreaterThan(500_000);
  expect(figures?.['journalBytes']).toBeLessThan(3 * SEGMENT_BYTES);
  expect(figures?.['blockCacheBytes']).toBeGreaterThanOrEqual(0);
  for (let n = 0; n < 400; n++) await write(engine, [change(n)]);
  const later = await figuresOf(engine);
  expect(later?.['keys']).toBeGreaterThan(0);
  expect(later?.['memoryTableBytes']).toBeGreaterThan(1_000_000);
  await close(engine);
  expect(await figuresOf(engine)).toBeNull();
});

it('may be asked while it writes, and does not keep it from closing', async () => {
  const engine = await openEngine();
  const asked: Promise<EngineFigures | null>[] = [];
  for (let n = 0; n < 60; n++) {
    asked.push(figuresOf(engine));
    await write(engine, [change(n)]);
  }
  asked.push(figuresOf(engine));
  await close(engine);
  expect((await Promise.all(asked)).filter((figures) => figures !== null).length).toBeGreaterThanOrEqual(60);
});

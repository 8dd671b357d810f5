import { expect, it } from 'vitest';
import { silentLog } from '../base/log.ts';
import { ManualClock } from '../base/testing/manual-clock.ts';
import { pageKey, recordKey } from '../record/record-id.ts';
import { MemoryEngine } from './memory-engine.ts';
import { ShardDrop } from './shard-drop.ts';
import { WritePipeline } from './write-pipeline.ts';

it('goes over any number of empty shards, although the engine answers at once', async () => {
  const shards = 16_384;
  const engine = new MemoryEngine();
  const clock = new ManualClock();
  const pipeline = new WritePipeline(engine, clock, silentLog, 'no', { onFailed: () => {} });
  const loader = { whenLoaded: (go: () => void) => go() };
  const id = 'i'.repeat(16);
  const key = recordKey(7, id);
  engine.write(
    [key, pageKey(7, id, id)].map((one) => ({ key: one, value: Buffer.from('v') })),
    () => {},
  );
  const forgotten: string[] = [];
  const drop = new ShardDrop({ engine, pipeline, clock, log: silentLog, loader, forget: (one) => forgotten.push(one) });
  let isDone = false;
  drop.drop(new Set(Array.from({ length: shards }, (_, shard) => shard)), () => {
    isDone = true;
  });
  for (let turn = 0; turn < shards && !isDone; turn++) {
    clock.advance(2);
    await new Promise(setImmediate);
  }
  expect(isDone).toBe(true);
  expect(forgotten).toEqual([id]);
  const whole = { from: Buffer.alloc(0), to: Buffer.from([255]), limit: 1, limitBytes: 1, keysOnly: true };
  engine.scan(whole, (_error, entries) => expect(entries).toEqual([]));
});

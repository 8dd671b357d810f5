import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { silentLog } from '../base/log.ts';
import { ManualClock } from '../base/testing/manual-clock.ts';
import { createClusterMap, withRaisedGenerations } from '../cluster/cluster-map.ts';
import { ballotRow } from '../record/ballot-row.ts';
import { pageKey, recordKey } from '../record/record-id.ts';
import { StateKind } from '../record/state.ts';
import { encodeStored } from '../record/state-codec.ts';
import type { EngineChange } from './engine.ts';
import { GenerationSweep } from './generation-sweep.ts';
import { MemoryEngine } from './memory-engine.ts';
import { PagePins } from './page-pins.ts';
import { WritePipeline } from './write-pipeline.ts';

const BALLOT = { time: 1_000, proposer: 1 };
const map = createClusterMap({
  clusterId: 'c',
  shards: 64,
  zones: [{ name: 'z', nodes: [{ id: 1, host: 'h', port: 1 }] }],
});

function stored(namespace: number, generation: number, paged = false): Buffer {
  const header = {
    kind: StateKind.live,
    origin: BALLOT,
    lineage: ballotRow([BALLOT]),
    birth: true,
    expiresAtMs: 0,
    sizeBytes: 1,
    namespace,
    generation,
    paged,
    remembers: false,
  };
  return encodeStored(BALLOT, { header, meta: Buffer.from('m'), value: Buffer.alloc(0) });
}

const id = (n: number): string => String(n).padStart(16, '0');

async function swept(
  changes: readonly EngineChange[],
  waitMs: number,
  later: (sweep: GenerationSweep, passedMs: number) => void = () => {},
): Promise<Set<string>> {
  const clock = new ManualClock();
  const engine = new MemoryEngine();
  await new Promise<void>((resolve) => engine.write(changes, () => resolve()));
  const pipeline = new WritePipeline(engine, clock, silentLog, 'no', { onFailed() {} });
  const sweep = new GenerationSweep(engine, pipeline, clock, silentLog, map, new PagePins(clock));
  sweep.onMap(withRaisedGenerations(map, [0]));
  for (let passedMs = 0; passedMs < waitMs; passedMs += 10) {
    later(sweep, passedMs);
    clock.advance(10);
    await Promise.resolve();
    clock.flushTurn();
  }
  const left = new Set<string>();
  await new Promise<void>((resolve) => {
    const range = { from: Buffer.from('a'), to: Buffer.from('z'), limit: 10_000, limitBytes: 1e9, keysOnly: true };
    engine.scan(range, (_error, entries) => {
      for (const { key } of entries ?? []) left.add(key.toString('latin1'));
      resolve();
    });
  });
  return left;
}

describe('generation sweep', () => {
  const old = recordKey(3, id(1));
  const fresh = recordKey(3, id(2));
  const foreign = recordKey(40, id(3));
  const paged = recordKey(63, id(4));
  const page = pageKey(63, id(4), id(9));
  const foreignPage = pageKey(40, id(3), id(9));
  const changes = [
    { key: old, value: stored(0, 1) },
    { key: fresh, value: stored(0, 2) },
    { key: foreign, value: stored(5, 1, true) },
    { key: foreignPage, value: Buffer.from('page') },
    { key: paged, value: stored(0, 1, true) },
    { key: page, value: Buffer.from('page') },
  ];

  it('drops the older generation with its pages, and nothing else', async () => {
    const left = await swept(changes, limits.purgeAfterMs + 2_000);
    expect(left).toEqual(new Set([fresh, foreign, foreignPage].map((key) => key.toString('latin1'))));
  });

  it('waits purgeAfter first', async () => {
    expect((await swept(changes, limits.purgeAfterMs - 100)).size).toBe(changes.length);
  });

  it('is not put off by later flushes, which it waits purgeAfter for as well', async () => {
    const first = withRaisedGenerations(map, [0]);
    const second = withRaisedGenerations(first, [5]);
    const flushAgain = (sweep: GenerationSweep, passedMs: number): void => {
      if (passedMs === limits.purgeAfterMs / 2) sweep.onMap(second);
    };
    const afterFirst = await swept(changes, limits.purgeAfterMs + 2_000, flushAgain);
    expect(afterFirst).toEqual(new Set([fresh, foreign, foreignPage].map((key) => key.toString('latin1'))));
    const afterSecond = await swept(changes, 2 * limits.purgeAfterMs + 4_000, flushAgain);
    expect(afterSecond).toEqual(new Set([fresh.toString('latin1')]));
  });
});

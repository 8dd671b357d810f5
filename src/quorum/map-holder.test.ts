import { describe, expect, it } from 'vitest';
import { silentLog } from '../base/log.ts';
import { ManualClock } from '../base/testing/manual-clock.ts';
import { createClusterMap, withRaisedGenerations } from '../cluster/cluster-map.ts';
import { encodeClusterMap } from '../cluster/cluster-map-text.ts';
import type { ConfigStore } from '../cluster/config-store.ts';
import { MemoryConfigStore } from '../cluster/memory-config-store.ts';
import { adoptedByQuorum } from './adopted.ts';
import { MapHolder } from './map-holder.ts';

const zones = [1, 2, 3].map((zone) => ({
  name: `z${zone}`,
  nodes: [1, 2].map((node) => ({ id: zone * 10 + node, host: 'h', port: 1 })),
}));
const first = createClusterMap({ clusterId: 'c', shards: 4, zones });
const second = withRaisedGenerations(first, [0]);
const third = withRaisedGenerations(second, [0]);

describe('map holder', () => {
  it('takes over newer maps only, and tells of each', () => {
    const holder = new MapHolder(new MemoryConfigStore(first), second, new ManualClock(), silentLog);
    const told: number[] = [];
    holder.onChange(({ epoch }) => void told.push(epoch));
    for (const map of [first, second, third, second]) holder.adopt(map);
    expect(told).toEqual([3]);
    expect(holder.text()).toBe(encodeClusterMap(third));
  });

  it('asks the store one question at a time, with pauses', async () => {
    const clock = new ManualClock();
    const inner = new MemoryConfigStore(first);
    let reads = 0;
    const store: ConfigStore = Object.assign(Object.create(inner) as ConfigStore, {
      read: () => {
        reads++;
        return inner.read();
      },
      compareAndSet: inner.compareAndSet.bind(inner),
    });
    const holder = new MapHolder(store, first, clock, silentLog);
    await inner.compareAndSet(1, second);
    for (let i = 0; i < 10; i++) holder.refresh();
    await Promise.resolve();
    await Promise.resolve();
    expect([reads, holder.current.epoch]).toEqual([1, 2]);
    holder.refresh();
    expect(reads).toBe(1);
    clock.advance(100);
    holder.refresh();
    expect(reads).toBe(2);
  });

  it('keeps its map when the store cannot be read, and asks again', async () => {
    const clock = new ManualClock();
    let reads = 0;
    const failing = {
      read: () => {
        reads++;
        return reads === 1 ? Promise.resolve({ ok: false, problem: 'gone' }) : Promise.reject(new Error('worse'));
      },
    } as unknown as ConfigStore;
    const holder = new MapHolder(failing, first, clock, silentLog);
    for (let i = 0; i < 3; i++) {
      holder.refresh();
      await Promise.resolve();
      await Promise.resolve();
      clock.advance(100);
    }
    expect([reads, holder.current]).toEqual([3, first]);
  });
});

describe('a map adopted by a quorum', () => {
  it('is on the nodes of Q zones in every shard', () => {
    const all = zones.flatMap(({ nodes }) => nodes.map(({ id }) => id));
    expect(adoptedByQuorum(first, new Set(all))).toBe(true);
    expect(adoptedByQuorum(first, new Set())).toBe(false);
    expect(adoptedByQuorum(first, new Set([11, 12, 21, 22]))).toBe(true);
    for (let mask = 0; mask < 1 << all.length; mask++) {
      const adopted = new Set(all.filter((_, i) => (mask & (1 << i)) !== 0));
      expect(adoptedByQuorum(first, adopted)).toBe(countCovered(adopted) === first.shards);
    }
  });
});

/** Shards of which at least two zones' nodes have it: the dumb way. */
function countCovered(adopted: ReadonlySet<number>): number {
  let covered = 0;
  for (let shard = 0; shard < first.shards; shard++) {
    const zonesWith = first.zones.filter(({ placement }) => adopted.has(placement[shard] ?? -1));
    if (zonesWith.length >= 2) covered++;
  }
  return covered;
}

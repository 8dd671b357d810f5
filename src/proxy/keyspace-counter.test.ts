import { expect, it } from 'vitest';
import { unavailable } from '../base/failure.ts';
import { limits } from '../base/limits.ts';
import type { KeyCounter, ShardCount } from '../quorum/key-count.ts';
import { KeyspaceCounter } from './keyspace-counter.ts';

const SHARDS = 3 * limits.countShardsAtOnce;

/** Counts as many keys in a shard as its number says, one turn later; and what was asked. */
class Shards {
  readonly asked: number[] = [];
  underWay = 0;
  most = 0;
  broken = -1;

  readonly counter = new KeyspaceCounter(this as unknown as KeyCounter<unknown>, () => SHARDS);

  async countShard(namespaces: readonly number[], shard: number): Promise<ShardCount> {
    this.asked.push(shard);
    this.most = Math.max(this.most, ++this.underWay);
    await new Promise((resolve) => setImmediate(resolve));
    this.underWay--;
    if (shard === this.broken) return { ok: false, failure: unavailable('no quorum') };
    return { ok: true, totals: namespaces.map((namespace) => ({ keys: shard, expires: namespace })) };
  }
}

it('adds up all shards, some at a time', async () => {
  const shards = new Shards();
  const sum = (SHARDS * (SHARDS - 1)) / 2;
  expect(await shards.counter.count([0, 2])).toEqual([
    { keys: sum, expires: 0 },
    { keys: sum, expires: 2 * SHARDS },
  ]);
  expect([...shards.asked].sort((a, b) => a - b)).toEqual(Array.from({ length: SHARDS }, (_, i) => i));
  expect(shards.most).toBe(limits.countShardsAtOnce);
});

it('answers all who come while it counts, whatever they ask for, with one more pass, which begins after they came', async () => {
  const shards = new Shards();
  const first = shards.counter.count([0]);
  const others = Array.from({ length: 50 }, (_, i) => shards.counter.count([i % 5]));
  const [, ...counts] = await Promise.all([first, ...others]);
  expect(counts.map(([count]) => count?.expires)).toEqual(others.map((_, i) => (i % 5) * SHARDS));
  expect(shards.asked.length).toBe(2 * SHARDS);
  await shards.counter.count([0]);
  expect(shards.asked.length).toBe(3 * SHARDS);
});

it('fails where a shard has no quorum, asks no more, and counts again when it is asked again', async () => {
  const shards = new Shards();
  shards.broken = 0;
  const first = shards.counter.count([0]);
  const second = shards.counter.count([0]);
  await expect(first).rejects.toThrow('no quorum');
  await expect(second).rejects.toThrow('no quorum');
  expect(shards.asked.length).toBeLessThan(SHARDS);
  shards.broken = -1;
  expect((await shards.counter.count([0]))[0]?.keys).toBeGreaterThan(0);
});

import { describe, expect, it } from 'vitest';
import { silentLog } from '../base/log.ts';
import { SystemRandom } from '../base/system-random.ts';
import type { ConfigValues } from '../proxy/config-values.ts';
import { KeyUse } from '../proxy/key-use.ts';
import { MemoryLimit } from '../proxy/memory/memory-limit.ts';
import { QuorumCluster } from '../proxy/quorum-cluster.ts';
import { RuntimeConfig } from '../proxy/runtime-config.ts';
import type { Operation } from '../quorum/operation.ts';
import { EXISTS, set } from '../quorum/testing/steps.ts';
import type { Reply } from '../resp/reply.ts';
import { LocalQuorum } from '../storage/testing/local-quorum.ts';

const VALUE = 'x'.repeat(1_000);
const NODES = [1, 2, 3];
const SHARDS = 8;

/** The evictions of one proxy, on real storage nodes in memory, on a clock that the test moves. */
class EvictionKit {
  readonly quorum = new LocalQuorum({ shards: SHARDS });
  readonly cluster: QuorumCluster;
  readonly config: RuntimeConfig;
  readonly keyUse: KeyUse;
  readonly stats = { evictedKeys: 0 };
  readonly limit: MemoryLimit;

  constructor(policy: string, values: Partial<ConfigValues> = {}) {
    const { clock } = this.quorum;
    const proxy = this.quorum.proxy<Reply>();
    this.cluster = new QuorumCluster(proxy.coordinator, proxy.holder, proxy.transport);
    this.config = new RuntimeConfig({ maxmemoryPolicy: policy, storageEngine: 'memory', ...values });
    const random = new SystemRandom();
    this.keyUse = new KeyUse(this.config, random);
    const { cluster, config, keyUse, stats } = this;
    const port = cluster.memory;
    this.limit = new MemoryLimit({ clock, random, log: silentLog, config, keyUse, stats, cluster, port });
  }

  /** Of each node. */
  live(): number[] {
    const { namespaces } = this.quorum.map;
    return NODES.map((id) => {
      const isCurrent = (number: number, generation: number): boolean => namespaces[number]?.generation === generation;
      return this.quorum.engine(id).inner.liveUse(isCurrent).bytes;
    });
  }

  use(names: readonly string[], namespace = 0): void {
    const nowMs = this.quorum.clock.monotonicMs();
    for (const name of names) this.keyUse.touch(namespace, Buffer.from(name), nowMs);
  }

  /** All at once; `expiresInMs` by the place in the list. */
  async write(names: readonly string[], expiresInMs?: (index: number) => number, namespace = 0): Promise<void> {
    const wallMs = this.quorum.clock.wallMs();
    this.use(names, namespace);
    await this.#all(names, namespace, (index) => {
      return set(VALUE, expiresInMs === undefined ? {} : { expiresAtMs: wallMs + expiresInMs(index) });
    });
  }

  /** Those that are still there. */
  async left(names: readonly string[], namespace = 0): Promise<string[]> {
    const replies = await this.#all(names, namespace, () => EXISTS);
    return names.filter((_name, index) => replies[index] === 1);
  }

  /** Sets the limit to a part of what is held now, and lets ticks come until nothing changes any more. */
  async limitTo(part: number): Promise<number> {
    const limitBytes = Math.floor((this.live()[0] ?? 0) * part);
    expect(this.config.set([['maxmemory', String(limitBytes)]])).toBeNull();
    for (let tick = 0; tick < 10; tick++) {
      this.limit.tick();
      await this.quorum.pass(100);
    }
    return limitBytes;
  }

  async #all(names: readonly string[], namespace: number, step: (index: number) => Operation<Reply>['step']) {
    const replies = new Array<Reply>(names.length).fill(null);
    let open = names.length;
    names.forEach((name, index) => {
      this.cluster.submit({
        namespace,
        key: Buffer.from(name),
        step: step(index),
        done: (outcome) => {
          open--;
          replies[index] = outcome.ok ? outcome.reply : null;
        },
      });
    });
    await this.quorum.pass(5_000, () => open === 0);
    expect(open).toBe(0);
    return replies;
  }
}

const many = (kind: string, count: number): string[] => Array.from({ length: count }, (_, i) => `${kind} ${i}`);

describe('evictions', () => {
  it('with allkeys-lru take keys that were not used for long, from every replica', async () => {
    const kit = new EvictionKit('allkeys-lru');
    const [cold, hot] = [many('cold', 120), many('hot', 40)];
    await kit.write([...cold, ...hot]);
    await kit.quorum.pass(10_000);
    kit.use(hot);
    const limitBytes = await kit.limitTo(1 / 2);
    for (const bytes of kit.live()) expect(bytes).toBeLessThanOrEqual(limitBytes);
    expect(new Set(kit.live()).size).toBe(1);
    const [leftCold, leftHot] = [await kit.left(cold), await kit.left(hot)];
    expect(leftHot.length).toBeGreaterThanOrEqual(36);
    expect(leftCold.length).toBeLessThan(60);
    expect(kit.stats.evictedKeys).toBe(160 - leftCold.length - leftHot.length);
    expect(kit.limit.usedBytes).toBe(kit.live()[0]);
  });

  it('with allkeys-lfu take keys that were seldom used', async () => {
    const kit = new EvictionKit('allkeys-lfu');
    const [rare, frequent] = [many('rare', 120), many('frequent', 40)];
    await kit.write([...rare, ...frequent]);
    for (let i = 0; i < 100; i++) kit.use(frequent);
    kit.use(rare);
    await kit.limitTo(1 / 2);
    expect((await kit.left(frequent)).length).toBeGreaterThanOrEqual(36);
    expect((await kit.left(rare)).length).toBeLessThan(60);
  });

  it('with allkeys-random take any', async () => {
    const kit = new EvictionKit('allkeys-random');
    const [lasting, expiring] = [many('lasting', 80), many('expiring', 80)];
    await kit.write(lasting);
    await kit.write(expiring, () => 1_000_000);
    const limitBytes = await kit.limitTo(1 / 2);
    expect(kit.live()[0]).toBeLessThanOrEqual(limitBytes);
    for (const kind of [lasting, expiring]) {
      const { length } = await kit.left(kind);
      expect(length).toBeGreaterThan(10);
      expect(length).toBeLessThan(70);
    }
  });

  it.each(['volatile-lru', 'volatile-lfu', 'volatile-random'])(
    'with %s take only keys with an expiry',
    async (policy) => {
      const kit = new EvictionKit(policy);
      const [lasting, unused, used] = [many('lasting', 80), many('unused', 60), many('used', 20)];
      await kit.write([...lasting]);
      await kit.write([...unused, ...used], () => 1_000_000);
      await kit.quorum.pass(10_000);
      for (let i = 0; i < 100; i++) kit.use(used);
      const limitBytes = await kit.limitTo(0.75);
      expect(kit.live()[0]).toBeLessThanOrEqual(limitBytes);
      expect(await kit.left(lasting)).toEqual(lasting);
      expect((await kit.left(unused)).length).toBeLessThan(50);
      if (policy !== 'volatile-random') expect((await kit.left(used)).length).toBeGreaterThanOrEqual(17);
      // When all of them are gone there is nothing more to take.
      await kit.limitTo(0.01);
      expect(await kit.left(lasting)).toEqual(lasting);
      expect(await kit.left([...unused, ...used])).toEqual([]);
    },
  );

  it('with volatile-ttl take first what ends first', async () => {
    const kit = new EvictionKit('volatile-ttl', { maxmemorySamples: 10 });
    const [lasting, soon, late] = [many('lasting', 40), many('soon', 60), many('late', 60)];
    await kit.write(lasting);
    await kit.write([...soon, ...late], (index) => (index < soon.length ? 100_000 : 900_000) + index);
    await kit.limitTo(0.75);
    expect(await kit.left(lasting)).toEqual(lasting);
    expect((await kit.left(late)).length).toBeGreaterThanOrEqual(55);
    expect((await kit.left(soon)).length).toBeLessThan(30);
  });

  it('without a policy for it take nothing', async () => {
    const kit = new EvictionKit('noeviction');
    const names = many('key', 20);
    await kit.write(names, () => 1_000_000);
    await kit.limitTo(1 / 2);
    expect(await kit.left(names)).toEqual(names);
    expect(kit.stats.evictedKeys).toBe(0);
  });

  it('reach every database, and find keys again where SWAPDB has put them', async () => {
    const kit = new EvictionKit('allkeys-random');
    const names = many('key', 20);
    for (const namespace of [0, 1, 9]) await kit.write(names, undefined, namespace);
    let swapped = false;
    kit.cluster.swap(1, 9).then(() => {
      swapped = true;
    });
    await kit.quorum.pass(5_000, () => swapped);
    expect(swapped).toBe(true);
    await kit.limitTo(0.001);
    for (const namespace of [0, 1, 9]) expect(await kit.left(names, namespace)).toEqual([]);
    expect(kit.stats.evictedKeys).toBe(60);
  });

  it('go on while one node of three is away', async () => {
    const kit = new EvictionKit('allkeys-random');
    const names = many('key', 40);
    await kit.write(names);
    kit.quorum.takeDown(2);
    const limitBytes = await kit.limitTo(1 / 2);
    expect(kit.live()[0]).toBeLessThanOrEqual(limitBytes);
    expect(kit.live()[2]).toBe(kit.live()[0]);
    expect((await kit.left(names)).length).toBe(40 - kit.stats.evictedKeys);
  });
});

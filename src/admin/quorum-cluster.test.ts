import { describe, expect, it } from 'vitest';
import { ClusterFailure } from '../proxy/cluster-port.ts';
import { QuorumCluster } from '../proxy/quorum-cluster.ts';
import type { Operation } from '../quorum/operation.ts';
import { DEL, GET, set, type TestReply } from '../quorum/testing/steps.ts';
import type { Reply } from '../resp/reply.ts';
import { type LocalProxy, LocalQuorum } from '../storage/testing/local-quorum.ts';

const FAILS = { name: 'ClusterFailure' };

/** The cluster as a proxy's commands see it, over real storage nodes. */
class ClusterKit {
  readonly quorum: LocalQuorum;
  readonly proxy: LocalProxy<Reply>;
  readonly cluster: QuorumCluster;

  constructor(shards = 4) {
    this.quorum = new LocalQuorum({ shards });
    this.proxy = this.quorum.proxy<Reply>();
    this.cluster = new QuorumCluster(this.proxy.coordinator, this.proxy.holder, this.proxy.transport);
  }

  /** Lets time pass until the promise is settled. */
  async until<T>(promise: Promise<T>, withinMs = 20_000): Promise<T> {
    const settled = { yes: false };
    const mark = (): void => {
      settled.yes = true;
    };
    promise.then(mark, mark);
    await this.quorum.pass(withinMs, () => settled.yes);
    expect(settled.yes).toBe(true);
    return promise;
  }

  async run(key: string, step: Operation<Reply>['step'], namespace = 0): Promise<Reply> {
    const { promise, resolve, reject } = Promise.withResolvers<Reply>();
    this.cluster.submit({
      namespace,
      key: Buffer.from(key),
      step,
      done: (outcome) => (outcome.ok ? resolve(outcome.reply) : reject(new ClusterFailure(outcome.failure))),
    });
    return this.until(promise);
  }

  async set(names: readonly string[], namespace = 0): Promise<void> {
    for (const name of names) await this.run(name, step(set('x')), namespace);
  }

  /** A whole SCAN: all keys that it returned, and how many calls it took. */
  async scanAll(
    count: number,
    between: () => Promise<void> = async () => {},
  ): Promise<{ keys: string[]; calls: number }> {
    const keys: string[] = [];
    let cursor = '0';
    let calls = 0;
    do {
      const page = await this.until(this.cluster.scan(0, cursor, count));
      keys.push(...page.keys.map(({ key }) => key.toString()));
      expect(page.cursor).toMatch(/^\d+$/);
      expect(Number(page.cursor)).toBeLessThan(2 ** 53);
      cursor = page.cursor;
      calls++;
      await between();
    } while (cursor !== '0' && calls < 10_000);
    return { keys, calls };
  }
}

/** Steps of tests reply what clients could be sent too. */
function step(of: Operation<TestReply>['step']): Operation<Reply>['step'] {
  return of;
}

const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `key ${i}`);

describe('SCAN', () => {
  it('returns every key once where nothing changes, whatever COUNT', async () => {
    for (const shards of [1, 16]) {
      const kit = new ClusterKit(shards);
      await kit.set(names(60));
      for (const count of [1, 7, 1_000]) {
        const { keys } = await kit.scanAll(count);
        expect(keys.sort()).toEqual(names(60).sort());
      }
    }
  });

  it('returns what is there from start to end, while other keys come and go', async () => {
    const kit = new ClusterKit(8);
    const stable = names(40);
    await kit.set(stable);
    let turn = 0;
    const { keys } = await kit.scanAll(4, async () => {
      turn++;
      await kit.run(`passing ${turn}`, step(set('x')));
      await kit.run(`passing ${turn - 1}`, step(DEL));
    });
    expect([...new Set(keys)].filter((key) => key.startsWith('key')).sort()).toEqual([...stable].sort());
  });

  it('takes few calls in an empty namespace, and ends at once for a cursor that is none', async () => {
    const kit = new ClusterKit(1024);
    expect(await kit.scanAll(10)).toEqual({ keys: [], calls: 4 });
    expect(await kit.until(kit.cluster.scan(0, '9007199254740991', 10))).toEqual({ cursor: '0', keys: [] });
  });

  it('returns keys of its namespace only', async () => {
    const kit = new ClusterKit();
    await kit.set(['here']);
    await kit.set(['there'], 1);
    expect((await kit.scanAll(10)).keys).toEqual(['here']);
  });

  it('gets on through keys so long that few fit into an answer', async () => {
    const kit = new ClusterKit(1);
    const long = ['a', 'b', 'c', 'd'].map((letter) => letter.repeat(1_200_000));
    await kit.set(long);
    const { keys, calls } = await kit.scanAll(10);
    expect(keys.map((key) => key[0]).sort()).toEqual(['a', 'b', 'c', 'd']);
    expect(calls).toBeLessThan(10);
  });

  it('fails without a quorum', async () => {
    const kit = new ClusterKit();
    kit.quorum.takeDown(1);
    kit.quorum.takeDown(2);
    const failing: Promise<unknown>[] = [
      kit.cluster.scan(0, '0', 10),
      kit.cluster.count([0]),
      kit.cluster.randomKey(0),
    ];
    for (const promise of failing) await expect(kit.until(promise, 60_000)).rejects.toMatchObject(FAILS);
  });
});

describe('DBSIZE and RANDOMKEY', () => {
  it('count the live keys, and those that expire', async () => {
    const kit = new ClusterKit();
    await kit.set(names(20));
    await kit.run('key 3', step(DEL));
    await kit.run('later', step(set('x', { expiresAtMs: kit.quorum.clock.wallMs() + 60_000 })));
    await kit.run('gone', step(set('x', { expiresAtMs: kit.quorum.clock.wallMs() + 5 })));
    await kit.quorum.pass(10);
    expect(await kit.until(kit.cluster.count([0]))).toEqual([{ keys: 20, expires: 1 }]);
    expect(await kit.until(kit.cluster.count([5]))).toEqual([{ keys: 0, expires: 0 }]);
  });

  it('find one of the keys, each of them sooner or later, and nothing in an empty namespace', async () => {
    const kit = new ClusterKit(16);
    expect(await kit.until(kit.cluster.randomKey(0))).toBeNull();
    await kit.set(['a', 'b', 'c']);
    const found = new Set<string | undefined>();
    for (let i = 0; i < 200 && found.size < 3; i++) {
      found.add((await kit.until(kit.cluster.randomKey(0)))?.toString());
    }
    expect([...found].sort()).toEqual(['a', 'b', 'c']);
  });
});

describe('FLUSHDB', () => {
  it('empties its namespaces and no other', async () => {
    const kit = new ClusterKit();
    await kit.set(['k'], 0);
    await kit.set(['k'], 1);
    await kit.set(['k'], 2);
    expect(await kit.until(kit.cluster.flush([0, 2]))).toEqual({ ok: true, reply: null });
    expect(await kit.run('k', step(GET), 0)).toBeNull();
    expect(await kit.run('k', step(GET), 1)).toBe('x');
    expect(await kit.run('k', step(GET), 2)).toBeNull();
    expect(await kit.until(kit.cluster.count([0]))).toEqual([{ keys: 0, expires: 0 }]);
    expect(kit.cluster.map().epoch).toBe(2);
  });
});

describe('SWAPDB', () => {
  it('exchanges what is counted, scanned and shown of two databases', async () => {
    const kit = new ClusterKit();
    await kit.set(['a', 'b'], 0);
    await kit.set(['c'], 1);
    expect(await kit.until(kit.cluster.swap(1, 0))).toEqual({ ok: true, reply: null });
    expect(await kit.until(kit.cluster.count([0]))).toEqual([{ keys: 1, expires: 0 }]);
    expect(await kit.until(kit.cluster.count([1]))).toEqual([{ keys: 2, expires: 0 }]);
    expect((await kit.scanAll(10)).keys).toEqual(['c']);
    expect((await kit.until(kit.cluster.randomKey(0)))?.toString()).toBe('c');
    for (const [namespace, key, kind] of [
      [0, 'c', 'live'],
      [1, 'c', 'absent'],
      [1, 'a', 'live'],
    ] as const) {
      const replicas = await kit.until(kit.cluster.inspect(namespace, Buffer.from(key)));
      expect(replicas.map(({ replica }) => replica.kind)).toEqual([kind, kind, kind]);
    }
  });

  it('keeps to the databases of a group', async () => {
    const kit = new ClusterKit();
    await kit.until(kit.cluster.createNamespace('orders'));
    await kit.set(['k'], 0);
    await kit.run('k', step(set('of orders')), 16);
    expect(await kit.until(kit.cluster.swap(16, 17))).toEqual({ ok: true, reply: null });
    expect(await kit.run('k', step(GET), 17)).toBe('of orders');
    expect(await kit.run('k', step(GET), 16)).toBeNull();
    expect(await kit.run('k', step(GET), 0)).toBe('x');
  });
});

describe('a new namespace group', () => {
  const numbers = Array.from({ length: 16 }, (_, database) => 16 + database);

  it('serves from the first command on, though no node has its map yet', async () => {
    const kit = new ClusterKit();
    await kit.set(['k']);
    expect(await kit.until(kit.cluster.createNamespace('orders'))).toBeNull();
    const epochs = async () => (await kit.until(kit.cluster.nodes())).map(({ status }) => status?.mapEpoch);
    expect(await epochs()).toEqual([1, 1, 1]);
    // All at once: none is lost while the nodes adopt the map.
    const all = names(50).map((name, i) => kit.run(name, step(set('x')), 16 + (i % 16)));
    expect(await Promise.all(all)).toHaveLength(50);
    expect(await epochs()).toEqual([2, 2, 2]);
    expect(await kit.run('key 17', step(GET), 17)).toBe('x');
    expect(await kit.run('key 17', step(GET), 16)).toBeNull();
    expect(await kit.run('k', step(GET))).toBe('x');
    expect(await kit.until(kit.cluster.count([16]))).toEqual([{ keys: 4, expires: 0 }]);
    expect(await kit.until(kit.cluster.createNamespace('orders'))).toBe("there is a namespace 'orders' already");
  });

  it('can be scanned and flushed before any command', async () => {
    const kit = new ClusterKit();
    await kit.until(kit.cluster.createNamespace('a'));
    expect(await kit.until(kit.cluster.count([31]))).toEqual([{ keys: 0, expires: 0 }]);
    await kit.until(kit.cluster.createNamespace('b'));
    expect(await kit.until(kit.cluster.flush(numbers))).toEqual({ ok: true, reply: null });
    await kit.set(['k'], 16);
    await kit.set(['k'], 32);
    await kit.until(kit.cluster.flush(numbers));
    expect(await kit.run('k', step(GET), 16)).toBeNull();
    expect(await kit.run('k', step(GET), 32)).toBe('x');
  });

  it('is known to nodes after a restart, and with one of them down', async () => {
    const kit = new ClusterKit();
    await kit.until(kit.cluster.createNamespace('a'));
    kit.quorum.takeDown(3);
    await kit.set(['k'], 16);
    kit.quorum.takeUp(3);
    kit.quorum.restart(1);
    kit.quorum.restart(3);
    kit.quorum.takeDown(2);
    expect(await kit.run('k', step(GET), 16)).toBe('x');
    await kit.set(['l'], 20);
  });

  it('disturbs nobody: another proxy, with the map of before, goes on', async () => {
    const kit = new ClusterKit();
    const other = kit.quorum.proxy<Reply>();
    const elsewhere = new QuorumCluster(other.coordinator, other.holder, other.transport);
    await kit.until(kit.cluster.createNamespace('a'));
    await kit.set(['k'], 16);
    expect(other.holder.current.epoch).toBe(1);
    expect(await kit.until(elsewhere.count([0]))).toEqual([{ keys: 0, expires: 0 }]);
    expect(other.holder.current.epoch).toBe(1);
    // It knows at the latest when it changes something itself.
    expect(await kit.until(elsewhere.setNamespaceLimits('a', { maxKeyBytes: 4 }))).toBeNull();
    expect(other.holder.current.namespaceGroups.map(({ name }) => name)).toEqual(['default', 'a']);
    expect(await kit.until(elsewhere.setNamespaceLimits('b', {}))).toBe("there is no namespace 'b'");
  });
});

describe('nodes', () => {
  it('tell their status; one that is down has none', async () => {
    const kit = new ClusterKit();
    await kit.set(['k']);
    kit.quorum.takeDown(2);
    const nodes = await kit.until(kit.cluster.nodes());
    expect(nodes.map(({ nodeId, zone, up }) => [nodeId, zone, up])).toEqual([
      [1, 'z1', true],
      [2, 'z2', false],
      [3, 'z3', true],
    ]);
    expect(nodes[0]?.status).toMatchObject({ nodeId: 1, mapEpoch: 1, corruptRecords: 0 });
    expect(nodes[1]?.status).toBeNull();
  });
});

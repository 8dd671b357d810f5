import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import type { ClusterMap } from '../cluster/map.ts';
import { withGoals, withMovesBegun, withShardsLearned } from '../cluster/members.ts';
import { adoptedByQuorum } from '../quorum/adopted.ts';
import { KeyCounter } from '../quorum/key-count.ts';
import { KeyScan } from '../quorum/key-scan.ts';
import { appendText, DEL, EXISTS, GET, INCR, set, type TestReply } from '../quorum/testing/steps.ts';
import { sameBallot } from '../record/ballot.ts';
import { MessageType, type Request } from '../rpc/messages.ts';
import { type LocalProxy, LocalQuorum, type LocalQuorumOptions } from './testing/local-quorum.ts';

/** Zone 1 has the old node 1 and the learner; the other zones have one node each. */
const OLD = 1;
const SHARDS = [0, 1, 2, 3];

function must<T>(value: T | null): T {
  if (value === null) throw new Error('there is something to change');
  return value;
}

/** All shards of zone 1 move to the spare node; `heard`: the nodes that have the new map already. */
class JointQuorum extends LocalQuorum {
  readonly learner: number;
  newest: ClusterMap;

  constructor(options: LocalQuorumOptions = {}) {
    super({ ...options, spares: 1 });
    this.learner = (options.nodes ?? 3) + 1;
    this.newest = this.map;
  }

  get all(): number[] {
    return Array.from({ length: this.learner }, (_, i) => i + 1);
  }

  async to(map: ClusterMap, heard: readonly number[] = this.all): Promise<void> {
    await this.change(map, heard);
    this.newest = map;
  }

  async join(heard: readonly number[] = this.all): Promise<void> {
    const goals = SHARDS.map((shard) => ({ shard, zone: 0, to: this.learner }));
    await this.to(withGoals(this.newest, goals), []);
    await this.to(must(withMovesBegun(this.newest, this.learner, SHARDS.length)), heard);
    if (heard.includes(this.learner)) await this.open(this.learner, SHARDS);
  }

  /** The zone does not count: the old node has gone. */
  async joinAlone(): Promise<void> {
    await this.join([]);
    const moves = this.newest.moves.map((move) => ({ ...move, oldVotes: false }));
    const epoch = this.newest.epoch + 1;
    await this.to({ ...this.newest, epoch, moves, shardEpochs: this.newest.shardEpochs.map(() => epoch) });
    await this.open(this.learner, SHARDS);
  }

  /** As if the learner had learned everything. */
  async leave(heard: readonly number[] = this.all): Promise<void> {
    for (const shard of SHARDS) this.node(this.learner).shards.map.noteLearned(shard);
    await this.to(must(withShardsLearned(this.newest, this.learner, SHARDS)), heard);
  }

  same(key: string, nodes: readonly number[]): boolean {
    const first = this.stored(nodes[0] ?? 0, key);
    return nodes.every((node) => {
      const stored = this.stored(node, key);
      return stored !== null && first !== null && sameBallot(stored.accepted, first.accepted);
    });
  }
}

function disturb(proxy: LocalProxy, type: Request['type'], nodes: readonly number[]): void {
  proxy.transport.fate = (node, request) => (request.type === type && nodes.includes(node) ? 'drop' : 'pass');
}

function letGo(proxy: LocalProxy): void {
  proxy.transport.fate = () => 'pass';
  proxy.transport.release();
}

const unavailable = { ok: false, failure: { kind: 'unavailable' } };
const LARGE = 'one line of text;'.repeat(10_000);

describe('while a shard moves', () => {
  it.each([1, 3, 5] as const)(
    'of %i zones, commands work and both nodes of the pair take what is written',
    async (nodes) => {
      const quorum = new JointQuorum({ nodes, express: true });
      const proxy = quorum.proxy();
      await proxy.do('before', set('old'));
      await quorum.join();
      expect(await proxy.do('before', GET)).toBe('old');
      expect(await proxy.do('before', appendText('er'))).toBe('older'.length);
      expect(await proxy.do('k', set('v'))).toBe('OK');
      expect(await proxy.all('n', [INCR, INCR, GET])).toMatchObject([{ reply: 1 }, { reply: 2 }, { reply: '2' }]);
      await quorum.pass(10);
      for (const key of ['before', 'k', 'n']) expect(quorum.same(key, quorum.all), key).toBe(true);
      await quorum.leave();
      expect(await proxy.do('before', GET)).toBe('older');
      expect(await proxy.do('n', INCR)).toBe(3);
      expect(proxy.counter('unavailable') + proxy.counter('uncertain')).toBe(0);
    },
  );

  it.each([1, 2, 3, 4])('and node %i is down, every command succeeds', async (down) => {
    const quorum = new JointQuorum();
    const proxy = quorum.proxy();
    await proxy.do('k', set('old'));
    await quorum.join();
    quorum.takeDown(down);
    expect(await proxy.do('k', GET)).toBe('old');
    for (let i = 1; i <= 3; i++) expect(await proxy.do('n', INCR)).toBe(i);
    expect(await proxy.do('k', DEL)).toBe(1);
    quorum.takeUp(down);
    expect(await proxy.do('k', GET)).toBeNull();
    expect(await proxy.do('n', GET)).toBe('3');
  });

  it.each([OLD, 4])('node %i and one of another zone are down, nothing can be told, and nothing is', async (half) => {
    const quorum = new JointQuorum();
    const proxy = quorum.proxy();
    await proxy.do('k', set('old'));
    await quorum.join();
    quorum.takeDown(half);
    quorum.takeDown(2);
    expect(await proxy.outcome('k', GET)).toMatchObject(unavailable);
    expect(await proxy.outcome('k', set('new'))).toMatchObject(unavailable);
    quorum.takeUp(half);
    expect(await proxy.do('k', GET)).toBe('old');
  });

  it('a COMMIT that reached the old node alone is not read as chosen (joint-reads-old-alone)', async () => {
    const quorum = new JointQuorum();
    const [writer, reader] = [quorum.proxy(), quorum.proxy()];
    await writer.do('k', set('old'));
    await quorum.join();
    // A read has brought the learner up.
    quorum.takeDown(3);
    expect(await reader.do('k', set('first'))).toBe('OK');
    disturb(writer, MessageType.commit, [3, quorum.learner]);
    const running = writer.start('k', set('second'));
    await quorum.pass(10);
    expect(quorum.same('k', [OLD, 2])).toBe(true);
    expect(running.outcome).toBeNull();
    // Whoever reads it now sees to it that the learner has it, too.
    expect(await reader.do('k', GET)).toBe('second');
    expect(reader.counter('read-repair')).toBeGreaterThan(0);
    quorum.takeUp(3);
    await quorum.leave();
    quorum.takeDown(2);
    expect(await quorum.proxy().do('k', GET)).toBe('second');
  });

  it('a promise of the old node alone does not count (joint-promise-dropped)', async () => {
    const quorum = new JointQuorum();
    const [one, other] = [quorum.proxy(), quorum.proxy()];
    await one.do('k', set('old'));
    await quorum.join();
    one.transport.fate = (node) => (node === 2 || node === quorum.learner ? 'drop' : 'pass');
    const running = one.start('k', set('from one'));
    await quorum.pass(100);
    expect(running.outcome).toBeNull();
    expect(one.counter('prepared')).toBe(1);
    await quorum.leave();
    expect(await other.do('k', set('from other'))).toBe('OK');
    letGo(one);
    await quorum.pass(limits.deadlineMs, () => running.outcome !== null);
    expect(running.outcome).toEqual({ ok: true, reply: 'OK' });
    expect(await other.do('k', GET)).toBe('from one');
  });

  it('nodes of a pair that differ are one answer, equal to none, and repaired only where it must be', async () => {
    const quorum = new JointQuorum();
    const proxy = quorum.proxy();
    await proxy.do('k', set('v'));
    await quorum.join();
    // The plain zones agree: nobody asks the pair.
    expect(await proxy.do('k', GET)).toBe('v');
    expect(quorum.stored(quorum.learner, 'k')).toBeNull();
    expect(proxy.counter('read-repair')).toBe(0);
    quorum.takeDown(3);
    await quorum.pass(limits.writeInFlightMs);
    expect(await proxy.do('k', GET)).toBe('v');
    expect(proxy.counter('read-repair')).toBe(1);
    await quorum.pass(5);
    expect(quorum.same('k', [OLD, 2, quorum.learner])).toBe(true);
  });

  it('a node that does not vote is no answer, and the learner beside it takes COMMITs all the same', async () => {
    const quorum = new JointQuorum();
    const proxy = quorum.proxy();
    await proxy.do('k', set('old'));
    await quorum.joinAlone();
    expect(await proxy.do('k', set('new'))).toBe('OK');
    await quorum.pass(5);
    expect(quorum.same('k', [2, 3, quorum.learner])).toBe(true);
    expect(quorum.same('k', [OLD, 2])).toBe(false);
    quorum.takeDown(2);
    expect(await proxy.outcome('k', GET)).toMatchObject(unavailable);
    expect(await proxy.outcome('k', INCR)).toMatchObject(unavailable);
    quorum.takeUp(2);
    expect(await proxy.do('k', GET)).toBe('new');
  });

  it.each([1, 3] as const)('of %i zones, values in pages are written, changed and read', async (nodes) => {
    const quorum = new JointQuorum({ nodes });
    const proxy = quorum.proxy();
    await proxy.do('before', set(LARGE));
    await quorum.join();
    if (nodes === 3) quorum.takeDown(3);
    expect(await proxy.do('before', appendText('end'))).toBe(LARGE.length + 3);
    expect(await proxy.do('before', GET)).toBe(`${LARGE}end`);
    expect(await proxy.do('k', set(LARGE))).toBe('OK');
    expect(await proxy.do('k', GET)).toBe(LARGE);
    await quorum.pass(10);
    const holders = quorum.all.filter((node) => nodes === 1 || node !== 3);
    expect(quorum.same('before', holders) && quorum.same('k', holders)).toBe(true);
    // The learner alone has all the pages, too.
    await quorum.leave();
    if (nodes === 3) quorum.takeUp(3);
    quorum.takeDown(OLD);
    expect(await proxy.do('before', GET)).toBe(`${LARGE}end`);
    expect(await proxy.do('k', GET)).toBe(LARGE);
  });

  it('a scan finds, and a count counts, every key once, though the learner has few of them', async () => {
    const quorum = new JointQuorum({ shards: 4 });
    const proxy = quorum.proxy();
    const names = Array.from({ length: 40 }, (_, i) => `key${i}`);
    for (const name of names) await proxy.do(name, set('v'));
    await quorum.join();
    quorum.takeDown(3);
    for (const name of names.slice(0, 10)) await proxy.do(name, set('w'));
    await proxy.do('key39', DEL);
    const scan = new KeyScan<TestReply>(proxy.coordinator, EXISTS, (reply) => reply === 1);
    const found: string[] = [];
    for (const shard of SHARDS) {
      for (let after = '', exhausted = false; !exhausted; ) {
        let isDone = false;
        const page = scan.scanShard(0, shard, after, 7).finally(() => {
          isDone = true;
        });
        await quorum.pass(5_000, () => isDone);
        const result = await page;
        if (!result.ok) throw new Error(result.failure.detail);
        found.push(...result.keys.map(({ key }) => key.toString()));
        ({ exhausted, lastId: after } = result);
      }
    }
    expect(found.sort()).toEqual(names.filter((name) => name !== 'key39').sort());
    const counter = new KeyCounter(proxy.coordinator, scan);
    let keys = 0;
    for (const shard of SHARDS) {
      let isDone = false;
      const counting = counter.countShard([0], shard).finally(() => {
        isDone = true;
      });
      await quorum.pass(5_000, () => isDone);
      const result = await counting;
      if (!result.ok) throw new Error(result.failure.detail);
      keys += result.totals[0]?.keys ?? 0;
    }
    expect(keys).toBe(found.length);
  });

  it('a zone has adopted a map when both of its nodes have', async () => {
    const quorum = new JointQuorum();
    await quorum.join([]);
    expect(adoptedByQuorum(quorum.newest, new Set([OLD, 2]))).toBe(false);
    expect(adoptedByQuorum(quorum.newest, new Set([quorum.learner, 2]))).toBe(false);
    expect(adoptedByQuorum(quorum.newest, new Set([OLD, quorum.learner, 2]))).toBe(true);
    expect(adoptedByQuorum(quorum.newest, new Set([2, 3]))).toBe(true);
    const alone = { ...quorum.newest, moves: quorum.newest.moves.map((move) => ({ ...move, oldVotes: false })) };
    expect(adoptedByQuorum(alone, new Set([OLD, quorum.learner, 2]))).toBe(false);
  });
});

describe.each([true, false])('a planned change of the map (express lane: %s)', (express) => {
  const changes = ['join', 'leave'] as const;

  async function prepared(change: (typeof changes)[number]): Promise<JointQuorum> {
    const quorum = new JointQuorum({ express });
    if (change === 'leave') await quorum.join();
    return quorum;
  }

  it.each(changes)('costs no command an error: %s while PREPAREs are out', async (change) => {
    const quorum = await prepared(change);
    const proxy = quorum.proxy();
    await proxy.do('n', INCR);
    await quorum.pass(2 * limits.chainLifeMs);
    proxy.transport.fate = (_node, { type }) =>
      type === MessageType.prepare || type === MessageType.prepareMany ? 'hold' : 'pass';
    const running = [proxy.start('n', INCR), proxy.start('m', INCR), proxy.start('k', set('v'))];
    await quorum.pass(3);
    await quorum[change]();
    letGo(proxy);
    await quorum.pass(500, () => running.every(({ outcome }) => outcome !== null));
    expect(running.map(({ outcome }) => outcome)).toMatchObject([{ reply: 2 }, { reply: 1 }, { reply: 'OK' }]);
  });

  it.each(changes)('lets no COMMIT pass that was promised before: %s while it is out', async (change) => {
    const quorum = await prepared(change);
    const proxy = quorum.proxy();
    await proxy.do('n', INCR);
    await quorum.pass(2 * limits.chainLifeMs);
    proxy.transport.fate = (_node, { type }) =>
      type === MessageType.commit || type === MessageType.commitMany ? 'hold' : 'pass';
    const running = proxy.start('n', INCR);
    await quorum.pass(3);
    const held = proxy.transport.held;
    expect(held).toBeGreaterThan(0);
    await quorum[change]();
    letGo(proxy);
    await quorum.pass(500, () => running.outcome !== null);
    // Refused everywhere, prepared again, found not applied, run once.
    expect(running.outcome).toEqual({ ok: true, reply: 2 });
    expect(proxy.counter('fenced') + proxy.counter('express-left')).toBeGreaterThan(0);
    expect(await quorum.proxy().do('n', GET)).toBe('2');
  });

  it.each(changes)('does not make a write happen twice whose answers were lost: %s', async (change) => {
    const quorum = await prepared(change);
    const proxy = quorum.proxy();
    await proxy.do('n', INCR);
    await quorum.pass(2 * limits.chainLifeMs);
    proxy.transport.fate = (node, { type }) =>
      type === MessageType.commit || type === MessageType.commitMany ? (node === 3 ? 'drop' : 'deaf') : 'pass';
    const running = proxy.start('n', INCR);
    await quorum.pass(5);
    expect(running.outcome).toBeNull();
    await quorum[change]();
    letGo(proxy);
    await quorum.pass(limits.deadlineMs, () => running.outcome !== null);
    expect(running.outcome).toEqual({ ok: true, reply: 2 });
    expect(await quorum.proxy().do('n', GET)).toBe('2');
    expect(proxy.counter('uncertain')).toBe(0);
  });

  it.each(changes)('ends chains: %s', async (change) => {
    const quorum = await prepared(change);
    const proxy = quorum.proxy();
    for (let i = 1; i <= 3; i++) expect(await proxy.do('n', INCR)).toBe(i);
    expect(proxy.counter('chain-started')).toBeGreaterThan(0);
    await quorum[change]();
    const continued = proxy.counter('chain-continued');
    expect(await proxy.do('n', INCR)).toBe(4);
    // It may not have heard of the map: then its COMMIT was refused.
    if (proxy.counter('fenced') + proxy.counter('chain-refused') === 0) {
      expect(proxy.counter('chain-continued')).toBe(continued);
    }
    expect(await quorum.proxy().do('n', GET)).toBe('4');
  });

  it('keeps the order of one connection on a key', async () => {
    const quorum = new JointQuorum({ express });
    const proxy = quorum.proxy();
    await proxy.do('k', set('old'));
    await quorum.pass(2 * limits.chainLifeMs);
    proxy.transport.fate = () => 'hold';
    const running = [proxy.start('k', set('a')), proxy.start('k', GET)];
    await quorum.pass(2);
    await quorum.join();
    proxy.holder.adopt(quorum.newest);
    running.push(proxy.start('k', appendText('b')), proxy.start('k', GET));
    await quorum.pass(2);
    letGo(proxy);
    await quorum.pass(limits.deadlineMs, () => running.every(({ outcome }) => outcome !== null));
    expect(running.map(({ outcome }) => (outcome?.ok ? outcome.reply : outcome))).toEqual(['OK', 'a', 2, 'ab']);
  });

  it('reaches a proxy without the config store, and nodes that have not heard of it', async () => {
    const quorum = new JointQuorum({ express });
    const [proxy, informed] = [quorum.proxy(), quorum.proxy()];
    await proxy.do('n', INCR);
    await quorum.join([2, 3]);
    quorum.config.read = () => Promise.resolve({ ok: false, problem: 'away' });
    expect(await proxy.do('n', INCR, 500)).toBe(2);
    expect(proxy.coordinator.mapEpoch).toBe(quorum.newest.epoch);
    // Nodes 1 and 4 hear of it when they are asked.
    informed.holder.adopt(quorum.newest);
    quorum.takeDown(3);
    await quorum.pass(5);
    const running = informed.start('n', INCR);
    await quorum.pass(50);
    expect([1, 4].map((node) => quorum.node(node).hello().mapEpoch)).toEqual([
      quorum.newest.epoch,
      quorum.newest.epoch,
    ]);
    await quorum.open(quorum.learner, SHARDS);
    await quorum.pass(limits.deadlineMs, () => running.outcome !== null);
    expect(running.outcome).toEqual({ ok: true, reply: 3 });
  });
});

describe('the order in which nodes are asked', () => {
  it('is plain zones first, then the pair, and a zone under maintenance last', async () => {
    const quorum = new JointQuorum();
    const proxy = quorum.proxy();
    await quorum.join();
    proxy.holder.adopt(quorum.newest);
    const zones = quorum.newest.zones.map((zone, index) => ({ ...zone, down: index === 1 }));
    const orderOf = (key: string): number[][] =>
      proxy.coordinator
        .place({ namespace: 0, key: Buffer.from(key) })
        .nodes.map((node) => [...proxy.coordinator.nodesBehind(node)]);
    for (let i = 0; i < 10; i++) expect(orderOf(`k${i}`)[2]).toEqual([OLD, quorum.learner]);
    proxy.holder.adopt({ ...quorum.newest, epoch: quorum.newest.epoch + 1, zones });
    for (let i = 0; i < 10; i++) expect(orderOf(`k${i}`)).toEqual([[3], [OLD, quorum.learner], [2]]);
  });
});

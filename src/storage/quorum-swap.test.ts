import { describe, expect, it } from 'vitest';
import type { Failure } from '../base/failure.ts';
import { limits } from '../base/limits.ts';
import { databaseOf } from '../cluster/databases.ts';
import { flushNamespaces, swapDatabases } from '../quorum/flush.ts';
import { KeyScan } from '../quorum/key-scan.ts';
import type { Outcome, Step } from '../quorum/operation.ts';
import { RecordExport } from '../quorum/record-export.ts';
import { EXISTS, GET, INCR, set, type TestReply } from '../quorum/testing/steps.ts';
import { recordKey } from '../record/record-id.ts';
import { NO_NAMESPACE } from '../record/state.ts';
import { MessageType, type Request } from '../rpc/messages.ts';
import { type LocalProxy, LocalQuorum } from './testing/local-quorum.ts';

interface Running {
  outcome: Outcome<TestReply> | null;
}

/** Null while it runs; then OK or the failure. */
interface Changing {
  result: { readonly failure: Failure | null } | null;
}

type Change = (left: () => number, pause: (ms: number) => Promise<void>) => Promise<Failure | null>;

/** Operations on numbered databases, and changes of what the numbers mean. */
class SwapKit {
  readonly quorum: LocalQuorum;
  readonly one: LocalProxy;
  readonly other: LocalProxy;

  constructor(express = false) {
    this.quorum = new LocalQuorum({ express });
    this.one = this.quorum.proxy();
    this.other = this.quorum.proxy();
  }

  start(proxy: LocalProxy, namespace: number, key: string, step: Step<TestReply>): Running {
    const running: Running = { outcome: null };
    const done = (outcome: Outcome<TestReply>): void => {
      expect(running.outcome).toBeNull();
      running.outcome = outcome;
    };
    proxy.coordinator.submit({ namespace, key: Buffer.from(key), step, done });
    return running;
  }

  /** Sets keys of databases, all as one. */
  startAll(proxy: LocalProxy, keys: readonly [number, string][], text: string): Running {
    const running: Running = { outcome: null };
    proxy.coordinator.transact({
      keys: keys.map(([namespace, key]) => ({ namespace, key: Buffer.from(key) })),
      access: 'write',
      needs: 'value',
      run: (view) => {
        for (let i = 0; i < keys.length; i++) view.apply(i, set(text));
        return 'OK';
      },
      done: (outcome) => {
        running.outcome = outcome;
      },
    });
    return running;
  }

  async ended(running: Running): Promise<TestReply | string> {
    await this.quorum.pass(10_000, () => running.outcome !== null);
    const { outcome } = running;
    if (outcome === null) return 'no answer';
    return outcome.ok ? outcome.reply : outcome.failure.kind;
  }

  do(proxy: LocalProxy, namespace: number, key: string, step: Step<TestReply>): Promise<TestReply | string> {
    return this.ended(this.start(proxy, namespace, key, step));
  }

  swapping(proxy: LocalProxy, one = 0, other = 1): Changing {
    const { holder, coordinator } = proxy;
    return this.#change((left, pause) => swapDatabases(holder, coordinator.caller, one, other, left, pause));
  }

  flushing(proxy: LocalProxy, namespace: number): Changing {
    const { holder, coordinator } = proxy;
    return this.#change((left, pause) => flushNamespaces(holder, coordinator.caller, [namespace], left, pause));
  }

  async changed(changing: Changing): Promise<Failure | null> {
    await this.quorum.pass(limits.flushDeadlineMs + 2_000, () => changing.result !== null);
    expect(changing.result).not.toBeNull();
    return changing.result?.failure ?? null;
  }

  /** The keys of a database, shard by shard. */
  async keys(proxy: LocalProxy, namespace: number): Promise<string[]> {
    const scan = new KeyScan(proxy.coordinator, EXISTS, (reply) => reply === 1);
    const found: string[] = [];
    for (let shard = 0; shard < this.quorum.map.shards; shard++) {
      const page = await this.settled(scan.scanShard(namespace, shard, '', 100));
      if (!page.ok) return [page.failure.kind];
      found.push(...page.keys.map(({ key }) => key.toString()));
    }
    return found.sort();
  }

  async settled<T>(promise: Promise<T>): Promise<T> {
    let isDone = false;
    void promise.finally(() => {
      isDone = true;
    });
    await this.quorum.pass(10_000, () => isDone);
    return promise;
  }

  /** Whether a node's disk has a record that carries this number. */
  holds(node: number, stored: number, key: string): boolean {
    const id = this.quorum.ids.recordId(stored, 1, Buffer.from(key));
    const { shards } = this.quorum.map;
    return Array.from({ length: shards }, (_, shard) => recordKey(shard, id)).some(
      (place) => this.quorum.engine(node).stored(place) !== null,
    );
  }

  #change(change: Change): Changing {
    const { clock } = this.quorum;
    const endMs = clock.monotonicMs() + limits.flushDeadlineMs;
    const running: Changing = { result: null };
    const pause = (ms: number): Promise<void> => new Promise((resolve) => clock.after(ms, resolve));
    void change(() => endMs - clock.monotonicMs(), pause).then((failure) => {
      running.result = { failure };
    });
    return running;
  }
}

function isDecision(request: Request): boolean {
  return request.type === MessageType.commit && request.address.namespace === NO_NAMESPACE;
}

describe.each([false, true])('a swap of two databases (express lane: %s)', (express) => {
  it('exchanges what all proxies find under their numbers', async () => {
    const kit = new SwapKit(express);
    const { one, other } = kit;
    for (let i = 0; i < 5; i++) await kit.do(one, 0, `k${i}`, set(`zero ${i}`));
    await kit.do(other, 1, 'k0', set('one'));
    await kit.do(other, 2, 'k0', set('two'));
    expect(await kit.changed(kit.swapping(one))).toBeNull();
    for (const proxy of [other, one]) {
      expect(await kit.do(proxy, 0, 'k0', GET)).toBe('one');
      expect(await kit.do(proxy, 0, 'k1', GET)).toBeNull();
      for (let i = 0; i < 5; i++) expect(await kit.do(proxy, 1, `k${i}`, GET)).toBe(`zero ${i}`);
      expect(await kit.do(proxy, 2, 'k0', GET)).toBe('two');
    }
    // The other one learned of it from the first refusal, and its clients saw no error.
    expect(await kit.do(other, 1, 'k1', set('new'))).toBe('OK');
    expect(await kit.do(one, 1, 'k1', GET)).toBe('new');
    expect(await kit.do(one, 0, 'k1', GET)).toBeNull();
    expect(await kit.changed(kit.swapping(other))).toBeNull();
    expect(await kit.do(one, 0, 'k1', GET)).toBe('new');
    expect(await kit.do(one, 1, 'k0', GET)).toBe('one');
  });

  it('fences the old meaning: nobody reads, or acknowledges a change of, what the number meant before', async () => {
    const kit = new SwapKit(express);
    const { one, other } = kit;
    for (let i = 1; i <= 3; i++) expect(await kit.do(other, 0, 'n', INCR)).toBe(i);
    expect(await kit.changed(kit.swapping(one))).toBeNull();
    expect(other.holder.current.epoch).toBe(1);
    // Its chain, and its promises, are of before: where a COMMIT was refused nothing can be told of it any more.
    const outcome = await kit.do(other, 0, 'n', INCR);
    expect([1, 'uncertain']).toContain(outcome);
    expect(await kit.do(one, 1, 'n', GET)).toBe('3');
    expect(await kit.do(one, 0, 'n', GET)).toBe(outcome === 1 ? '1' : null);
    expect(await kit.do(other, 1, 'n', INCR)).toBe(4);
  });
});

describe('a swap', () => {
  it('carries commands that wait over to the new meaning, in their order', async () => {
    const kit = new SwapKit();
    const { one, other, quorum } = kit;
    await kit.do(other, 0, 'k', set('old'));
    await quorum.pass(limits.chainLifeMs);
    other.transport.fate = (_node, { type }) => (type === MessageType.prepare ? 'hold' : 'pass');
    const running = [set('a', { nx: true }), GET].map((step) => kit.start(other, 0, 'k', step));
    await quorum.pass(2);
    expect(await kit.changed(kit.swapping(one))).toBeNull();
    other.transport.fate = () => 'pass';
    other.transport.release();
    expect(await kit.ended(running[0] ?? { outcome: null })).toBe('OK');
    expect(await kit.ended(running[1] ?? { outcome: null })).toBe('a');
    expect(await kit.do(one, 1, 'k', GET)).toBe('old');
    expect(other.counter('resubmitted')).toBeGreaterThan(0);
  });

  it('keeps a write that a quorum took before it, in the data for which it was', async () => {
    const kit = new SwapKit();
    const { one, other, quorum } = kit;
    other.transport.fate = (node, { type }) => (type === MessageType.commit && node !== 1 ? 'deaf' : 'pass');
    const running = kit.start(other, 0, 'k', set('x'));
    await quorum.pass(5);
    expect(running.outcome).toBeNull();
    expect(await kit.changed(kit.swapping(one))).toBeNull();
    expect(await kit.do(one, 1, 'k', GET)).toBe('x');
    expect(await kit.do(one, 0, 'k', GET)).toBeNull();
    other.transport.fate = () => 'pass';
    // It took effect; where that cannot be told any more, it is not run anew in the other data.
    expect(['OK', 'uncertain']).toContain(await kit.ended(running));
    expect(await kit.do(one, 0, 'k', GET)).toBeNull();
  });

  it('answers a write UNCERTAIN of which only a minority took the COMMIT, and does not run it in the new meaning', async () => {
    const kit = new SwapKit();
    const { one, other, quorum } = kit;
    other.transport.fate = (node, { type }) => (type === MessageType.commit && node !== 1 ? 'hold' : 'pass');
    const running = kit.start(other, 0, 'n', INCR);
    await quorum.pass(5);
    expect(await kit.changed(kit.swapping(one))).toBeNull();
    other.transport.fate = () => 'pass';
    other.transport.release();
    expect(await kit.ended(running)).toBe('uncertain');
    expect(await kit.do(other, 0, 'n', INCR)).toBe(1);
  });

  it('lets no reader answer from before a transaction that is decided later, under the old meaning', async () => {
    const kit = new SwapKit();
    const { one, other, quorum } = kit;
    for (const key of ['a', 'b']) await kit.do(one, 0, key, set('old'));
    one.transport.fate = (_node, request) => (isDecision(request) ? 'hold' : 'pass');
    const transaction = kit.startAll(
      one,
      [
        [0, 'a'],
        [0, 'b'],
      ],
      'new',
    );
    await quorum.pass(20);
    expect(one.transport.held).toBeGreaterThan(0);
    // Of databases that were never swapped a reader answers at once.
    expect(await kit.do(other, 0, 'a', GET)).toBe('old');
    expect(await kit.changed(kit.swapping(other))).toBeNull();
    const reading = kit.start(other, 1, 'a', GET);
    await quorum.pass(100);
    expect(reading.outcome).toBeNull();
    one.transport.fate = () => 'pass';
    one.transport.release();
    expect(await kit.ended(transaction)).toBe('OK');
    expect(await kit.ended(reading)).toBe('new');
    expect(await kit.do(other, 1, 'b', GET)).toBe('new');
    expect(await kit.do(other, 0, 'a', GET)).toBeNull();
  });

  it('a reader who waits too long aborts the transaction, which then happens in the new meaning', async () => {
    const kit = new SwapKit();
    const { one, other, quorum } = kit;
    for (const key of ['a', 'b']) await kit.do(one, 0, key, set('old'));
    one.transport.fate = (_node, request) => (isDecision(request) ? 'hold' : 'pass');
    const transaction = kit.startAll(
      one,
      [
        [0, 'a'],
        [1, 'b'],
      ],
      'new',
    );
    await quorum.pass(20);
    expect(await kit.changed(kit.swapping(other))).toBeNull();
    expect(await kit.do(other, 1, 'a', GET)).toBe('old');
    one.transport.fate = () => 'pass';
    one.transport.release();
    expect(await kit.ended(transaction)).toBe('OK');
    expect(await kit.do(other, 0, 'a', GET)).toBe('new');
    expect(await kit.do(other, 1, 'b', GET)).toBe('new');
    expect(await kit.do(other, 1, 'a', GET)).toBe('old');
    expect(await kit.do(other, 0, 'b', GET)).toBeNull();
  });

  it('is seen by scans, exports and flushes; what is purged behind a flush is what was flushed', async () => {
    const kit = new SwapKit();
    const { one, other, quorum } = kit;
    for (const key of ['a', 'b']) await kit.do(one, 0, key, set('zero'));
    await kit.do(one, 1, 'c', set('one'));
    expect(await kit.changed(kit.swapping(one))).toBeNull();
    expect(await kit.keys(other, 0)).toEqual(['c']);
    expect(await kit.keys(other, 1)).toEqual(['a', 'b']);
    const exported = new RecordExport(other.coordinator, EXISTS);
    const databases: number[] = [];
    for (let shard = 0; shard < quorum.map.shards; shard++) {
      const listed = await kit.settled(exported.list(shard, '', 10));
      const records = listed.ok ? listed.value.records : expect.fail(listed.failure.detail);
      databases.push(...records.map(({ namespace }) => databaseOf(other.holder.current, namespace)));
    }
    expect(databases.sort()).toEqual([0, 1, 1]);
    expect(await kit.changed(kit.flushing(other, 1))).toBeNull();
    expect(await kit.keys(one, 1)).toEqual([]);
    expect(await kit.keys(one, 0)).toEqual(['c']);
    await quorum.pass(limits.purgeAfterMs + 2_000, () => [1, 2, 3].every((node) => !kit.holds(node, 0, 'a')));
    for (const node of [1, 2, 3]) {
      expect(kit.holds(node, 0, 'a')).toBe(false);
      expect(kit.holds(node, 1, 'c')).toBe(true);
    }
  });

  it('competes with other changes of the map: each happens once', async () => {
    const kit = new SwapKit();
    const { one, other, quorum } = kit;
    await kit.do(one, 0, 'k', set('zero'));
    await kit.do(one, 2, 'k', set('two'));
    const changes = [
      kit.swapping(one, 0, 1),
      kit.swapping(other, 1, 2),
      kit.swapping(one, 3, 4),
      kit.swapping(other, 3, 4),
      kit.flushing(other, 5),
    ];
    for (const changing of changes) expect(await kit.changed(changing)).toBeNull();
    const read = await quorum.config.read();
    const map = read.ok ? read.value : null;
    expect(map?.epoch).toBe(6);
    expect(map?.databases.slice(3).map(({ storedAs }) => storedAs)).toEqual([3, 4]);
    const values: (TestReply | string)[] = [];
    for (const database of [0, 1, 2]) values.push(await kit.do(one, database, 'k', GET));
    // Whichever of the two that share a database came first.
    expect([
      [null, 'two', 'zero'],
      ['two', 'zero', null],
    ]).toContainEqual(values);
  });

  it('survives the restart of its nodes, and needs a quorum of zones', async () => {
    const kit = new SwapKit();
    const { one, other, quorum } = kit;
    await kit.do(one, 0, 'k', set('zero'));
    quorum.takeDown(3);
    expect(await kit.changed(kit.swapping(one))).toBeNull();
    quorum.takeUp(3);
    for (const node of [1, 2, 3]) quorum.restart(node);
    expect(await kit.do(other, 1, 'k', GET)).toBe('zero');
    expect(await kit.do(other, 0, 'k', GET)).toBeNull();
    quorum.takeDown(2);
    quorum.takeDown(3);
    expect(await kit.changed(kit.swapping(one))).toMatchObject({ kind: 'uncertain' });
    quorum.takeUp(2);
    quorum.takeUp(3);
    expect(await kit.do(one, 0, 'k', GET)).toBe('zero');
    expect(await kit.do(other, 0, 'k', GET)).toBe('zero');
  });
});

import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import type { Outcome } from '../quorum/operation.ts';
import { DEL, expireAt, GET, INCR, set, type TestReply } from '../quorum/testing/steps.ts';
import type { TransactionView } from '../quorum/transaction.ts';
import { type Ballot, NO_BALLOT } from '../record/ballot.ts';
import { StateKind } from '../record/state.ts';
import { MessageType } from '../rpc/messages.ts';
import { type LocalProxy, LocalQuorum } from './testing/local-quorum.ts';
import { LocalSweep } from './testing/local-sweep.ts';

interface Running {
  outcome: Outcome<TestReply> | null;
}

type Run = (view: TransactionView<TestReply>) => TestReply;

function begin(proxy: LocalProxy, keys: readonly string[], run: Run, access: 'read' | 'write' = 'write'): Running {
  const running: Running = { outcome: null };
  proxy.coordinator.transact({
    keys: keys.map((key) => ({ namespace: 0, key: Buffer.from(key) })),
    access,
    needs: 'value',
    run,
    done: (outcome) => {
      expect(running.outcome).toBeNull();
      running.outcome = outcome;
    },
  });
  return running;
}

async function ended(quorum: LocalQuorum, running: Running, withinMs = 10_000): Promise<TestReply | string> {
  await quorum.pass(withinMs, () => running.outcome !== null);
  const { outcome } = running;
  if (outcome === null) return 'no answer';
  return outcome.ok ? outcome.reply : `${outcome.failure.kind}: ${outcome.failure.detail}`;
}

/** Sets every key to the text, in one transaction. */
function setAll(keys: readonly string[], text: string): Run {
  return (view) => {
    for (let i = 0; i < keys.length; i++) view.apply(i, set(text));
    return 'OK';
  };
}

/** The values of all keys, joined. */
const readAll =
  (count: number): Run =>
  (view) =>
    Array.from({ length: count }, (_, i) => `${view.apply(i, GET)}`).join(',');

const KEYS = ['a', 'b', 'c', 'd'];

describe('a transaction whose nodes are connected and silent', () => {
  interface Silence {
    readonly reply: string;
    readonly tookMs: number;
    /** The transaction and the command behind it. */
    readonly served: readonly (boolean | undefined)[];
  }

  async function silence(access: 'read' | 'write', silentMs: number): Promise<Silence> {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    await ended(quorum, begin(proxy, KEYS, setAll(KEYS, 'x')));
    await quorum.pass(100);
    proxy.transport.fate = () => 'drop';
    const startMs = quorum.clock.monotonicMs();
    const run = access === 'read' ? readAll(KEYS.length) : setAll(KEYS, 'y');
    const running = begin(proxy, KEYS, run, access);
    // Of the same proxy, behind it.
    const behind = begin(proxy, KEYS.slice(1), setAll(KEYS.slice(1), 'z'));
    const single = proxy.start('a', GET);
    await quorum.pass(silentMs, () => running.outcome !== null);
    proxy.transport.fate = () => 'pass';
    const reply = `${await ended(quorum, running)}`;
    const tookMs = quorum.clock.monotonicMs() - startMs;
    await quorum.pass(1_000, () => behind.outcome !== null && single.outcome !== null);
    return { reply, tookMs, served: [behind.outcome?.ok, single.outcome?.ok] };
  }

  it('waits for them longer, and so does what waits behind it', async () => {
    const served = [true, true];
    expect(await silence('write', 2 * limits.deadlineMs)).toMatchObject({ reply: 'OK', served });
    const read = await silence('read', 2 * limits.deadlineMs);
    expect(read).toMatchObject({ served });
    // Before what came behind it, or after.
    expect(['x,x,x,x', 'x,z,z,z']).toContain(read.reply);
  });

  it('does not wait for them for ever', async () => {
    for (const access of ['write', 'read'] as const) {
      const { reply, tookMs, served } = await silence(access, 60_000);
      expect(served).toEqual([false, false]);
      expect(reply).toMatch(/^unavailable: /);
      expect(tookMs).toBeGreaterThanOrEqual(limits.deadlineWhenLateMs);
      expect(tookMs).toBeLessThan(limits.deadlineWhenLateMs + 50);
    }
  });
});

describe('many transactions at once', () => {
  // COMMIT of their records under ballots that were promised with the intents, then of the transactions' own; or PREPARE before each.
  it.each([
    [2, true],
    [4, false],
  ])(
    'are resolved side by side, in %i rounds (express: %s): what waits would hold up who comes next',
    async (rounds, express) => {
      const quorum = new LocalQuorum({ express });
      const proxy = quorum.proxy();
      const many = Array.from({ length: 40 }, (_, i) => {
        const keys = KEYS.map((key) => `${key}${i}`);
        return begin(proxy, keys, setAll(keys, 'x'));
      });
      // Each request waits until all of them have been sent: their rounds are counted.
      proxy.transport.fate = () => 'hold';
      const roundsUntil = async (done: () => boolean): Promise<number> => {
        let rounds = 0;
        for (; !done() && rounds < 100; rounds++) {
          await quorum.pass(1);
          proxy.transport.release();
          await quorum.pass(1);
        }
        return rounds;
      };
      await roundsUntil(() => many.every(({ outcome }) => outcome !== null));
      expect(many.map(({ outcome }) => outcome)).toEqual(many.map(() => ({ ok: true, reply: 'OK' })));
      expect(await roundsUntil(() => proxy.counter('transaction-resolved') === many.length)).toBe(rounds);
    },
  );
});

describe.each([
  [1, 'alone'],
  [3, 'alone'],
  [5, 'alone'],
  [1, 'together'],
  [3, 'together'],
  [5, 'together'],
] as const)('a transaction over %i nodes, whose requests travel %s', (nodes, how) => {
  const shape = { nodes, express: how === 'together' };

  it('changes several records, and is resolved and forgotten soon after', async () => {
    const quorum = new LocalQuorum(shape);
    const proxy = quorum.proxy();
    expect(await ended(quorum, begin(proxy, KEYS, setAll(KEYS, 'x')))).toBe('OK');
    for (const key of KEYS) expect(await proxy.do(key, GET)).toBe('x');
    await quorum.pass(100);
    for (const key of KEYS) {
      for (let node = 1; node <= nodes; node++) {
        expect(quorum.stored(node, key)?.state.intent).toBeUndefined();
        expect(quorum.stored(node, key)?.state.header.kind).toBe(StateKind.live);
      }
    }
    expect(proxy.counter('transaction-committed')).toBe(1);
    expect(proxy.counter('transaction-resolved')).toBe(1);
    expect(proxy.coordinator.transactions.pending).toBe(0);
    expect(proxy.coordinator.transactions.holding).toBe(false);
  });

  it('sees what it finds, and what its own commands have done', async () => {
    const quorum = new LocalQuorum(shape);
    const proxy = quorum.proxy();
    await proxy.do('a', set('5'));
    const run: Run = (view) => {
      const first = view.apply(0, INCR);
      view.apply(1, set(`${first}`));
      view.apply(2, DEL);
      return `${first} ${view.apply(1, INCR)} ${view.apply(2, GET)}`;
    };
    await proxy.do('c', set('gone'));
    expect(await ended(quorum, begin(proxy, ['a', 'b', 'c'], run))).toBe('6 7 null');
    expect(await ended(quorum, begin(proxy, ['a', 'b', 'c'], readAll(3), 'read'))).toBe('6,7,null');
  });

  it('goes on with a minority down', async () => {
    const quorum = new LocalQuorum(shape);
    const proxy = quorum.proxy();
    for (let node = 1; node <= (nodes - 1) / 2; node++) quorum.takeDown(node);
    for (let i = 0; i < 5; i++) {
      expect(await ended(quorum, begin(proxy, KEYS, setAll(KEYS, `${i}`)))).toBe('OK');
      expect(await ended(quorum, begin(proxy, KEYS, readAll(4), 'read'))).toBe(Array(4).fill(i).join(','));
    }
  });
});

describe('transactions', () => {
  it('of one record are plain writes', async () => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    const run: Run = (view) => {
      view.apply(0, set('1'));
      return view.apply(0, INCR);
    };
    expect(await ended(quorum, begin(proxy, ['a'], run))).toBe(2);
    expect(await proxy.do('a', GET)).toBe('2');
    expect(proxy.counter('transaction-single')).toBe(1);
    expect(proxy.sent.get(MessageType.commit)).toBe(3);
    expect(
      await ended(
        quorum,
        begin(proxy, ['a'], (view) => view.apply(0, DEL)),
      ),
    ).toBe(1);
    expect(await proxy.do('a', GET)).toBeNull();
  });

  it('of no record answer at once', async () => {
    const quorum = new LocalQuorum();
    expect(
      await ended(
        quorum,
        begin(quorum.proxy(), [], () => 'nothing'),
        1,
      ),
    ).toBe('nothing');
  });

  it('on the same records are run one after the other, and none is lost', async () => {
    const quorum = new LocalQuorum();
    const [one, two] = [quorum.proxy(), quorum.proxy()];
    const incrAll: Run = (view) => {
      view.apply(0, INCR);
      return view.apply(1, INCR);
    };
    const running: Running[] = [];
    for (let i = 0; i < 10; i++) {
      running.push(begin(one, ['a', 'b'], incrAll), begin(two, ['b', 'a'], incrAll));
    }
    await quorum.pass(10_000, () => running.every(({ outcome }) => outcome !== null));
    const committed = running.filter(({ outcome }) => outcome?.ok === true).length;
    const uncertain = running.filter(({ outcome }) => outcome?.ok === false && outcome.failure.kind === 'uncertain');
    expect(uncertain).toEqual([]);
    expect(committed).toBeGreaterThan(10);
    expect(await one.do('a', GET)).toBe(`${committed}`);
    expect(await two.do('b', GET)).toBe(`${committed}`);
  });

  it('and plain commands on their records all count', async () => {
    const quorum = new LocalQuorum({ express: true });
    const [one, two] = [quorum.proxy(), quorum.proxy()];
    const both: Run = (view) => {
      view.apply(0, INCR);
      return view.apply(1, INCR);
    };
    const running: Running[] = [];
    let plain = 0;
    for (let i = 0; i < 60; i++) {
      if (i % 6 === 0) running.push(begin(i % 12 === 0 ? one : two, ['a', 'b'], both));
      else if (i % 6 < 4) {
        plain++;
        running.push((i % 2 === 0 ? one : two).start('a', INCR));
      }
      await quorum.pass(1);
    }
    await quorum.pass(10_000, () => running.every(({ outcome }) => outcome !== null));
    const transactions = Number(await one.do('b', GET));
    expect(running.filter(({ outcome }) => outcome?.ok === false)).toEqual([]);
    expect(transactions).toBe(10);
    expect(await two.do('a', GET)).toBe(`${plain + 10}`);
  });

  it('that change nothing leave nothing, and still are a snapshot', async () => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    await proxy.do('a', set('1'));
    const commits = proxy.commitsSent();
    expect(await ended(quorum, begin(proxy, ['a', 'b'], readAll(2)))).toBe('1,null');
    expect(proxy.commitsSent()).toBe(commits);
    expect(proxy.counter('snapshot-after-prepare')).toBe(1);
  });

  it('only read are one round of reads where the proxy remembers all of it, and two where it does not', async () => {
    const quorum = new LocalQuorum({ express: true });
    const [one, two] = [quorum.proxy(), quorum.proxy()];
    const readsOf = (proxy: LocalProxy): number => proxy.counter('express-read');
    for (const key of KEYS) await one.do(key, set('x'));
    const read = (): Promise<TestReply | string> => ended(quorum, begin(one, KEYS, readAll(KEYS.length), 'read'));
    expect(await read()).toBe('x,x,x,x');
    expect(readsOf(one)).toBe(KEYS.length);
    // Somebody else's write is seen, and all is read once more; that record goes the long way for a while.
    await two.do('b', set('y'));
    expect(await read()).toBe('x,y,x,x');
    expect(readsOf(one)).toBe(KEYS.length + 2 * (KEYS.length - 1));
    await quorum.pass(2 * limits.chainLifeMs);
    expect(await read()).toBe('x,y,x,x');
    const before = readsOf(one);
    expect(await read()).toBe('x,y,x,x');
    expect(readsOf(one)).toBe(before + KEYS.length);
    expect(one.counter('snapshot-read')).toBe(4);
    expect(one.counter('snapshot-again')).toBe(0);
  });

  it('only read are not in the way of plain commands, however many keys they read', async () => {
    const quorum = new LocalQuorum({ express: true });
    const proxy = quorum.proxy();
    proxy.transport.fate = () => 'hold';
    const running = begin(proxy, KEYS, readAll(KEYS.length), 'read');
    proxy.start('z', GET);
    await quorum.pass(1);
    expect(proxy.coordinator.operations).toBe(1);
    proxy.transport.fate = () => 'pass';
    proxy.transport.release();
    expect(await ended(quorum, running)).toBe('null,null,null,null');
    expect(proxy.coordinator.operations).toBe(0);
    expect(proxy.coordinator.transactions.reads).toBe(0);
  });

  it('write an expired record dead before they answer that it is gone', async () => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    await proxy.do('a', set('x', { expiresAtMs: quorum.clock.wallMs() + 100 }));
    await proxy.do('b', set('y'));
    await quorum.pass(150);
    expect(await ended(quorum, begin(proxy, ['a', 'b'], readAll(2), 'read'))).toBe('null,y');
    await quorum.pass(100);
    expect(quorum.stored(1, 'a')?.state.header.kind).toBe(StateKind.dead);
    expect(proxy.counter('snapshot-again')).toBe(1);
    expect(proxy.counter('snapshot-by-intents')).toBe(0);
  });

  it('keep an expiry that they set, and values in pages', async () => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    const large = 'x'.repeat(300_000);
    await proxy.do('a', set(large));
    const run: Run = (view) => {
      view.apply(1, set(`${view.apply(0, GET)}`));
      view.apply(0, expireAt(quorum.clock.wallMs() + 1_000_000));
      return 'OK';
    };
    expect(await ended(quorum, begin(proxy, ['a', 'b'], run))).toBe('OK');
    expect(await quorum.proxy().do('b', GET)).toBe(large);
    expect(await quorum.proxy().do('a', GET)).toBe(large);
    await quorum.pass(100);
    expect(quorum.stored(2, 'a')?.state.header.expiresAtMs).toBeGreaterThan(0);
    expect(quorum.stored(3, 'b')?.state.header.paged).toBe(true);
  });

  it('tell the origin of what they find, for those who watch', async () => {
    const quorum = new LocalQuorum({ express: true });
    const proxy = quorum.proxy();
    const origins = async (): Promise<Ballot[]> => {
      const seen: Ballot[] = [];
      await ended(
        quorum,
        begin(proxy, ['a', 'b'], (view) => {
          seen[0] = view.origin(0);
          seen[1] = view.origin(1);
          return null;
        }),
      );
      return seen;
    };
    expect(await origins()).toEqual([NO_BALLOT, NO_BALLOT]);
    await proxy.do('a', set('1'));
    const [first] = await origins();
    expect(first).not.toEqual(NO_BALLOT);
    expect((await origins())[0]).toEqual(first);
    // A transaction that only reads it leaves it as it is; one that writes does not.
    await ended(
      quorum,
      begin(proxy, ['a', 'b'], (view) => view.apply(1, set(`${view.apply(0, GET)}`))),
    );
    expect((await origins())[0]).toEqual(first);
    await ended(quorum, begin(proxy, ['a', 'b'], setAll(['a', 'b'], '2')));
    expect((await origins())[0]).not.toEqual(first);
  });

  it('cannot be had without a quorum, and then have not happened', async () => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    quorum.takeDown(1);
    quorum.takeDown(2);
    expect(await ended(quorum, begin(proxy, KEYS, setAll(KEYS, 'x')))).toMatch(/^unavailable: /);
    expect(await ended(quorum, begin(proxy, KEYS, readAll(4), 'read'))).toMatch(/^unavailable: /);
    quorum.takeUp(1);
    quorum.takeUp(2);
    await quorum.pass(3_000);
    for (const key of KEYS) expect(await proxy.do(key, GET)).toBeNull();
  });
});

/** A coordinator that dies when it has sent so many COMMITs. */
async function diesAfter(quorum: LocalQuorum, commits: number): Promise<void> {
  const proxy = quorum.proxy();
  let left = commits;
  let isDead = false;
  proxy.transport.fate = (_node, request) => {
    if (isDead) return 'drop';
    const isCommit = request.type === MessageType.commit || request.type === MessageType.commitMany;
    if (isCommit && --left < 0) isDead = true;
    return isDead ? 'drop' : 'pass';
  };
  begin(proxy, KEYS, setAll(KEYS, 'new'));
  await quorum.pass(30);
  isDead = true;
}

/** How many records a node holds, of any shard. */
function recordsOf(quorum: LocalQuorum, node: number): Promise<number> {
  const range = { from: Buffer.from('r'), to: Buffer.from('s'), limit: 1_000, limitBytes: 1_000_000, keysOnly: true };
  return new Promise((resolve) => {
    quorum.engine(node).inner.scan(range, (_error, entries) => resolve(entries?.length ?? -1));
  });
}

describe('what a dead coordinator leaves', () => {
  // 4 records on 3 nodes are 12 COMMITs of intents, then 3 of the transaction itself, then those that resolve.
  it.each([1, 3, 6, 8, 12, 13, 14, 15, 16, 20])('after %i COMMITs is all or nothing', async (commits) => {
    const quorum = new LocalQuorum();
    const other = quorum.proxy();
    for (const key of KEYS) await other.do(key, set('old'));
    await diesAfter(quorum, commits);
    const seen = await ended(quorum, begin(other, KEYS, readAll(4), 'read'));
    const all = [Array(4).fill('old').join(','), Array(4).fill('new').join(',')];
    expect(all).toContain(seen);
    // A writer waits until the transaction may be aborted, and goes by its value.
    for (const key of KEYS) expect(await other.do(key, set('written', { xx: true }))).toBe('OK');
    await quorum.pass(2_000);
    for (const key of KEYS) expect(await other.do(key, GET)).toBe('written');
    for (const key of KEYS) {
      for (const node of [1, 2, 3]) expect(quorum.stored(node, key)?.state.intent).toBeUndefined();
    }
  });

  // Then 3 messages are the intents, 3 COMMIT the transaction, 3 resolve its records, and 3 forget it.
  it.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])(
    'after %i messages about many records is all or nothing',
    async (messages) => {
      const quorum = new LocalQuorum({ express: true });
      const other = quorum.proxy();
      for (const key of KEYS) await other.do(key, set('old'));
      await diesAfter(quorum, messages);
      const seen = await ended(quorum, begin(other, KEYS, readAll(4), 'read'));
      const [old, fresh] = [Array(4).fill('old').join(','), Array(4).fill('new').join(',')];
      expect(messages <= 3 ? [old] : messages < 6 ? [old, fresh] : [fresh]).toContain(seen);
      for (const key of KEYS) expect(await other.do(key, set('written', { xx: true }))).toBe('OK');
      await quorum.pass(2_000);
      for (const key of KEYS) {
        expect(await other.do(key, GET)).toBe('written');
        for (const node of [1, 2, 3]) expect(quorum.stored(node, key)?.state.intent).toBeUndefined();
      }
    },
  );

  it('a reader answers at once while it is undecided, a writer after it may be aborted', async () => {
    const quorum = new LocalQuorum();
    const other = quorum.proxy();
    for (const key of KEYS) await other.do(key, set('old'));
    await diesAfter(quorum, 12);
    const beganMs = quorum.clock.monotonicMs();
    expect(await other.do('b', GET)).toBe('old');
    expect(quorum.clock.monotonicMs() - beganMs).toBeLessThan(100);
    expect(await other.do('b', set('mine'))).toBe('OK');
    expect(quorum.clock.monotonicMs() - beganMs).toBeGreaterThan(limits.transactionAbortAgeMs - 200);
    expect(other.counter('transaction-decided-aborted')).toBe(1);
    for (const key of ['a', 'c', 'd']) expect(await other.do(key, GET)).toBe('old');
  });

  it('is seen as committed by everybody once it is', async () => {
    const quorum = new LocalQuorum();
    const other = quorum.proxy();
    for (const key of KEYS) await other.do(key, set('old'));
    await diesAfter(quorum, 15);
    for (const key of KEYS) expect(await other.do(key, GET)).toBe('new');
    expect(other.counter('intent-read-committed')).toBe(4);
  });

  it.each([
    [4, 'old'],
    [12, 'old'],
    [13, 'either'],
    [15, 'new'],
    [17, 'new'],
  ])('after %i COMMITs is ended by a sweep once it is old, and forgotten', async (commits, expected) => {
    const quorum = new LocalQuorum();
    const other = quorum.proxy();
    for (const key of KEYS) await other.do(key, set('old'));
    await diesAfter(quorum, commits);
    const intents = (): number =>
      KEYS.flatMap((key) => [1, 2, 3].map((node) => quorum.stored(node, key)?.state.intent)).filter(Boolean).length;
    expect(intents()).toBeGreaterThan(0);
    const sweep = new LocalSweep(quorum, 2);
    await sweep.once();
    expect(intents()).toBeGreaterThan(0);
    quorum.clock.advance(limits.transactionSweepAgeMs);
    for (const node of [1, 2, 3]) await new LocalSweep(quorum, node).once();
    await quorum.pass(100);
    expect(intents()).toBe(0);
    const values = new Set<TestReply>();
    for (const key of KEYS) values.add(await other.do(key, GET));
    expect(values.size).toBe(1);
    if (expected !== 'either') expect([...values]).toEqual([expected]);
    expect(other.counter('intent-met')).toBe(0);
    // Nothing is left once the tombstones of the transaction's record are purged.
    expect(await recordsOf(quorum, 1)).toBeGreaterThan(KEYS.length);
    quorum.clock.advance(2 * limits.purgeAfterMs);
    for (const node of [1, 2, 3]) await new LocalSweep(quorum, node).once();
    for (const node of [1, 2, 3]) expect(await recordsOf(quorum, node)).toBe(KEYS.length);
  });

  it('is not killed with its expiry, nor purged, before it is resolved', async () => {
    const quorum = new LocalQuorum();
    const other = quorum.proxy();
    for (const key of KEYS) await other.do(key, set('old', { expiresAtMs: quorum.clock.wallMs() + 1_000 }));
    await diesAfter(quorum, 15);
    quorum.clock.advance(5_000);
    await new LocalSweep(quorum, 1).once();
    for (const key of KEYS) expect(quorum.stored(1, key)?.state.intent).toBeDefined();
    for (const key of KEYS) expect(await other.do(key, GET)).toBe('new');
  });
});

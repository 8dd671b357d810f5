import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { withRaisedGenerations } from '../cluster/cluster-map.ts';
import { appendText, DEL, EXISTS, expireAt, GET, INCR, PTTL, set } from '../quorum/testing/steps.ts';
import { MessageType } from '../rpc/messages.ts';
import { LocalQuorum } from './testing/local-quorum.ts';

const BIG = 'x'.repeat(limits.inlineValueBytes + 1);

function made(nodes: 1 | 3 | 5 = 3) {
  const quorum = new LocalQuorum({ nodes, express: true });
  return { quorum, proxy: quorum.proxy(), other: quorum.proxy() };
}

describe.each([1, 3, 5] as const)('the express lane over %i nodes', (nodes) => {
  it('serves reads, writes, deletions and what changes nothing', async () => {
    const { quorum, proxy } = made(nodes);
    expect(await proxy.do('k', GET)).toBeNull();
    expect(await proxy.do('k', set('one'))).toBe('OK');
    expect(await proxy.do('k', GET)).toBe('one');
    expect(await proxy.do('k', set('two', { nx: true }))).toBeNull();
    await quorum.pass(limits.chainLifeMs);
    expect(await proxy.do('k', set('two', { xx: true }))).toBe('OK');
    expect(await proxy.do('n', INCR)).toBe(1);
    expect(await proxy.do('n', INCR)).toBe(2);
    expect(await proxy.do('k', appendText('!'))).toBe(4);
    expect(await proxy.do('k', GET)).toBe('two!');
    expect(await proxy.do('k', DEL)).toBe(1);
    expect(await proxy.do('k', DEL)).toBe(0);
    expect(await proxy.do('k', EXISTS)).toBe(0);
    expect(proxy.counter('express-left')).toBe(0);
    expect(proxy.counter('express-write')).toBe(6);
  });

  it('puts the same on every node', async () => {
    const { quorum, proxy } = made(nodes);
    await proxy.do('k', set('value'));
    await quorum.pass(5);
    const first = quorum.stored(1, 'k');
    expect(first).not.toBeNull();
    for (let node = 2; node <= nodes; node++) expect(quorum.stored(node, 'k')).toEqual(first);
  });

  it('goes on with a minority down', async () => {
    const { quorum, proxy } = made(nodes);
    await proxy.do('k', set('before'));
    for (let node = 1; node <= (nodes - 1) / 2; node++) quorum.takeDown(node);
    for (let i = 0; i < 20; i++) {
      expect(await proxy.do('k', set(`v${i}`))).toBe('OK');
      expect(await proxy.do('k', GET)).toBe(`v${i}`);
      expect(await proxy.do(`new ${i}`, INCR)).toBe(1);
    }
    expect(proxy.counter('unavailable') + proxy.counter('uncertain')).toBe(0);
  });
});

describe('operations of one turn', () => {
  it('on many records share one message to a node and phase', async () => {
    const { quorum, proxy } = made();
    const keys = Array.from({ length: 50 }, (_, i) => `k${i}`);
    const running = keys.map((key) => proxy.start(key, set(key)));
    await quorum.pass(100, () => running.every(({ outcome }) => outcome !== null));
    expect(proxy.sent.get(MessageType.prepareMany)).toBe(3);
    expect(proxy.sent.get(MessageType.commitMany)).toBeLessThanOrEqual(3 * 3);
    proxy.sent.clear();
    const reading = keys.map((key) => proxy.start(key, GET));
    await quorum.pass(100, () => reading.every(({ outcome }) => outcome !== null));
    expect(reading.map(({ outcome }) => outcome)).toEqual(keys.map((key) => ({ ok: true, reply: key })));
    // Nothing but one READ of many for each node.
    expect([...proxy.sent]).toEqual([[MessageType.readMany, 3]]);
  });

  it('on one record keep their order; those behind the first go the long way together', async () => {
    const { proxy } = made();
    const outcomes = await proxy.all('k', [GET, set('a'), GET, DEL, GET, INCR, GET]);
    expect(outcomes.map((outcome) => outcome.ok && outcome.reply)).toEqual([null, 'OK', 'a', 1, null, 1, '1']);
    const counted = await proxy.all('n', new Array(500).fill(INCR));
    expect(counted.at(-1)).toEqual({ ok: true, reply: 500 });
    expect(proxy.counter('commit-chosen')).toBeLessThanOrEqual(10);
  });

  it('stay in the lane where only two meet', async () => {
    const { proxy } = made();
    for (let round = 0; round < 10; round++) {
      const outcomes = await proxy.all('n', [INCR, INCR]);
      expect(outcomes.map((outcome) => outcome.ok && outcome.reply)).toEqual([2 * round + 1, 2 * round + 2]);
    }
    expect(proxy.counter('express-write')).toBe(20);
  });

  it('come back to the lane once those that met are done, and go on with their chain', async () => {
    const { quorum, proxy } = made();
    await proxy.all('n', new Array(5).fill(INCR));
    const written = proxy.counter('express-write');
    // While it is contended, several share a round on the long way.
    expect(await proxy.do('n', INCR)).toBe(6);
    expect(proxy.counter('express-write')).toBe(written);
    await quorum.pass(limits.chainLifeMs / 2);
    expect(await proxy.do('n', INCR)).toBe(7);
    await quorum.pass(limits.chainLifeMs / 2);
    proxy.sent.clear();
    expect(await proxy.do('n', INCR)).toBe(8);
    expect(proxy.counter('express-write')).toBe(written + 1);
    // By the ballot that was promised to the task.
    expect([...proxy.sent.keys()]).toEqual([MessageType.commitMany]);
  });
});

describe('a base that is remembered', () => {
  it('is not sent again, and not trusted when another proxy has written', async () => {
    const { proxy, other } = made();
    await proxy.do('k', set('mine'));
    expect(await other.do('k', set('theirs'))).toBe('OK');
    expect(await proxy.do('k', GET)).toBe('theirs');
    expect(await proxy.do('k', appendText('+'))).toBe(7);
    expect(await other.do('k', GET)).toBe('theirs+');
  });

  it('shows an operation that needs the value no record without it', async () => {
    const { proxy, other, quorum } = made();
    const long = 'y'.repeat(limits.embeddedValueBytes + 1);
    await other.do('k', set(long));
    expect(await proxy.do('k', EXISTS)).toBe(1);
    expect(await proxy.do('k', GET)).toBe(long);
    await quorum.pass(limits.chainLifeMs);
    // Metadata alone is not enough to write the value anew under another expiry.
    const third = quorum.proxy();
    expect(await third.do('k', expireAt(quorum.clock.wallMs() + 5_000))).toBe(1);
    expect(await third.do('k', GET)).toBe(long);
  });
});

describe('a READ of many', () => {
  it('whose states are too much for one message is answered in part, and the rest alone', async () => {
    const quorum = new LocalQuorum({ express: true, cacheBytes: 1e9 });
    const proxy = quorum.proxy();
    const value = 'z'.repeat(limits.inlineValueBytes);
    const keys = Array.from({ length: Math.ceil((4 * limits.manyStatesBytes) / value.length) }, (_, i) => `k${i}`);
    for (const key of keys) await proxy.do(key, set(value));
    const fresh = quorum.proxy();
    const reading = keys.map((key) => fresh.start(key, GET));
    await quorum.pass(100, () => reading.every(({ outcome }) => outcome !== null));
    expect(reading.every(({ outcome }) => outcome?.ok === true && outcome.reply === value)).toBe(true);
    expect(fresh.sent.get(MessageType.read)).toBeGreaterThan(0);
    expect(fresh.sent.get(MessageType.read)).toBeLessThan(keys.length);
  });
});

describe('a chain', () => {
  it('starts a write at COMMIT, and is confirmed for what changes nothing', async () => {
    const { proxy, quorum } = made();
    await proxy.do('k', set('a'));
    await proxy.do('k', set('b'));
    expect(proxy.counter('chain-started')).toBe(1);
    const prepared = proxy.sent.get(MessageType.prepareMany);
    await proxy.do('k', set('c'));
    expect(proxy.sent.get(MessageType.prepareMany)).toBe(prepared);
    expect(proxy.counter('chain-continued')).toBe(1);
    // DEL of another proxy in between: the chain's ballot must not answer from memory.
    await quorum.proxy().do('k', DEL);
    expect(await proxy.do('k', set('d', { nx: true }))).toBe('OK');
    expect(await proxy.do('k', GET)).toBe('d');
  });

  it('that somebody has broken leaves and is applied once', async () => {
    const { proxy, other } = made();
    await proxy.do('n', INCR);
    await proxy.do('n', INCR);
    await other.do('n', INCR);
    expect(await proxy.do('n', INCR)).toBe(4);
    expect(proxy.counter('express-left')).toBeGreaterThan(0);
    expect(await other.do('n', GET)).toBe('4');
  });

  it('is over after its time', async () => {
    const { proxy, quorum } = made();
    await proxy.do('k', set('a'));
    await proxy.do('k', set('b'));
    await quorum.pass(limits.chainLifeMs);
    const prepared = proxy.sent.get(MessageType.prepareMany) ?? 0;
    await proxy.do('k', set('c'));
    expect(proxy.sent.get(MessageType.prepareMany)).toBeGreaterThan(prepared);
  });
});

describe('the express lane leaves to the long way', () => {
  it('values in pages, also where they replace small ones', async () => {
    const { proxy } = made();
    await proxy.do('k', set('small'));
    expect(await proxy.do('k', set(BIG))).toBe('OK');
    expect(await proxy.do('k', GET)).toBe(BIG);
    expect(await proxy.do('k', appendText('!'))).toBe(BIG.length + 1);
    expect(await proxy.do('k', set('small again'))).toBe('OK');
    expect(await proxy.do('k', GET)).toBe('small again');
  });

  it('a record past its expiry where nothing changes; a write over it goes on', async () => {
    const { proxy, quorum } = made();
    await proxy.do('k', set('v', { expiresAtMs: quorum.clock.wallMs() + 50 }));
    expect(await proxy.do('k', PTTL)).toBeGreaterThan(0);
    await quorum.pass(60);
    expect(await proxy.do('k', GET)).toBeNull();
    expect(proxy.counter('expired-written-dead')).toBe(1);
    await proxy.do('w', set('v', { expiresAtMs: quorum.clock.wallMs() + 50 }));
    await quorum.pass(60);
    expect(await proxy.do('w', set('new', { nx: true }))).toBe('OK');
    expect(proxy.counter('expired-written-dead')).toBe(2);
  });

  it('a node that does not answer, without waiting for it', async () => {
    const { proxy, quorum } = made();
    await proxy.do('k', set('v'));
    proxy.transport.fate = (node, { type }) =>
      node === 1 && (type === MessageType.readMany || type === MessageType.read) ? 'drop' : 'pass';
    for (const key of ['k', quorum.keyAskedAt(1), quorum.keyAskedAt(2)]) {
      expect(await proxy.outcome(key, GET, limits.deadlineMs / 2)).toMatchObject({ ok: true });
    }
    expect(proxy.counter('hedged')).toBeGreaterThan(0);
  });

  it('a COMMIT that was refused, and answers what became of it', async () => {
    const { proxy, other, quorum } = made();
    await proxy.do('n', INCR);
    // Another proxy's PREPARE comes between PREPARE and COMMIT.
    proxy.transport.fate = (_node, { type }) => (type === MessageType.commitMany ? 'hold' : 'pass');
    const running = proxy.start('n', INCR);
    await quorum.pass(5);
    expect(await other.do('n', INCR)).toBe(2);
    proxy.transport.fate = () => 'pass';
    proxy.transport.release();
    await quorum.pass(200, () => running.outcome !== null);
    expect(running.outcome).toEqual({ ok: true, reply: 3 });
    expect(await other.do('n', GET)).toBe('3');
  });
});

describe('a COMMIT of many', () => {
  it('whose acknowledgements are lost is sent again, and applied once', async () => {
    const { proxy, quorum } = made();
    await proxy.do('n', INCR);
    await quorum.pass(limits.chainLifeMs);
    proxy.transport.fate = (_node, { type }) => (type === MessageType.commitMany ? 'deaf' : 'pass');
    expect(await proxy.do('n', INCR)).toBe(2);
    proxy.transport.fate = () => 'pass';
    expect(await proxy.do('n', INCR)).toBe(3);
  });

  it('that nobody answers is uncertain at the deadline, and nothing later overtakes it', async () => {
    const { proxy, quorum } = made();
    await proxy.do('n', INCR);
    await quorum.pass(limits.chainLifeMs);
    proxy.transport.fate = (_node, { type }) =>
      type === MessageType.commitMany || type === MessageType.commit ? 'drop' : 'pass';
    const outcome = await proxy.outcome('n', INCR);
    expect(outcome).toMatchObject({ ok: false, failure: { kind: 'uncertain' } });
    proxy.transport.fate = () => 'pass';
    expect(await proxy.do('n', INCR)).toBe(2);
  });
});

describe('a flush', () => {
  it('is not overtaken by what was sent before it', async () => {
    const { proxy, other, quorum } = made();
    await proxy.do('k', set('old'));
    const map = withRaisedGenerations(quorum.map, [0]);
    await quorum.config.compareAndSet(quorum.map.epoch, map);
    other.holder.refresh();
    await quorum.pass(50);
    expect(await other.do('k', GET)).toBeNull();
    // This proxy has the old map still, and a base that it remembers.
    expect(await proxy.do('k', GET)).toBeNull();
    expect(await proxy.do('k', set('new', { nx: true }))).toBe('OK');
    expect(await other.do('k', GET)).toBe('new');
  });
});

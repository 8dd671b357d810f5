import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import type { Fate } from '../quorum/testing/filtered-transport.ts';
import { appendText, DEL, GET, INCR, set } from '../quorum/testing/steps.ts';
import { sameBallot } from '../record/ballot.ts';
import { encodeStored } from '../record/state-codec.ts';
import { MessageType, type Request } from '../rpc/messages.ts';
import { type LocalProxy, LocalQuorum } from './testing/local-quorum.ts';

const failed = (kind: string) => ({ ok: false, failure: { kind } });

/** Requests of this type to these nodes meet this fate. */
function disturb(proxy: LocalProxy, type: Request['type'], nodes: readonly number[], fate: Fate): void {
  proxy.transport.fate = (node, request) => (request.type === type && nodes.includes(node) ? fate : 'pass');
}

function calm(proxy: LocalProxy): void {
  proxy.transport.fate = () => 'pass';
}

/** How many of the nodes hold the newest state of the key. */
function replicas(quorum: LocalQuorum, key: string, nodes = 3): number {
  const stored = Array.from({ length: nodes }, (_, i) => quorum.stored(i + 1, key));
  const newest = stored.reduce((a, b) => ((b?.accepted.time ?? 0) > (a?.accepted.time ?? 0) ? b : a));
  return stored.filter((one) => one !== null && newest !== null && sameBallot(one.accepted, newest.accepted)).length;
}

describe('without a quorum', () => {
  it('reads and writes are UNAVAILABLE within the deadline, and nothing is changed', async () => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    await proxy.do('k', set('value'));
    quorum.takeDown(1);
    quorum.takeDown(2);
    const startMs = quorum.clock.monotonicMs();
    const outcomes = await Promise.all([proxy.outcome('k', GET), proxy.outcome('k2', set('new'))]);
    expect(outcomes).toMatchObject([failed('unavailable'), failed('unavailable')]);
    expect(quorum.clock.monotonicMs() - startMs).toBeLessThanOrEqual(limits.deadlineMs + 10);
    quorum.takeUp(1);
    quorum.takeUp(2);
    expect(await proxy.do('k', GET)).toBe('value');
    expect(await proxy.do('k2', GET)).toBeNull();
  });

  it('a write whose COMMIT was sent is UNCERTAIN; what shared its round without one is not', async () => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    disturb(proxy, MessageType.commit, [1, 2, 3], 'drop');
    const [read, written] = await proxy.all('k', [GET, set('new')]);
    expect(read).toEqual({ ok: true, reply: null });
    expect(written).toMatchObject(failed('uncertain'));
    expect([proxy.counter('uncertain'), proxy.counter('unavailable')]).toEqual([1, 0]);
  });

  it('a read that shares a COMMIT is UNAVAILABLE: it changes nothing', async () => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    disturb(proxy, MessageType.commit, [1, 2, 3], 'drop');
    const holder = proxy.start('k', set('first'));
    const shared = await proxy.all('k', [set('second'), GET]);
    expect(holder.outcome).toMatchObject(failed('uncertain'));
    expect(shared).toMatchObject([failed('unavailable'), failed('unavailable')]);
  });

  it('nodes that are connected and silent are waited for longer: what was asked is done when they answer again', async () => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    // Written often: the next write starts with its COMMIT.
    for (const text of ['1', '2', '3']) await proxy.do('chained', set(text));
    proxy.transport.fate = () => 'drop';
    const running = [proxy.start('k', GET), proxy.start('k2', set('new')), proxy.start('chained', set('4'))];
    await quorum.pass(2 * limits.deadlineMs);
    expect(running.map(({ outcome }) => outcome)).toEqual([null, null, null]);
    calm(proxy);
    await quorum.pass(limits.resendDelayMs + 10);
    expect(running.map(({ outcome }) => outcome)).toEqual([
      { ok: true, reply: null },
      { ok: true, reply: 'OK' },
      { ok: true, reply: 'OK' },
    ]);
    expect(await proxy.do('chained', GET)).toBe('4');
  });

  it('... within bounds, and no longer than they are connected', async () => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    for (const text of ['1', '2', '3']) await proxy.do('chained', set(text));
    proxy.transport.fate = () => 'drop';
    const silent = [proxy.start('k', GET), proxy.start('chained', set('4'))];
    await quorum.pass(limits.deadlineWhenLateMs - 10);
    expect(silent.map(({ outcome }) => outcome)).toEqual([null, null]);
    await quorum.pass(20);
    expect(silent.map(({ outcome }) => outcome)).toMatchObject([failed('unavailable'), failed('uncertain')]);
    const lost = proxy.start('k', GET);
    await quorum.pass(limits.deadlineMs + limits.resendDelayMs);
    expect(lost.outcome).toBeNull();
    quorum.takeDown(1);
    quorum.takeDown(2);
    await quorum.pass(limits.resendDelayMs + 10);
    expect(lost.outcome).toMatchObject(failed('unavailable'));
  });

  it('commands are taken up when it is back in time', async () => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    quorum.takeDown(1);
    quorum.takeDown(2);
    const running = proxy.start('k', set('value'));
    await quorum.pass(500);
    quorum.takeUp(1);
    await quorum.pass(limits.resendDelayMs + 10);
    expect(running.outcome).toEqual({ ok: true, reply: 'OK' });
  });
});

describe('with one node that hangs', () => {
  it.each([1, 2, 3])('node %i, every command succeeds', async (hanging) => {
    const quorum = new LocalQuorum();
    const [proxy, other] = [quorum.proxy(), quorum.proxy()];
    for (const one of [proxy, other]) one.transport.fate = (node) => (node === hanging ? 'drop' : 'pass');
    for (let i = 0; i < 10; i++) {
      expect(await proxy.do('k', set(`v${i}`), 500)).toBe('OK');
      expect(await other.do('k', GET, 500)).toBe(`v${i}`);
    }
  });

  it('and another that refuses, a COMMIT is settled instead of waited for', async () => {
    const quorum = new LocalQuorum();
    const [slow, fast] = [quorum.proxy(), quorum.proxy()];
    await slow.do('n', INCR);
    // The COMMIT reaches n1, hangs at n3, and comes to n2 after another proposer's promise.
    slow.transport.fate = (node, { type }) => {
      if (type !== MessageType.commit) return 'pass';
      return node === 1 ? 'pass' : node === 2 ? 'hold' : 'drop';
    };
    const running = slow.start('n', INCR);
    await quorum.pass(5);
    slow.transport.fate = (node, { type }) => (node === 3 && type === MessageType.commit ? 'drop' : 'pass');
    fast.transport.fate = (node) => (node === 1 ? 'lost' : 'pass');
    expect(await fast.do('n', INCR)).toBe(2);
    slow.transport.release();
    await quorum.pass(1_000, () => running.outcome !== null);
    expect(running.outcome).toEqual({ ok: true, reply: 3 });
    expect(await fast.do('n', GET)).toBe('3');
  });
});

describe('differing replicas', () => {
  it('are made equal by a write', async () => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    disturb(proxy, MessageType.commit, [3], 'drop');
    await proxy.do('k', set('one'));
    expect(replicas(quorum, 'k')).toBe(2);
    calm(proxy);
    await quorum.pass(limits.suspectMs);
    await proxy.do('k', set('two'));
    await quorum.pass(5);
    expect(replicas(quorum, 'k')).toBe(3);
  });

  it('are no obstacle for a read that finds Q equal ones', async () => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    for (const lagging of [1, 2, 3]) {
      await proxy.do(`k${lagging}`, set('old'));
      disturb(proxy, MessageType.commit, [lagging], 'drop');
      await proxy.do(`k${lagging}`, set('new'));
      calm(proxy);
      await quorum.pass(limits.suspectMs);
      expect(await quorum.proxy().do(`k${lagging}`, GET)).toBe('new');
    }
  });

  it('without Q equal ones are repaired, and the answer stands', async () => {
    const quorum = new LocalQuorum();
    const writer = quorum.proxy();
    await writer.do('k', set('old'));
    // The new value reaches one node only; its writer never learns.
    disturb(writer, MessageType.commit, [1, 2], 'drop');
    const running = writer.start('k', set('new'));
    await quorum.pass(limits.writeInFlightMs + 100);
    disturb(writer, MessageType.commit, [1, 2, 3], 'drop');
    const reader = quorum.proxy();
    quorum.takeDown(1);
    expect(await reader.do('k', GET)).toBe('new');
    expect(reader.counter('read-repair')).toBe(1);
    expect(reader.counter('write-back')).toBe(1);
    quorum.takeUp(1);
    quorum.takeDown(3);
    expect(await reader.do('k', GET)).toBe('new');
    await quorum.pass(limits.deadlineWhenLateMs);
    expect(running.outcome).not.toBeNull();
  });

  it('of a young write are read once more before they are repaired', async () => {
    const quorum = new LocalQuorum();
    const [writer, reader] = [quorum.proxy(), quorum.proxy()];
    await writer.do('k', set('old'));
    writer.transport.fate = (node, { type }) => (type === MessageType.commit && node !== 1 ? 'hold' : 'pass');
    const running = writer.start('k', set('new'));
    await quorum.pass(2);
    quorum.takeDown(3);
    const read = reader.start('k', GET);
    await quorum.pass(2);
    calm(writer);
    writer.transport.release();
    await quorum.pass(200, () => read.outcome !== null);
    expect(read.outcome).toEqual({ ok: true, reply: 'new' });
    expect([reader.counter('read-again'), reader.counter('read-repair')]).toEqual([1, 0]);
    expect(running.outcome).toEqual({ ok: true, reply: 'OK' });
  });

  it('found by a command that changes nothing are written back before it answers', async () => {
    const quorum = new LocalQuorum();
    const [writer, other] = [quorum.proxy(), quorum.proxy()];
    disturb(writer, MessageType.commit, [2, 3], 'drop');
    writer.start('k', set('half'));
    await quorum.pass(5);
    disturb(writer, MessageType.commit, [1, 2, 3], 'drop');
    quorum.takeDown(3);
    expect(await other.do('k', set('mine', { nx: true }))).toBeNull();
    expect(other.counter('write-back')).toBe(1);
    quorum.takeUp(3);
    quorum.takeDown(1);
    expect(await other.do('k', GET)).toBe('half');
  });
});

describe('exactly once', () => {
  /** A COMMIT comes to the first node, late to the second, and never to the third. */
  const arrivesAtFirstOnly = (node: number, { type }: Request): Fate => {
    if (type !== MessageType.commit || node === 1) return 'pass';
    return node === 2 ? 'hold' : 'drop';
  };

  it('is each INCR of proxies that race, through refusals', async () => {
    const quorum = new LocalQuorum();
    const proxies = [quorum.proxy(), quorum.proxy(), quorum.proxy()];
    const results = await Promise.all(
      proxies.map(async (proxy) => {
        const replies: unknown[] = [];
        for (let i = 0; i < 15; i++) replies.push(await proxy.do('n', INCR));
        return replies;
      }),
    );
    expect(new Set(results.flat())).toEqual(new Set(Array.from({ length: 45 }, (_, i) => i + 1)));
    expect(await proxies[0]?.do('n', GET)).toBe('45');
    const refused = proxies.reduce(
      (sum, proxy) => sum + proxy.counter('prepare-refused') + proxy.counter('commit-refused'),
      0,
    );
    expect(refused).toBeGreaterThan(0);
  });

  it('is an INCR whose acknowledgements are lost', async () => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    let deaf = 4;
    proxy.transport.fate = (_node, { type }) => (type === MessageType.commit && deaf-- > 0 ? 'deaf' : 'pass');
    expect(await proxy.do('n', INCR)).toBe(1);
    expect(await proxy.do('n', GET)).toBe('1');
  });

  it('is an INCR that another proxy repaired: it finds its own ballot', async () => {
    const quorum = new LocalQuorum();
    const [slow, other] = [quorum.proxy(), quorum.proxy()];
    slow.transport.fate = arrivesAtFirstOnly;
    const running = slow.start('n', INCR);
    await quorum.pass(5);
    // The other one's promises are on the value that reached n1 only: it writes on it.
    other.transport.fate = (node) => (node === 3 ? 'lost' : 'pass');
    expect(await other.do('n', INCR)).toBe(2);
    calm(slow);
    slow.transport.release();
    await quorum.pass(1_000, () => running.outcome !== null);
    expect(running.outcome).toEqual({ ok: true, reply: 1 });
    expect(slow.counter('settled-applied')).toBe(1);
    expect(await other.do('n', GET)).toBe('2');
  });

  it('is an INCR that a later write did not build on: it runs again', async () => {
    const quorum = new LocalQuorum();
    const [slow, other] = [quorum.proxy(), quorum.proxy()];
    await other.do('n', INCR);
    slow.transport.fate = (_node, { type }) => (type === MessageType.commit ? 'hold' : 'pass');
    const running = slow.start('n', INCR);
    await quorum.pass(5);
    expect(await other.do('n', INCR)).toBe(2);
    calm(slow);
    slow.transport.release();
    await quorum.pass(1_000, () => running.outcome !== null);
    expect(running.outcome).toEqual({ ok: true, reply: 3 });
    expect(slow.counter('settled-not-applied')).toBe(1);
  });

  it('cannot be told of a write that so many others were written over that its lineage was cut', async () => {
    const quorum = new LocalQuorum();
    const [slow, other] = [quorum.proxy(), quorum.proxy()];
    slow.transport.fate = arrivesAtFirstOnly;
    const running = slow.start('n', INCR);
    await quorum.pass(5);
    other.transport.fate = (node) => (node === 3 ? 'lost' : 'pass');
    for (let i = 0; i <= limits.lineageLength; i++) await other.do('n', INCR);
    calm(slow);
    slow.transport.release();
    await quorum.pass(1_000, () => running.outcome !== null);
    expect(running.outcome).toMatchObject(failed('uncertain'));
    expect(slow.counter('settled-unknown')).toBe(1);
  });
});

describe('damaged bytes', () => {
  function damage(quorum: LocalQuorum, node: number, key: string, sealed: boolean): Promise<void> {
    const engineKey = quorum.recordKeyOf(key);
    const stored = quorum.stored(node, key);
    if (stored === null) throw new Error('nothing to damage');
    const meta = Buffer.from(stored.state.meta);
    meta[40] = (meta[40] ?? 0) ^ 1;
    // Sealed: the checksum holds, as on a disk that somebody wrote to; only the seal tells.
    const bytes = Buffer.from(encodeStored(stored.accepted, { ...stored.state, meta }));
    if (!sealed) bytes[bytes.length - 1] = (bytes[bytes.length - 1] ?? 0) ^ 1;
    quorum.engine(node).plant(engineKey, bytes);
    quorum.restart(node);
    // A node that was away is asked last for a while.
    return quorum.pass(limits.suspectMs + 10);
  }

  it.each([
    [1, false],
    [2, false],
    [3, false],
    [1, true],
    [2, true],
    [3, true],
  ])('on node %i (seal only: %s) are never served, and are repaired by a few reads', async (node, sealed) => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    const key = quorum.keyAskedAt(node);
    await proxy.do(key, set('sound'));
    await quorum.pass(5);
    await damage(quorum, node, key, sealed);
    for (let i = 0; i < 6; i++) {
      expect(await proxy.do(key, GET, 500)).toBe('sound');
      await quorum.pass(20);
    }
    expect(proxy.counter('corrupt-replica')).toBeGreaterThan(0);
    expect(proxy.counter('repair-written')).toBeGreaterThan(0);
    expect(proxy.counter('repair-written')).toBeLessThan(5);
    expect(replicas(quorum, key)).toBe(3);
    for (const other of [1, 2, 3]) if (other !== node) quorum.takeDown(other);
    const found = quorum.stored(node, key);
    expect(found && quorum.seal.open(quorum.ids.recordId(0, 1, Buffer.from(key)), found.state)).not.toBeNull();
  });

  it('of a record that is never idle are repaired too', async () => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    await proxy.do('k', set('sound'));
    await quorum.pass(5);
    await damage(quorum, 1 + (quorum.ids.recordId(0, 1, Buffer.from('k')).charCodeAt(0) % 3), 'k', true);
    let running = proxy.start('k', GET);
    for (let i = 0; i < 50; i++) {
      const next = proxy.start('k', GET);
      await quorum.pass(50, () => running.outcome !== null);
      expect(running.outcome).toEqual({ ok: true, reply: 'sound' });
      running = next;
    }
    expect(proxy.counter('repair-written')).toBe(1);
  });

  it('are repaired although only writes meet them', async () => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    await proxy.do('k', set('sound'));
    await quorum.pass(limits.chainLifeMs * 2);
    await damage(quorum, 1 + (quorum.ids.recordId(0, 1, Buffer.from('k')).charCodeAt(0) % 3), 'k', false);
    for (let i = 0; i < 3; i++) {
      await quorum.proxy().do('k', appendText('!'));
      await quorum.pass(20);
    }
    expect(replicas(quorum, 'k')).toBe(3);
  });

  it('are written over', async () => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    await proxy.do('k', set('sound'));
    await quorum.pass(5);
    for (const sealed of [true, false]) {
      await damage(quorum, 2, 'k', sealed);
      expect(await proxy.do('k', appendText('!'))).toBeGreaterThan(0);
      expect(await proxy.do('k', DEL)).toBe(1);
      expect(await proxy.do('k', set('sound'))).toBe('OK');
      await quorum.pass(20);
    }
    expect(replicas(quorum, 'k')).toBe(3);
  });

  it('on every replica are an error that says so', async () => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    await proxy.do('k', set('sound'));
    await quorum.pass(limits.chainLifeMs);
    for (const node of [1, 2, 3]) await damage(quorum, node, 'k', true);
    expect(await proxy.outcome('k', GET)).toMatchObject(failed('corrupt'));
    expect(await proxy.outcome('k', INCR)).toMatchObject(failed('corrupt'));
  });
});

describe('a failing disk', () => {
  it('of one node fails no command, and the node takes part again', async () => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    await proxy.do('k', set('before'));
    quorum.engine(1).fail('write', 'full');
    for (let i = 0; i < 5; i++) expect(await proxy.do('k', set(`v${i}`), 500)).toBe('OK');
    expect(await proxy.do('k', GET)).toBe('v4');
    quorum.engine(1).fail('write', null);
    await quorum.pass(limits.suspectMs);
    await proxy.do('k', set('after'));
    await quorum.pass(300);
    expect(replicas(quorum, 'k')).toBe(3);
  });

  it('of two nodes leaves writes UNCERTAIN and the process alive', async () => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    await proxy.do('k', set('before'));
    for (const node of [1, 2]) quorum.engine(node).fail('write', 'io');
    expect(await proxy.outcome('k', set('lost'))).toMatchObject(failed('uncertain'));
    for (const node of [1, 2]) quorum.engine(node).fail('write', null);
    expect(['before', 'lost']).toContain(await proxy.do('k', GET));
    expect(await proxy.do('k', set('after'))).toBe('OK');
  });
});

describe('a refused COMMIT that somebody else has taken over', () => {
  it('is answered from one READ, without another PREPARE in the way of others', async () => {
    const quorum = new LocalQuorum();
    const [writer, reader] = [quorum.proxy(), quorum.proxy()];
    writer.transport.fate = (node, { type }) => (type === MessageType.commit && node !== 1 ? 'hold' : 'pass');
    const answered = writer.outcome('k', INCR);
    await quorum.pass(5);
    // The reader meets the write on n1 alone and writes it back under a ballot of its own.
    quorum.takeDown(3);
    expect(await reader.do('k', GET)).toBe('1');
    quorum.takeUp(3);
    expect(await reader.do('k', INCR)).toBe(2);
    writer.transport.fate = () => 'pass';
    const prepared = writer.sent.get(MessageType.prepare);
    writer.transport.release();
    await quorum.pass(50);
    expect(await answered).toMatchObject({ ok: true, reply: 1 });
    expect(writer.counter('settled-applied')).toBe(1);
    expect(writer.sent.get(MessageType.prepare)).toBe(prepared);
    expect(await reader.do('k', GET)).toBe('2');
  });
});

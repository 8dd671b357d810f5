import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { appendText, DEL, EXISTS, expireAt, GET, INCR, PTTL, set } from '../quorum/testing/steps.ts';
import { rowLength } from '../record/ballot-row.ts';
import { StateKind } from '../record/state.ts';
import { MessageType } from '../rpc/messages.ts';
import { LocalQuorum } from './testing/local-quorum.ts';

describe.each([1, 3, 5] as const)('a quorum of %i nodes', (nodes) => {
  it('serves reads and writes', async () => {
    const quorum = new LocalQuorum({ nodes });
    const proxy = quorum.proxy();
    expect(await proxy.do('k', GET)).toBeNull();
    expect(await proxy.do('k', set('one'))).toBe('OK');
    expect(await proxy.do('k', GET)).toBe('one');
    expect(await proxy.do('k', set('two', { nx: true }))).toBeNull();
    expect(await proxy.do('k', set('two', { xx: true }))).toBe('OK');
    expect(await proxy.do('n', INCR)).toBe(1);
    expect(await proxy.do('n', INCR)).toBe(2);
    expect(await proxy.do('k', appendText('!'))).toBe(4);
    expect(await proxy.do('k', GET)).toBe('two!');
    expect(await proxy.do('k', DEL)).toBe(1);
    expect(await proxy.do('k', DEL)).toBe(0);
    expect(await proxy.do('k', EXISTS)).toBe(0);
  });

  it('puts the same on every node', async () => {
    const quorum = new LocalQuorum({ nodes });
    await quorum.proxy().do('k', set('value'));
    await quorum.pass(5);
    const first = quorum.stored(1, 'k');
    expect(first).not.toBeNull();
    for (let node = 2; node <= nodes; node++) expect(quorum.stored(node, 'k')).toEqual(first);
  });

  it('goes on with a minority down', async () => {
    const quorum = new LocalQuorum({ nodes });
    const proxy = quorum.proxy();
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

describe('rounds', () => {
  it('are one for a read and two for a write', async () => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    await proxy.do('k', set('value'));
    expect([proxy.sent.get(MessageType.prepare), proxy.sent.get(MessageType.commit)]).toEqual([2, 3]);
    await proxy.do('k', GET);
    expect(proxy.sent.get(MessageType.read)).toBe(2);
  });

  it('are one for a write that changes nothing', async () => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    await proxy.do('k', DEL);
    expect(proxy.counter('final-without-commit')).toBe(1);
    expect(proxy.commitsSent()).toBe(0);
    expect(quorum.stored(1, 'k')).toBeNull();
  });

  it('are shared by what comes while one is open, each with its own reply, in order', async () => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    const outcomes = await proxy.all(
      'n',
      Array.from({ length: 500 }, () => INCR),
    );
    expect(outcomes).toEqual(Array.from({ length: 500 }, (_, i) => ({ ok: true, reply: i + 1 })));
    expect(proxy.counter('commit-chosen')).toBeLessThanOrEqual(3);
    expect(await proxy.do('n', GET)).toBe('500');
    // One lineage entry per COMMIT, however many commands it carried.
    expect(rowLength(quorum.stored(1, 'n')?.state.header.lineage ?? [])).toBe(proxy.counter('commit-chosen'));
  });

  it('of a hot record carry a bounded number of commands', async () => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    const count = 2 * limits.operationsPerRound + 1;
    const outcomes = await proxy.all('n', new Array(count).fill(INCR));
    expect(outcomes.at(-1)).toEqual({ ok: true, reply: count });
    expect(proxy.counter('commit-chosen')).toBeGreaterThanOrEqual(3);
  });

  it('keep the order of commands on one record: a GET sees the write before it', async () => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    const outcomes = await proxy.all('k', [GET, set('a'), GET, DEL, GET, INCR, GET]);
    expect(outcomes.map((outcome) => outcome.ok && outcome.reply)).toEqual([null, 'OK', 'a', 1, null, 1, '1']);
  });

  it('are shared by no command that came after its promises were asked for', async () => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    proxy.transport.fate = (_node, request) => (request.type === MessageType.prepare ? 'hold' : 'pass');
    const first = proxy.start('k', DEL);
    const late = proxy.start('k', set('x', { nx: true }));
    const prepared = proxy.sent.get(MessageType.prepare);
    proxy.transport.fate = () => 'pass';
    proxy.transport.release();
    await quorum.pass(100, () => late.outcome !== null);
    expect([first.outcome, late.outcome]).toEqual([
      { ok: true, reply: 0 },
      { ok: true, reply: 'OK' },
    ]);
    expect(proxy.sent.get(MessageType.prepare)).toBeGreaterThan(prepared ?? 0);
  });
});

describe('chains', () => {
  it('save the first round of a record that is written often', async () => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    for (let i = 1; i <= 20; i++) expect(await proxy.do('n', INCR)).toBe(i);
    expect(proxy.counter('chain-continued')).toBeGreaterThanOrEqual(17);
    expect(proxy.sent.get(MessageType.prepare)).toBeLessThanOrEqual(6);
  });

  it('are not begun for a record that is written once', async () => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    await proxy.do('k', set('once'));
    expect(proxy.counter('chain-started')).toBe(0);
    await quorum.pass(limits.chainLifeMs + 50);
    await proxy.do('k', set('again'));
    expect(proxy.counter('chain-started')).toBe(0);
  });

  it('live for a second', async () => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    await proxy.do('n', INCR);
    await proxy.do('n', INCR);
    await quorum.pass(limits.chainLifeMs + 50);
    const before = proxy.counter('chain-continued');
    expect(await proxy.do('n', INCR)).toBe(3);
    expect(proxy.counter('chain-continued')).toBe(before);
  });

  it('break when another proxy writes, and nothing is lost', async () => {
    const quorum = new LocalQuorum();
    const [one, other] = [quorum.proxy(), quorum.proxy()];
    for (let i = 0; i < 3; i++) await one.do('n', INCR);
    expect(await other.do('n', INCR)).toBe(4);
    expect(await one.do('n', INCR)).toBe(5);
    expect(one.counter('chain-refused')).toBe(1);
    expect(await other.do('n', GET)).toBe('5');
  });

  it('answer nothing from memory: a command that changes nothing is confirmed by a READ', async () => {
    const quorum = new LocalQuorum();
    const [one, other] = [quorum.proxy(), quorum.proxy()];
    await one.do('k', set('a'));
    await one.do('k', set('b'));
    expect(await one.do('k', set('c', { nx: true }))).toBeNull();
    expect(one.counter('chain-confirmed-by-read')).toBe(1);
    await other.do('k', DEL);
    expect(await one.do('k', set('c', { nx: true }))).toBe('OK');
    expect(await other.do('k', GET)).toBe('c');
  });

  it('are given back to the nodes that restart: their floor refuses them', async () => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    for (let i = 0; i < 3; i++) await proxy.do('n', INCR);
    for (let node = 1; node <= 3; node++) quorum.restart(node);
    expect(await proxy.do('n', INCR)).toBe(4);
    expect(proxy.counter('chain-refused')).toBe(1);
    expect(proxy.counter('settled-not-applied')).toBe(1);
  });
});

describe('expiry', () => {
  it('hides a value, and writes it dead before anything rests on that', async () => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    await proxy.do('k', set('short', { expiresAtMs: quorum.clock.wallMs() + 100 }));
    expect(await proxy.do('k', PTTL)).toBeGreaterThan(50);
    expect(await proxy.do('k', GET)).toBe('short');
    await quorum.pass(120);
    expect(await proxy.do('k', GET)).toBeNull();
    expect(proxy.counter('expired-written-dead')).toBe(1);
    await quorum.pass(5);
    for (let node = 1; node <= 3; node++) {
      expect(quorum.stored(node, 'k')?.state.header.kind).toBe(StateKind.dead);
    }
    expect(await proxy.do('k', PTTL)).toBe(-2);
    expect(proxy.counter('expired-written-dead')).toBe(1);
  });

  it('is one write for many readers', async () => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    await proxy.do('k', set('short', { expiresAtMs: quorum.clock.wallMs() + 10 }));
    await quorum.pass(20);
    const outcomes = await proxy.all('k', new Array(50).fill(GET));
    expect(outcomes.every((outcome) => outcome.ok && outcome.reply === null)).toBe(true);
    expect(proxy.counter('expired-written-dead')).toBe(1);
  });

  it('is done by the COMMIT of a command that changes the record anyway', async () => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    await proxy.do('n', set('41', { expiresAtMs: quorum.clock.wallMs() + 10 }));
    await quorum.pass(20);
    const before = proxy.counter('commit-chosen');
    expect(await proxy.do('n', INCR)).toBe(1);
    expect(proxy.counter('commit-chosen')).toBe(before + 1);
  });

  it('counts for NX and XX', async () => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    await proxy.do('k', set('a', { expiresAtMs: quorum.clock.wallMs() + 10 }));
    await quorum.pass(20);
    expect(await proxy.do('k', set('b', { xx: true }))).toBeNull();
    expect(quorum.stored(1, 'k')?.state.header.kind).toBe(StateKind.dead);
    expect(await proxy.do('k', set('b', { nx: true }))).toBe('OK');
  });

  it('can be set on a large value without its bytes being known beforehand', async () => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    const text = 'x'.repeat(5_000);
    await proxy.do('k', set(text));
    await quorum.pass(limits.chainLifeMs + 50);
    const expiresAtMs = quorum.clock.wallMs() + 60_000;
    expect(await proxy.do('k', expireAt(expiresAtMs))).toBe(1);
    expect(await proxy.do('k', GET)).toBe(text);
    expect(quorum.stored(1, 'k')?.state.header.expiresAtMs).toBe(expiresAtMs);
  });
});

import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { GET, INCR } from '../quorum/testing/steps.ts';
import { LocalQuorum } from './testing/local-quorum.ts';

describe('bounds', () => {
  it('of a record: BUSY beyond them, in the same turn; what waits is served', async () => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    proxy.transport.fate = () => 'hold';
    const first = proxy.start('n', INCR);
    const waiting = Array.from({ length: limits.queuedOperationsPerRecord }, () => proxy.start('n', GET));
    const beyond = [proxy.start('n', INCR), proxy.start('n', GET)];
    await quorum.pass(0, () => beyond.every(({ outcome }) => outcome !== null));
    expect(beyond.map(({ outcome }) => outcome)).toMatchObject([
      { ok: false, failure: { kind: 'busy' } },
      { ok: false, failure: { kind: 'busy' } },
    ]);
    expect(proxy.counter('busy')).toBe(2);
    // Other records are not concerned.
    const other = proxy.start('other', INCR);
    expect(other.outcome).toBeNull();
    proxy.transport.fate = () => 'pass';
    proxy.transport.release();
    await quorum.pass(1_000, () => waiting.every(({ outcome }) => outcome !== null));
    expect(first.outcome).toEqual({ ok: true, reply: 1 });
    expect(waiting.every(({ outcome }) => outcome?.ok === true && outcome.reply === '1')).toBe(true);
    expect(other.outcome).toEqual({ ok: true, reply: 1 });
    expect(proxy.coordinator.operations).toBe(0);
  });

  it('hold for operations that end in errors too', async () => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    for (const node of [1, 2, 3]) quorum.takeDown(node);
    const running = Array.from({ length: 100 }, (_, i) => proxy.start(`k${i % 10}`, INCR));
    expect(proxy.coordinator.operations).toBe(100);
    await quorum.pass(limits.deadlineMs + 50, () => running.every(({ outcome }) => outcome !== null));
    expect(running.every(({ outcome }) => outcome?.ok === false)).toBe(true);
    expect(proxy.coordinator.operations).toBe(0);
  });

  it('of memory: nothing of a record is kept once its chain is over', async () => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    for (let i = 0; i < 50; i++) {
      await proxy.do(`k${i}`, INCR);
      await proxy.do(`k${i}`, INCR);
      await proxy.do(`k${i}`, GET);
    }
    expect(proxy.counter('chain-started')).toBe(50);
    await quorum.pass(limits.chainLifeMs + 100);
    const before = proxy.counter('chain-continued');
    for (let i = 0; i < 50; i++) expect(await proxy.do(`k${i}`, INCR)).toBe(3);
    expect(proxy.counter('chain-continued')).toBe(before);
  });
});

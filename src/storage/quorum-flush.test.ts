import { describe, expect, it } from 'vitest';
import type { Failure } from '../base/failure.ts';
import { limits } from '../base/limits.ts';
import { flushNamespaces } from '../quorum/flush.ts';
import { GET, INCR, set } from '../quorum/testing/steps.ts';
import { MessageType } from '../rpc/messages.ts';
import { type LocalProxy, LocalQuorum } from './testing/local-quorum.ts';

interface Flushing {
  /** Null while it runs; then OK or the failure. */
  result: { readonly failure: Failure | null } | null;
}

function flush(quorum: LocalQuorum, proxy: LocalProxy): Flushing {
  const { clock } = quorum;
  const endMs = clock.monotonicMs() + limits.flushDeadlineMs;
  const pause = (ms: number): Promise<void> => new Promise((resolve) => clock.after(ms, resolve));
  const running: Flushing = { result: null };
  void flushNamespaces(proxy.holder, proxy.coordinator.caller, [0], () => endMs - clock.monotonicMs(), pause).then(
    (failure) => {
      running.result = { failure };
    },
  );
  return running;
}

async function flushed(quorum: LocalQuorum, proxy: LocalProxy): Promise<Failure | null> {
  const running = flush(quorum, proxy);
  await quorum.pass(limits.flushDeadlineMs + 2_000, () => running.result !== null);
  expect(running.result).not.toBeNull();
  return running.result?.failure ?? null;
}

describe('a flush', () => {
  it('makes all keys of the namespace unreachable, for every proxy', async () => {
    const quorum = new LocalQuorum();
    const [one, other] = [quorum.proxy(), quorum.proxy()];
    for (let i = 0; i < 5; i++) await one.do(`k${i}`, set('old'));
    expect(await flushed(quorum, one)).toBeNull();
    for (let i = 0; i < 5; i++) expect(await one.do(`k${i}`, GET)).toBeNull();
    // The other one learns of it from the first refusal, and its clients see no error.
    for (let i = 0; i < 5; i++) expect(await other.do(`k${i}`, GET)).toBeNull();
    expect(other.counter('fenced')).toBeGreaterThan(0);
    expect(await other.do('k0', set('new'))).toBe('OK');
    expect(await one.do('k0', GET)).toBe('new');
  });

  it('breaks chains: the next write is in the new generation', async () => {
    const quorum = new LocalQuorum();
    const [one, other] = [quorum.proxy(), quorum.proxy()];
    for (let i = 1; i <= 3; i++) expect(await other.do('n', INCR)).toBe(i);
    expect(await flushed(quorum, one)).toBeNull();
    expect(other.counter('chain-started')).toBeGreaterThan(0);
    // Its COMMIT went out in the old generation and was refused: nothing can be told of it any more.
    const outcome = await other.outcome('n', INCR);
    if (outcome.ok) expect(outcome.reply).toBe(1);
    else expect(outcome.failure.kind).toBe('uncertain');
    const stands = outcome.ok ? 1 : 0;
    expect(await one.do('n', GET)).toBe(outcome.ok ? '1' : null);
    expect(await other.do('n', INCR)).toBe(stands + 1);
  });

  it('carries commands that wait over to the new generation, in their order', async () => {
    const quorum = new LocalQuorum();
    const [one, other] = [quorum.proxy(), quorum.proxy()];
    await other.do('k', set('old'));
    await quorum.pass(limits.chainLifeMs);
    other.transport.fate = (_node, { type }) => (type === MessageType.prepare ? 'hold' : 'pass');
    const running = [set('a', { nx: true }), GET].map((step) => other.start('k', step));
    await quorum.pass(2);
    expect(await flushed(quorum, one)).toBeNull();
    other.transport.fate = () => 'pass';
    other.transport.release();
    await quorum.pass(1_000, () => running.every(({ outcome }) => outcome !== null));
    expect(running.map(({ outcome }) => outcome)).toEqual([
      { ok: true, reply: 'OK' },
      { ok: true, reply: 'a' },
    ]);
    expect(other.counter('resubmitted')).toBeGreaterThan(0);
  });

  it('needs a quorum of zones, and no more', async () => {
    const quorum = new LocalQuorum();
    const [one, other] = [quorum.proxy(), quorum.proxy()];
    await one.do('k', set('old'));
    quorum.takeDown(3);
    expect(await flushed(quorum, one)).toBeNull();
    quorum.takeUp(3);
    // The one that was away holds the old map: it is handed the new one, and the old value does not come back.
    quorum.takeDown(1);
    expect(await other.do('k', GET)).toBeNull();
    expect(await one.do('k', set('new'))).toBe('OK');
    expect(quorum.node(3).hello().mapEpoch).toBe(2);
  });

  it('is UNCERTAIN without a quorum, in bounded time, and then holds all the same', async () => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    await proxy.do('k', set('old'));
    quorum.takeDown(2);
    quorum.takeDown(3);
    expect(await flushed(quorum, proxy)).toMatchObject({ kind: 'uncertain' });
    quorum.takeUp(2);
    quorum.takeUp(3);
    expect(await proxy.do('k', GET)).toBeNull();
  });

  it('costs no command an error while one node is down and another has not heard of it yet', async () => {
    const quorum = new LocalQuorum();
    const [one, other] = [quorum.proxy(), quorum.proxy()];
    await one.do('k', set('old'));
    quorum.takeDown(3);
    one.transport.fate = (node, { type }) => (node === 2 && type === MessageType.adoptMap ? 'drop' : 'pass');
    const flushing = flush(quorum, one);
    await quorum.pass(100);
    expect(flushing.result).toBeNull();
    const running = [one.start('k', GET), other.start('k', GET), one.start('n', INCR), other.start('m', INCR)];
    await quorum.pass(500);
    one.transport.fate = () => 'pass';
    await quorum.pass(1_500, () => running.every(({ outcome }) => outcome !== null));
    expect(running.map(({ outcome }) => outcome?.ok)).toEqual([true, true, true, true]);
    await quorum.pass(2_000, () => flushing.result !== null);
    expect(flushing.result).toEqual({ failure: null });
  });

  it('survives the restart of its nodes', async () => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    await proxy.do('k', set('old'));
    expect(await flushed(quorum, proxy)).toBeNull();
    for (const node of [1, 2, 3]) quorum.restart(node);
    expect(quorum.node(2).hello().mapEpoch).toBe(2);
    expect(await proxy.do('k', GET)).toBeNull();
  });

  it('of one namespace leaves the others', async () => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    const running: { reply: unknown } = { reply: undefined };
    const done = (outcome: { ok: boolean; reply?: unknown }): void => {
      running.reply = outcome.reply;
    };
    proxy.coordinator.submit({ namespace: 3, key: Buffer.from('k'), step: set('kept'), done });
    await quorum.pass(50);
    expect(await flushed(quorum, proxy)).toBeNull();
    proxy.coordinator.submit({ namespace: 3, key: Buffer.from('k'), step: GET, done });
    await quorum.pass(50);
    expect(running.reply).toBe('kept');
  });
});

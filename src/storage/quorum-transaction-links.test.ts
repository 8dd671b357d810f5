import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { GET, set, type TestReply } from '../quorum/testing/steps.ts';
import { MessageType, type Request } from '../rpc/messages.ts';
import { type LocalProxy, LocalQuorum } from './testing/local-quorum.ts';

const KEYS = ['a', 'b', 'c', 'd'];

/** Sets all keys to the text in one transaction; what it is answered. */
async function setAll(quorum: LocalQuorum, proxy: LocalProxy, text: string): Promise<TestReply | null> {
  let reply: TestReply | null = null;
  proxy.coordinator.transact({
    keys: KEYS.map((key) => ({ namespace: 0, key: Buffer.from(key) })),
    access: 'write',
    needs: 'value',
    run: (view) => {
      for (let i = 0; i < KEYS.length; i++) view.apply(i, set(text));
      return 'OK';
    },
    done: (outcome) => {
      expect(outcome.ok).toBe(true);
      reply = outcome.ok ? outcome.reply : null;
    },
  });
  await quorum.pass(1_000, () => reply !== null);
  return reply;
}

/** COMMITs of records without an intent: those that resolve. */
function resolves(request: Request): boolean {
  if (request.type === MessageType.commit) return request.state.intent === undefined && request.address.namespace === 0;
  return request.type === MessageType.commitMany && request.items.every(({ state }) => state.intent === undefined);
}

describe('what clears up behind a transaction', () => {
  it('asks nobody: it begins with COMMIT', async () => {
    const quorum = new LocalQuorum({ express: true });
    const proxy = quorum.proxy();
    expect(await setAll(quorum, proxy, 'x')).toBe('OK');
    const [prepared, preparedMany] = [MessageType.prepare, MessageType.prepareMany].map((type) => proxy.sent.get(type));
    await quorum.pass(100);
    expect(proxy.counter('transaction-resolved')).toBe(1);
    // Four records, and the transaction's own.
    expect(proxy.counter('chain-started')).toBe(KEYS.length + 1);
    expect(proxy.counter('chain-continued')).toBe(KEYS.length + 1);
    expect(proxy.sent.get(MessageType.prepare)).toBe(prepared);
    expect(proxy.sent.get(MessageType.prepareMany)).toBe(preparedMany);
  });

  it('leaves a record alone that somebody else has resolved and written meanwhile', async () => {
    const quorum = new LocalQuorum({ express: true });
    const [proxy, other] = [quorum.proxy(), quorum.proxy()];
    proxy.transport.fate = (_node, request) => (resolves(request) ? 'hold' : 'pass');
    expect(await setAll(quorum, proxy, 'x')).toBe('OK');
    await quorum.pass(5);
    expect(await other.do('b', set('mine', { xx: true }))).toBe('OK');
    proxy.transport.fate = () => 'pass';
    proxy.transport.release();
    await quorum.pass(1_000);
    expect(proxy.counter('transaction-resolved')).toBe(1);
    for (const key of KEYS) {
      const value = key === 'b' ? 'mine' : 'x';
      expect(await proxy.do(key, GET)).toBe(value);
      expect(await other.do(key, GET)).toBe(value);
      for (const node of [1, 2, 3]) expect(quorum.stored(node, key)?.state.intent).toBeUndefined();
    }
  });

  it('brings pages to a node that has missed the intents', async () => {
    const quorum = new LocalQuorum({ express: true });
    const proxy = quorum.proxy();
    for (const key of KEYS) await proxy.do(key, set('old'));
    // Whatever comes before what resolves: the intents, and the pages ahead of them.
    proxy.transport.fate = (node, request) => (node === 3 && !resolves(request) ? 'drop' : 'pass');
    const large = 'x'.repeat(300_000);
    expect(await setAll(quorum, proxy, large)).toBe('OK');
    proxy.transport.fate = () => 'pass';
    await quorum.pass(2_000);
    expect(proxy.counter('transaction-resolved')).toBe(1);
    for (const key of KEYS) {
      expect(quorum.stored(3, key)?.state.header.paged).toBe(true);
      expect(quorum.stored(3, key)?.state.intent).toBeUndefined();
    }
    expect(proxy.counter('pages-stale')).toBeGreaterThan(0);
    const other = quorum.proxy();
    quorum.takeDown(1);
    for (const key of KEYS) expect(await other.do(key, GET)).toBe(large);
  });

  it('is sent again where it was lost', async () => {
    const quorum = new LocalQuorum({ express: true });
    const proxy = quorum.proxy();
    let stalled = true;
    proxy.transport.fate = (_node, request) => (stalled && resolves(request) ? 'drop' : 'pass');
    expect(await setAll(quorum, proxy, 'x')).toBe('OK');
    await quorum.pass(limits.resendDelayMs / 2);
    stalled = false;
    await quorum.pass(limits.chainLifeMs);
    for (const key of KEYS) {
      for (const node of [1, 2, 3]) expect(quorum.stored(node, key)?.state.intent).toBeUndefined();
    }
    expect(proxy.counter('transaction-resolved')).toBe(1);
  });
});

describe('a proxy that has changed records in a transaction', () => {
  it('reads them on the short way, and finds what it wrote', async () => {
    const quorum = new LocalQuorum({ express: true });
    const proxy = quorum.proxy();
    for (const key of KEYS) await proxy.do(key, set('old'));
    expect(await setAll(quorum, proxy, 'new')).toBe('OK');
    await quorum.pass(100);
    const before = proxy.counter('express-read');
    const left = proxy.counter('express-left');
    for (const key of KEYS) expect(await proxy.do(key, GET)).toBe('new');
    expect(proxy.counter('express-read')).toBe(before + KEYS.length);
    expect(proxy.counter('express-left')).toBe(left);
    // What it has read or written it need not open again.
    const { open } = quorum.seal;
    let opened = 0;
    quorum.seal.open = (...args) => {
      opened++;
      return open.apply(quorum.seal, args);
    };
    expect(await setAll(quorum, proxy, 'newer')).toBe('OK');
    expect(opened).toBe(0);
    for (const key of KEYS) expect(await quorum.proxy().do(key, GET)).toBe('newer');
  });

  it('does not go by it once another has written them', async () => {
    const quorum = new LocalQuorum({ express: true });
    const [proxy, other] = [quorum.proxy(), quorum.proxy()];
    expect(await setAll(quorum, proxy, 'x')).toBe('OK');
    await quorum.pass(100);
    expect(await setAll(quorum, other, 'y')).toBe('OK');
    for (const key of KEYS) expect(await proxy.do(key, GET)).toBe('y');
  });
});

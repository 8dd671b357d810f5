import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { KeyScan } from '../quorum/key-scan.ts';
import { EXISTS, GET, set, type TestReply } from '../quorum/testing/steps.ts';
import { LocalQuorum } from './testing/local-quorum.ts';

const LARGE = 'one line of text;'.repeat(20_000);

/** As after SIGSTOP: connections stay open, and nothing comes back. */
describe.each([true, false])('a node that hangs (express lane: %s)', (express) => {
  it('costs those who had asked it one hedge delay, and nobody after them anything', async () => {
    const quorum = new LocalQuorum({ express });
    const proxy = quorum.proxy();
    for (let i = 0; i < 30; i++) await proxy.do(`k${i}`, set('v'));
    await quorum.pass(2 * limits.chainLifeMs);
    proxy.transport.fate = (node) => (node === 2 ? 'drop' : 'pass');
    const first = Array.from({ length: 30 }, (_, i) => proxy.start(`k${i}`, GET));
    // Rounds look at the time every few milliseconds; what leaves the express lane starts there.
    await quorum.pass(limits.hedgeDelayMs + 2 * limits.roundTickMs, () =>
      first.every(({ outcome }) => outcome !== null),
    );
    expect(first.filter(({ outcome }) => outcome?.ok === true)).toHaveLength(30);
    const startMs = quorum.clock.monotonicMs();
    for (let round = 0; round < 10; round++) {
      for (let i = 0; i < 30; i++) expect(await proxy.do(`k${i}`, i % 3 === 0 ? set('w') : GET, 5)).not.toBeNull();
      await quorum.pass(limits.suspectMs);
    }
    expect(quorum.clock.monotonicMs() - startMs).toBeLessThan(10 * limits.suspectMs + 30 * 10 + 50);
    expect(proxy.counter('node-suspected')).toBe(1);
    // It goes on, and is asked again.
    proxy.transport.fate = () => 'pass';
    await quorum.pass(3 * limits.probePauseMaxMs);
    expect(proxy.counter('node-taken-back')).toBe(1);
    const asked = new Set<number>();
    proxy.transport.fate = (node) => {
      asked.add(node);
      return 'pass';
    };
    for (let i = 0; i < 30; i++) await proxy.do(`k${i}`, GET);
    expect([...asked].sort()).toEqual([1, 2, 3]);
    expect(proxy.counter('node-suspected')).toBe(1);
  });

  it('holds a scan and a large value up once, too', async () => {
    const quorum = new LocalQuorum({ express });
    const proxy = quorum.proxy();
    await proxy.do('k', set('v'));
    proxy.transport.fate = (node) => (node === 2 ? 'drop' : 'pass');
    const scan = new KeyScan<TestReply>(proxy.coordinator, EXISTS, (reply) => reply === 1);
    const scanAll = async (): Promise<number> => {
      let found = 0;
      for (let shard = 0; shard < 4; shard++) {
        let isDone = false;
        const page = scan.scanShard(0, shard, '', 10).finally(() => {
          isDone = true;
        });
        await quorum.pass(limits.deadlineMs, () => isDone);
        const result = await page;
        if (result.ok) found += result.keys.length;
      }
      return found;
    };
    const startMs = quorum.clock.monotonicMs();
    expect(await scanAll()).toBe(1);
    expect(quorum.clock.monotonicMs() - startMs).toBeLessThanOrEqual(limits.scanHedgeMs + 10);
    const againMs = quorum.clock.monotonicMs();
    expect(await scanAll()).toBe(1);
    expect(await proxy.do('large', set(LARGE))).toBe('OK');
    expect(await proxy.do('large', GET)).toBe(LARGE);
    expect(quorum.clock.monotonicMs() - againMs).toBeLessThan(20);
  });

  it('takes in no more than its bound where it is its disk that hangs, and goes on afterwards', async () => {
    const quorum = new LocalQuorum({ express });
    const proxy = quorum.proxy();
    const value = 'x'.repeat(limits.inlineValueBytes - 100);
    const writes = Math.ceil((1.5 * limits.writeBacklogBytes) / value.length);
    quorum.engine(2).hold('write');
    for (let i = 0; i < writes; i++) expect(await proxy.do(`k${i}`, set(value), 200)).toBe('OK');
    quorum.engine(2).flow('write');
    await quorum.pass(50);
    const stored = Array.from({ length: writes }, (_, i) => quorum.stored(2, `k${i}`)).filter((one) => one !== null);
    expect(stored.length * value.length).toBeGreaterThan(limits.writeBacklogBytes / 2);
    expect(stored.length * value.length).toBeLessThan(limits.writeBacklogBytes + 2 * limits.writeBatchBytes);
    await quorum.pass(limits.resendDelayMs + 10);
    expect(await proxy.do('k0', set('after'), 200)).toBe('OK');
    await quorum.pass(50);
    expect(quorum.stored(2, 'k0')?.state.header.sizeBytes).toBe('after'.length);
  });
});

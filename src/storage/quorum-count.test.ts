import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { KeyCounter, type KeyTotals } from '../quorum/key-count.ts';
import { KeyScan } from '../quorum/key-scan.ts';
import { DEL, EXISTS, set, type TestReply } from '../quorum/testing/steps.ts';
import { MessageType } from '../rpc/messages.ts';
import { type LocalProxy, LocalQuorum } from './testing/local-quorum.ts';

class CountKit {
  readonly quorum: LocalQuorum;
  readonly proxy: LocalProxy;
  readonly counter: KeyCounter<TestReply>;
  scans = 0;

  constructor(nodes: 1 | 3 | 5 = 3) {
    this.quorum = new LocalQuorum({ nodes, shards: 1 });
    this.proxy = this.quorum.proxy();
    const { coordinator } = this.proxy;
    const scan = new KeyScan<TestReply>(coordinator, EXISTS, (reply) => reply === 1);
    const scanShard = scan.scanShard.bind(scan);
    scan.scanShard = (...args) => {
      this.scans++;
      return scanShard(...args);
    };
    this.counter = new KeyCounter(coordinator, scan);
  }

  /** Of the first database, asked beside another one. */
  async count(): Promise<KeyTotals> {
    const running: { totals: readonly KeyTotals[] | null } = { totals: null };
    void this.counter.countShard([0, 1], 0).then((result) => {
      if (!result.ok) throw new Error(result.failure.detail);
      running.totals = result.totals;
    });
    await this.quorum.pass(60_000, () => running.totals !== null);
    const [first, second] = running.totals ?? [];
    if (first === undefined) throw new Error('a count ends');
    expect(second).toEqual({ keys: 0, expires: 0 });
    return first;
  }
}

describe('a count of the keys of a shard', () => {
  it.each([1, 3, 5] as const)('counts each live key once, on %i nodes, without reading any key', async (nodes) => {
    const kit = new CountKit(nodes);
    for (let i = 0; i < 40; i++) await kit.proxy.do(`key ${i}`, set('x'));
    await kit.proxy.do('key 7', DEL);
    const now = kit.quorum.clock.wallMs();
    await kit.proxy.do('short', set('x', { expiresAtMs: now + 10 }));
    await kit.proxy.do('long', set('x', { expiresAtMs: now + 60_000 }));
    await kit.quorum.pass(20);
    expect(await kit.count()).toEqual({ keys: 40, expires: 1 });
    expect(kit.scans).toBe(0);
  });

  it('counts right what some replicas lack, or still have', async () => {
    const fate = fc.record({
      lagging: fc.array(fc.constantFrom(0, 1, 2, 3), { minLength: 12, maxLength: 12 }),
      deleted: fc.array(fc.constantFrom(-1, 0, 1, 2, 3), { minLength: 12, maxLength: 12 }),
    });
    await fc.assert(
      fc.asyncProperty(fate, async ({ lagging, deleted }) => {
        const kit = new CountKit();
        const { proxy } = kit;
        const missing = (lags: number) => {
          proxy.transport.fate = (node, { type }) => (node === lags && type === MessageType.commit ? 'drop' : 'pass');
        };
        let live = 0;
        for (let i = 0; i < lagging.length; i++) {
          missing(lagging[i] ?? 0);
          await proxy.do(`key ${i}`, set('x'));
          const lags = deleted[i] ?? -1;
          missing(lags);
          if (lags < 0) live++;
          else await proxy.do(`key ${i}`, DEL);
        }
        missing(0);
        expect((await kit.count()).keys).toBe(live);
      }),
      { numRuns: 15 },
    );
  });

  it('goes on behind as many records as a node looks at, where replicas stop at different places', async () => {
    const kit = new CountKit();
    const examined = limits.scanExaminedRecords;
    const step = limits.scanStepRecords;
    try {
      Object.assign(limits, { scanExaminedRecords: 6, scanStepRecords: 3 });
      for (let i = 0; i < 40; i++) {
        const lags = i % 5;
        kit.proxy.transport.fate = (node, { type }) => (node === lags && type === MessageType.commit ? 'drop' : 'pass');
        await kit.proxy.do(`key ${i}`, set('x'));
      }
      kit.proxy.transport.fate = () => 'pass';
      expect(await kit.count()).toEqual({ keys: 40, expires: 0 });
    } finally {
      Object.assign(limits, { scanExaminedRecords: examined, scanStepRecords: step });
    }
  });

  it('says so when there is no quorum', async () => {
    const kit = new CountKit();
    await kit.proxy.do('key', set('x'));
    kit.proxy.transport.fate = (node) => (node === 1 ? 'pass' : 'drop');
    const running: { isOk: boolean | null } = { isOk: null };
    void kit.counter.countShard([0], 0).then(({ ok }) => {
      running.isOk = ok;
    });
    await kit.quorum.pass(3_600_000, () => running.isOk !== null);
    expect(running.isOk).toBe(false);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { KeyScan, type ShardScan } from '../quorum/key-scan.ts';
import { DEL, EXISTS, set, type TestReply } from '../quorum/testing/steps.ts';
import { encodeStored } from '../record/state-codec.ts';
import { MessageType } from '../rpc/messages.ts';
import { type LocalProxy, LocalQuorum } from './testing/local-quorum.ts';

class ScanKit {
  readonly quorum: LocalQuorum;
  readonly proxy: LocalProxy;
  readonly scan: KeyScan<TestReply>;

  constructor(nodes: 1 | 3 | 5 = 3) {
    this.quorum = new LocalQuorum({ nodes, shards: 1 });
    this.proxy = this.quorum.proxy();
    this.scan = new KeyScan(this.proxy.coordinator, EXISTS, (reply) => reply === 1);
  }

  async page(afterId = '', limit = 1_000): Promise<ShardScan> {
    const running: { result: ShardScan | null } = { result: null };
    void this.scan.scanShard(0, 0, afterId, limit).then((result) => {
      running.result = result;
    });
    await this.quorum.pass(60_000, () => running.result !== null);
    if (running.result === null) throw new Error('a scan ends');
    return running.result;
  }

  /** All keys, page by page. */
  async keys(limit = 1_000): Promise<string[]> {
    const found: string[] = [];
    let after = '';
    for (;;) {
      const page = await this.page(after, limit);
      if (!page.ok) throw new Error(page.failure.detail);
      found.push(...page.keys.map(({ key }) => key.toString()));
      if (page.exhausted) return found;
      expect(page.lastId > after).toBe(true);
      after = page.lastId;
    }
  }
}

describe('a scan of a shard', () => {
  it.each([1, 3, 5] as const)('finds each live key once, on %i nodes, whatever the page', async (nodes) => {
    const kit = new ScanKit(nodes);
    const names = Array.from({ length: 40 }, (_, i) => `key ${i}`);
    for (const name of names) await kit.proxy.do(name, set(name));
    await kit.proxy.do('key 7', DEL);
    const expected = names.filter((name) => name !== 'key 7').sort();
    for (const limit of [1, 3, 7, 1_000]) expect((await kit.keys(limit)).sort()).toEqual(expected);
  });

  it('leaves expired keys out without writing them dead', async () => {
    const kit = new ScanKit();
    await kit.proxy.do('short', set('x', { expiresAtMs: kit.quorum.clock.wallMs() + 10 }));
    await kit.proxy.do('long', set('x', { expiresAtMs: kit.quorum.clock.wallMs() + 60_000 }));
    await kit.quorum.pass(20);
    const commits = kit.proxy.commitsSent();
    expect(await kit.keys()).toEqual(['long']);
    expect(kit.proxy.commitsSent()).toBe(commits);
  });

  it('never misses a key that some replicas lack, nor shows one that is deleted', async () => {
    const world = fc.record({
      lagging: fc.array(fc.constantFrom(0, 1, 2, 3), { minLength: 12, maxLength: 12 }),
      deleted: fc.array(fc.constantFrom(-1, 0, 1, 2, 3), { minLength: 12, maxLength: 12 }),
      limit: fc.constantFrom(1, 2, 4, 100),
    });
    await fc.assert(
      fc.asyncProperty(world, async ({ lagging, deleted, limit }) => {
        const kit = new ScanKit();
        const { proxy } = kit;
        const missing = (lags: number) => {
          proxy.transport.fate = (node, { type }) => (node === lags && type === MessageType.commit ? 'drop' : 'pass');
        };
        const live: string[] = [];
        for (let i = 0; i < lagging.length; i++) {
          missing(lagging[i] ?? 0);
          await proxy.do(`k${i}`, set('x'));
          const lagsDeletion = deleted[i] ?? -1;
          missing(lagsDeletion);
          if (lagsDeletion >= 0) await proxy.do(`k${i}`, DEL);
          else live.push(`k${i}`);
        }
        proxy.transport.fate = () => 'pass';
        expect((await kit.keys(limit)).sort()).toEqual(live.sort());
      }),
      { numRuns: 15 },
    );
  });

  it('goes on without a node that is down, or hangs', async () => {
    const kit = new ScanKit();
    for (const name of ['a', 'b', 'c']) await kit.proxy.do(name, set('x'));
    kit.quorum.takeDown(1);
    expect((await kit.keys()).sort()).toEqual(['a', 'b', 'c']);
    kit.quorum.takeUp(1);
    kit.proxy.transport.fate = (node) => (node === 2 ? 'drop' : 'pass');
    expect((await kit.keys()).sort()).toEqual(['a', 'b', 'c']);
  });

  it('is UNAVAILABLE without a quorum, in bounded time', async () => {
    const kit = new ScanKit();
    kit.quorum.takeDown(1);
    kit.quorum.takeDown(2);
    expect(await kit.page()).toMatchObject({ ok: false, failure: { kind: 'unavailable' } });
  });

  it('finds a key whose bytes are damaged on one replica', async () => {
    const kit = new ScanKit();
    await kit.proxy.do('k', set('x'));
    await kit.quorum.pass(5);
    const stored = kit.quorum.stored(1, 'k');
    if (stored === null) throw new Error('it was stored');
    const meta = Buffer.from(stored.state.meta);
    meta[40] = (meta[40] ?? 0) ^ 1;
    const key = kit.quorum.recordKeyOf('k');
    const planted = [encodeStored(stored.accepted, { ...stored.state, meta }), Buffer.from('damaged')];
    for (const bytes of planted) {
      kit.quorum.engine(1).plant(key, bytes);
      kit.quorum.restart(1);
      await kit.quorum.pass(limits.suspectMs + 10);
      expect(await kit.keys()).toEqual(['k']);
    }
  });
});

import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { SystemRandom } from '../base/system-random.ts';
import { generateKeystore, type Keystore, withNewKeyVersion } from '../crypto/keystore.ts';
import { LiveKeyRing } from '../crypto/live-key-ring.ts';
import { type KeyUseResult, Resealer } from '../quorum/resealer.ts';
import { DEL, expireAt, GET, INCR, PTTL, set, type TestReply } from '../quorum/testing/steps.ts';
import { pageKey } from '../record/record-id.ts';
import { MessageType } from '../rpc/messages.ts';
import { type LocalProxy, LocalQuorum } from './testing/local-quorum.ts';

const SHARDS = 4;
const LARGE = 'abcdefgh'.repeat((3 * limits.pageBytes) / 8 + 10);

function rotated(keystore: Keystore, activeFromMs: number): Keystore {
  const next = withNewKeyVersion(keystore, new SystemRandom(), 0, activeFromMs);
  if (next === null) throw new Error('full');
  return next;
}

/** A cluster and the keys of its one proxy. */
class Rig {
  readonly ring = new LiveKeyRing(generateKeystore(new SystemRandom(), 0), 0);
  readonly quorum: LocalQuorum;
  readonly proxy: LocalProxy;
  readonly resealer: Resealer<TestReply>;

  constructor(express = false) {
    this.quorum = new LocalQuorum({ keys: this.ring, shards: SHARDS, express });
    this.proxy = this.quorum.proxy();
    this.resealer = new Resealer(this.proxy.coordinator, null);
  }

  rotate(): void {
    this.ring.adopt(rotated(this.ring.keystore, 0), this.quorum.clock.wallMs());
  }

  async settle<T>(promise: Promise<T>): Promise<T> {
    let isDone = false;
    promise.then(
      () => {
        isDone = true;
      },
      () => {
        isDone = true;
      },
    );
    await this.quorum.pass(30_000, () => isDone);
    return promise;
  }

  /** Goes over everything on every node; what each version seals, as `records+pages`. */
  async pass(limit: number): Promise<{ uses: Record<number, string>; resealed: number; failed: number }> {
    const records = new Map<number, number>();
    const pagesOf = new Map<number, number>();
    let resealed = 0;
    let failed = 0;
    for (const pages of [false, true]) {
      for (let shard = 0; shard < SHARDS; shard++) {
        for (let replica = 0; replica < 3; replica++) {
          let place = { shard, replica, pages, afterId: '', afterPage: '' };
          for (;;) {
            const value = need(await this.settle(this.resealer.look(place, this.ring.activeVersion, limit)));
            resealed += value.resealed;
            failed += value.failed;
            const counts = pages ? pagesOf : records;
            for (const { keyVersion, count } of value.used.uses) {
              counts.set(keyVersion, (counts.get(keyVersion) ?? 0) + count);
            }
            if (value.used.exhausted) break;
            place = { ...place, afterId: value.used.lastId, afterPage: value.used.lastPage };
          }
        }
      }
    }
    await this.quorum.pass(20);
    const uses: Record<number, string> = {};
    for (const version of new Set([...records.keys(), ...pagesOf.keys()])) {
      uses[version] = `${records.get(version) ?? 0}+${pagesOf.get(version) ?? 0}`;
    }
    return { uses, resealed, failed };
  }
}

function need(result: KeyUseResult) {
  if (!result.ok) throw new Error(result.failure.detail);
  return result.value;
}

describe('a change of keys', () => {
  it.each([false, true])('seals everything anew and changes nothing else (express: %s)', async (express) => {
    const rig = new Rig(express);
    const { proxy, quorum } = rig;
    const expiresAtMs = quorum.clock.wallMs() + 1_000_000;
    for (let i = 0; i < 20; i++) await proxy.do(`k${i}`, set(`value ${i}`));
    await proxy.do('brief', set('x', { expiresAtMs }));
    await proxy.do('middling', set('m'.repeat(2_000)));
    await proxy.do('large', set(LARGE));
    await proxy.do('large', expireAt(expiresAtMs));
    await quorum.pass(50);
    expect((await rig.pass(0)).uses).toEqual({ 1: '69+12' });

    rig.rotate();
    expect((await rig.pass(0)).uses).toEqual({ 1: '69+12' });
    const before = quorum.stored(1, 'k7');
    const first = await rig.pass(8);
    expect(first.failed).toBe(0);
    expect(first.resealed).toBeGreaterThanOrEqual(23 + 12);
    expect((await rig.pass(0)).uses).toEqual({ 2: '69+12' });

    for (let i = 0; i < 20; i++) expect(await proxy.do(`k${i}`, GET)).toBe(`value ${i}`);
    expect(await proxy.do('brief', PTTL)).toBe(expiresAtMs - quorum.clock.wallMs());
    expect(await proxy.do('large', PTTL)).toBe(expiresAtMs - quorum.clock.wallMs());
    expect(await proxy.do('large', GET)).toBe(LARGE);
    expect(await quorum.proxy().do('middling', GET)).toBe('m'.repeat(2_000));
    const after = quorum.stored(1, 'k7');
    const past = [before, after].map((stored) => {
      const { key, recordVersion, creationTimeMs, lastModifiedMs, requests } =
        (stored === null ? null : quorum.seal.open(quorum.ids.recordId(0, 1, Buffer.from('k7')), stored.state))
          ?.content ?? {};
      return { key, recordVersion, creationTimeMs, lastModifiedMs, requests };
    });
    expect(past[1]).toEqual(past[0]);
    expect(past[1]?.recordVersion).toBe(1);
  });

  it('leaves the old key of no use to what is served afterwards', async () => {
    const rig = new Rig();
    await rig.proxy.do('n', INCR);
    await rig.proxy.do('large', set(LARGE));
    rig.rotate();
    await rig.pass(100);
    const { keystore } = rig.ring;
    const retired = { ...keystore, sealKeys: keystore.sealKeys.slice(1) };
    expect(rig.ring.adopt(retired, rig.quorum.clock.wallMs())).toBeNull();
    const other = rig.quorum.proxy();
    expect(await other.do('n', INCR)).toBe(2);
    expect(await other.do('large', GET)).toBe(LARGE);
  });

  it('counts tombstones, which go by themselves', async () => {
    const rig = new Rig();
    await rig.proxy.do('k', set('x'));
    await rig.proxy.do('k', DEL);
    await rig.quorum.pass(20);
    rig.rotate();
    const pass = await rig.pass(100);
    expect(pass).toEqual({ uses: { 1: '3+0' }, resealed: 0, failed: 0 });
    await rig.proxy.do('k', set('y'));
    await rig.quorum.pass(20);
    expect((await rig.pass(0)).uses).toEqual({ 2: '3+0' });
  });

  it('finds what only one replica still has from before', async () => {
    const rig = new Rig();
    await rig.proxy.do('k', set('old'));
    await rig.quorum.pass(20);
    rig.quorum.takeDown(3);
    rig.rotate();
    await rig.proxy.do('k', set('new'));
    rig.quorum.takeUp(3);
    await rig.quorum.pass(200);
    expect((await rig.pass(0)).uses).toEqual({ 1: '1+0', 2: '2+0' });
    await rig.pass(100);
    expect((await rig.pass(0)).uses).toEqual({ 2: '3+0' });
    expect(await rig.proxy.do('k', GET)).toBe('new');
  });

  it('says which node does not tell', async () => {
    const rig = new Rig();
    rig.quorum.takeDown(2);
    const place = { shard: 1, replica: 1, pages: false, afterId: '', afterPage: '' };
    const result = await rig.settle(rig.resealer.look(place, 1, 0));
    expect(result).toMatchObject({ ok: false, failure: { detail: 'node 2 does not tell what it holds of shard 1' } });
    expect(await rig.settle(rig.resealer.look({ ...place, replica: 3 }, 1, 0))).toMatchObject({ ok: false });
  });

  it('brings no page back that was swept away', async () => {
    const rig = new Rig();
    const { proxy, quorum } = rig;
    await proxy.do('large', set(LARGE));
    const gone: Buffer[] = [];
    proxy.transport.fate = (nodeId, request) => {
      if (request.type !== MessageType.replacePages || nodeId !== 1) return 'pass';
      const first = request.pages[0];
      if (first === undefined || gone.length > 0) return 'pass';
      gone.push(pageKey(request.shard, first.id, first.pageId));
      for (const key of gone) quorum.engine(1).plant(key, null);
      return 'pass';
    };
    rig.rotate();
    await rig.pass(100);
    expect(gone).toHaveLength(1);
    for (const key of gone) expect(quorum.engine(1).stored(key)).toBeNull();
    expect((await rig.pass(0)).uses).toEqual({ 2: '3+11' });
  });
});

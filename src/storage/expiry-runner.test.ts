import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { DEL, expireAt, GET, set } from '../quorum/testing/steps.ts';
import { StateKind } from '../record/state.ts';
import { MessageType } from '../rpc/messages.ts';
import type { Sweeper } from './sweeper.ts';
import { LocalQuorum } from './testing/local-quorum.ts';
import { LocalSweep } from './testing/local-sweep.ts';

const NODES = [1, 2, 3];
/** Long before the sweep could have come by. */
const SOON_MS = 1_000;
const keys = Array.from({ length: 40 }, (_, i) => `k${i}`);

interface Cluster {
  readonly quorum: LocalQuorum;
  readonly sweeps: readonly LocalSweep[];
  readonly sweepers: readonly Sweeper[];
}

function start(shards = 16): Cluster {
  const quorum = new LocalQuorum({ shards });
  const sweeps = NODES.map((node) => new LocalSweep(quorum, node));
  return { quorum, sweeps, sweepers: sweeps.map((sweep) => sweep.start()) };
}

function total({ sweepers }: Cluster, name: 'killed' | 'purged' | 'killedFromQueue' | 'purgedFromQueue'): number {
  return sweepers.reduce((sum, { counts }) => sum + counts[name], 0);
}

function kinds(quorum: LocalQuorum, key: string) {
  return NODES.map((node) => quorum.stored(node, key)?.state.header.kind ?? null);
}

async function writeAll(quorum: LocalQuorum, ttlMs: number): Promise<void> {
  const proxy = quorum.proxy();
  const expiresAtMs = quorum.clock.wallMs() + ttlMs;
  for (const key of keys) await proxy.do(key, set('v', { expiresAtMs }));
  await quorum.pass(5);
}

describe('what expires', () => {
  it('is written dead soon, on every replica, by the one node whose shard it is', async () => {
    const cluster = start();
    const { quorum } = cluster;
    await writeAll(quorum, 2_000);
    await quorum.pass(1_000);
    expect(kinds(quorum, 'k1')).toEqual([StateKind.live, StateKind.live, StateKind.live]);
    await quorum.pass(1_000 + SOON_MS);
    for (const key of keys) expect(kinds(quorum, key), key).toEqual([StateKind.dead, StateKind.dead, StateKind.dead]);
    expect(total(cluster, 'killedFromQueue')).toBe(keys.length);
    expect(total(cluster, 'killed')).toBe(keys.length);
    expect(await quorum.proxy().do('k1', GET)).toBeNull();
  });

  it('is purged when it is old enough, without being looked for', async () => {
    const cluster = start();
    const { quorum } = cluster;
    await writeAll(quorum, 500);
    await quorum.pass(limits.purgeAfterMs);
    expect(kinds(quorum, 'k1')).toEqual([StateKind.dead, StateKind.dead, StateKind.dead]);
    await quorum.pass(500 + SOON_MS + limits.purgeGraceMs + limits.purgeRoundMs);
    for (const key of keys) expect(kinds(quorum, key), key).toEqual([null, null, null]);
    expect(total(cluster, 'purged')).toBe(keys.length);
    expect(total(cluster, 'purgedFromQueue')).toBeGreaterThan(0);
    expect(await quorum.proxy().do('k1', set('again', { nx: true }))).toBe('OK');
  });

  it('is purged without being read again', async () => {
    const cluster = start(4);
    const { quorum } = cluster;
    await writeAll(quorum, 500);
    await quorum.pass(500 + SOON_MS);
    const readsOf = () =>
      NODES.map((node) => quorum.engine(node).calls.filter((call) => call.startsWith('get')).length);
    const before = readsOf();
    await quorum.pass(limits.purgeAfterMs + limits.purgeGraceMs + limits.purgeRoundMs);
    expect(total(cluster, 'purgedFromQueue')).toBe(keys.length);
    expect(readsOf()).toEqual(before);
  });

  it('is looked at again: what was prolonged lives on until then, what was deleted or is for ever is left alone', async () => {
    const cluster = start();
    const { quorum } = cluster;
    await writeAll(quorum, 500);
    const proxy = quorum.proxy();
    await proxy.do('k1', expireAt(quorum.clock.wallMs() + 6_000));
    await proxy.do('k2', DEL);
    await proxy.do('k3', set('stays'));
    await quorum.pass(500 + SOON_MS);
    expect(total(cluster, 'killedFromQueue')).toBe(keys.length - 3);
    expect(await proxy.do('k1', GET)).toBe('v');
    await quorum.pass(6_000 + SOON_MS);
    expect(kinds(quorum, 'k1')).toEqual([StateKind.dead, StateKind.dead, StateKind.dead]);
    expect(total(cluster, 'killedFromQueue')).toBe(keys.length - 2);
    expect(await proxy.do('k3', GET)).toBe('stays');
  });

  it('is brought from the disk where it is not in memory', async () => {
    const quorum = new LocalQuorum({ shards: 4, cacheBytes: 100_000 });
    const sweepers = NODES.map((node) => new LocalSweep(quorum, node).start());
    await writeAll(quorum, 3_000);
    const proxy = quorum.proxy();
    for (let i = 0; i < 300; i++) await proxy.do(`other${i}`, set('v'));
    await quorum.pass(3_000 + SOON_MS);
    expect(total({ quorum, sweeps: [], sweepers }, 'killedFromQueue')).toBe(keys.length);
  });

  it('is left to the sweep after a restart', async () => {
    const cluster = start(4);
    const { quorum, sweeps, sweepers } = cluster;
    await writeAll(quorum, 1_000);
    for (const sweeper of sweepers) sweeper.stop();
    const again = { ...cluster, sweepers: sweeps.map((sweep) => sweep.start()) };
    await quorum.pass(1_000 + SOON_MS);
    expect(total(again, 'killedFromQueue')).toBe(0);
    await quorum.pass(limits.sweepPassMs * 2);
    expect(total(again, 'killed')).toBe(keys.length);
  });
});

describe('a tombstone that not all replicas have taken', () => {
  it('is not purged by the queue, but by the sweep once all have it', async () => {
    const cluster = start();
    const { quorum, sweeps } = cluster;
    await writeAll(quorum, 500);
    for (const { repairer } of sweeps) {
      repairer.transport.fate = (node, request) =>
        node === 3 && request.type === MessageType.commitMany ? 'lost' : 'pass';
    }
    await quorum.pass(500 + SOON_MS);
    for (const { repairer } of sweeps) repairer.transport.fate = () => 'pass';
    expect(total(cluster, 'killedFromQueue')).toBe(keys.length);
    expect(kinds(quorum, 'k1')).toEqual([StateKind.dead, StateKind.dead, StateKind.live]);
    // Repaired by the sweep, whose new ballot begins the wait anew.
    await quorum.pass(limits.purgeAfterMs);
    expect(kinds(quorum, 'k1')).toEqual([StateKind.dead, StateKind.dead, StateKind.dead]);
    expect(total(cluster, 'purged')).toBe(0);
    await quorum.pass(limits.purgeAfterMs);
    expect(total(cluster, 'purged')).toBe(keys.length);
  });

  it('counts for nothing after a replica was lost', async () => {
    const cluster = start(4);
    const { quorum, sweeps } = cluster;
    await writeAll(quorum, 500);
    await quorum.pass(500 + SOON_MS);
    for (const { repairer } of sweeps) {
      repairer.network.takeDown(2);
      repairer.network.takeUp(2);
    }
    await quorum.pass(limits.purgeAfterMs + limits.purgeGraceMs + limits.purgeRoundMs * 2 + limits.sweepPassMs * 2);
    expect(total(cluster, 'purgedFromQueue')).toBe(0);
    expect(total(cluster, 'purged')).toBe(keys.length);
  });
});

describe('more than can be killed at once', () => {
  it('is killed in the order in which it is due, a part at every look', async () => {
    const quorum = new LocalQuorum({ shards: 4 });
    const sweepers = NODES.map((node) => new LocalSweep(quorum, node).start());
    const proxy = quorum.proxy();
    const expiresAtMs = quorum.clock.wallMs() + 3_000;
    const many = Array.from({ length: 600 }, (_, i) => `many${i}`);
    const running = many.map((key) => proxy.start(key, set('v', { expiresAtMs })));
    await quorum.pass(1_000, () => running.every(({ outcome }) => outcome !== null));
    await quorum.pass(3_000 + SOON_MS, () => total({ quorum, sweeps: [], sweepers }, 'killedFromQueue') > 0);
    expect(total({ quorum, sweeps: [], sweepers }, 'killedFromQueue')).toBeLessThan(many.length / 2);
    await quorum.pass(5_000);
    expect(total({ quorum, sweeps: [], sweepers }, 'killedFromQueue')).toBe(many.length);
  });
});

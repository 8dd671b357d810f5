import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { DEL, set } from '../quorum/testing/steps.ts';
import { MessageType, type Request, type Response } from '../rpc/messages.ts';
import type { SweepToldResponse } from '../rpc/sweep-messages.ts';
import type { Sweeper } from './sweeper.ts';
import { LocalQuorum } from './testing/local-quorum.ts';
import { LocalSweep } from './testing/local-sweep.ts';

const NODES = [1, 2, 3];
const SHARDS = 16;

async function ask(quorum: LocalQuorum, node: number, request: Request): Promise<Response> {
  const answer: { response: Response | null } = { response: null };
  const respond = (response: Response): void => {
    answer.response = response;
  };
  quorum.node(node).receive([{ request, respond }]);
  await quorum.pass(5_000, () => answer.response !== null);
  if (answer.response === null) throw new Error('no answer');
  return answer.response;
}

async function told(quorum: LocalQuorum, node: number): Promise<SweepToldResponse> {
  const response = await ask(quorum, node, { type: MessageType.sweepStatus });
  if (response.type !== MessageType.sweepTold) throw new Error(`answered ${response.type}`);
  return response;
}

async function sweptBy(quorum: LocalQuorum, node: number): Promise<number[]> {
  return (await told(quorum, node)).shards.map(({ shard }) => shard).sort((a, b) => a - b);
}

function startAll(
  quorum: LocalQuorum,
  nodes: readonly number[] = NODES,
): { sweepers: Sweeper[]; sweeps: LocalSweep[] } {
  const sweeps = nodes.map((node) => new LocalSweep(quorum, node));
  return { sweeps, sweepers: sweeps.map((sweep) => sweep.start()) };
}

describe('the sweepers of a cluster', () => {
  it('share the shards: each is swept by one, in about the time of a pass', async () => {
    const quorum = new LocalQuorum({ shards: SHARDS });
    startAll(quorum);
    await quorum.pass(limits.sweepPassMs * 1.2);
    expect(await Promise.all(NODES.map((node) => sweptBy(quorum, node)))).toEqual(
      NODES.map((node) =>
        Array.from({ length: SHARDS }, (_, shard) => shard).filter((shard) => shard % 3 === node - 1),
      ),
    );
    const { findings } = await told(quorum, 1);
    // No faster than that: an idle cluster stays idle.
    expect(findings.ranges).toBeLessThan(2 * SHARDS);
  });

  it('take over from one that is down', async () => {
    const quorum = new LocalQuorum({ shards: SHARDS });
    const { sweeps } = startAll(quorum, [2, 3]);
    for (const { repairer } of sweeps) repairer.network.takeDown(1);
    await quorum.pass(limits.sweepPassMs * 2.5);
    const swept = new Set([...(await sweptBy(quorum, 2)), ...(await sweptBy(quorum, 3))]);
    expect(swept.size).toBe(SHARDS);
  });

  it('take over from one that is up and does not sweep, after some time', async () => {
    const quorum = new LocalQuorum({ shards: 4 });
    startAll(quorum, [2, 3]);
    await quorum.pass(limits.sweepPassMs * 2);
    expect(await sweptBy(quorum, 2)).not.toContain(0);
    quorum.clock.advance(limits.sweepTakeoverMs);
    await quorum.pass(limits.sweepPassMs * 2);
    expect(await sweptBy(quorum, 2)).toContain(0);
  });

  it('find their place again after a restart', async () => {
    const quorum = new LocalQuorum({ shards: 1_024 });
    const [sweeper] = startAll(quorum, [1]).sweepers;
    await quorum.pass(limits.sweepPassMs * 0.5);
    quorum.clock.advance(limits.sweepSaveMs);
    await quorum.pass(200);
    const before = Math.max(...(await sweptBy(quorum, 1)));
    sweeper?.stop();
    quorum.restart(1);
    startAll(quorum, [1]);
    await quorum.pass(500);
    const after = await sweptBy(quorum, 1);
    expect(Math.min(...after)).toBeGreaterThan(before - 60);
    expect(before).toBeGreaterThan(100);
  });

  it('take several shards at a time while much is due, and one at a time otherwise', async () => {
    const swept = async (expires: boolean): Promise<number> => {
      const quorum = new LocalQuorum({ shards: 128 });
      const proxy = quorum.proxy();
      const expiresAtMs = expires ? quorum.clock.wallMs() + 20_000 : 0;
      const keys = Array.from({ length: 1_000 }, (_, i) => `k${i}`);
      const running = keys.map((key) => proxy.start(key, set('v', { expiresAtMs })));
      await quorum.pass(1_000, () => running.every(({ outcome }) => outcome !== null));
      quorum.clock.advance(30_000);
      const { sweeps, sweepers } = startAll(quorum, [1]);
      for (const { repairer } of sweeps) {
        // Each range waits for it as long as it may.
        repairer.transport.fate = (node, request) =>
          node === 2 && request.type === MessageType.digest ? 'drop' : 'pass';
      }
      await quorum.pass(40_000);
      return sweepers[0]?.counts.ranges ?? -1;
    };
    const [one, several] = [await swept(false), await swept(true)];
    expect(one).toBeGreaterThan(5);
    expect(several).toBeGreaterThan(3 * one);
  });

  it('stop', async () => {
    const quorum = new LocalQuorum({ shards: SHARDS });
    const { sweepers } = startAll(quorum, [1]);
    await quorum.pass(1_000);
    for (const sweeper of sweepers) sweeper.stop();
    const { ranges } = sweepers[0]?.counts ?? { ranges: -1 };
    await quorum.pass(limits.sweepPassMs);
    expect(sweepers[0]?.counts.ranges).toBe(ranges);
    expect(await ask(quorum, 1, { type: MessageType.sweepStatus })).toMatchObject({ fault: 'busy' });
  });
});

describe('a sweep that is asked for', () => {
  it('goes through the shard, and tells what it found', async () => {
    const quorum = new LocalQuorum({ shards: 1 });
    const proxy = quorum.proxy();
    for (let i = 0; i < 5; i++) await proxy.do(`k${i}`, set('v'));
    await proxy.do('k1', DEL);
    await quorum.pass(limits.purgeAfterMs + 100);
    startAll(quorum, [3]);
    const request = { type: MessageType.sweepShard, shard: 0, shardEpoch: 1, afterId: '' } as const;
    expect(await ask(quorum, 3, request)).toMatchObject({
      type: MessageType.shardSwept,
      findings: { records: 5, purged: 1, differing: 0 },
      exhausted: true,
    });
    expect(await ask(quorum, 3, { ...request, shardEpoch: 9 })).toMatchObject({ type: MessageType.epoch });
    expect(await ask(quorum, 2, request)).toMatchObject({ fault: 'busy' });
  });
});

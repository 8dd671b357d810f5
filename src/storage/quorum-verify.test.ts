import { describe, expect, it } from 'vitest';
import { type ShardVerified, verifyShard } from '../quorum/shard-verify.ts';
import { set } from '../quorum/testing/steps.ts';
import { LocalQuorum } from './testing/local-quorum.ts';
import { LocalSweep } from './testing/local-sweep.ts';

async function verify(quorum: LocalQuorum, shard: number, down: readonly number[] = []): Promise<ShardVerified> {
  const { coordinator, holder, network } = quorum.proxy();
  for (const node of down) network.takeDown(node);
  const answer: { verified: ShardVerified | null } = { verified: null };
  verifyShard({ caller: coordinator.caller, map: holder }, shard, '', (verified) => {
    answer.verified = verified;
  });
  await quorum.pass(5_000, () => answer.verified !== null);
  if (answer.verified === null) throw new Error('no answer');
  return answer.verified;
}

describe('verifying a shard', () => {
  it('asks the replica whose turn it is, else the next one', async () => {
    const quorum = new LocalQuorum({ shards: 4 });
    await quorum.proxy().do('k', set('v'));
    for (const node of [1, 2, 3]) new LocalSweep(quorum, node).start();
    expect(await verify(quorum, 1)).toMatchObject({ ok: true, nodeId: 2, swept: { exhausted: true } });
    expect(await verify(quorum, 1, [2])).toMatchObject({ ok: true, nodeId: 3 });
    expect(await verify(quorum, 2, [2, 3])).toMatchObject({ ok: true, nodeId: 1 });
  });

  it('says so where nobody can', async () => {
    const quorum = new LocalQuorum({ shards: 4 });
    expect(await verify(quorum, 0)).toMatchObject({ ok: false, failure: { kind: 'unavailable' } });
  });
});

import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import type { ClusterMap } from '../cluster/map.ts';
import { withGoals, withMovesBegun } from '../cluster/members.ts';
import { shardOf, slotOf } from '../cluster/slot.ts';
import { deadAfter } from '../quorum/record-change.ts';
import { set } from '../quorum/testing/steps.ts';
import { shardPageRange } from '../record/record-id.ts';
import type { StoredRecord } from '../record/state-codec.ts';
import type { RecordAddress } from '../rpc/messages.ts';
import { LocalQuorum } from './testing/local-quorum.ts';

const LEARNER = 4;
const SHARDS = [0, 1, 2, 3];
const SHARD = shardOf(slotOf(Buffer.from('k')), SHARDS.length);
const KEPT_MS = limits.unfinishedPageAgeMs + limits.unfinishedPagePasses * limits.pageSweepPassMs;

function must<T>(value: T | null): T {
  if (value === null) throw new Error('it is there');
  return value;
}

async function wait(quorum: LocalQuorum, durationMs: number): Promise<void> {
  for (let passedMs = 0; passedMs < durationMs; passedMs += 500) {
    quorum.clock.advance(500);
    await quorum.pass(2);
  }
}

function pageKeys(quorum: LocalQuorum, node: number): Buffer[] {
  const keys: Buffer[] = [];
  const range = { ...shardPageRange(SHARD), limit: 100, limitBytes: 1e9, keysOnly: true };
  quorum.engine(node).scan(range, (_error, found) => {
    keys.push(...(found ?? []).map(({ key }) => key));
  });
  return keys;
}

/** All shards of the first zone move to a new node; it has the pages of a value written long ago, and no state yet. */
async function learning(): Promise<{ quorum: LocalQuorum; address: RecordAddress; stored: StoredRecord }> {
  const quorum = new LocalQuorum({ spares: 1 });
  await quorum.proxy().do('k', set('x'.repeat(3 * limits.pageBytes)));
  await wait(quorum, KEPT_MS);
  const goals = SHARDS.map((shard) => ({ shard, zone: 0, to: LEARNER }));
  const meant = withGoals(quorum.map, goals);
  await quorum.change(meant, []);
  const map: ClusterMap = must(withMovesBegun(meant, LEARNER, SHARDS.length));
  await quorum.change(map, [1, 2, 3, LEARNER]);
  await quorum.open(LEARNER, SHARDS);
  for (const key of pageKeys(quorum, 1)) quorum.engine(LEARNER).plant(key, quorum.engine(1).stored(key));
  const address = {
    id: quorum.ids.recordId(0, 1, Buffer.from('k')),
    shard: SHARD,
    shardEpoch: map.shardEpochs[SHARD] ?? 0,
    namespace: 0,
    namespaceEpoch: map.namespaces[0]?.epoch ?? 0,
  };
  return { quorum, address, stored: must(quorum.stored(1, 'k')) };
}

describe('pages on a node that learns their shard', () => {
  it('stay while the state that lists them is still to come', async () => {
    const { quorum } = await learning();
    expect(pageKeys(quorum, LEARNER)).toHaveLength(3);
    await wait(quorum, KEPT_MS);
    expect(pageKeys(quorum, LEARNER)).toHaveLength(3);
  });

  it('stay although a deletion that was never chosen has marked them', async () => {
    const { quorum, address, stored } = await learning();
    const { state, accepted } = stored;
    const laterBy = (us: number) => ({ time: accepted.time + us, proposer: accepted.proposer });
    const outcomes: string[] = [];
    for (const copy of [
      { address, accepted, state },
      { address, accepted: laterBy(1), state: deadAfter(state.header, laterBy(1)) },
      { address, accepted: laterBy(2), state },
    ]) {
      quorum.node(LEARNER).shards.learn([copy], (some) => outcomes.push(...some));
      await quorum.pass(100);
    }
    expect(outcomes).toEqual(['stored', 'stored', 'stored']);
    await wait(quorum, limits.purgeAfterMs + 2 * limits.pageSweepPassMs);
    expect(pageKeys(quorum, LEARNER)).toHaveLength(3);
  });
});

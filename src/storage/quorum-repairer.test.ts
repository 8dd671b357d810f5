import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { KILL_EXPIRED, WRITE_BACK } from '../quorum/record-change.ts';
import { DEL, expireAt, GET, set } from '../quorum/testing/steps.ts';
import { NO_BALLOT, sameBallot } from '../record/ballot.ts';
import { ballotsOf } from '../record/ballot-row.ts';
import { StateKind } from '../record/state.ts';
import { MessageType } from '../rpc/messages.ts';
import { LocalQuorum } from './testing/local-quorum.ts';
import { LocalRepairer } from './testing/local-repairer.ts';

const NODES = [1, 2, 3];

function accepted(quorum: LocalQuorum, key: string) {
  return NODES.map((node) => quorum.stored(node, key)?.accepted ?? NO_BALLOT);
}

function agree(quorum: LocalQuorum, key: string): boolean {
  const [first = NO_BALLOT, ...others] = accepted(quorum, key);
  return others.every((other) => sameBallot(first, other));
}

/** A value that node 3 has not heard of. */
async function missedBy3(quorum: LocalQuorum, text = 'new'): Promise<void> {
  const proxy = quorum.proxy();
  await proxy.do('k', set('old'));
  await quorum.pass(5);
  proxy.transport.fate = (node) => (node === 3 ? 'lost' : 'pass');
  await proxy.do('k', set(text));
  await quorum.pass(2_000);
}

describe('a repair by a storage node', () => {
  it('brings a replica up that has missed a write, and keeps origin and lineage', async () => {
    const quorum = new LocalQuorum();
    await missedBy3(quorum);
    const before = quorum.stored(1, 'k');
    expect(agree(quorum, 'k')).toBe(false);
    expect(await new LocalRepairer(quorum).repair('k')).toBe('written');
    expect(agree(quorum, 'k')).toBe(true);
    const after = quorum.stored(3, 'k');
    expect(after?.accepted.proposer).toBe(900);
    expect(after?.state).toEqual(before?.state);
    expect(await quorum.proxy().do('k', GET)).toBe('new');
  });

  it('writes the highest state back where it was not chosen', async () => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    await proxy.do('k', set('old'));
    proxy.transport.fate = (node, { type }) => (node !== 1 && type === MessageType.commit ? 'drop' : 'pass');
    proxy.start('k', set('half'));
    await quorum.pass(100);
    proxy.transport.fate = () => 'drop';
    await quorum.pass(5_000);
    const repairer = new LocalRepairer(quorum);
    repairer.transport.fate = (node) => (node === 3 ? 'lost' : 'pass');
    expect(await repairer.repair('k')).toBe('written');
    expect(await quorum.proxy().do('k', GET)).toBe('half');
  });

  it('writes dead, with birth, where no quorum has heard of the record', async () => {
    const quorum = new LocalQuorum();
    expect(await new LocalRepairer(quorum).repair('k')).toBe('written');
    expect(quorum.stored(2, 'k')?.state.header).toMatchObject({ kind: StateKind.dead, origin: NO_BALLOT, birth: true });
    expect(await quorum.proxy().do('k', GET)).toBeNull();
  });

  it('copies the pages of a large value without opening them', async () => {
    const quorum = new LocalQuorum();
    const large = 'abcdefgh'.repeat((3 * limits.pageBytes) / 8);
    await missedBy3(quorum, large);
    expect(await new LocalRepairer(quorum).repair('k')).toBe('written');
    await quorum.pass(100);
    expect(agree(quorum, 'k')).toBe(true);
    quorum.takeDown(1);
    const proxy = quorum.proxy();
    proxy.network.takeDown(1);
    expect(await proxy.do('k', GET)).toBe(large);
  });

  it('fails in time without a quorum', async () => {
    const quorum = new LocalQuorum();
    const repairer = new LocalRepairer(quorum);
    repairer.transport.fate = (node) => (node === 1 ? 'pass' : 'drop');
    const startMs = quorum.clock.monotonicMs();
    expect(await repairer.repair('k')).toBe('failed');
    expect(quorum.clock.monotonicMs() - startMs).toBeLessThan(limits.deadlineMs + 100);
    expect(repairer.repairer.pending).toBe(0);
  });

  it('fails where the address is not of its map', () => {
    const { repairer, addressOf } = bound(new LocalRepairer(new LocalQuorum()));
    const outcomes: string[] = [];
    repairer.repair({ ...addressOf('k'), shardEpoch: 7 }, WRITE_BACK, (outcome) => void outcomes.push(outcome));
    expect(outcomes).toEqual(['failed']);
  });

  it('has few under way, and lets the others wait', async () => {
    const quorum = new LocalQuorum();
    const { repairer, addressOf } = bound(new LocalRepairer(quorum));
    let written = 0;
    for (let i = 0; i < limits.repairsAtOnce * 3; i++) {
      repairer.repair(addressOf(`k${i}`), WRITE_BACK, () => void written++);
    }
    expect(repairer.pending).toBe(limits.repairsAtOnce * 3);
    await quorum.pass(200, () => repairer.pending === 0);
    expect(written).toBe(limits.repairsAtOnce * 3);
  });
});

function bound(local: LocalRepairer) {
  return { repairer: local.repairer, addressOf: (key: string) => local.addressOf(key) };
}

describe('killing what has expired', () => {
  async function expired(quorum: LocalQuorum): Promise<number> {
    const expiresAtMs = quorum.clock.wallMs() + 1_000;
    await quorum.proxy().do('k', set('v', { expiresAtMs }));
    await quorum.pass(10);
    return expiresAtMs;
  }

  it('writes it dead without a key, on its lineage; whoever opens it finds an empty past', async () => {
    const quorum = new LocalQuorum();
    await expired(quorum);
    const origin = quorum.stored(1, 'k')?.state.header.origin;
    await quorum.pass(1_500);
    expect(await new LocalRepairer(quorum).repair('k', KILL_EXPIRED)).toBe('written');
    const stored = quorum.stored(3, 'k');
    expect(stored?.state.meta).toHaveLength(0);
    expect(stored?.state.header).toMatchObject({
      kind: StateKind.dead,
      origin: stored?.accepted,
      expiresAtMs: 0,
    });
    expect(ballotsOf(stored?.state.header.lineage ?? [])).toEqual([stored?.accepted, origin]);
    const proxy = quorum.proxy();
    expect(await proxy.do('k', GET)).toBeNull();
    expect(await proxy.do('k', set('again', { nx: true }))).toBe('OK');
  });

  it('leaves alone what has not expired, was prolonged, or is dead', async () => {
    const quorum = new LocalQuorum();
    const repairer = new LocalRepairer(quorum);
    const expiresAtMs = await expired(quorum);
    expect(await repairer.repair('k', KILL_EXPIRED)).toBe('unneeded');
    const proxy = quorum.proxy();
    await proxy.do('k', expireAt(expiresAtMs + 60_000));
    await quorum.pass(2_000);
    expect(await repairer.repair('k', KILL_EXPIRED)).toBe('unneeded');
    expect(await proxy.do('k', GET)).toBe('v');
    await proxy.do('k', DEL);
    expect(await repairer.repair('k', KILL_EXPIRED)).toBe('unneeded');
    expect(await repairer.repair('absent', KILL_EXPIRED)).toBe('unneeded');
  });
});

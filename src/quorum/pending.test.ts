import { describe, expect, it } from 'vitest';
import { busy } from '../base/failure.ts';
import { limits } from '../base/limits.ts';
import { ManualClock } from '../base/testing/manual-clock.ts';
import { Want } from '../rpc/messages.ts';
import type { Outcome, Step } from './operation.ts';
import { expirePendings, Pending, readsOnly, takeMovable, unfinished, wantOf } from './pending.ts';
import { ProtocolCounters } from './protocol-counters.ts';
import { ProposerRules } from './rules.ts';
import { EXISTS, GET, INCR, set, type TestReply } from './testing/steps.ts';

const USED = { ballot: { time: 5, proposer: 1 }, reply: 1 };

function pendingKit(step: Step<TestReply>, deadlineMs = 100, inReach = false) {
  const outcomes: Outcome<TestReply>[] = [];
  const owner = {
    open: 1,
    inReach,
    isInReach() {
      return this.inReach;
    },
    finished() {
      this.open--;
    },
  };
  const operation = {
    namespace: 0,
    key: Buffer.from('k'),
    step,
    done: (outcome: Outcome<TestReply>) => void outcomes.push(outcome),
  };
  return { outcomes, owner, pending: new Pending<TestReply>(operation, 0, deadlineMs, owner) };
}

const failed = (kind: string) => [{ ok: false, failure: { kind } }];

describe('a pending operation', () => {
  it('is answered once', () => {
    const { outcomes, owner, pending } = pendingKit(GET);
    pending.reply('first');
    pending.reply('second');
    pending.fail(busy('third'));
    pending.expire();
    expect(outcomes).toEqual([{ ok: true, reply: 'first' }]);
    expect(owner.open).toBe(0);
  });

  it('is forgiven what its own process was late, within bounds', () => {
    const { pending } = pendingKit(GET, limits.deadlineMs);
    pending.forgive(500);
    expect(pending.deadlineMs).toBe(limits.deadlineMs + 500);
    pending.forgive(60_000);
    expect(pending.deadlineMs).toBe(limits.deadlineWhenLateMs);
    pending.forgive(60_000);
    expect(pending.deadlineMs).toBe(limits.deadlineWhenLateMs);
    // A deadline that pages have moved further stays there.
    pending.deadlineMs = 2 * limits.deadlineWhenLateMs;
    pending.forgive(1);
    expect(pending.deadlineMs).toBe(2 * limits.deadlineWhenLateMs);
  });

  it('is overdue at its deadline where nodes have no connection', () => {
    const { pending } = pendingKit(GET, limits.deadlineMs);
    expect(pending.isOverdue(limits.deadlineMs - 1)).toBe(false);
    expect(pending.isOverdue(limits.deadlineMs)).toBe(true);
  });

  it('waits longer for nodes that are connected, as long as they are, within bounds', () => {
    const { pending } = pendingKit(GET, limits.deadlineMs, true);
    let nowMs = limits.deadlineMs;
    for (; nowMs < limits.deadlineWhenLateMs; nowMs += 5) expect(pending.isOverdue(nowMs)).toBe(false);
    expect(pending.isOverdue(nowMs)).toBe(true);
    const lost = pendingKit(GET, limits.deadlineMs, true);
    expect(lost.pending.isOverdue(limits.deadlineMs)).toBe(false);
    lost.owner.inReach = false;
    expect(lost.pending.isOverdue(limits.deadlineMs + limits.resendDelayMs)).toBe(true);
  });

  it('does not wait longer once a COMMIT of it was refused', () => {
    const { pending } = pendingKit(INCR, limits.deadlineMs, true);
    pending.refused(USED);
    expect(pending.isOverdue(limits.deadlineMs)).toBe(true);
  });

  it('expires UNAVAILABLE if no COMMIT went out, else UNCERTAIN', () => {
    const fresh = pendingKit(INCR);
    fresh.pending.expire();
    expect(fresh.outcomes).toMatchObject(failed('unavailable'));
    const open = pendingKit(INCR);
    open.pending.commitOpen = true;
    open.pending.expire();
    expect(open.outcomes).toMatchObject(failed('uncertain'));
    const refused = pendingKit(INCR);
    refused.pending.refused(USED);
    refused.pending.expire();
    expect(refused.outcomes).toMatchObject(failed('uncertain'));
  });

  it('of a read changes nothing, so it is never UNCERTAIN', () => {
    const { outcomes, pending } = pendingKit(GET);
    pending.commitOpen = true;
    pending.refused(USED);
    pending.expire();
    expect(outcomes).toMatchObject(failed('unavailable'));
  });

  it('fails UNCERTAIN whatever the reason, if a change of it may have happened', () => {
    const { outcomes, pending } = pendingKit(INCR);
    pending.refused(USED);
    pending.failAs(busy('no room'));
    expect(outcomes).toMatchObject(failed('uncertain'));
    const fresh = pendingKit(INCR);
    fresh.pending.failAs(busy('no room'));
    expect(fresh.outcomes).toMatchObject(failed('busy'));
  });

  it('takes absence for a proof for purgeAfter/2 since its first COMMIT, by either clock', () => {
    const clock = new ManualClock();
    const { pending } = pendingKit(INCR);
    clock.advance(1_000);
    pending.firstCommitMonotonicMs = clock.monotonicMs();
    pending.firstCommitWallMs = clock.wallMs();
    clock.advance(limits.purgeAfterMs / 2 - 1);
    expect(pending.absenceProves(clock, new ProposerRules())).toBe(true);
    pending.firstCommitWallMs -= 1;
    expect(pending.absenceProves(clock, new ProposerRules())).toBe(false);
    pending.firstCommitWallMs += 1;
    pending.firstCommitMonotonicMs -= 1;
    expect(pending.absenceProves(clock, new ProposerRules())).toBe(false);
  });
});

describe('pending operations', () => {
  it('past their deadline are answered and take no further part', () => {
    const counters = new ProtocolCounters();
    const [early, late] = [pendingKit(INCR, 100), pendingKit(INCR, 200)];
    const all = [early.pending, late.pending];
    expect(expirePendings(all, 99, counters)).toBe(false);
    expect(unfinished(all, 100, counters)).toEqual([late.pending]);
    expect([early.outcomes.length, late.outcomes.length]).toEqual([1, 0]);
    expect(counters.get('unavailable')).toBe(1);
  });

  it('want the value if any of them does', () => {
    expect(wantOf([pendingKit(EXISTS).pending, pendingKit(set('x')).pending])).toBe(Want.meta);
    expect(wantOf([pendingKit(EXISTS).pending, pendingKit(GET).pending])).toBe(Want.full);
  });

  it('that only read and shared a refused COMMIT are no longer plain reads: their answer must be written back', () => {
    const { pending } = pendingKit(GET);
    expect(readsOnly(pending)).toBe(true);
    pending.refused(USED);
    expect(readsOnly(pending)).toBe(false);
  });

  it('move with the map in their order, save writes that a COMMIT went out for', () => {
    const counters = new ProtocolCounters();
    const kits = [pendingKit(INCR), pendingKit(GET), pendingKit(INCR), pendingKit(GET)];
    const [sent, lookedOn, fresh, done] = kits.map(({ pending }) => pending);
    sent?.refused(USED);
    lookedOn?.refused(USED);
    done?.reply(null);
    expect(
      takeMovable(
        kits.map(({ pending }) => pending),
        counters,
      ),
    ).toEqual([lookedOn, fresh]);
    expect(kits[0]?.outcomes).toMatchObject(failed('uncertain'));
    expect(lookedOn?.used).toEqual([]);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { type Ballot, compareBallots, NO_BALLOT, sameBallot } from '../record/ballot.ts';
import { ballotRow, ballotsOf } from '../record/ballot-row.ts';
import type { StateHeader } from '../record/state.ts';
import { deadFromAbsent, extendLineage } from './lineage.ts';
import { settle, type UsedBallot } from './settle.ts';

const ballot = (time: number, proposer = 1): Ballot => ({ time, proposer });
const used = (...times: number[]): UsedBallot<string>[] =>
  times.map((time) => ({ ballot: ballot(time), reply: `reply ${time}` }));

function header(origin: Ballot, lineage: readonly Ballot[], birth: boolean): StateHeader {
  return { ...deadFromAbsent(0, 1), origin, lineage: ballotRow(lineage), birth };
}

const NOT_APPLIED = { kind: 'not-applied' };
const UNKNOWN = { kind: 'unknown' };

describe('settle', () => {
  it('has nothing to settle for a command whose COMMIT was never sent', () => {
    expect(settle([], null, false)).toEqual(NOT_APPLIED);
    expect(settle([], header(ballot(9), [ballot(9)], false), false)).toEqual(NOT_APPLIED);
  });

  it('finds an own ballot as origin: applied, with the reply kept for it', () => {
    expect(settle(used(5), header(ballot(5), [ballot(5)], true), true)).toEqual({ kind: 'applied', reply: 'reply 5' });
  });

  it('finds an own ballot further back in the lineage', () => {
    const base = header(ballot(9), [ballot(9), ballot(7), ballot(5), ballot(3)], false);
    expect(settle(used(5), base, false)).toEqual({ kind: 'applied', reply: 'reply 5' });
  });

  it('looks for every ballot used, not only for the last', () => {
    const base = header(ballot(9), [ballot(9), ballot(5)], false);
    expect(settle(used(5, 8), base, true)).toEqual({ kind: 'applied', reply: 'reply 5' });
    expect(settle(used(4, 5), base, true)).toEqual({ kind: 'applied', reply: 'reply 5' });
  });

  it('does not take another proposer of the same time for its own', () => {
    const base = header(ballot(5, 2), [ballot(5, 2), ballot(3)], false);
    expect(settle(used(5), base, true)).toEqual(NOT_APPLIED);
  });

  it('reaches below the first ballot used without any of them: not applied', () => {
    expect(settle(used(5), header(ballot(4), [ballot(4)], false), false)).toEqual(NOT_APPLIED);
    expect(settle(used(5), header(ballot(9), [ballot(9), ballot(4)], false), false)).toEqual(NOT_APPLIED);
  });

  it('compares with the first ballot used, not with a later one', () => {
    // Ballot 6 lies between the two: what 5 did may have been cut off below it.
    expect(settle(used(5, 8), header(ballot(6), [ballot(6)], false), true)).toEqual(UNKNOWN);
  });

  it('cannot tell when the lineage was cut above the first ballot', () => {
    const lineage = Array.from({ length: limits.lineageLength }, (_, i) => ballot(100 + limits.lineageLength - i));
    expect(settle(used(5), header(ballot(100 + limits.lineageLength), lineage, false), true)).toEqual(UNKNOWN);
  });

  it('takes birth for a proof only while nothing can have been purged', () => {
    const base = header(ballot(9), [ballot(9), ballot(8)], true);
    expect(settle(used(5), base, true)).toEqual(NOT_APPLIED);
    expect(settle(used(5), base, false)).toEqual(UNKNOWN);
  });

  it('takes absence for a proof only while nothing can have been purged', () => {
    expect(settle(used(5), null, true)).toEqual(NOT_APPLIED);
    expect(settle(used(5), null, false)).toEqual(UNKNOWN);
  });

  it('does not take the missing origin of a written-back absent for a low ballot', () => {
    expect(settle(used(5), deadFromAbsent(0, 1), true)).toEqual(NOT_APPLIED);
    expect(settle(used(5), deadFromAbsent(0, 1), false)).toEqual(UNKNOWN);
    expect(compareBallots(NO_BALLOT, ballot(5))).toBeLessThan(0);
  });

  it('is never wrong about a history: applied and not applied are both true', () => {
    // A history of writes in ascending ballots; some are ours. Whatever the lineage still shows must agree with it.
    const write = fc.record({ ours: fc.boolean(), chosen: fc.boolean() });
    fc.assert(
      fc.property(fc.array(write, { maxLength: 30 }), (writes) => {
        let base: StateHeader | null = null;
        const mine: UsedBallot<string>[] = [];
        const applied: Ballot[] = [];
        for (const [index, { ours, chosen }] of writes.entries()) {
          const at = ballot(index + 1);
          if (ours) mine.push({ ballot: at, reply: `reply ${at.time}` });
          if (!chosen) continue;
          const lineage = extendLineage(base, at);
          base = header(at, ballotsOf(lineage.ballots), lineage.birth);
          if (ours) applied.push(at);
        }
        const result = settle(mine, base, true);
        if (result.kind === 'applied') {
          expect(applied.some((at) => result.reply === `reply ${at.time}`)).toBe(true);
        } else if (result.kind === 'not-applied') {
          expect(applied).toEqual([]);
        } else {
          // Only where the lineage was really cut.
          expect(base?.birth).toBe(false);
          expect(
            ballotsOf(base?.lineage ?? []).some((origin) => mine.some((own) => sameBallot(own.ballot, origin))),
          ).toBe(false);
        }
      }),
    );
  });
});

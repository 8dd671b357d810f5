import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { type Ballot, NO_BALLOT } from '../record/ballot.ts';
import { ballotRow, ballotsOf } from '../record/ballot-row.ts';
import { type StateHeader, StateKind } from '../record/state.ts';
import { deadFromAbsent, descendsFrom, extendLineage } from './lineage.ts';

const ballot = (time: number): Ballot => ({ time, proposer: 1 });

function headerAfter(base: StateHeader | null, origin: Ballot): StateHeader {
  const { ballots, birth } = extendLineage(base, origin);
  return { ...deadFromAbsent(0, 1), kind: StateKind.live, origin, lineage: ballots, birth };
}

/** The header of the last of `writes` values, each built on the one before, the first on absent or on dead-from-absent. */
function chainOf(writes: number, from: StateHeader | null): StateHeader {
  let header = headerAfter(from, ballot(1));
  for (let i = 2; i <= writes; i++) header = headerAfter(header, ballot(i));
  return header;
}

describe('lineage', () => {
  it('of a value built on absent is its own ballot, and starts with birth', () => {
    expect(extendLineage(null, ballot(7))).toEqual({ ballots: ballotRow([ballot(7)]), birth: true });
  });

  it('of absent that was written back is empty and has birth, which the first value carries on', () => {
    const dead = deadFromAbsent(3, 9);
    expect(dead).toMatchObject({ kind: StateKind.dead, origin: NO_BALLOT, lineage: [], birth: true });
    expect(dead).toMatchObject({ namespace: 3, generation: 9, expiresAtMs: 0, sizeBytes: 0, paged: false });
    expect(extendLineage(dead, ballot(7))).toEqual({ ballots: ballotRow([ballot(7)]), birth: true });
  });

  it('goes on over a tombstone', () => {
    const live = chainOf(2, null);
    const dead: StateHeader = { ...headerAfter(live, ballot(3)), kind: StateKind.dead };
    const again = headerAfter(dead, ballot(4));
    expect(ballotsOf(again.lineage).map((origin) => origin.time)).toEqual([4, 3, 2, 1]);
    expect(again.birth).toBe(true);
  });

  it('keeps the newest, newest first; birth counts as the oldest entry and is lost with the cut', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3 * limits.lineageLength }), fc.boolean(), (writes, fromDead) => {
        const header = chainOf(writes, fromDead ? deadFromAbsent(0, 1) : null);
        const kept = Math.min(writes, limits.lineageLength);
        expect(ballotsOf(header.lineage).map((origin) => origin.time)).toEqual(
          Array.from({ length: kept }, (_, i) => writes - i),
        );
        expect(header.birth).toBe(writes + 1 <= limits.lineageLength);
        for (let time = 0; time <= writes + 1; time++) {
          expect(descendsFrom(header, ballot(time))).toBe(time >= 1 && time <= writes && time > writes - kept);
        }
      }),
    );
  });

  it('still reaches back to what a waiting command knows after ballots have jumped over a floor', () => {
    const jumpUs = limits.clockFollowMs * 1000;
    const before = chainOf(5, null);
    const after = headerAfter(headerAfter(before, ballot(jumpUs)), ballot(jumpUs + 1));
    expect(ballotsOf(after.lineage).map((origin) => origin.time)).toEqual([jumpUs + 1, jumpUs, 5, 4, 3, 2, 1]);
  });

  it('is cut behind the first ballot that is older than any command that may still ask', () => {
    const spanUs = limits.lineageSpanMs * 1000;
    let header = chainOf(3, null);
    header = headerAfter(header, ballot(spanUs));
    expect(ballotsOf(header.lineage).map((origin) => origin.time)).toEqual([spanUs, 3, 2, 1]);
    header = headerAfter(header, ballot(spanUs + 3));
    expect(ballotsOf(header.lineage).map((origin) => origin.time)).toEqual([spanUs + 3, spanUs, 3, 2]);
    expect(header.birth).toBe(false);
    header = headerAfter(header, ballot(9 * spanUs));
    expect(ballotsOf(header.lineage).map((origin) => origin.time)).toEqual([9 * spanUs, spanUs + 3]);
  });

  it('keeps birth where nothing is cut off, however old', () => {
    const header = headerAfter(chainOf(1, null), ballot(100 * limits.lineageSpanMs * 1000));
    expect(header.birth).toBe(true);
    expect(ballotsOf(header.lineage).map((origin) => origin.time)).toEqual([100 * limits.lineageSpanMs * 1000, 1]);
  });

  it('never gets birth back once it was cut off', () => {
    const cut = chainOf(limits.lineageLength, null);
    expect(cut.birth).toBe(false);
    expect(headerAfter({ ...cut, lineage: cut.lineage.slice(0, 4) }, ballot(99)).birth).toBe(false);
  });

  it('tells proposers of the same time apart', () => {
    const header = headerAfter(null, ballot(5));
    expect(descendsFrom(header, { time: 5, proposer: 2 })).toBe(false);
  });

  it('takes the origin into account by itself: a repair keeps it', () => {
    const header: StateHeader = { ...deadFromAbsent(0, 1), origin: ballot(5), lineage: [] };
    expect(descendsFrom(header, ballot(5))).toBe(true);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Ballot, compareBallots, sameBallot } from './ballot.ts';
import { ballotRow, ballotsOf, EMPTY_ROW, rowBehind, rowHas, rowHasLower, rowLength } from './ballot-row.ts';

const ballots = fc.array(fc.record({ time: fc.nat(20), proposer: fc.nat(3) }), { maxLength: 12 });
const ballot: fc.Arbitrary<Ballot> = fc.record({ time: fc.nat(20), proposer: fc.nat(3) });

describe('a row of ballots', () => {
  it('says what the list of them says', () => {
    fc.assert(
      fc.property(ballots, ballot, (list, one) => {
        const row = ballotRow(list);
        expect(rowLength(row)).toBe(list.length);
        expect(ballotsOf(row)).toEqual(list);
        expect(rowHas(row, one)).toBe(list.some((other) => sameBallot(other, one)));
        expect(rowHasLower(row, one)).toBe(list.some((other) => compareBallots(other, one) < 0));
      }),
    );
  });

  it('goes on behind a newer one, whole or in part, and stays as it was itself', () => {
    fc.assert(
      fc.property(ballots, ballot, fc.nat(12), (list, one, count) => {
        const row = ballotRow(list);
        const kept = Math.min(count, list.length);
        expect(ballotsOf(rowBehind(one, row, kept))).toEqual([one, ...list.slice(0, kept)]);
        expect(ballotsOf(row)).toEqual(list);
      }),
    );
    expect(ballotsOf(rowBehind({ time: 5, proposer: 1 }, EMPTY_ROW, 0))).toEqual([{ time: 5, proposer: 1 }]);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InvariantError } from '../base/assert.ts';
import { limits } from '../base/limits.ts';
import { type Ballot, compareBallots, maxBallot, NO_BALLOT } from '../record/ballot.ts';
import { type PromiseHolder, PromiseTable } from './promise-table.ts';

const ballot = (time: number): Ballot => ({ time, proposer: 1 });

describe('promise table', () => {
  it('keeps the highest promise of a record, apart from others', () => {
    const table = new PromiseTable(8, NO_BALLOT);
    table.promise('a', ballot(5));
    table.promise('a', ballot(3));
    expect(table.promised('a')).toEqual(ballot(5));
    expect(table.promised('b')).toEqual(NO_BALLOT);
    table.promise('a', ballot(9));
    expect(table.promised('a')).toEqual(ballot(9));
  });

  it('never promises less than the floor', () => {
    const table = new PromiseTable(8, ballot(10));
    table.promise('a', ballot(5));
    expect(table.promised('a')).toEqual(ballot(10));
    table.raiseFloor(ballot(7));
    expect(table.floor).toEqual(ballot(10));
    table.raiseFloor(ballot(20));
    expect(table.promised('anything')).toEqual(ballot(20));
  });

  it('lets an entry go when what was accepted covers it, and not before', () => {
    const table = new PromiseTable(8, NO_BALLOT);
    table.promise('a', ballot(5));
    table.covered('a', ballot(4));
    expect(table.size).toBe(1);
    table.covered('a', ballot(5));
    expect(table.size).toBe(0);
    expect(table.floor).toEqual(NO_BALLOT);
  });

  it('evicts the lowest into the floor when it is full', () => {
    const table = new PromiseTable(8, NO_BALLOT);
    for (const time of [50, 10, 80, 20, 70, 30, 60, 40]) table.promise(`r${time}`, ballot(time));
    table.promise('new', ballot(90));
    expect(table.floor).toEqual(ballot(10));
    expect(table.size).toBe(8);
    expect(table.promised('r80')).toEqual(ballot(80));
  });

  it('finds what was promised without the holder, who was told before that there is nothing', () => {
    const table = new PromiseTable(8, NO_BALLOT);
    const holder: PromiseHolder = { promise: null };
    expect(table.promised('a', holder)).toEqual(NO_BALLOT);
    table.promise('a', ballot(5));
    expect(table.promised('a', holder)).toEqual(ballot(5));
    table.covered('a', ballot(5));
    expect(table.promised('a', holder)).toEqual(NO_BALLOT);
    table.promise('a', ballot(7), holder);
    table.promise('a', ballot(9));
    expect(table.promised('a', holder)).toEqual(ballot(9));
    expect(table.size).toBe(1);
    table.covered('a', ballot(9), holder);
    table.promise('a', ballot(11));
    expect(table.promised('a', holder)).toEqual(ballot(11));
  });

  it('takes an entry that it has let go of back, for the same holder', () => {
    const table = new PromiseTable(8, NO_BALLOT);
    const holder: PromiseHolder = { promise: null };
    table.promise('a', ballot(1), holder);
    for (const time of [20, 30, 40, 50, 60, 70, 80, 90]) table.promise(`r${time}`, ballot(time));
    expect(table.promised('a', holder)).toEqual(ballot(1));
    expect(table.floor).toEqual(ballot(1));
    table.promise('a', ballot(95), holder);
    expect(table.promised('a', holder)).toEqual(ballot(95));
    expect(table.promised('a')).toEqual(ballot(95));
    expect(table.size).toBe(8);
  });

  it('keeps the place of a covered promise, for whoever has it in memory and for others', () => {
    const table = new PromiseTable(8, NO_BALLOT);
    const holder: PromiseHolder = { promise: null };
    table.promise('a', ballot(1), holder);
    table.covered('a', ballot(1), holder);
    const { promise } = holder;
    expect(promise?.inTable).toBe(true);
    table.covered('a', ballot(2), holder);
    expect(table.size).toBe(0);
    table.promise('a', ballot(3));
    expect(promise?.ballot).toEqual(ballot(3));
    expect([table.size, table.promised('a', holder)]).toEqual([1, ballot(3)]);
  });

  it('gives up places of covered promises before it forgets one that stands', () => {
    const table = new PromiseTable(8, NO_BALLOT);
    for (const time of [10, 20, 30, 40, 50, 60, 70, 80]) table.promise(`r${time}`, ballot(time));
    table.covered('r80', ballot(80));
    table.promise('new', ballot(90));
    expect([table.size, table.floor]).toEqual([8, NO_BALLOT]);
    table.promise('more', ballot(95));
    expect([table.size, table.floor]).toEqual([8, ballot(10)]);
  });

  it('has a bounded number of such places', () => {
    const table = new PromiseTable(1_000_000, NO_BALLOT);
    const holders = Array.from({ length: 2 * limits.coveredPromisesPerNode }, (): PromiseHolder => ({ promise: null }));
    for (const [i, holder] of holders.entries()) {
      table.promise(`r${i}`, ballot(1), holder);
      table.covered(`r${i}`, ballot(1), holder);
    }
    const places = holders.filter(({ promise }) => promise?.inTable).length;
    expect(places).toBeGreaterThan(limits.coveredPromisesPerNode / 2);
    expect(places).toBeLessThanOrEqual(limits.coveredPromisesPerNode + 1);
    expect(table.size).toBe(0);
    for (const i of [0, 1, 2, limits.coveredPromisesPerNode, holders.length - 1]) {
      table.promise(`r${i}`, ballot(2), holders[i]);
      expect(table.promised(`r${i}`)).toEqual(ballot(2));
    }
    expect(table.size).toBe(5);
  });

  it('refuses a capacity that it could not keep', () => {
    expect(() => new PromiseTable(7, NO_BALLOT)).toThrow(InvariantError);
  });

  it('never forgets a promise and never holds more than its capacity', () => {
    const step = fc.record({
      id: fc.integer({ min: 0, max: 30 }),
      time: fc.integer({ min: 1, max: 100 }),
      covers: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), fc.integer({ min: 8, max: 20 }), (steps, capacity) => {
        const table = new PromiseTable(capacity, NO_BALLOT);
        const promised = new Map<string, Ballot>();
        const accepted = new Map<string, Ballot>();
        for (const { id, time, covers } of steps) {
          const name = `r${id}`;
          const at = ballot(time);
          if (covers) {
            accepted.set(name, maxBallot(accepted.get(name) ?? NO_BALLOT, at));
            table.covered(name, at);
          } else {
            table.promise(name, at);
            promised.set(name, maxBallot(promised.get(name) ?? NO_BALLOT, at));
          }
          expect(table.size).toBeLessThanOrEqual(capacity);
          for (const [record, given] of promised) {
            const stands = maxBallot(table.promised(record), accepted.get(record) ?? NO_BALLOT);
            expect(compareBallots(stands, given)).toBeGreaterThanOrEqual(0);
          }
        }
      }),
      { numRuns: 50 },
    );
  });

  it('says the same to who keeps the entry as to who does not, whatever was forgotten meanwhile', () => {
    const step = fc.record({
      id: fc.integer({ min: 0, max: 12 }),
      time: fc.integer({ min: 1, max: 100 }),
      kind: fc.constantFrom('promise', 'cover', 'cover-and-promise'),
      forgets: fc.boolean(),
      isStranger: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), fc.integer({ min: 8, max: 10 }), (steps, capacity) => {
        const kept = new PromiseTable(capacity, NO_BALLOT);
        const looked = new PromiseTable(capacity, NO_BALLOT);
        const holders = new Map<string, PromiseHolder>();
        for (const { id, time, kind, forgets, isStranger } of steps) {
          const name = `r${id}`;
          if (forgets || !holders.has(name)) holders.set(name, { promise: null });
          const holder = isStranger ? undefined : holders.get(name);
          const at = ballot(time);
          if (kind === 'promise') {
            kept.promise(name, at, holder);
            looked.promise(name, at);
          } else {
            const another = kind === 'cover-and-promise';
            kept.covered(name, at, holder);
            looked.covered(name, at);
            if (another) {
              kept.promise(name, ballot(time + 1), holder);
              looked.promise(name, ballot(time + 1));
            }
          }
          expect([kept.size, kept.floor]).toEqual([looked.size, looked.floor]);
          for (const [record, own] of holders) {
            expect(kept.promised(record, own)).toEqual(looked.promised(record));
            expect(kept.promised(record)).toEqual(looked.promised(record));
          }
        }
      }),
      { numRuns: 100 },
    );
  });
});

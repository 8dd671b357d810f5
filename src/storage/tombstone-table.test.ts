import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TombstoneTable } from './tombstone-table.ts';

/** Ids that differ in their last byte, their first, or only in the middle: some share a table, some a place in it. */
function idOf(number: number): string {
  const text = String.fromCharCode(number & 0xff, number >> 8);
  return number % 3 === 0
    ? text.padEnd(16, '\xfe')
    : number % 3 === 1
      ? text.padStart(16, '\x01')
      : `ab${text}`.padEnd(16, 'z');
}

function ballotOf(time: number) {
  return { time: 1_700_000_000_000_000 + time, proposer: 0xffff_ff00 + (time % 7) };
}

/** Spread evenly, as record ids are. */
function hashedId(number: number): string {
  return createHash('md5').update(`${number}`).digest().toString('latin1');
}

function knownOf(table: TombstoneTable): number {
  let known = 0;
  for (let i = 0; i < 5_000; i++) if (table.has(hashedId(i), ballotOf(i))) known++;
  return known;
}

describe('a tombstone table', () => {
  it('knows what a map would know, whatever was written before', () => {
    const step = fc.record({ id: fc.nat(400), isSet: fc.boolean(), time: fc.nat(10) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 1_000, minLength: 100 }), (steps) => {
        const table = new TombstoneTable();
        const model = new Map<number, number>();
        for (const { id, isSet, time } of steps) {
          if (isSet) {
            table.set(idOf(id), ballotOf(time));
            model.set(id, time);
          } else {
            table.delete(idOf(id));
            model.delete(id);
          }
        }
        expect(table.size).toBe(model.size);
        const wrong: number[] = [];
        for (let id = 0; id <= 400; id++) {
          const time = model.get(id);
          if (table.has(idOf(id), ballotOf(3)) !== (time === 3)) wrong.push(id);
          if (time !== undefined && !table.has(idOf(id), ballotOf(time))) wrong.push(id);
        }
        expect(wrong).toEqual([]);
      }),
      { numRuns: 20 },
    );
  });

  it('tells ballots apart by every part of them', () => {
    const table = new TombstoneTable();
    const ballot = { time: 0x1_0000_0007, proposer: 5 };
    table.set(idOf(1), ballot);
    expect(table.has(idOf(1), ballot)).toBe(true);
    expect(table.has(idOf(1), { time: 0x2_0000_0007, proposer: 5 })).toBe(false);
    expect(table.has(idOf(1), { time: 0x1_0000_0008, proposer: 5 })).toBe(false);
    expect(table.has(idOf(1), { time: 0x1_0000_0007, proposer: 6 })).toBe(false);
    expect(table.has(idOf(2), ballot)).toBe(false);
  });

  it('holds many, and gives the memory back', () => {
    const table = new TombstoneTable();
    for (let i = 0; i < 5_000; i++) table.set(hashedId(i), ballotOf(i));
    expect(table.size).toBe(5_000);
    expect(knownOf(table)).toBe(5_000);
    for (let i = 0; i < 5_000; i += 2) table.delete(hashedId(i));
    expect(table.has(hashedId(2), ballotOf(2))).toBe(false);
    expect([table.size, knownOf(table)]).toEqual([2_500, 2_500]);
    for (let i = 0; i < 5_000; i++) table.delete(hashedId(i));
    expect(table.size).toBe(0);
  });

  it('takes no more memory than it may: what has no room is not known', () => {
    const table = new TombstoneTable(28 * 64 * 3);
    for (let i = 0; i < 5_000; i++) table.set(hashedId(i), ballotOf(i));
    expect(table.size).toBeGreaterThan(50);
    expect(table.size).toBeLessThan(192);
    expect(knownOf(table)).toBe(table.size);
  });
});

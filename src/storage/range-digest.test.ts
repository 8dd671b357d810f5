import { describe, expect, it } from 'vitest';
import { RangeDigest } from './range-digest.ts';

const id = (number: number): string => String(number).padStart(16, '0');

function digestOf(...records: [number, number][]): string {
  const digest = new RangeDigest();
  for (const [number, time] of records) digest.add(id(number), { time, proposer: 1 });
  return digest.finish();
}

describe('a digest', () => {
  it('is the same for the same records, and another for any other', () => {
    const digest = digestOf([1, 5], [2, 6]);
    expect(digest).toHaveLength(16);
    expect(digestOf([1, 5], [2, 6])).toBe(digest);
    for (const other of [digestOf(), digestOf([1, 5]), digestOf([1, 5], [2, 7]), digestOf([2, 6], [1, 5])]) {
      expect(other).not.toBe(digest);
    }
  });

  it('covers every record of a long range, and starts over', () => {
    const many = Array.from({ length: 5_000 }, (_, i): [number, number] => [i, i + 1]);
    const digest = new RangeDigest();
    const whole = digestOf(...many);
    for (const changed of [0, 1_023, 1_024, 2_500, 4_999]) {
      const others = many.map(([number, time], i): [number, number] => [number, i === changed ? time + 1 : time]);
      expect(digestOf(...others), `record ${changed}`).not.toBe(whole);
    }
    for (const [number, time] of many) digest.add(id(number), { time, proposer: 1 });
    expect(digest.records).toBe(5_000);
    expect(digest.finish()).toBe(whole);
    for (const [number, time] of many) digest.add(id(number), { time, proposer: 1 });
    expect(digest.finish()).toBe(whole);
  });
});

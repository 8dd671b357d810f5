import { describe, expect, it } from 'vitest';
import type { HistoryOp, KeyOp, SimReply } from './checker.ts';
import { checkPair, verdicts } from './pair-checker.ts';

type Line = readonly [key: string, op: KeyOp, from: number, to: number, reply: SimReply | undefined];

/** An operation without a reply is one of which nothing is known. */
function history(lines: readonly Line[]): HistoryOp[] {
  return lines.map(([key, op, invokedUs, returnedUs, reply], i) => ({
    id: i + 1,
    client: `C${i}`,
    key,
    op,
    invokedUs,
    returnedUs: reply === undefined ? Number.POSITIVE_INFINITY : returnedUs,
    lowestWallMs: 0,
    highestWallMs: 0,
    outcome: reply === undefined ? { kind: 'unknown' } : { kind: 'reply', reply },
  }));
}

const GET = { kind: 'get' } as const;
const SWAP = { kind: 'swap' } as const;
const set = (value: string): KeyOp => ({ kind: 'set', value });

const GOOD: Record<string, readonly Line[]> = {
  'what a swap exchanges': [
    ['s1', set('a'), 0, 1, '+OK'],
    ['s1@3', set('b'), 0, 1, '+OK'],
    ['s1', SWAP, 2, 3, '+OK'],
    ['s1', GET, 4, 5, 'b'],
    ['s1@3', GET, 4, 5, 'a'],
    ['s1', SWAP, 6, 7, '+OK'],
    ['s1', GET, 8, 9, 'a'],
  ],
  'either meaning while a swap goes on, each only once it has come': [
    ['s1', set('a'), 0, 1, '+OK'],
    ['s1', SWAP, 2, 9, '+OK'],
    ['s1', GET, 3, 4, 'a'],
    ['s1', GET, 5, 6, null],
    ['s1@3', { kind: 'append', value: 'x' }, 5, 6, 2],
  ],
  'a swap that may have happened': [
    ['s1', set('a'), 0, 1, '+OK'],
    ['s1', SWAP, 2, 3, undefined],
    ['s1', GET, 4, 5, 'a'],
    ['s1', GET, 6, 7, null],
  ],
  'a write without an answer that comes with the data that it was for': [
    ['s1', set('a'), 0, 1, undefined],
    ['s1', SWAP, 2, 3, '+OK'],
    ['s1@3', GET, 4, 5, null],
    ['s1@3', GET, 6, 7, 'a'],
  ],
};

const BAD: Record<string, readonly Line[]> = {
  'a read of the old meaning behind a swap': [
    ['s1', set('a'), 0, 1, '+OK'],
    ['s1', SWAP, 2, 3, '+OK'],
    ['s1', GET, 4, 5, 'a'],
  ],
  'a write of the old meaning behind a swap': [
    ['s1', SWAP, 0, 1, '+OK'],
    ['s1', set('a'), 2, 3, '+OK'],
    ['s1@3', GET, 4, 5, 'a'],
  ],
  'a swap that is taken back': [
    ['s1', set('a'), 0, 1, '+OK'],
    ['s1', SWAP, 2, 3, '+OK'],
    ['s1', GET, 4, 5, null],
    ['s1', GET, 6, 7, 'a'],
  ],
  'an answered write that takes effect once more behind a swap': [
    ['s1', set('a'), 0, 9, '+OK'],
    ['s1', SWAP, 1, 2, '+OK'],
    ['s1@3', GET, 3, 4, null],
    ['s1@3', GET, 5, 6, 'a'],
    ['s1', GET, 7, 8, 'a'],
  ],
  'a write without an answer in the other database where nothing was swapped': [
    ['s1', set('a'), 0, 1, undefined],
    ['s1@3', GET, 2, 3, 'a'],
  ],
};

describe('checkPair', () => {
  for (const [name, lines] of Object.entries(GOOD)) {
    it(`accepts ${name}`, () => expect(checkPair('s1@3', history(lines)).kind).toBe('linearizable'));
  }
  for (const [name, lines] of Object.entries(BAD)) {
    it(`refuses ${name}`, () => expect(checkPair('s1@3', history(lines)).kind).toBe('violation'));
  }

  it('says where it is stuck', () => {
    const verdict = checkPair('s1@3', history(BAD['a read of the old meaning behind a swap'] ?? []));
    expect(verdict).toEqual({ kind: 'violation', longest: [1, 2], stuck: [3] });
  });
});

describe('verdicts', () => {
  it('are one for both keys of a name, and one for each other key', () => {
    const lines: Line[] = [
      ['k1', set('a'), 0, 1, '+OK'],
      ['k1', GET, 2, 3, 'b'],
      ['s1@3', GET, 0, 1, null],
    ];
    const found = [...verdicts(['k1', 's1', 's1@3'], history(lines))].map(([name, { kind }]) => `${name} ${kind}`);
    expect(found).toEqual(['k1 violation', 's1 linearizable']);
  });
});

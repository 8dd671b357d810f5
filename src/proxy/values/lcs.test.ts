import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Reply } from '../../resp/reply.ts';
import { plain } from '../testing/run-command.ts';
import { type LcsOptions, lcs } from './lcs.ts';

const plainOptions: LcsOptions = {
  lengthOnly: false,
  withIndexes: false,
  withMatchLength: false,
  minMatchLength: 0,
};

function run(a: string, b: string, options: Partial<LcsOptions> = {}): Reply {
  return lcs(Buffer.from(a, 'latin1'), Buffer.from(b, 'latin1'), { ...plainOptions, ...options });
}

/** Length by the definition. */
function lengthOf(a: string, b: string): number {
  if (a === '' || b === '') return 0;
  const tailA = a.slice(1);
  const tailB = b.slice(1);
  return a[0] === b[0] ? 1 + lengthOf(tailA, tailB) : Math.max(lengthOf(tailA, b), lengthOf(a, tailB));
}

function isSubsequence(part: string, whole: string): boolean {
  let found = 0;
  for (const character of whole) if (character === part[found]) found++;
  return found === part.length;
}

const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 9 });

describe('lcs', () => {
  it('finds a longest common subsequence, and ranges that spell it', () => {
    fc.assert(
      fc.property(word, word, (a, b) => {
        const text = plain(run(a, b));
        expect(run(a, b, { lengthOnly: true })).toBe(lengthOf(a, b));
        expect(text).toHaveLength(lengthOf(a, b));
        expect(isSubsequence(String(text), a) && isSubsequence(String(text), b)).toBe(true);

        const indexed = plain(run(a, b, { withIndexes: true })) as [[string, [[number, number], [number, number]][]]];
        const ranges = indexed[0][1].toReversed();
        expect(ranges.map(([[start, end]]) => a.slice(start, end + 1)).join('')).toBe(text);
        expect(ranges.map(([, [start, end]]) => b.slice(start, end + 1)).join('')).toBe(text);
      }),
      { numRuns: 300 },
    );
  });

  it('leaves short matches out of the indexes, not out of the length', () => {
    const options = { withIndexes: true, withMatchLength: true, minMatchLength: 4n };
    expect(plain(run('ohmytext', 'mynewtext', options))).toEqual([
      ['matches', [[[4, 7], [5, 8], 4]]],
      ['len', 6],
    ]);
  });
});

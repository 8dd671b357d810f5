import { describe, expect, it } from 'vitest';
import { KeyHistories } from './key-histories.ts';

describe('histories of keys', () => {
  const histories = new KeyHistories();
  const write = (value: string | null, startMs: number, endMs: number): void =>
    histories.end(histories.begin('k', value, startMs), endMs);
  write('a', 1, 2);
  write('b', 3, 4);
  write(null, 5, 6);
  histories.begin('k', 'open', 7);
  write('c', 9, 10);

  it.each([
    [0, 0.5, [null]],
    [0, 1, [null, 'a']],
    [2, 2, ['a']],
    [2, 5, ['a', 'b', null]],
    [4, 4, ['b']],
    [6, 8, [null, 'open']],
    [11, 12, ['c']],
  ])('know what a key may be from %d to %d', (startMs, endMs, possible) => {
    for (const value of [null, 'a', 'b', 'open', 'c']) {
      const problems = histories.impossible(new Map([['k', value]]), startMs, endMs);
      expect(problems.length).toBe(possible.includes(value) ? 0 : 1);
    }
  });
});

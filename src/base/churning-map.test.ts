import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ChurningMap } from './churning-map.ts';
import { keptShare, litter } from './testing/kept-garbage.ts';

describe('a map of what comes and goes', () => {
  it('is a map', () => {
    const change = fc.tuple(fc.constantFrom('set', 'set', 'delete'), fc.nat(40), fc.nat());
    fc.assert(
      fc.property(fc.array(change, { maxLength: 400, size: 'max' }), (changes) => {
        const map = new ChurningMap<number, number>();
        const plain = new Map<number, number>();
        for (const [kind, key, value] of changes) {
          if (kind === 'delete') expect(map.delete(key)).toBe(plain.delete(key));
          else {
            map.set(key, value);
            plain.set(key, value);
          }
          expect([map.size, map.get(key), map.has(key)]).toEqual([plain.size, plain.get(key), plain.has(key)]);
        }
        const seen: [number, number][] = [];
        map.each((value, key) => seen.push([key, value]));
        expect(seen).toEqual([...plain]);
        expect(map.some((value) => value % 7 === 0)).toBe([...plain.values()].some((value) => value % 7 === 0));
      }),
    );
  });

  it('does not keep what has gone', () => {
    const map = new ChurningMap<number, number[]>();
    const share = keptShare((i) => {
      map.set(i, litter());
      map.delete(i - 10);
    });
    expect(share).toBeLessThan(0.05);
  });

  it('leaves out what goes while it is looked through', () => {
    const map = new ChurningMap<number, number>();
    for (let i = 0; i < 40; i++) map.set(i, i);
    const seen: number[] = [];
    map.each((value) => {
      seen.push(value);
      if (value < 40) map.set(value + 100, value + 100);
      for (let i = value + 1; i < 30; i++) map.delete(i);
    });
    expect(seen.slice(0, 2)).toEqual([0, 30]);
    expect(seen.filter((value) => map.has(value)).slice(0, 11)).toEqual([0, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39]);
  });
});

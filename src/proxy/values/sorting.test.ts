import { describe, expect, it } from 'vitest';
import { ErrorReply } from '../../resp/reply.ts';
import { limitedRanks, lookupOf, type SortOptions, sortElements, sortedItems } from './sorting.ts';

const PLAIN: SortOptions = {
  isDescending: false,
  isAlpha: false,
  offset: 0,
  limit: -1,
  by: null,
  get: [],
  destination: null,
};

const bytes = (...texts: readonly string[]): Buffer[] => texts.map((text) => Buffer.from(text, 'latin1'));

function texts(buffers: readonly (Buffer | null)[] | ErrorReply): unknown {
  return buffers instanceof ErrorReply ? buffers.text : buffers.map((one) => one?.toString('latin1') ?? null);
}

function lookup(pattern: string, element: string): unknown {
  const found = lookupOf(Buffer.from(pattern), Buffer.from(element));
  if (found === null || found === 'element') return found;
  return { key: found.key.toString(), field: found.field?.toString() ?? null };
}

describe('SORT', () => {
  it('finds what a pattern names', () => {
    expect(lookup('#', 'x')).toBe('element');
    expect(lookup('constant', 'x')).toBeNull();
    expect(lookup('w_*', 'x')).toEqual({ key: 'w_x', field: null });
    expect(lookup('*:*', 'x')).toEqual({ key: 'x:*', field: null });
    expect(lookup('w_*_y->f', 'x')).toEqual({ key: 'w_x_y', field: 'f' });
    expect(lookup('w_*->', 'x')).toEqual({ key: 'w_x->', field: null });
    expect(lookup('a->b*', 'x')).toEqual({ key: 'a->bx', field: null });
  });

  it('sorts by the values of other keys; what has none counts as 0, and of the same weight the element decides', () => {
    const weights = new Map([
      ['a', '3'],
      ['b', '-1'],
      ['c', '0'],
    ]);
    const weightOf = (element: Buffer): Buffer | null => {
      const weight = weights.get(element.toString());
      return weight === undefined ? null : Buffer.from(weight);
    };
    const options = { ...PLAIN, by: Buffer.from('w*') };
    expect(texts(sortElements(bytes('a', 'd', 'c', 'b'), options, weightOf))).toEqual(['b', 'c', 'd', 'a']);
    const down = { ...options, isDescending: true };
    expect(texts(sortElements(bytes('a', 'd', 'c', 'b'), down, weightOf))).toEqual(['a', 'd', 'c', 'b']);
    const alpha = { ...options, isAlpha: true };
    expect(texts(sortElements(bytes('a', 'd', 'c', 'b'), alpha, weightOf))).toEqual(['d', 'b', 'c', 'a']);
  });

  it('refuses what is no number', () => {
    for (const one of ['x', '1x', 'nan', '1e999', '1 ']) {
      expect(texts(sortElements(bytes('1', one), PLAIN, () => null)), one).toMatch(/^ERR One or more scores/);
    }
    expect(texts(sortElements(bytes('inf', '', '-inf', ' 2'), PLAIN, () => null))).toEqual(['-inf', '', ' 2', 'inf']);
  });

  it('compares what it keeps by all bytes, and what it answers up to a zero', () => {
    const elements = bytes('a\0z', 'a\0b', 'a');
    expect(texts(sortElements(elements, { ...PLAIN, isAlpha: true }, () => null))).toEqual(['a\0z', 'a\0b', 'a']);
    const kept = { ...PLAIN, isAlpha: true, destination: Buffer.from('d') };
    expect(texts(sortElements(elements, kept, () => null))).toEqual(['a', 'a\0b', 'a\0z']);
  });

  it('answers what GET names of each element', () => {
    const options = { ...PLAIN, get: bytes('#', 'v_*', 'h_*->f', 'none') };
    const items = sortedItems(bytes('1', '2'), options, ({ key, field }) =>
      key.toString() === 'v_1' ? Buffer.from(`value${field ?? ''}`) : null,
    );
    expect(texts(items)).toEqual(['1', 'value', null, null, '2', null, null, null]);
  });

  it('limits', () => {
    const ranks = (offset: number, limit: number): unknown => limitedRanks(5, { ...PLAIN, offset, limit });
    expect(ranks(1, 2)).toEqual({ from: 1, to: 3 });
    expect(ranks(-7, 2)).toEqual({ from: 0, to: 2 });
    expect(ranks(3, -1)).toEqual({ from: 3, to: 5 });
    expect(ranks(5, 1)).toEqual({ from: 5, to: 5 });
  });
});

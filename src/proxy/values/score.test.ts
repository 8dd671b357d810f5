import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeScore, encodeScore, parseScore, parseScoreBound, readScoreOrder, writeScoreOrder } from './score.ts';

function orderOf(score: number): Buffer {
  const bytes = Buffer.alloc(8);
  writeScoreOrder(bytes, score);
  return bytes;
}

const score = fc.oneof(
  fc.double({ noNaN: true }),
  fc.constantFrom(0, -0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 5e-324, -5e-324, Number.MAX_VALUE),
);

describe('scores', () => {
  it('have bytes in their order, 0 and -0 the same', () => {
    fc.assert(
      fc.property(score, score, (a, b) => {
        expect(Math.sign(orderOf(a).compare(orderOf(b)))).toBe(a < b ? -1 : a > b ? 1 : 0);
        expect(readScoreOrder(Buffer.concat([Buffer.from('xx'), orderOf(a)]), 2)).toBe(a === 0 ? 0 : a);
        expect(Object.is(decodeScore(encodeScore(a)), a)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('have these bytes on disk, which are never to change', () => {
    const known: [number, string][] = [
      [0, '8000000000000000'],
      [1, 'bff0000000000000'],
      [-1, '400fffffffffffff'],
      [Number.POSITIVE_INFINITY, 'fff0000000000000'],
      [Number.NEGATIVE_INFINITY, '000fffffffffffff'],
    ];
    for (const [value, hex] of known) expect(orderOf(value).toString('hex')).toBe(hex);
    expect(encodeScore(-0).toString('hex')).toBe('8000000000000000');
  });

  it.each([
    ['1.5', 1.5],
    ['-0', -0],
    ['0x10', 16],
    ['-0x1.8p1', -3],
    ['+INF', Number.POSITIVE_INFINITY],
    ['1e-320', 1e-320],
    ['1e400', null],
    ['1e-400', null],
    ['0e-400', 0],
    ['nan', null],
    ['', null],
    [' 1', null],
    ['1 ', null],
    ['0x', null],
  ])('%j is read as %s', (text, expected) => {
    expect(parseScore(Buffer.from(text))).toBe(expected);
  });

  it.each([
    ['1', 1, false],
    ['(1', 1, true],
    ['(', 0, true],
    ['', 0, false],
    ['\t 2', 2, false],
    ['1e400', Number.POSITIVE_INFINITY, false],
    ['3\x00x', 3, false],
  ])('%j as a bound is %s', (text, value, isExclusive) => {
    expect(parseScoreBound(Buffer.from(text))).toEqual({ score: value, isExclusive });
  });

  it.each(['nan', '((1', ' ', '1x', '[1'])('%j is no bound', (text) => {
    expect(parseScoreBound(Buffer.from(text))).toBeNull();
  });
});

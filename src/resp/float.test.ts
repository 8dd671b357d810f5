import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addFloats, formatDecimal, formatDouble, parseFloatText } from './float.ts';

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');

function sum(current: string | null, increment: string): string {
  const result = addFloats(current === null ? null : bytes(current), bytes(increment));
  return result.kind === 'sum' ? result.text : result.kind;
}

describe('addFloats', () => {
  it.each([
    ['10.5', '0.1', '10.6'],
    ['10.50', '0.1', '10.6'],
    ['10.6', '-5', '5.6'],
    ['5.0e3', '2.0e2', '5200'],
    ['0.1', '0.2', '0.3'],
    ['3.0e3', '0', '3000'],
    ['3.0', '1.1', '4.1'],
    [null, '1.5', '1.5'],
    [null, '-0', '0'],
    ['1', '-1', '0'],
    ['-1.5', '1.5', '0'],
    ['0', '.5', '0.5'],
    ['0', '5.', '5'],
    ['0', '+1.25', '1.25'],
    ['0', '0x10', '16'],
    ['0', '0x1.8p1', '3'],
    ['0', '0x.8P-1', '0.25'],
    ['-0x1p0', '0', '-1'],
    ['1e17', '0.00000000000000001', '100000000000000000'],
    ['0', '1e-17', '0.00000000000000001'],
    ['0', '1e-18', '0'],
    ['0', '-1e-18', '0'],
    ['0', '5e-18', '0'],
    ['0', '15e-18', '0.00000000000000002'],
    ['0', '-15e-18', '-0.00000000000000002'],
    ['0', '0.999999999999999999', '1'],
    ['0', '0e99999999999999999999', '0'],
    ['1', '1e-4940', '1'],
    ['1000000000000000000000', '1', '1000000000000000000000'],
    // The noise of x86 long doubles, as redis-server 7.0 has it.
    ['-4235.3', '0.1', '-4235.19999999999999973'],
  ])('%s + %s = %s', (current, increment, expected) => {
    expect(sum(current, increment)).toBe(expected);
  });

  it.each([
    '',
    ' 1',
    '1 ',
    '1e',
    '1e+',
    '.',
    '-',
    'e5',
    '0x',
    '0x.',
    '0xp1',
    'nan',
    '-nan',
    'nan(1)',
    'infin',
    '1\0',
    '1,5',
  ])('refuses %j on either side', (text) => {
    expect(sum('1', text)).toBe('not-a-float');
    expect(sum(text, '1')).toBe('not-a-float');
  });

  it.each(['inf', '-INF', '+Infinity'])('refuses an infinite %s as a sum', (text) => {
    expect(sum('1', text)).toBe('not-finite');
    expect(sum('inf', text)).toBe('not-finite');
  });

  it('keeps to the range of a long double', () => {
    const largest = '1.18973149535723176502e4932';
    expect(sum('0', largest)).toHaveLength(4_933);
    expect(sum(largest, '1e4930')).toBe('not-finite');
    expect(sum('0', '1.1897314953572318e4932')).toBe('not-a-float');
    expect(sum('0', '1e4933')).toBe('not-a-float');
    expect(sum('0', '1e999999999999999999999')).toBe('not-a-float');
    expect(sum('0', '0x1p16383')).toHaveLength(4_932);
    expect(sum('0', '0x1p16384')).toBe('not-a-float');
    expect(sum('0', '0x1.ffffffffffffffffp16383')).toBe('not-a-float');
    expect(sum('0', '1e-4950')).toBe('0');
    expect(sum('0', '1.83e-4951')).toBe('0');
    expect(sum('0', '1.82e-4951')).toBe('not-a-float');
    expect(sum('0', '1e-999999999999999999999')).toBe('not-a-float');
    expect(sum('0', '0x1.1p-16446')).toBe('0');
    expect(sum('0', '0x1p-16446')).toBe('not-a-float');
    expect(sum('0', '0x1p-16447')).toBe('not-a-float');
  });

  it('bounds the length of the text', () => {
    expect(sum('0', `1${'0'.repeat(4_900)}`)).toMatch(/^1\d{4900}$/);
    expect(sum('0', `0.${'1'.repeat(5_117)}`)).toBe(`0.${'1'.repeat(17)}`);
    expect(sum('0', `0.${'1'.repeat(5_118)}`)).toBe('not-a-float');
  });

  it('reads its own output back to the same text', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n }),
        fc.integer({ min: -40, max: 10 }),
        (value, scale) => {
          const text = formatDecimal({ kind: 'finite', coefficient: value, exponent: scale });
          const read = parseFloatText(bytes(text));
          expect(read?.kind === 'finite' ? formatDecimal(read) : null).toBe(text);
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('formatDouble', () => {
  it.each([
    [0, '0'],
    [-0, '-0'],
    [1, '1'],
    [-12, '-12'],
    [0.1, '0.10000000000000001'],
    [-1.5, '-1.5'],
    [2.0625, '2.0625'],
    [100.25, '100.25'],
    [0.00001, '1.0000000000000001e-05'],
    [1.5e-7, '1.4999999999999999e-07'],
    [1e-7, '9.9999999999999995e-08'],
    [1e21, '1e+21'],
    [1.5e300, '1.5000000000000001e+300'],
    [-2.5e-10, '-2.5000000000000002e-10'],
    [4503599627370495, '4503599627370495'],
    [5e15, '5000000000000000'],
    [91709831309916.06, '91709831309916.062'],
    [-91709831309916.19, '-91709831309916.188'],
    [1e17, '1e+17'],
    [0.0001220703125, '0.0001220703125'],
    [1.2345678901234568e17, '1.2345678901234568e+17'],
    [Number.POSITIVE_INFINITY, 'inf'],
    [Number.NEGATIVE_INFINITY, '-inf'],
    [Number.NaN, 'nan'],
  ])('%d is %s', (value, text) => {
    expect(formatDouble(value)).toBe(text);
  });

  it('reads back to the same double', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, min: -Number.MAX_VALUE, max: Number.MAX_VALUE }), (value) =>
        Object.is(Number(formatDouble(value)), value),
      ),
      { numRuns: 500 },
    );
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isInt64, parseInteger } from './integer.ts';

const parse = (text: string): number | bigint | null => parseInteger(Buffer.from(text, 'latin1'));

describe('parseInteger', () => {
  it.each([
    ['0', 0],
    ['1', 1],
    ['-1', -1],
    ['42', 42],
    ['999999999999999', 999_999_999_999_999],
    ['-999999999999999', -999_999_999_999_999],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
    ['-9007199254740991', Number.MIN_SAFE_INTEGER],
    ['9007199254740992', 9007199254740992n],
    ['-9007199254740992', -9007199254740992n],
    ['9223372036854775807', 9223372036854775807n],
    ['-9223372036854775808', -9223372036854775808n],
  ])('reads %s', (text, value) => {
    expect(parse(text)).toBe(value);
  });

  it.each([
    '',
    '-',
    '-0',
    '+1',
    '01',
    '-01',
    '00',
    ' 1',
    '1 ',
    '1\n',
    '1.0',
    '1e3',
    '0x10',
    'abc',
    '12a',
    '1234567890123456x',
    '--1',
    '9223372036854775808',
    '-9223372036854775809',
    '99999999999999999999',
    '100000000000000000000',
    '1\0',
    '\xb9',
  ])('refuses %j', (text) => {
    expect(parse(text)).toBeNull();
  });

  it('reads a part of a buffer', () => {
    const bytes = Buffer.from('*-12\r\n');
    expect(parseInteger(bytes, 1, 4)).toBe(-12);
    expect(parseInteger(bytes, 2, 4)).toBe(12);
    expect(parseInteger(bytes, 4, 4)).toBeNull();
  });

  it('reads back every 64-bit integer, and nothing wider', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 66n), max: 2n ** 66n }), (value) => {
        const parsed = parse(String(value));
        if (!isInt64(value)) return parsed === null;
        return parsed !== null && BigInt(parsed) === value && typeof parsed === (isSafe(value) ? 'number' : 'bigint');
      }),
      { numRuns: 500 },
    );
  });
});

function isSafe(value: bigint): boolean {
  return Number.isSafeInteger(Number(value)) && BigInt(Number(value)) === value;
}

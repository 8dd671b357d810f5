import { describe, expect, it } from 'vitest';
import { limits } from '../../base/limits.ts';
import { NOT_AN_INTEGER } from '../../resp/reply.ts';
import { expiresAt, invalidExpireTime, parseExpiry, parsePositiveExpiry } from './expiry.ts';

const invalid = invalidExpireTime('set');

describe('parseExpiry', () => {
  it.each([
    ['5', 'seconds', 5_000],
    ['5', 'milliseconds', 5],
    ['-5', 'seconds', -5_000],
    ['9007199254740', 'seconds', 9_007_199_254_740_000],
    ['9007199254741', 'seconds', 9_007_199_254_741_000n],
    ['9223372036854775', 'seconds', 9_223_372_036_854_775_000n],
    ['-9223372036854775', 'seconds', -9_223_372_036_854_775_000n],
    ['9223372036854775807', 'milliseconds', 9_223_372_036_854_775_807n],
  ] as const)('%s %s', (text, unit, ms) => {
    expect(parseExpiry(Buffer.from(text), unit, true, 'set')).toEqual({ relative: true, ms });
  });

  it.each(['9223372036854776', '-9223372036854776', '9223372036854775807'])('%s seconds overflow', (text) => {
    expect(parseExpiry(Buffer.from(text), 'seconds', false, 'set')).toEqual(invalid);
  });

  it('is strict about integers', () => {
    for (const text of ['', ' 1', '1 ', '+1', '1.0', 'x', '9223372036854775808']) {
      expect(parseExpiry(Buffer.from(text), 'milliseconds', false, 'set')).toBe(NOT_AN_INTEGER);
    }
  });

  it('parsePositiveExpiry refuses zero and less', () => {
    expect(parsePositiveExpiry(Buffer.from('0'), 'seconds', true, 'set')).toEqual(invalid);
    expect(parsePositiveExpiry(Buffer.from('-1'), 'milliseconds', true, 'set')).toEqual(invalid);
    expect(parsePositiveExpiry(Buffer.from('1'), 'milliseconds', true, 'set')).toEqual({ relative: true, ms: 1 });
  });
});

describe('expiresAt', () => {
  const nowMs = 1_700_000_000_000;

  it('adds spans to the clock and takes moments as they are', () => {
    expect(expiresAt({ relative: true, ms: 5 }, nowMs)).toBe(nowMs + 5);
    expect(expiresAt({ relative: false, ms: 5 }, nowMs)).toBe(5);
    expect(expiresAt({ relative: true, ms: -nowMs - 5 }, nowMs)).toBe(-5);
  });

  it('overflows where int64 does, by the millisecond', () => {
    const last = 2n ** 63n - 1n - BigInt(nowMs);
    expect(expiresAt({ relative: true, ms: last }, nowMs)).toBe(limits.maxExpiresAtMs);
    expect(expiresAt({ relative: true, ms: last + 1n }, nowMs)).toBeNull();
    expect(expiresAt({ relative: false, ms: 2n ** 63n - 1n }, nowMs)).toBe(limits.maxExpiresAtMs);
  });

  it('stays within safe integers', () => {
    expect(expiresAt({ relative: true, ms: Number.MAX_SAFE_INTEGER }, nowMs)).toBe(limits.maxExpiresAtMs);
    expect(expiresAt({ relative: true, ms: -(2n ** 63n) }, nowMs)).toBe(-limits.maxExpiresAtMs);
  });
});

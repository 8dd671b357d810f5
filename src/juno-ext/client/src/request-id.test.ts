import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isRequestId, RequestIds, requestIds, requestIdTimeMs } from './request-id.ts';

const VERSION_7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

describe('request ids', () => {
  it('are UUIDs of version 7, each greater than the one before, whatever the clock does', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 2 ** 44 }), { minLength: 1, maxLength: 50 }), (clock) => {
        let at = 0;
        const ids = new RequestIds(() => clock[Math.min(at++, clock.length - 1)] ?? 0);
        let last = '';
        for (let i = 0; i < clock.length + 20; i++) {
          const id = ids.next();
          expect(id).toMatch(VERSION_7);
          expect(isRequestId(id)).toBe(true);
          expect(id > last).toBe(true);
          last = id;
        }
      }),
    );
  });

  it('carry the time of the clock', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 48 - 1 }), (timeMs) => {
        expect(requestIdTimeMs(new RequestIds(() => timeMs).next())).toBe(timeMs);
        expect(requestIdTimeMs(requestIds.at(timeMs))).toBe(timeMs);
      }),
    );
  });

  it('borrow from the next millisecond when one is used up', () => {
    const ids = new RequestIds(() => 1000);
    const made = Array.from({ length: 10_000 }, () => ids.next());
    expect(new Set(made).size).toBe(made.length);
    expect(made.toSorted()).toEqual(made);
    expect(requestIdTimeMs(made.at(-1) ?? '')).toBeLessThanOrEqual(1005);
  });

  it('at a given time leave the order of the others alone', () => {
    const ids = new RequestIds(() => 1000);
    const before = ids.next();
    expect(requestIdTimeMs(ids.at(99_000))).toBe(99_000);
    const after = ids.next();
    expect(requestIdTimeMs(after)).toBe(1000);
    expect(after > before).toBe(true);
  });

  it('are told from other texts', () => {
    for (const text of [
      '',
      'x',
      '0190b6a5-7b1c-7def-8000-00000000000',
      '0190b6a57b1c7def8000000000000000',
      ' '.repeat(36),
    ]) {
      expect(isRequestId(text)).toBe(false);
    }
  });
});

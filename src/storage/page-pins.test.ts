import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { ManualClock } from '../base/testing/manual-clock.ts';
import { PagePins } from './page-pins.ts';

const A = 'a'.repeat(16);
const B = 'b'.repeat(16);

describe('pins of pages', () => {
  it('hold everything for a while after a start', () => {
    const clock = new ManualClock();
    const pins = new PagePins(clock);
    expect(pins.holds(A)).toBe(true);
    clock.advance(limits.pagePinMs);
    expect(pins.holds(A)).toBe(false);
  });

  it('hold a record until its pin ends, and longer if it is renewed', () => {
    const clock = new ManualClock();
    const pins = new PagePins(clock);
    clock.advance(limits.pagePinMs);
    expect(pins.pin(A)).toBe(true);
    clock.advance(limits.pagePinMs - 1);
    expect([pins.holds(A), pins.holds(B)]).toEqual([true, false]);
    pins.pin(A);
    pins.pin(B);
    clock.advance(limits.pagePinMs - 1);
    expect([pins.holds(A), pins.holds(B)]).toEqual([true, true]);
    clock.advance(1);
    expect([pins.holds(A), pins.holds(B)]).toEqual([false, false]);
  });

  it('are bounded, and make room when they end', () => {
    const clock = new ManualClock();
    const pins = new PagePins(clock);
    const name = (i: number): string => String(i).padStart(16, '0');
    for (let i = 0; i < limits.pinnedRecords; i++) expect(pins.pin(name(i))).toBe(true);
    expect(pins.pin(A)).toBe(false);
    expect(pins.pin(name(5))).toBe(true);
    clock.advance(limits.pagePinMs);
    expect(pins.pin(A)).toBe(true);
    expect(pins.size).toBe(1);
  });
});

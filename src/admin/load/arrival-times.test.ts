import { describe, expect, it } from 'vitest';
import { type ArrivalOptions, ArrivalTimes } from './arrival-times.ts';
import { SeededRandom } from './seeded-random.ts';

function times(options: ArrivalOptions, count: number): number[] {
  const arrivals = new ArrivalTimes(options, new SeededRandom(2, 'arrivals'));
  return Array.from({ length: count }, () => arrivals.next());
}

describe('ArrivalTimes', () => {
  it('even: all gaps alike', () => {
    expect(times({ ratePerS: 1_000, rampMs: 0, arrival: 'even' }, 4)).toEqual([1, 2, 3, 4]);
  });

  it('poisson: the right rate, and gaps that vary as an exponential distribution does', () => {
    const found = times({ ratePerS: 500, rampMs: 0, arrival: 'poisson' }, 100_000);
    const gaps = found.map((at, i) => at - (found[i - 1] ?? 0));
    const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
    const variance = gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length;
    expect(mean).toBeCloseTo(2, 1);
    expect(Math.sqrt(variance) / mean).toBeCloseTo(1, 1);
    expect(gaps.filter((gap) => gap > 2 * mean).length / gaps.length).toBeCloseTo(Math.exp(-2), 2);
  });

  it.each(['even', 'poisson'] as const)('%s: the rate grows evenly over the ramp', (arrival) => {
    const found = times({ ratePerS: 10_000, rampMs: 2_000, arrival }, 30_000);
    const between = (from: number, to: number): number => found.filter((at) => at >= from && at < to).length;
    // Half of what the full rate would be, a quarter of that in the first half.
    expect(between(0, 1_000) / 2_500).toBeCloseTo(1, 1);
    expect(between(1_000, 2_000) / 7_500).toBeCloseTo(1, 1);
    expect(between(2_000, 3_000) / 10_000).toBeCloseTo(1, 1);
    expect(found).toEqual([...found].sort((a, b) => a - b));
  });

  it('knows how many are due between two times', () => {
    const arrivals = new ArrivalTimes({ ratePerS: 100, rampMs: 1_000, arrival: 'even' }, new SeededRandom(1, 'a'));
    expect(arrivals.expectedBetween(0, 1_000)).toBeCloseTo(50);
    expect(arrivals.expectedBetween(500, 2_000)).toBeCloseTo(137.5);
    expect(arrivals.expectedBetween(5, 3)).toBe(0);
  });
});

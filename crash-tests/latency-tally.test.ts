import { describe, expect, it } from 'vitest';
import { LatencyTally } from './latency-tally.ts';

describe('LatencyTally', () => {
  it('tells percentiles within a step of about 4 %', () => {
    const tally = new LatencyTally();
    expect(tally.percentileMs(99)).toBe(0);
    for (let ms = 1; ms <= 1_000; ms++) tally.add(ms);
    expect(tally.longestMs).toBe(1_000);
    for (const percentile of [1, 50, 99]) {
      const exactMs = 10 * percentile;
      expect(tally.percentileMs(percentile)).toBeGreaterThanOrEqual(exactMs);
      expect(tally.percentileMs(percentile)).toBeLessThan(exactMs * 1.05);
    }
    expect(tally.percentileMs(100)).toBe(1_000);
  });
});

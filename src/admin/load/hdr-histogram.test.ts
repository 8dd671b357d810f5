import { createHistogram } from 'node:perf_hooks';
import { describe, expect, it } from 'vitest';
import { HdrHistogram, HISTOGRAM_MAX_US } from './hdr-histogram.ts';
import { SeededRandom } from './seeded-random.ts';

const PERCENTILES = [1, 10, 50, 90, 99, 99.9, 99.99, 100];

/** Latencies as they are: most of them short, some very long. */
function latencies(count: number): number[] {
  const random = new SeededRandom(7, 'latencies');
  return Array.from({ length: count }, () => Math.ceil(80 * (1 - random.unit()) ** -1.4));
}

function filled(values: readonly number[]): HdrHistogram {
  const histogram = new HdrHistogram();
  for (const value of values) histogram.record(value);
  return histogram;
}

describe('HdrHistogram', () => {
  it('gives percentiles to within a thousandth, as sorting does', () => {
    const values = latencies(50_000);
    const sorted = [...values].sort((a, b) => a - b);
    const found = filled(values).percentilesUs(PERCENTILES);
    for (const [i, percentile] of PERCENTILES.entries()) {
      const exact = sorted[Math.ceil((percentile / 100) * sorted.length - 1e-6) - 1] ?? Number.NaN;
      expect(found[i]).toBeGreaterThanOrEqual(exact);
      expect(found[i]).toBeLessThanOrEqual(exact * 1.001);
    }
  });

  it("agrees with Node's own HDR histogram", () => {
    const values = latencies(20_000);
    const histogram = filled(values);
    const node = createHistogram({ lowest: 1, highest: HISTOGRAM_MAX_US, figures: 3 });
    for (const value of values) node.record(value);
    for (const percentile of PERCENTILES) {
      const theirs = node.percentile(percentile);
      expect(Math.abs(histogram.percentileUs(percentile) - theirs)).toBeLessThanOrEqual(theirs * 0.001);
    }
    expect(histogram.count).toBe(node.count);
    expect(histogram.maxUs).toBe(Math.max(...values));
    expect(histogram.minUs).toBe(Math.min(...values));
    expect(histogram.meanUs).toBeCloseTo(values.reduce((sum, value) => sum + value, 0) / values.length, 6);
  });

  it('is exact below 2048 and at the borders of its buckets', () => {
    for (const value of [0, 1, 2, 2047, 2048, 2049, 4095, 4096, 8191, 2 ** 31, HISTOGRAM_MAX_US]) {
      const histogram = filled([value]);
      expect(histogram.percentileUs(50)).toBe(value);
      expect([histogram.minUs <= value, histogram.maxUs]).toEqual([true, value]);
    }
    expect(filled([1, 2, 3, 4]).percentilesUs([25, 50, 75, 100])).toEqual([1, 2, 3, 4]);
  });

  it('counts what is out of its range at its ends', () => {
    const histogram = filled([-5, HISTOGRAM_MAX_US * 3]);
    expect([histogram.minUs, histogram.maxUs, histogram.count]).toEqual([0, HISTOGRAM_MAX_US, 2]);
    expect(new HdrHistogram().percentilesUs([50, 100])).toEqual([0, 0]);
  });

  it('adds up to what one histogram would have been', () => {
    const values = latencies(3_000);
    const whole = filled(values.slice(0, 1_000));
    whole.add(filled(values.slice(1_000)));
    expect(whole.counters()).toEqual(filled(values).counters());
    expect(whole.meanUs).toBeCloseTo(filled(values).meanUs, 6);
    whole.reset();
    expect([whole.count, whole.maxUs, whole.meanUs, whole.counters()]).toEqual([0, 0, 0, []]);
  });

  it('corrects a stall by the requests that it kept back', () => {
    const histogram = filled([100, 100, 1_000]);
    // 1000 stands for 900, 800, ... 100 too.
    const corrected = histogram.corrected(100);
    expect(corrected.count).toBe(3 + 9);
    expect(corrected.counters().map(({ us }) => us)).toEqual([100, 200, 300, 400, 500, 600, 700, 800, 900, 1_000]);
    expect(histogram.count).toBe(3);
    expect(histogram.corrected(600).count).toBe(3);
    expect(histogram.corrected(0).count).toBe(3);
  });

  it('corrects very long stalls in bounded time, with the right number of requests', () => {
    const corrected = filled([HISTOGRAM_MAX_US]).corrected(1);
    expect(corrected.count).toBe(HISTOGRAM_MAX_US);
    expect(corrected.percentileUs(50) / (HISTOGRAM_MAX_US / 2)).toBeCloseTo(1, 2);
  });
});

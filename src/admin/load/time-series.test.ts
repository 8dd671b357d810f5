import { describe, expect, it } from 'vitest';
import { TimeSeries } from './time-series.ts';

describe('TimeSeries', () => {
  it('has a point for each second, also for those without an answer', () => {
    const series = new TimeSeries(500, 10_000, 100, (ms) => (ms < 1_500 ? 'warm-up' : 'measured'));
    series.record(600, 100, false);
    series.record(1_499, 300, true);
    series.record(3_600, 200, false);
    series.end(3_700);
    expect(series.points).toEqual([
      { atS: 1, phase: 'warm-up', answered: 1, errors: 1, p50Us: 100, p99Us: 300, maxUs: 300 },
      { atS: 2, phase: 'measured', answered: 0, errors: 0, p50Us: null, p99Us: null, maxUs: null },
      { atS: 3, phase: 'measured', answered: 0, errors: 0, p50Us: null, p99Us: null, maxUs: null },
      { atS: 4, phase: 'measured', answered: 1, errors: 0, p50Us: 200, p99Us: 200, maxUs: 200 },
    ]);
  });

  it('shows the last second', () => {
    const series = new TimeSeries(0, 10_000, 100, () => 'measured');
    for (let i = 0; i < 10; i++) series.record(i, 50, false);
    expect(series.lastSecond).toEqual({ ratePerS: 0, p99Us: null });
    series.advance(1_000);
    expect(series.lastSecond).toEqual({ ratePerS: 10, p99Us: 50 });
    series.advance(2_000);
    expect(series.lastSecond).toEqual({ ratePerS: 0, p99Us: null });
  });

  it('takes longer intervals for long runs, and never more points than it may', () => {
    const series = new TimeSeries(0, 1_000_000, 100, () => 'measured');
    expect(series.intervalS).toBe(10);
    for (let second = 0; second < 2_000; second++) series.record(second * 1_000, second, false);
    series.end(2_000_000);
    expect(series.points).toHaveLength(100);
    expect(series.points[1]).toMatchObject({ atS: 20, answered: 10, p50Us: 14, maxUs: 19 });
  });
});

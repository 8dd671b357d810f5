import { expect, it } from 'vitest';
import { median, summarise } from './figures.ts';
import { parseCsv } from './redis-benchmark.ts';
import { markdownTable, toRows } from './results.ts';

it('median takes the middle, or the mean of the two', () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(() => median([])).toThrow();
});

it('parseCsv reads what redis-benchmark 7 prints', () => {
  const heading =
    '"test","rps","avg_latency_ms","min_latency_ms","p50_latency_ms","p95_latency_ms","p99_latency_ms","max_latency_ms"';
  const row = '"mget key:__rand_int__ key:__rand_int__","91743.12","0.279","0.088","0.263","0.359","0.535","1.015"';
  expect(parseCsv(`${heading}\n${row}\n`)).toEqual({ perSecond: 91743.12, p50Ms: 0.263, p99Ms: 0.535 });
  expect(() => parseCsv('Could not connect')).toThrow('Could not connect');
});

it('rows carry medians, spread and the ratio to redis-server', () => {
  const figures = (...rates: number[]) => rates.map((perSecond) => ({ perSecond, p50Ms: 1, p99Ms: 2, errors: 1 }));
  expect(summarise(figures(10, 30, 20))).toMatchObject({ runs: 3, perSecond: 20, least: 10, most: 30, errors: 3 });
  const rows = toRows([
    { series: 'GET', label: 'redis', system: 'redis', figures: figures(100, 100) },
    { series: 'GET', label: 'junokv-1-process', system: 'junokv-1-process', figures: figures(25) },
    { series: 'SET', label: 'junokv-1-process', system: 'junokv-1-process', figures: figures(5) },
  ]);
  expect(rows.map(({ ratio }) => ratio)).toEqual([1, 0.25, null]);
  expect(markdownTable(rows).split('\n')).toHaveLength(5);
});

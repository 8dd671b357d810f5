import { describe, expect, it } from 'vitest';
import { type Figures, median, summarise, totalCpuUs } from './figures.ts';
import { parseCount } from './instructions.ts';
import { cpuPerOperation, ownCpuUs, parseStat, readCpu } from './process-cpu.ts';
import { parseCsv } from './redis-benchmark.ts';
import { ratioOf, summariseRow } from './results.ts';
import { figuresOf, resultsOf } from './testing/made-up-results.ts';

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

describe('summaries', () => {
  it('carry medians, the spread of the rates, and all errors', () => {
    const figures = [10, 30, 20].map((perSecond) => figuresOf({ perSecond, errors: 1 }));
    expect(summarise(figures)).toMatchObject({ runs: 3, perSecond: 20, least: 10, most: 30, errors: 3 });
  });

  it('add up the processes of a role, and take the median of the runs', () => {
    const run = (us: number): Figures =>
      figuresOf({
        perSecond: 1,
        cpu: [
          { role: 'proxy', userUs: us, systemUs: 1 },
          { role: 'storage', userUs: us, systemUs: 0 },
          { role: 'storage', userUs: us, systemUs: 0 },
        ],
      });
    const { cpu } = summarise([run(3), run(1), run(2)]);
    expect(cpu).toEqual([
      { role: 'proxy', processes: 1, userUs: 2, systemUs: 1 },
      { role: 'storage', processes: 2, userUs: 4, systemUs: 0 },
    ]);
    expect(totalCpuUs(cpu)).toBe(7);
  });

  it('compare medians, and show the spread of the ratios of each round', () => {
    const [row] = resultsOf('get', { redis: [100, 200], junokv: [50, 20] }).rows;
    if (row === undefined) expect.fail();
    const { ratio, least, most } = ratioOf(row, 'junokv', 'redis') ?? expect.fail();
    expect([ratio, least, most]).toEqual([35 / 150, 0.1, 0.5]);
    expect(ratioOf(row, 'junokv', 'etcd')).toBeNull();
    expect(summariseRow(row).map(({ toRedis }) => toRedis?.ratio)).toEqual([1, 35 / 150]);
  });
});

describe('CPU time', () => {
  it('is read after the name, which may hold anything, with that of ended children', () => {
    const fields = Array.from({ length: 50 }, (_, i) => String(i + 3));
    expect(parseStat(`42 (a) b (c) ${fields.join(' ')}`)).toEqual({ userTicks: 14 + 16, systemTicks: 15 + 17 });
    expect(() => parseStat('42 (a) S')).toThrow();
  });

  it('of this process grows as it works', () => {
    const self = [{ role: 'self', pid: process.pid }];
    const before = readCpu(self);
    const ownBefore = ownCpuUs();
    const endMs = performance.now() + 200;
    while (performance.now() < endMs) Math.random();
    const [used] = cpuPerOperation(before, readCpu(self), 10);
    expect((used?.userUs ?? 0) + (used?.systemUs ?? 0)).toBeGreaterThan(0);
    expect(ownCpuUs()).toBeGreaterThan(ownBefore);
  });
});

it('parseCount reads what perf stat -x, prints', () => {
  expect(parseCount('123456,,instructions:u,1000,100.00,,\n')).toBe(123_456);
  expect(parseCount('<not supported>,,instructions:u,0,100.00,,\n')).toBeNull();
  expect(parseCount('')).toBeNull();
});

import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { ManualClock } from '../base/testing/manual-clock.ts';
import { LatencyHistogram } from './latency-histogram.ts';
import { LatencyMonitor } from './latency-monitor.ts';
import { latencyDoctorReport, latencyGraph } from './latency-report.ts';
import { RuntimeConfig } from './runtime-config.ts';

const START_SECONDS = 1_000;

function setup(latencyMonitorThresholdMs = 10) {
  const clock = new ManualClock(START_SECONDS * 1000);
  const config = new RuntimeConfig({ latencyMonitorThresholdMs });
  return { clock, config, monitor: new LatencyMonitor(clock, config) };
}

describe('LatencyMonitor', () => {
  it('keeps the worst of each second, and the worst of all', () => {
    const { clock, monitor } = setup();
    monitor.record('command', 9.9);
    expect(monitor.events()).toEqual([]);
    monitor.record('command', 30);
    monitor.record('command', 50.9);
    monitor.record('command', 20);
    clock.advance(1000);
    monitor.record('command', 15);
    expect(monitor.event('command')).toEqual({
      name: 'command',
      samples: [
        { unixSeconds: START_SECONDS, latencyMs: 50 },
        { unixSeconds: START_SECONDS + 1, latencyMs: 15 },
      ],
      maxMs: 50,
    });
  });

  it('is off at threshold 0', () => {
    const { monitor } = setup(0);
    monitor.record('command', 1e9);
    monitor.recordCommand('get', 1e9, true);
    expect(monitor.events()).toEqual([]);
    expect(monitor.histograms().get('get')?.count).toBe(1);
  });

  it('names slow commands as Redis does', () => {
    const { monitor } = setup();
    monitor.recordCommand('get', 10_000, true);
    monitor.recordCommand('keys', 20_000, false);
    monitor.recordCommand('get', 9_999, true);
    expect(monitor.events().map(({ name, maxMs }) => [name, maxMs])).toEqual([
      ['fast-command', 10],
      ['command', 20],
    ]);
    expect([...monitor.histograms().keys()]).toEqual(['get', 'keys']);
  });

  it('forgets on reset and keeps a bounded number of samples and events', () => {
    const { clock, monitor } = setup();
    for (let i = 0; i < 200; i++) {
      monitor.record('command', 10 + i);
      clock.advance(1000);
    }
    expect(monitor.event('command')?.samples).toHaveLength(limits.latencySamplesPerEvent);
    for (let i = 0; i < 200; i++) monitor.record(`event${i}`, 10);
    expect(monitor.events()).toHaveLength(limits.latencyEvents);
    expect(monitor.reset(['command', 'nosuch'])).toBe(1);
    expect(monitor.reset([])).toBe(limits.latencyEvents - 1);
    expect(monitor.events()).toEqual([]);
  });

  it('keeps no histogram while tracking is off', () => {
    const { config, monitor } = setup();
    config.set([['latency-tracking', 'no']]);
    monitor.recordCommand('get', 5, true);
    expect(monitor.histograms().size).toBe(0);
  });
});

describe('LatencyHistogram', () => {
  it('counts what took at most so long, and sums what all took together', () => {
    const histogram = new LatencyHistogram();
    histogram.record(90);
    histogram.record(100, 3);
    histogram.record(2_400);
    histogram.record(3_000_000);
    expect(histogram.atMost([50, 100, 250, 2_500, 500_000])).toEqual([0, 4, 4, 5, 5]);
    expect(histogram.sumUs).toBe(90 + 300 + 2_400 + 3_000_000);
    histogram.reset();
    expect([histogram.sumUs, ...histogram.atMost([1_000_000])]).toEqual([0, 0]);
  });

  it('counts below the powers of two that Redis prints', () => {
    const histogram = new LatencyHistogram();
    for (const us of [0.5, 1, 3, 14, 15, 16, 200, 100_000, 5_000_000]) histogram.record(us);
    // Bounds as seen from a real server: 1 4 16 264 135266 and, for everything beyond a second, 1073741.
    expect(histogram.cumulative()).toEqual([
      [1, 2],
      [4, 3],
      [16, 6],
      [264, 7],
      [135_266, 8],
      [1_073_741, 9],
    ]);
  });

  it('gives percentiles to within a hundredth, from above', () => {
    const histogram = new LatencyHistogram();
    expect(histogram.percentileUs(50)).toBe(0);
    for (let us = 1; us <= 1000; us++) histogram.record(us);
    for (const [percentile, us] of [
      [50, 500],
      [99, 990],
      [99.9, 999],
      [0, 1],
      [100, 1000],
    ] as const) {
      expect(histogram.percentileUs(percentile)).toBeGreaterThanOrEqual(us);
      expect(histogram.percentileUs(percentile)).toBeLessThan(us * 1.01 + 0.01);
    }
    // What Redis prints for one command of 1, 35 and 667 us.
    for (const [us, shown] of [
      [1, 1.003],
      [35, 35.071],
      [188, 188.415],
      [665, 667.647],
    ] as const) {
      const one = new LatencyHistogram();
      one.record(us);
      expect(one.percentileUs(99)).toBe(shown);
    }
    histogram.reset();
    expect(histogram.count).toBe(0);
    expect(histogram.cumulative()).toEqual([]);
  });
});

describe('latency reports', () => {
  const samples = [110, 310, 210, 500].map((latencyMs, i) => ({
    unixSeconds: 1000 + ([0, 1, 3, 4][i] ?? 0),
    latencyMs,
  }));
  const event = { name: 'command', samples, maxMs: 500 };
  const config = { slowlogLogSlowerThanUs: 10_000, latencyMonitorThresholdMs: 1 };

  it('draws the graph that a real server drew for these samples', () => {
    expect(latencyGraph(event, 1005)).toBe(
      [
        'command - high 500 ms, low 110 ms (all time high 500 ms)',
        '-'.repeat(80),
        '   #',
        ' _ |',
        ' |_|',
        '_|||',
        '    ',
        '5421',
        'ssss',
        '',
      ].join('\n'),
    );
  });

  it('breaks the graph after 80 columns and labels minutes, hours and days', () => {
    const many = Array.from({ length: 81 }, (_, i) => ({ unixSeconds: 1_000_000 - i * 7_000, latencyMs: 5 }));
    const lines = latencyGraph({ name: 'x', samples: many, maxMs: 9 }, 1_000_000).split('\n');
    expect(lines[0]).toBe('x - high 5 ms, low 5 ms (all time high 9 ms)');
    expect(lines[5]).toBe('_'.repeat(80));
    expect(lines[7]).toMatch(/^01357911/);
    expect(lines.slice(-4)).toEqual([' ', '6', 'd', '']);
  });

  it('writes the doctor report that a real server wrote, with the advice that applies', () => {
    const report = latencyDoctorReport([event], config, 1005);
    expect(report).toContain(
      '1. command: 4 latency spikes (average 282ms, mean deviation 122ms, period 1.25 sec). Worst all time event 500ms.\n',
    );
    expect(report).toContain("Please use 'CONFIG SET slowlog-log-slower-than 1000'.\n");
    const off = latencyDoctorReport([event], { ...config, slowlogLogSlowerThanUs: -1 }, 1005);
    expect(off).toContain('Try to enable the Slow Log Redis feature');
    const fast = latencyDoctorReport([{ ...event, name: 'fast-command' }], config, 1005);
    expect(fast).toContain("I'm not able to suggest any easy fix");
    expect(latencyDoctorReport([], config, 1005)).toContain('no latency spike was observed');
  });
});

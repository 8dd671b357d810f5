import { describe, expect, it } from 'vitest';
import { latencyDelta, mergedDelta, percentileMs } from './latency-delta.ts';
import { nodeText, readingOf, seenText } from './testing/info-fixture.ts';
import { topView } from './view.ts';

describe('percentiles of what came between two readings', () => {
  it('are within the bucket that has them', () => {
    const before = [[256, 1_000] as const];
    const now = [[256, 1_000] as const, [512, 1_100] as const, [4_096, 1_102] as const];
    const delta = latencyDelta(before, now);
    expect(delta).toEqual([
      [256, 0],
      [512, 100],
      [4_096, 102],
    ]);
    expect(percentileMs(delta, 50)).toBeCloseTo(0.387, 3);
    expect(percentileMs(delta, 99)).toBeGreaterThan(2.048);
    expect(percentileMs(delta, 100)).toBe(4.096);
    expect(percentileMs([], 50)).toBeNull();
    expect(percentileMs(latencyDelta(now, now), 50)).toBeNull();
  });

  it('are of several histograms together, which leave out different buckets', () => {
    const merged = mergedDelta([
      [[2, 10]],
      [
        [1, 5],
        [8, 15],
      ],
    ]);
    expect(merged).toEqual([
      [1, 5],
      [2, 15],
      [8, 25],
    ]);
  });
});

describe('topView', () => {
  const before = readingOf({
    atMs: 1_000,
    fields: { total_error_replies: 10, commands_uncertain: 1, used_cpu_user: '1.5', used_cpu_sys: '0.5' },
    commands: { get: { calls: 1_000, usec: 500_000 }, info: { calls: 5, usec: 10 } },
    latency: { get: [[512, 1_000]] },
  });
  const now = readingOf({
    atMs: 3_000,
    fields: {
      total_error_replies: 14,
      commands_uncertain: 2,
      used_cpu_user: '2.5',
      used_cpu_sys: '1.0',
      connected_clients: 3,
    },
    commands: {
      get: { calls: 3_000, usec: 1_500_000 },
      set: { calls: 10, usec: 10_000, failed: 1, rejected: 3 },
      info: { calls: 6, usec: 12 },
    },
    latency: { get: [[512, 3_000]], set: [[1_024, 10]] },
    nodes: [nodeText(1), nodeText(2), 'zone=zone3,address=10.0.0.3:7001,up=0'],
    seen: { 1: seenText(0.4), 2: seenText(9.5, 1) },
  });

  it('has the rates between two readings of a proxy', () => {
    const view = topView([{ address: 'a:1', before, now }]);
    expect(view.perSecond).toBe(1_005);
    expect(view.errorsPerSecond).toBe(2);
    expect(view.failures).toEqual({ unavailable: 0, uncertain: 0.5, refused: 0 });
    expect(view.proxies[0]).toMatchObject({ perSecond: 1_005, cpu: 0.75, clients: 3, problem: null });
    expect(view.commands.map(({ name, perSecond, errorsPerSecond }) => [name, perSecond, errorsPerSecond])).toEqual([
      ['get', 1_000, 0],
      ['set', 5, 2],
    ]);
    expect(view.commands[0]?.meanMs).toBe(0.5);
  });

  it('shows nodes as the proxies see them', () => {
    const { nodes } = topView([{ address: 'a:1', before, now }]);
    expect(nodes.map(({ nodeId, state, latencyMs, dataBytes }) => [nodeId, state, latencyMs, dataBytes])).toEqual([
      [1, 'up', 0.4, 1_610_612_736],
      [2, 'suspect', 9.5, 1_610_612_736],
      [3, 'down', null, null],
    ]);
  });

  it('is since the start where there is one reading, and after a restart or CONFIG RESETSTAT', () => {
    const alone = topView([{ address: 'a:1', before: null, now }]);
    expect(alone.perSecond).toBeCloseTo(3_010 / 90);
    const restarted = { ...now, runId: 'b'.repeat(40) };
    expect(topView([{ address: 'a:1', before, now: restarted }]).perSecond).toBeCloseTo(3_010 / 90);
    const reset = { ...before, atMs: 4_000 };
    expect(topView([{ address: 'a:1', before: now, now: reset }]).perSecond).toBeCloseTo(1_000 / 90);
  });

  it('adds proxies up, and goes on without those that do not answer', () => {
    const other = { ...now, mapEpoch: 9, movingShards: 4 };
    const view = topView([
      { address: 'a:1', before, now },
      { address: 'b:1', problem: 'connect ECONNREFUSED' },
      { address: 'c:1', before, now: other },
    ]);
    expect(view.perSecond).toBe(2_010);
    expect(view.epochs).toEqual([7, 9]);
    expect(view.movingShards).toBe(4);
    expect(view.proxies.map(({ problem }) => problem)).toEqual([null, 'connect ECONNREFUSED', null]);
    const none = topView([{ address: 'b:1', problem: 'gone' }]);
    expect([none.perSecond, none.nodes, none.clusterId]).toEqual([0, [], '']);
  });

  it('reads what says nothing as nothing', () => {
    const empty = topView([
      { address: 'a:1', before: null, now: readingOf({ atMs: 0, fields: { sweep_oldest_ms: -1 } }) },
    ]);
    expect([empty.perSecond, empty.p99Ms, empty.sweepOldestMs, empty.commands]).toEqual([0, null, null, []]);
  });
});

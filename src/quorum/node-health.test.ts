import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { SystemRandom } from '../base/system-random.ts';
import { ManualClock } from '../base/testing/manual-clock.ts';
import { MessageType, type NodeStatus, type Response } from '../rpc/messages.ts';
import { NodeHealth } from './node-health.ts';
import { NodeProber } from './node-prober.ts';
import { ProtocolCounters } from './protocol-counters.ts';
import { ScriptedTransport } from './testing/scripted-transport.ts';

const NODES = [1, 2, 3];
const STATUS: Response = { type: MessageType.status, status: {} as NodeStatus };

function healthKit() {
  const clock = new ManualClock();
  const transport = new ScriptedTransport();
  const counters = new ProtocolCounters();
  const health = new NodeHealth(clock, counters);
  new NodeProber(clock, new SystemRandom(), transport, health, counters);
  /** The node answers requests for records in so long, one after the other. */
  const answerIn = (node: number, latencyMs: number, times: number): void => {
    for (let i = 0; i < times; i++) {
      const startedMs = clock.monotonicMs();
      clock.advance(latencyMs);
      health.answered(node, startedMs);
      clock.advance(limits.latencySampleMs);
    }
  };
  /** Time passes; probes are answered after `latencyMs`, or not at all. */
  const pass = (durationMs: number, latencyMs: number | null): void => {
    for (let passedMs = 0; passedMs < durationMs; passedMs++) {
      clock.advance(1);
      if (latencyMs === null || transport.open.length === 0) continue;
      clock.advance(latencyMs);
      for (const sent of transport.open) sent.answer(STATUS);
    }
  };
  return { clock, transport, counters, health, answerIn, pass };
}

describe('node health', () => {
  it('keeps the order of nodes that are all well, and the array itself', () => {
    expect(healthKit().health.prefer(NODES)).toBe(NODES);
  });

  it('asks a node that was slow or failed last, and makes that order once', () => {
    const { health } = healthKit();
    health.slow(1);
    expect(health.prefer(NODES)).toEqual([2, 3, 1]);
    expect(health.prefer(NODES)).toBe(health.prefer(NODES));
    health.failed(2);
    expect(health.prefer(NODES)).toEqual([3, 1, 2]);
    health.failed(3);
    expect(health.prefer(NODES)).toEqual(NODES);
  });

  it('takes a node back when it answers probes quickly, and not before', () => {
    const { transport, counters, health, pass } = healthKit();
    health.slow(1);
    pass(5_000, null);
    expect(health.prefer(NODES)).toEqual([2, 3, 1]);
    // One question at a time, also to a node that never answers.
    expect(transport.sent.length).toBeLessThanOrEqual(5_000 / limits.probeTimeoutMs);
    pass(2_000, limits.slowNodeMs + 1);
    expect(health.prefer(NODES)).toEqual([2, 3, 1]);
    // The longest pause there is before the first of them.
    pass(2 * limits.probePauseMaxMs + limits.suspectMs, 1);
    expect(health.prefer(NODES)).toBe(NODES);
    expect([counters.get('node-suspected'), counters.get('node-taken-back')]).toEqual([1, 1]);
    expect(counters.get('node-probed')).toBeLessThan(30);
    expect(health.reports()).toMatchObject([{ nodeId: 1, isSuspect: false, suspicions: 1 }]);
  });

  it('does not probe a node that is not connected, and trusts it when it has shaken hands', () => {
    const { clock, transport, health } = healthKit();
    transport.down.add(1);
    health.failed(1);
    clock.advance(60_000);
    expect(transport.sent).toEqual([]);
    expect(health.prefer(NODES)).toEqual([2, 3, 1]);
    transport.down.delete(1);
    health.cameUp(1);
    expect(health.prefer(NODES)).toBe(NODES);
    clock.advance(60_000);
    expect(transport.sent).toEqual([]);
  });

  it('makes a node that relapses wait longer each time, within a bound', () => {
    const { clock, health, pass } = healthKit();
    const backInMs = (): number => {
      const startMs = clock.monotonicMs();
      while (health.isSuspect(1)) pass(10, 0);
      return clock.monotonicMs() - startMs;
    };
    const waits: number[] = [];
    for (let relapse = 0; relapse < 8; relapse++) {
      health.slow(1);
      waits.push(backInMs());
    }
    expect(waits[0]).toBeLessThan(300);
    expect(waits[3]).toBeGreaterThan(500);
    expect(waits[7]).toBeLessThan(5_000);
    clock.advance(limits.suspectRelapseMs);
    health.slow(1);
    expect(backInMs()).toBeLessThan(300);
  });

  it('finds out a node that takes several times what the others take, and no one who takes a little more', () => {
    const { health, answerIn } = healthKit();
    for (let i = 0; i < 100; i++) {
      answerIn(1, 2, 1);
      answerIn(2, 3, 1);
      answerIn(3, 9, 1);
    }
    expect(health.prefer(NODES)).toBe(NODES);
    for (let i = 0; i < 100; i++) {
      answerIn(1, 2, 1);
      answerIn(2, 3, 1);
      if (!health.isSuspect(3)) answerIn(3, 30, 1);
    }
    expect(health.prefer([3, 1, 2])).toEqual([1, 2, 3]);
    // What all take is not slow.
    const other = healthKit();
    for (let i = 0; i < 100; i++) for (const node of NODES) other.answerIn(node, 40, 1);
    expect(other.health.prefer(NODES)).toBe(NODES);
  });

  it('moves the hedge delay with what healthy nodes take, within bounds', () => {
    const { health, answerIn } = healthKit();
    expect(health.hedgeDelayMs).toBe(limits.hedgeDelayMs);
    answerIn(1, 1, 500);
    expect(health.hedgeDelayMs).toBe(limits.hedgeDelayMs);
    answerIn(1, 10, 500);
    expect(health.hedgeDelayMs).toBeGreaterThan(35);
    expect(health.hedgeDelayMs).toBeLessThan(60);
    answerIn(1, 1_000, 500);
    expect(health.hedgeDelayMs).toBe(limits.hedgeDelayMaxMs);
  });

  it('keeps the hedge delay of the others where one of three is slow', () => {
    const { health, answerIn } = healthKit();
    for (let i = 0; i < 200; i++) {
      answerIn(1, 1, 1);
      answerIn(2, 1, 1);
      if (!health.isSuspect(3)) answerIn(3, 150, 1);
    }
    expect(health.isSuspect(3)).toBe(true);
    expect(health.hedgeDelayMs).toBe(limits.hedgeDelayMs);
  });

  it('forgets nodes that left the cluster', () => {
    const { transport, health, pass } = healthKit();
    health.slow(1);
    health.slow(2);
    health.retain((node) => node !== 1);
    expect(health.prefer(NODES)).toEqual([1, 3, 2]);
    pass(1_000, null);
    expect(transport.sent.every(({ nodeId }) => nodeId === 2)).toBe(true);
  });
});

describe('what operators hear of a node', () => {
  it('is a line when it becomes suspect and when it is taken back, and nothing of pairs', () => {
    const lines: string[] = [];
    const warn = (fields: object, message: string): void => {
      lines.push(`${message} ${JSON.stringify(fields)}`);
    };
    const log = { debug() {}, info() {}, error() {}, warn };
    const health = new NodeHealth(new ManualClock(), null, log);
    health.slow(2);
    health.slow(2);
    health.failed(2 ** 32 + 1);
    health.cameUp(2);
    health.cameUp(2);
    expect(lines).toEqual([
      'a storage node is suspect: it is asked last {"nodeId":2,"reason":"it did not answer in time"}',
      'a storage node is taken back: it is asked like the others {"nodeId":2}',
    ]);
  });

  it('is how far its clock was ahead at the last handshake', () => {
    const clock = new ManualClock();
    const health = new NodeHealth(clock);
    health.slow(1);
    health.noteClock(2, clock.wallUs() + 250_000);
    const reports = health.reports().map(({ nodeId, clockAheadMs }) => [nodeId, clockAheadMs]);
    expect(reports).toEqual([
      [1, undefined],
      [2, 250],
    ]);
  });
});

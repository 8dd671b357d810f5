import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { ManualClock } from '../base/testing/manual-clock.ts';
import { NodeHealth } from './node-health.ts';
import { ScriptedTransport } from './testing/scripted-transport.ts';

const NODES = [1, 2, 3];

function healthKit() {
  const clock = new ManualClock();
  const transport = new ScriptedTransport();
  return { clock, transport, health: new NodeHealth(clock, transport) };
}

describe('node health', () => {
  it('keeps the order of nodes that are all well, and the array itself', () => {
    expect(healthKit().health.prefer(NODES)).toBe(NODES);
  });

  it('asks a node that was slow or failed last, for a while', () => {
    const { clock, health } = healthKit();
    health.slow(1);
    expect(health.prefer(NODES)).toEqual([2, 3, 1]);
    health.failed(2);
    expect(health.prefer(NODES)).toEqual([3, 1, 2]);
    clock.advance(limits.suspectMs - 1);
    expect(health.prefer(NODES)).toEqual([3, 1, 2]);
    clock.advance(1);
    expect(health.prefer(NODES)).toEqual(NODES);
  });

  it('asks a node that is still down last for as long as it is', () => {
    const { clock, transport, health } = healthKit();
    transport.down.add(1);
    health.failed(1);
    clock.advance(10 * limits.suspectMs);
    expect(health.prefer(NODES)).toEqual([2, 3, 1]);
    transport.down.delete(1);
    expect(health.prefer(NODES)).toEqual(NODES);
  });

  it('moves the hedge delay with what it sees, within bounds', () => {
    const { clock, health } = healthKit();
    expect(health.hedgeDelayMs).toBe(limits.hedgeDelayMs);
    const answerIn = (latencyMs: number, times: number): void => {
      for (let i = 0; i < times; i++) {
        const startedMs = clock.monotonicMs();
        clock.advance(latencyMs);
        health.answered(1, startedMs);
        clock.advance(limits.latencySampleMs);
      }
    };
    answerIn(1, 500);
    expect(health.hedgeDelayMs).toBe(limits.hedgeDelayMs);
    answerIn(10, 500);
    expect(health.hedgeDelayMs).toBeGreaterThan(70);
    expect(health.hedgeDelayMs).toBeLessThan(90);
    answerIn(1_000, 500);
    expect(health.hedgeDelayMs).toBe(limits.hedgeDelayMaxMs);
  });
});

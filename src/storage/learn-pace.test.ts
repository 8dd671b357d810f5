import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { ManualClock } from '../base/testing/manual-clock.ts';
import { LearnPace } from './learn-pace.ts';

const RATE = 1_000_000;

/** Milliseconds until more may be taken in, after a range of so many bytes that took so long. */
function pauseMs(bytes: number, tookMs: number, atMostMs = 10_000): number {
  const clock = new ManualClock();
  const pace = new LearnPace(clock, () => RATE);
  const startedMs = clock.monotonicMs();
  clock.advance(tookMs);
  let isFree = false;
  pace.took(bytes, startedMs, () => {
    isFree = true;
  });
  for (let waitedMs = 0; waitedMs <= atMostMs; waitedMs++) {
    if (isFree) return waitedMs;
    clock.advance(1);
  }
  return Number.POSITIVE_INFINITY;
}

describe('pace of learning', () => {
  it('keeps to its rate where the range was quick', () => {
    expect(pauseMs(RATE / 10, 1)).toBe(100);
    expect(pauseMs(RATE, 1)).toBe(1_000);
  });

  it('leaves clients half of the time', () => {
    expect(pauseMs(1_000, limits.learnBusyMs - 1)).toBe(limits.learnBusyMs - 1);
  });

  it('leaves them more where a range took long, within a bound', () => {
    expect(pauseMs(1_000, limits.learnBusyMs)).toBe(limits.learnBusyMs * limits.learnBusyPauses);
    expect(pauseMs(1_000, 60_000)).toBe(limits.learnPauseMaxMs);
  });

  it('counts what several shards take in together', () => {
    const clock = new ManualClock();
    const pace = new LearnPace(clock, () => RATE);
    const free: number[] = [];
    for (const shard of [1, 2, 3]) pace.took(RATE / 10, clock.monotonicMs(), () => free.push(shard));
    clock.advance(200);
    expect(free).toEqual([1, 2]);
    clock.advance(100);
    expect(free).toEqual([1, 2, 3]);
  });
});

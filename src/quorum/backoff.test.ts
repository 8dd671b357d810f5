import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import type { Random } from '../base/random.ts';
import { Backoff } from './backoff.ts';

const randomOf = (unit: number): Random => ({ fill() {}, unit: () => unit, below: () => 0 });

describe('backoff', () => {
  it('doubles its bound with every refusal, up to a limit, and starts over', () => {
    const backoff = new Backoff();
    const waits = Array.from({ length: 12 }, () => backoff.nextMs(randomOf(1)));
    expect(waits.slice(0, 4)).toEqual([1, 2, 4, 8].map((factor) => factor * limits.retryBackoffMs));
    expect(waits.at(-1)).toBe(limits.retryBackoffMaxMs);
    backoff.reset();
    expect(backoff.nextMs(randomOf(1))).toBe(limits.retryBackoffMs);
  });

  it('is random', () => {
    const backoff = new Backoff();
    expect(backoff.nextMs(randomOf(0))).toBe(0);
    expect(backoff.nextMs(randomOf(0.5))).toBe(limits.retryBackoffMs);
  });

  it('lets a few retries go at once', () => {
    const backoff = new Backoff();
    const hurried = Array.from({ length: limits.hurriedRetries + 2 }, () => backoff.mayHurry());
    expect(hurried.filter(Boolean).length).toBe(limits.hurriedRetries);
    backoff.reset();
    expect(backoff.mayHurry()).toBe(true);
  });

  it('puts ballots further ahead with every refusal, whether or not there was a wait, up to a limit', () => {
    const backoff = new Backoff();
    expect(backoff.aheadUs).toBe(0);
    backoff.mayHurry();
    backoff.nextMs(randomOf(1));
    expect(backoff.aheadUs).toBe(2 * limits.ballotAheadUs);
    for (let i = 0; i < 1_000; i++) backoff.nextMs(randomOf(1));
    expect(backoff.aheadUs).toBe(limits.ballotAheadMaxUs);
    expect(limits.ballotAheadMaxUs).toBeLessThan(limits.maxClockSkewMs * 1000);
    backoff.reset();
    expect(backoff.aheadUs).toBe(0);
  });

  it('waits less where the fate of a refused COMMIT is open', () => {
    const backoff = new Backoff();
    for (let i = 0; i < 20; i++) backoff.nextMs(randomOf(1), true);
    expect(backoff.nextMs(randomOf(1), true)).toBe(limits.retryInDoubtMaxMs);
    expect(backoff.nextMs(randomOf(1))).toBe(2 * limits.retryInDoubtMaxMs);
  });
});

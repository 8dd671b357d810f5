import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TokenBucket } from './token-bucket.ts';

describe('a token bucket', () => {
  it('holds one second, and fills as time goes by', () => {
    const bucket = new TokenBucket(10, 0, null);
    expect(bucket.level(0)).toBe(10);
    bucket.take(10);
    expect(bucket.level(0)).toBe(0);
    expect(bucket.level(250)).toBe(2.5);
    expect(bucket.level(100)).toBe(2.5);
    expect(bucket.level(60_000)).toBe(10);
  });

  it('takes over no more than what is left in the one before', () => {
    const before = new TokenBucket(10, 0, null);
    before.take(8);
    expect(new TokenBucket(100, 0, before).level(0)).toBe(2);
    expect(new TokenBucket(1, 0, before).level(0)).toBe(1);
  });

  it('has its share of the rate, and lets what is more than that through when it is full', () => {
    const bucket = new TokenBucket(2, 0, null, 0.25);
    expect(bucket.level(0)).toBe(0.5);
    expect(bucket.has(1, 0)).toBe(true);
    bucket.take(1);
    expect([bucket.has(1, 0), bucket.has(1, 1_999), bucket.has(1, 2_000)]).toEqual([false, false, true]);
    bucket.setShare(1, 2_000);
    expect([bucket.level(2_000), bucket.level(9_000)]).toEqual([0.5, 2]);
    bucket.setShare(0.5, 9_000);
    expect(bucket.level(9_000)).toBe(1);
  });

  it('shares let no more through than the rate, and what they held together', () => {
    const steps = fc.array(fc.tuple(fc.nat(500), fc.nat(2)), { maxLength: 200 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50 }), steps, (rate, tries) => {
        const shares = [0.2, 0.3, 0.5];
        const buckets = shares.map((share) => new TokenBucket(rate, 0, null, share));
        let nowMs = 0;
        let taken = 0;
        for (const [pauseMs, worker] of tries) {
          nowMs += pauseMs;
          const bucket = buckets[worker];
          if (bucket?.has(1, nowMs) !== true) continue;
          bucket.take(1);
          taken += 1;
        }
        // Each may be short of one at the end.
        expect(taken).toBeLessThanOrEqual(rate + (nowMs * rate) / 1000 + shares.length);
      }),
    );
  });

  it('never lets more through than its rate and what it held', () => {
    const steps = fc.array(fc.tuple(fc.nat(500), fc.integer({ min: 1, max: 20 })), { maxLength: 200 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50 }), steps, (rate, tries) => {
        const bucket = new TokenBucket(rate, 0, null);
        let nowMs = 0;
        let taken = 0;
        for (const [pauseMs, amount] of tries) {
          nowMs += pauseMs;
          if (bucket.level(nowMs) < amount) continue;
          bucket.take(amount);
          taken += amount;
        }
        expect(taken).toBeLessThanOrEqual(rate + (nowMs * rate) / 1000 + 1e-6);
      }),
    );
  });
});

import { describe, expect, it } from 'vitest';
import { RateShares } from './rate-shares.ts';

describe('the rates of a namespace', () => {
  it('go where the requests are, and are 1 together', () => {
    const rates = new RateShares(4);
    rates.wanted(2, [{ group: 1, requests: 1000, bytes: 0 }]);
    const told = rates.divide().map((shares) => shares[0]);
    expect(told.map((share) => share?.requests)).toEqual([0.025, 0.025, 0.925, 0.025]);
    // Nobody has told of bytes: equal parts.
    expect(told.map((share) => share?.bytes)).toEqual([0.25, 0.25, 0.25, 0.25]);
    const sum = told.reduce((all, share) => all + (share?.requests ?? 0), 0);
    expect(sum).toBeCloseTo(1);
  });

  it('follow when requests move to another worker, and become equal where they end', () => {
    const rates = new RateShares(2);
    rates.wanted(0, [{ group: 0, requests: 100, bytes: 0 }]);
    expect(rates.divide()[0]?.[0]?.requests).toBeCloseTo(0.95);
    for (let i = 0; i < 20; i++) {
      rates.wanted(1, [{ group: 0, requests: 100, bytes: 0 }]);
      rates.divide();
    }
    rates.wanted(1, [{ group: 0, requests: 100, bytes: 0 }]);
    // What has not changed is not told again.
    expect(rates.divide()).toEqual([[], []]);
    let last: readonly (readonly { requests: number }[])[] = [];
    for (let i = 0; i < 12; i++) {
      const told = rates.divide();
      if (told.some((shares) => shares.length > 0)) last = told;
    }
    expect(last.map((shares) => shares[0]?.requests)).toEqual([0.5, 0.5]);
  });

  it('are told anew to a worker that takes the place of another one', () => {
    const rates = new RateShares(2);
    rates.wanted(0, [{ group: 0, requests: 100, bytes: 0 }]);
    rates.divide();
    rates.forget(1);
    expect(rates.divide()[1]?.[0]?.requests).toBeCloseTo(0.05);
  });
});

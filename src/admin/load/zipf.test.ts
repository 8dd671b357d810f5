import { describe, expect, it } from 'vitest';
import { SeededRandom } from './seeded-random.ts';
import { Zipf } from './zipf.ts';

const DRAWS = 400_000;

function frequencies(n: number, theta: number): Float64Array {
  const zipf = new Zipf(n, theta, new SeededRandom(11, 'zipf'));
  const found = new Float64Array(n);
  for (let i = 0; i < DRAWS; i++) {
    const rank = zipf.next();
    found[rank] = (found[rank] ?? 0) + 1;
  }
  return found;
}

describe('Zipf', () => {
  it.each([
    [10, 0.5],
    [100, 0.99],
    [100, 1],
    [1_000, 1.5],
    [50, 3],
  ])('%i ranks with exponent %f come as often as they should (chi square)', (n, theta) => {
    const found = frequencies(n, theta);
    const weights = Array.from({ length: n }, (_, rank) => (rank + 1) ** -theta);
    const sum = weights.reduce((total, weight) => total + weight, 0);
    let chiSquare = 0;
    let degrees = -1;
    let pooledFound = 0;
    let pooledExpected = 0;
    for (const [rank, weight] of weights.entries()) {
      pooledFound += found[rank] ?? 0;
      pooledExpected += (DRAWS * weight) / sum;
      // The test needs some of each.
      if (pooledExpected < 20 && rank < n - 1) continue;
      chiSquare += (pooledFound - pooledExpected) ** 2 / pooledExpected;
      degrees++;
      pooledFound = 0;
      pooledExpected = 0;
    }
    // Five standard deviations above the mean of the distribution.
    expect(chiSquare).toBeLessThan(degrees + 5 * Math.sqrt(2 * degrees));
  });

  it('works with one key, and with very many', () => {
    expect(new Zipf(1, 0.99, new SeededRandom(1, 'z')).next()).toBe(0);
    const huge = new Zipf(1_000_000_000, 0.99, new SeededRandom(1, 'z'));
    const ranks = Array.from({ length: 10_000 }, () => huge.next());
    expect(Math.max(...ranks)).toBeGreaterThan(10_000_000);
    expect(Math.max(...ranks)).toBeLessThan(1_000_000_000);
    // 1 / (harmonic number of 10^9 with exponent 0.99, about 23.6): 4.2 %.
    expect(ranks.filter((rank) => rank === 0).length / ranks.length).toBeCloseTo(0.042, 1);
  });
});

import { describe, expect, it } from 'vitest';
import { type KeyDistribution, keyChooser, keyDistributionText, parseKeyDistribution } from './key-distribution.ts';
import { SeededRandom } from './seeded-random.ts';

function draw(distribution: KeyDistribution, keys: number, count: number): number[] {
  const next = keyChooser(distribution, keys, new SeededRandom(3, 'keys'));
  return Array.from({ length: count }, next);
}

describe('key distributions', () => {
  it('uniform uses every key alike', () => {
    const counts = new Map<number, number>();
    for (const key of draw({ kind: 'uniform' }, 10, 100_000)) counts.set(key, (counts.get(key) ?? 0) + 1);
    expect([...counts.keys()].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    for (const count of counts.values()) expect(Math.abs(count - 10_000)).toBeLessThan(500);
  });

  it('sequential goes round', () => {
    expect(draw({ kind: 'sequential' }, 3, 7)).toEqual([0, 1, 2, 0, 1, 2, 0]);
  });

  it('hot gives one key its share', () => {
    expect(new Set(draw({ kind: 'hot', share: 1 }, 1_000, 100))).toEqual(new Set([0]));
    const keys = draw({ kind: 'hot', share: 0.3 }, 1_000_000, 100_000);
    expect(keys.filter((key) => key === 0).length / keys.length).toBeCloseTo(0.3, 1);
    expect(new Set(keys).size).toBeGreaterThan(60_000);
  });

  it('zipf prefers the first keys', () => {
    const keys = draw({ kind: 'zipf', theta: 0.99 }, 1_000, 50_000);
    const of = (key: number): number => keys.filter((drawn) => drawn === key).length;
    expect(of(0) / of(9)).toBeGreaterThan(7);
    expect(of(0) / of(9)).toBeLessThan(14);
  });

  it('are read as they are written', () => {
    for (const text of ['uniform', 'sequential', 'zipf:0.8', 'zipf:1', 'hot:0.5', 'hot:1']) {
      const parsed = parseKeyDistribution(text);
      expect(parsed.ok && keyDistributionText(parsed.value)).toBe(text);
    }
    expect(parseKeyDistribution('zipf')).toEqual({ ok: true, value: { kind: 'zipf', theta: 0.99 } });
    expect(parseKeyDistribution('hot')).toEqual({ ok: true, value: { kind: 'hot', share: 1 } });
    for (const text of ['', 'zipf:', 'zipf:0', 'zipf:11', 'zipf:x', 'hot:1.5', 'uniform:1', 'latest']) {
      expect(parseKeyDistribution(text)).toEqual({ ok: false });
    }
  });
});

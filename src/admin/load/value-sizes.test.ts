import { describe, expect, it } from 'vitest';
import { SeededRandom } from './seeded-random.ts';
import { parseValueSizes, SizeChooser } from './value-sizes.ts';

function draw(text: string, count: number): number[] {
  const parsed = parseValueSizes(text);
  if (!parsed.ok) throw new Error(text);
  const chooser = new SizeChooser(parsed.value, new SeededRandom(5, 'sizes'));
  return Array.from({ length: count }, () => chooser.next());
}

describe('value sizes', () => {
  it('may be one, a range, or several with weights', () => {
    expect(new Set(draw('100', 50))).toEqual(new Set([100]));
    const range = draw('10-12', 3_000);
    expect(new Set(range)).toEqual(new Set([10, 11, 12]));
    expect(range.filter((size) => size === 11).length / range.length).toBeCloseTo(1 / 3, 1);
    const weighted = draw('100:80,10000:20', 20_000);
    expect(weighted.filter((size) => size === 10_000).length / weighted.length).toBeCloseTo(0.2, 1.5);
    expect(new Set(weighted)).toEqual(new Set([100, 10_000]));
    expect(Math.min(...draw('0-5', 100))).toBe(0);
  });

  it.each(['', 'x', '5-', '10-5', '100:0', '100:-1', '1,', '999999999', '1:2:3'])('%j is refused', (text) => {
    expect(parseValueSizes(text)).toEqual({ ok: false });
  });
});

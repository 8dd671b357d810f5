import type { Random } from '../../base/random.ts';

/** Draws indices in proportion to weights. */
export class WeightedChoice {
  /** Upper end of each index's part of [0, 1). */
  readonly #ends: Float64Array;

  /** `weights` are not negative and not all 0. */
  constructor(weights: readonly number[]) {
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    let sum = 0;
    this.#ends = Float64Array.from(weights, (weight) => {
      sum += weight;
      return sum / total;
    });
  }

  draw(random: Random): number {
    const last = this.#ends.length - 1;
    if (last === 0) return 0;
    const at = random.unit();
    for (let i = 0; i < last; i++) if (at < (this.#ends[i] ?? 1)) return i;
    return last;
  }
}

import type { Random } from '../../base/random.ts';

/** Where log1p(x) / x and expm1(x) / x are taken from their series. */
const TINY = 1e-8;

/**
 * Ranks 0 to n - 1, rank k with a probability proportional to 1 / (k + 1) ^ theta, exactly, in constant time and memory for any
 * n and any theta above 0: rejection-inversion (Hörmann, Derflinger: Rejection-inversion to generate variates from monotone
 * discrete distributions, 1996).
 */
export class Zipf {
  readonly #n: number;
  readonly #theta: number;
  readonly #random: Random;
  readonly #low: number;
  readonly #high: number;
  /** Distance from a rank within which a point is accepted without a further look. */
  readonly #sure: number;

  constructor(n: number, theta: number, random: Random) {
    this.#n = n;
    this.#theta = theta;
    this.#random = random;
    this.#low = this.#integral(1.5) - 1;
    this.#high = this.#integral(n + 0.5);
    this.#sure = 2 - this.#inverse(this.#integral(2.5) - this.#density(2));
  }

  next(): number {
    for (;;) {
      const area = this.#high + this.#random.unit() * (this.#low - this.#high);
      const x = this.#inverse(area);
      const rank = Math.min(this.#n, Math.max(1, Math.floor(x + 0.5)));
      if (rank - x <= this.#sure || area >= this.#integral(rank + 0.5) - this.#density(rank)) return rank - 1;
    }
  }

  #density(x: number): number {
    return Math.exp(-this.#theta * Math.log(x));
  }

  /** Integral of the density, up to a constant. */
  #integral(x: number): number {
    const log = Math.log(x);
    const y = (1 - this.#theta) * log;
    return log * (Math.abs(y) > TINY ? Math.expm1(y) / y : 1 + y / 2);
  }

  #inverse(area: number): number {
    const y = Math.max(-1, area * (1 - this.#theta));
    return Math.exp(area * (Math.abs(y) > TINY ? Math.log1p(y) / y : 1 - y / 2));
  }
}

import { assert } from '../src/base/assert.ts';
import type { Random } from '../src/base/random.ts';

const SPLITMIX_INCREMENT = 0x9e3779b9;
const TWO_TO_32 = 4_294_967_296;

/** xoshiro128** seeded by splitmix32 (Blackman and Vigna): small, fast, and the same on every machine. */
export class SimRandom implements Random {
  #a = 0;
  #b = 0;
  #c = 0;
  #d = 0;

  /** Streams of one seed and different labels are independent: what is added to one does not shift the others. */
  constructor(seed: number, label: string) {
    let state = (seed >>> 0) ^ Math.imul(Math.floor(seed / TWO_TO_32) + 1, 0x85ebca6b);
    for (let i = 0; i < label.length; i++) state = Math.imul(state ^ label.charCodeAt(i), 0x01000193);
    const next = (): number => {
      state = (state + SPLITMIX_INCREMENT) | 0;
      let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
      mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
      return (mixed ^ (mixed >>> 15)) >>> 0;
    };
    this.#a = next();
    this.#b = next();
    this.#c = next();
    this.#d = next() | 1;
  }

  /** A uniform integer in [0, 2^32). */
  u32(): number {
    const scrambled = Math.imul(this.#b, 5);
    const result = Math.imul((scrambled << 7) | (scrambled >>> 25), 9) >>> 0;
    const shifted = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= shifted;
    this.#d = (this.#d << 11) | (this.#d >>> 21);
    return result;
  }

  unit(): number {
    return this.u32() / TWO_TO_32;
  }

  below(below: number): number {
    return Math.floor(this.unit() * below);
  }

  fill(target: Uint8Array): void {
    for (let i = 0; i < target.length; i++) target[i] = this.u32() & 0xff;
  }

  /** True with this probability. */
  chance(probability: number): boolean {
    return this.unit() < probability;
  }

  /** A uniform integer in [from, to]. */
  between(from: number, to: number): number {
    return from + this.below(to - from + 1);
  }

  /** Exponentially distributed, at most eight times the mean. */
  exponential(mean: number): number {
    return Math.min(8 * mean, -Math.log(1 - this.unit()) * mean);
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)];
    assert(item !== undefined, 'nothing to pick from');
    return item;
  }
}

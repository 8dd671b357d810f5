import type { Random } from '../../base/random.ts';

const UNIT = 2 ** 32;
/** Rounds after which the state no longer shows the seed. */
const MIXING_ROUNDS = 16;

/**
 * The sfc32 generator: the same seed and stream give the same numbers on every machine. Streams of one seed are independent,
 * so that drawing a key does not shift the sizes. Not for secrets.
 */
export class SeededRandom implements Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number, stream: string) {
    this.#a = seed >>> 0;
    this.#b = Math.floor(seed / UNIT) >>> 0;
    this.#c = hash(stream);
    for (let i = 0; i < MIXING_ROUNDS; i++) this.#next();
  }

  fill(target: Uint8Array): void {
    let word = 0;
    for (let i = 0; i < target.length; i++) {
      word = i % 4 === 0 ? this.#next() : word >>> 8;
      target[i] = word & 0xff;
    }
  }

  unit(): number {
    return this.#next() / UNIT;
  }

  below(below: number): number {
    return Math.floor(this.unit() * below);
  }

  #next(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }
}

/** FNV-1a. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const char of text) value = Math.imul(value ^ (char.codePointAt(0) ?? 0), 0x01000193);
  return value >>> 0;
}

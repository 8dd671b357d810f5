import type { Clock } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';

const COUNTER_END = 2 ** 32;

/**
 * UUIDs of version 7, each another one also beyond this run: the time, a random number of the run, and a counter. They do not
 * come from the seed, since a run that is repeated must not repeat them.
 */
export class RequestIds {
  readonly #clock: Clock;
  readonly #run: string;
  #counter: number;

  constructor(clock: Clock, random: Random) {
    const bytes = Buffer.alloc(8);
    random.fill(bytes);
    const hex = bytes.toString('hex');
    // Version and variant, and 26 random bits.
    this.#run = `7${hex.slice(0, 3)}-8${hex.slice(3, 6)}-${hex.slice(6, 10)}`;
    this.#counter = bytes.readUInt32BE(4) >>> 1;
    this.#clock = clock;
  }

  /** 36 characters. */
  next(): string {
    const time = this.#clock.wallMs().toString(16).padStart(12, '0');
    this.#counter = (this.#counter + 1) % COUNTER_END;
    const counter = this.#counter.toString(16).padStart(8, '0');
    return `${time.slice(0, 8)}-${time.slice(8)}-${this.#run}${counter}`;
  }
}

import type { Random } from '../../base/random.ts';

export interface ArrivalOptions {
  readonly ratePerS: number;
  /** The rate grows evenly from 0 over this time. */
  readonly rampMs: number;
  readonly arrival: 'poisson' | 'even';
}

/** When the requests of an open loop are due: milliseconds from its start, ascending, endless. */
export class ArrivalTimes {
  readonly #perMs: number;
  readonly #rampMs: number;
  /** Requests of the ramp. */
  readonly #rampCount: number;
  readonly #random: Random | null;
  #position = 0;

  constructor(options: ArrivalOptions, random: Random) {
    this.#perMs = options.ratePerS / 1_000;
    this.#rampMs = options.rampMs;
    this.#rampCount = (this.#perMs * options.rampMs) / 2;
    this.#random = options.arrival === 'poisson' ? random : null;
  }

  next(): number {
    // In the number of requests the process is even or of rate 1; the ramp only bends time.
    this.#position += this.#random === null ? 1 : -Math.log(1 - this.#random.unit());
    const beyond = this.#position - this.#rampCount;
    return beyond >= 0
      ? this.#rampMs + beyond / this.#perMs
      : Math.sqrt((2 * this.#rampMs * this.#position) / this.#perMs);
  }

  /** How many are due between two times on average. */
  expectedBetween(fromMs: number, toMs: number): number {
    return Math.max(0, this.#countUntil(toMs) - this.#countUntil(fromMs));
  }

  #countUntil(ms: number): number {
    if (ms >= this.#rampMs) return this.#rampCount + (ms - this.#rampMs) * this.#perMs;
    return (this.#perMs * ms * ms) / (2 * this.#rampMs);
  }
}

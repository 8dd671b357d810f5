const STEPS_PER_DOUBLING = 16;
const US_PER_MS = 1_000;

/** Latencies in steps of about 4 %, however many there are. */
export class LatencyTally {
  readonly #counts: number[] = [];
  #count = 0;
  #longestMs = 0;

  add(ms: number): void {
    const step = Math.floor(STEPS_PER_DOUBLING * Math.log2(1 + ms * US_PER_MS));
    this.#counts[step] = (this.#counts[step] ?? 0) + 1;
    this.#count += 1;
    this.#longestMs = Math.max(this.#longestMs, ms);
  }

  get longestMs(): number {
    return this.#longestMs;
  }

  /** The upper end of the step that this percentile falls into; 0 of nothing. */
  percentileMs(percentile: number): number {
    let below = (this.#count * percentile) / 100;
    for (let step = 0; step < this.#counts.length; step++) {
      below -= this.#counts[step] ?? 0;
      if (below <= 0 && this.#count > 0) {
        return Math.min(this.#longestMs, (2 ** ((step + 1) / STEPS_PER_DOUBLING) - 1) / US_PER_MS);
      }
    }
    return this.#longestMs;
  }
}

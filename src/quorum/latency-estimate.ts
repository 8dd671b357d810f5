/** Weights of the newest sample, as in TCP's estimate of its round-trip time (RFC 6298). */
const MEAN_WEIGHT = 1 / 8;
const DEVIATION_WEIGHT = 1 / 4;
/** The first samples of a node that was idle say little: so many, at least, make an estimate. */
const SAMPLES_NEEDED = 16;

/** Moving mean and mean deviation of how long one node takes to answer; milliseconds. */
export class LatencyEstimate {
  meanMs = 0;
  deviationMs = 0;
  #samples = 0;

  /** Enough was seen to go by. */
  get isKnown(): boolean {
    return this.#samples >= SAMPLES_NEEDED;
  }

  add(latencyMs: number): void {
    if (this.#samples === 0) {
      this.meanMs = latencyMs;
      this.deviationMs = latencyMs / 2;
    } else {
      this.deviationMs += (Math.abs(latencyMs - this.meanMs) - this.deviationMs) * DEVIATION_WEIGHT;
      this.meanMs += (latencyMs - this.meanMs) * MEAN_WEIGHT;
    }
    this.#samples++;
  }

  /** What was seen so far says nothing about what follows. */
  forget(): void {
    this.#samples = 0;
  }
}

import type { Clock } from '../base/clock.ts';

/** Spreads bytes over time, so that learning leaves the machine to clients. */
export class LearnPace {
  readonly #clock: Clock;
  readonly #bytesPerSecond: () => number;
  #freeAtMs = 0;

  constructor(clock: Clock, bytesPerSecond: () => number) {
    this.#clock = clock;
    this.#bytesPerSecond = bytesPerSecond;
  }

  /** So many bytes were taken in; `next` when more may be. */
  took(bytes: number, next: () => void): void {
    const nowMs = this.#clock.monotonicMs();
    this.#freeAtMs = Math.max(nowMs, this.#freeAtMs) + (bytes * 1_000) / this.#bytesPerSecond();
    this.#clock.after(Math.max(0, this.#freeAtMs - nowMs), next);
  }
}

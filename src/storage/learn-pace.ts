import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';

/**
 * Spreads bytes over time, and pauses after each range for as long as that took, several times as long where it took long: then
 * somebody's disk or processor is busy, and clients, who wait there as well, come first.
 */
export class LearnPace {
  readonly #clock: Clock;
  readonly #bytesPerSecond: () => number;
  #freeAtMs = 0;

  constructor(clock: Clock, bytesPerSecond: () => number) {
    this.#clock = clock;
    this.#bytesPerSecond = bytesPerSecond;
  }

  /** So many bytes were taken in, from `startedMs` on (monotonic); `next` when more may be. */
  took(bytes: number, startedMs: number, next: () => void): void {
    const nowMs = this.#clock.monotonicMs();
    const tookMs = nowMs - startedMs;
    const pauseMs = Math.min(
      tookMs * (tookMs < limits.learnBusyMs ? 1 : limits.learnBusyPauses),
      limits.learnPauseMaxMs,
    );
    this.#freeAtMs = Math.max(nowMs, this.#freeAtMs) + (bytes * 1_000) / this.#bytesPerSecond();
    this.#clock.after(Math.max(pauseMs, this.#freeAtMs - nowMs), next);
  }
}

import type { Clock, Timer } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import type { DiskSpace } from './disk-space.ts';
import type { Engine } from './engine.ts';

/**
 * While a disk is full, has the engine give back what room it can: with hardly any writes it would not come to that by
 * itself. Once when the disk has become full, again when something has shrunk since, and now
 * and then in any case, for what is deleted in the background.
 */
export class SpaceReclaimer {
  readonly #engine: Engine;
  readonly #space: DiskSpace;
  readonly #clock: Clock;
  readonly #log: Log;
  #lastMs = Number.NEGATIVE_INFINITY;
  #wasFull = false;
  #isRunning = false;
  #timer: Timer | null = null;

  constructor(engine: Engine, space: DiskSpace, clock: Clock, log: Log) {
    this.#engine = engine;
    this.#space = space;
    this.#clock = clock;
    this.#log = log;
  }

  start(): void {
    if (this.#engine.reclaim === undefined) return;
    this.#timer = this.#clock.after(limits.reclaimPauseMs, () => {
      this.#look();
      this.start();
    });
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #look(): void {
    const { isFull } = this.#space;
    const isNewlyFull = isFull && !this.#wasFull;
    this.#wasFull = isFull;
    if (!isFull || this.#isRunning) return;
    const isLongAgo = this.#clock.monotonicMs() - this.#lastMs >= limits.reclaimAnywayMs;
    if (!this.#space.takeShrunk() && !isNewlyFull && !isLongAgo) return;
    this.#isRunning = true;
    this.#engine.reclaim?.((error) => {
      this.#isRunning = false;
      this.#lastMs = this.#clock.monotonicMs();
      if (error !== null) this.#log.warn({ detail: error.message }, 'room could not be reclaimed; it is tried again');
      else this.#log.info({}, 'what was in memory is in tables now, and its log is gone');
    });
  }
}

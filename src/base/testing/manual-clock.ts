import type { Clock, Timer } from '../clock.ts';

interface PendingTimer {
  readonly dueMs: number;
  readonly fn: () => void;
}

/** A clock for tests that stands still until `advance`; the wall clock starts at `startMs`. */
export class ManualClock implements Clock {
  readonly #startMs: number;
  #elapsedMs = 0;
  readonly #timers = new Set<PendingTimer>();
  #turn: (() => void)[] = [];

  constructor(startMs = 1_700_000_000_000) {
    this.#startMs = startMs;
  }

  wallUs(): number {
    return this.wallMs() * 1000;
  }

  wallMs(): number {
    return this.#startMs + this.#elapsedMs;
  }

  monotonicMs(): number {
    return this.#elapsedMs;
  }

  after(delayMs: number, fn: () => void): Timer {
    const timer: PendingTimer = { dueMs: this.#elapsedMs + delayMs, fn };
    this.#timers.add(timer);
    return { cancel: () => this.#timers.delete(timer) };
  }

  /** Runs in the next microtask, or earlier by `flushTurn`. */
  endOfTurn(fn: () => void): void {
    if (this.#turn.length === 0) queueMicrotask(() => this.flushTurn());
    this.#turn.push(fn);
  }

  /** Runs what was registered for the end of the turn, now. */
  flushTurn(): void {
    while (this.#turn.length > 0) {
      const turn = this.#turn;
      this.#turn = [];
      for (const fn of turn) fn();
    }
  }

  /** Moves time on and fires the timers that fall due, in order of their times. */
  advance(deltaMs: number): void {
    const endMs = this.#elapsedMs + deltaMs;
    for (let next = this.#nextDue(endMs); next !== undefined; next = this.#nextDue(endMs)) {
      this.#elapsedMs = Math.max(this.#elapsedMs, next.dueMs);
      this.#timers.delete(next);
      next.fn();
    }
    this.#elapsedMs = endMs;
  }

  #nextDue(endMs: number): PendingTimer | undefined {
    let first: PendingTimer | undefined;
    for (const timer of this.#timers) {
      if (timer.dueMs <= endMs && (first === undefined || timer.dueMs < first.dueMs)) first = timer;
    }
    return first;
  }
}

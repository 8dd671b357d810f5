/** A timer that can be cancelled; cancelling twice, or after it fired, does nothing. */
export interface Timer {
  cancel(): void;
}

/**
 * Time and turns, as the rest of the code sees them. The one implementation over the real machine is
 * `system-clock.ts`; the simulator has its own. Nothing else may read a clock or set a timer (a test checks it).
 */
export interface Clock {
  /** Wall clock, microseconds since 1970, a safe integer. May jump. */
  wallUs(): number;
  /** Wall clock, milliseconds since 1970, an integer. May jump. */
  wallMs(): number;
  /** Monotonic milliseconds (with fraction) from an arbitrary start; never goes back, stops with the process. */
  monotonicMs(): number;
  /** Calls `fn` once, `delayMs` from now. A pending timer does not keep the process alive. */
  after(delayMs: number, fn: () => void): Timer;
  /**
   * Calls `fn` when this turn of the event loop has handled what arrived: the place where batches are flushed.
   * Functions registered while flushing run in the same flush.
   */
  endOfTurn(fn: () => void): void;
}

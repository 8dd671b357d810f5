import { limits } from '../base/limits.ts';

/** The pace at which the queue gets on is measured over so long. */
const WINDOW_MS = 200;

/**
 * Tells a queue that stands, because more comes than can be done, from one that comes and goes (much as CoDel does, RFC
 * 8289): for a while, at every look, what joins it would wait too long. From then on it is better refused, until the queue
 * has been short for as long. A queue that is no longer than some of the deepest pipelines never counts: those who fill it
 * wait for their answers before they send more.
 */
export class StandingQueue {
  #windowStartMs = 0;
  #windowCount = 0;
  /** Milliseconds for each that is let in; null before the first window has passed. */
  #paceMs: number | null = null;
  #isStanding = false;
  #longSinceMs: number | null = null;
  #shortSinceMs: number | null = null;

  /** One of those who waited was let in. */
  onLetIn(): void {
    this.#windowCount++;
  }

  /** Whether to refuse one more; `waiting` are before it. */
  refuses(nowMs: number, waiting: number): boolean {
    if (waiting === 0) this.#restart(nowMs);
    const elapsedMs = nowMs - this.#windowStartMs;
    if (elapsedMs >= WINDOW_MS) {
      this.#paceMs = elapsedMs / this.#windowCount;
      this.#windowStartMs = nowMs;
      this.#windowCount = 0;
    }
    const isSmall = waiting < limits.intakePipelines * limits.commandsInFlight || this.#paceMs === null;
    return this.#look(nowMs, isSmall ? 0 : waiting * (this.#paceMs ?? 0));
  }

  #restart(nowMs: number): void {
    this.#windowStartMs = nowMs;
    this.#windowCount = 0;
    this.#paceMs = null;
  }

  #look(nowMs: number, waitMs: number): boolean {
    const isLong = waitMs >= limits.intakeLongWaitMs;
    this.#longSinceMs = isLong ? (this.#longSinceMs ?? nowMs) : null;
    this.#shortSinceMs = waitMs < limits.intakeLongWaitMs / 2 ? (this.#shortSinceMs ?? nowMs) : null;
    if (this.#longSinceMs !== null && nowMs - this.#longSinceMs >= limits.intakeStandingMs) this.#isStanding = true;
    if (this.#shortSinceMs !== null && nowMs - this.#shortSinceMs >= limits.intakeStandingMs) this.#isStanding = false;
    return this.#isStanding && isLong;
  }
}

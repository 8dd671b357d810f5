import { limits } from '../base/limits.ts';

/** Until when the proxy works on one transaction; monotonic milliseconds. As of other operations, see Pending. */
export class TransactionDeadline {
  #untilMs: number;
  /** As far as patience goes, with oneself and with nodes. */
  readonly #lastMs: number;

  constructor(untilMs: number) {
    this.#untilMs = untilMs;
    this.#lastMs = untilMs + limits.deadlineWhenLateMs - limits.deadlineMs;
  }

  get untilMs(): number {
    return this.#untilMs;
  }

  /** This process stood still for so long: that is no failure of the nodes. */
  forgive(lateMs: number): void {
    this.#untilMs = Math.max(this.#untilMs, Math.min(this.#untilMs + lateMs, this.#lastMs));
  }

  /** Pages of large values are on their way. */
  progressed(nowMs: number): void {
    this.#untilMs = Math.max(this.#untilMs, nowMs + limits.deadlineMs);
  }

  /** `isWaitingForNodes`, asked only past the deadline: those who have to answer are connected, and have said nothing. */
  isOver(nowMs: number, isWaitingForNodes: () => boolean): boolean {
    if (nowMs < this.#untilMs) return false;
    if (nowMs >= this.#lastMs || !isWaitingForNodes()) return true;
    this.#untilMs = Math.min(this.#lastMs, nowMs + limits.resendDelayMs);
    return false;
  }
}

import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import type { RecordId } from '../record/state.ts';

/**
 * Records whose pages somebody still reads, whatever version they are of (protocol §6): nothing that deletes pages touches
 * theirs. In memory only: after a restart no page is deleted until everybody has had time to say again what he reads.
 */
export class PagePins {
  readonly #clock: Clock;
  readonly #startedMs: number;
  /** Until when, by the monotonic clock; the one that ends first comes first. */
  readonly #untilMs = new Map<RecordId, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startedMs = clock.monotonicMs();
  }

  get size(): number {
    return this.#untilMs.size;
  }

  /** From now on for limits.pagePinMs; false if too many are kept already. */
  pin(id: RecordId): boolean {
    const nowMs = this.#clock.monotonicMs();
    this.#forget(nowMs);
    if (!this.#untilMs.delete(id) && this.#untilMs.size >= limits.pinnedRecords) return false;
    this.#untilMs.set(id, nowMs + limits.pagePinMs);
    return true;
  }

  /** Whether the record's pages must stay for now. */
  holds(id: RecordId): boolean {
    const nowMs = this.#clock.monotonicMs();
    return nowMs < this.#startedMs + limits.pagePinMs || nowMs < (this.#untilMs.get(id) ?? 0);
  }

  #forget(nowMs: number): void {
    for (const [id, untilMs] of this.#untilMs) {
      if (untilMs > nowMs) return;
      this.#untilMs.delete(id);
    }
  }
}

import { limits } from '../base/limits.ts';
import type { RecordId } from '../record/state.ts';

/**
 * Which records this proxy wrote within the last second or so: only those are worth a chain. Two generations, so that
 * nothing is ever deleted one by one; bounded by limits.recentRecords.
 */
export class RecentWrites {
  #young = new Map<RecordId, number>();
  #old = new Map<RecordId, number>();
  #rotatedAtMs = Number.NEGATIVE_INFINITY;

  note(id: RecordId, writtenMs: number): void {
    if (writtenMs - this.#rotatedAtMs >= limits.chainLifeMs || this.#young.size >= limits.recentRecords / 2) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#rotatedAtMs = writtenMs;
    }
    this.#young.set(id, writtenMs);
  }

  /** Monotonic milliseconds of the last write that is remembered; -Infinity if none is. */
  lastWriteMs(id: RecordId): number {
    return this.#young.get(id) ?? this.#old.get(id) ?? Number.NEGATIVE_INFINITY;
  }
}

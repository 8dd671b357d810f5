import type { RecordId, SealedState } from '../record/state.ts';
import type { Held } from './acceptor.ts';

/** Rough cost of an entry besides its sealed bytes: map slots, objects, ballots. */
const ENTRY_OVERHEAD_BYTES = 400;

/** A record in memory. `batch` is the number of the write batch that makes it durable; 0 when it came from the disk. */
export interface CachedRecord extends Held {
  readonly batch: number;
}

function costBytes(state: SealedState | null): number {
  if (state === null) return ENTRY_OVERHEAD_BYTES;
  return ENTRY_OVERHEAD_BYTES + state.meta.length + (state.value?.length ?? 0);
}

/**
 * A bounded cache of recent records in two generations: a hit moves an entry to the young one; when the young one is
 * half the budget the old one is dropped whole. Cheaper than an exact LRU and close to it.
 *
 * Holds only what the disk holds too: records that are not durable yet are kept by the node.
 */
export class RecordCache {
  readonly #budgetBytes: number;
  #young = new Map<RecordId, CachedRecord>();
  #old = new Map<RecordId, CachedRecord>();
  #youngBytes = 0;

  constructor(budgetBytes: number) {
    this.#budgetBytes = budgetBytes;
  }

  get(id: RecordId): CachedRecord | undefined {
    const young = this.#young.get(id);
    if (young !== undefined) return young;
    const old = this.#old.get(id);
    if (old !== undefined) this.set(id, old);
    return old;
  }

  set(id: RecordId, record: CachedRecord): void {
    const before = this.#young.get(id);
    if (before !== undefined) this.#youngBytes -= costBytes(before.state);
    this.#young.set(id, record);
    this.#youngBytes += costBytes(record.state);
    if (this.#youngBytes > this.#budgetBytes / 2) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#youngBytes = 0;
    }
  }

  delete(id: RecordId): void {
    const before = this.#young.get(id);
    if (before !== undefined) {
      this.#young.delete(id);
      this.#youngBytes -= costBytes(before.state);
    }
    this.#old.delete(id);
  }
}

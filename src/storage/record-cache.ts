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
 * Recent records in two generations: a hit moves an entry to the young one; when that is half the budget, the old one is
 * dropped. Cheaper than an exact LRU and close to it.
 *
 * Records whose batch is not durable yet are never dropped: the disk does not have them. They alone can go over the budget.
 */
export class RecordCache {
  readonly #budgetBytes: number;
  readonly #isDurable: (batch: number) => boolean;
  #young = new Map<RecordId, CachedRecord>();
  #old = new Map<RecordId, CachedRecord>();
  #youngBytes = 0;

  constructor(budgetBytes: number, isDurable: (batch: number) => boolean) {
    this.#budgetBytes = budgetBytes;
    this.#isDurable = isDurable;
  }

  get(id: RecordId): CachedRecord | undefined {
    const young = this.#young.get(id);
    if (young !== undefined) return young;
    const old = this.#old.get(id);
    if (old !== undefined) this.#add(id, old);
    return old;
  }

  set(id: RecordId, record: CachedRecord): void {
    const before = this.#young.get(id);
    if (before !== undefined) this.#youngBytes -= costBytes(before.state);
    this.#add(id, record);
  }

  delete(id: RecordId): void {
    const before = this.#young.get(id);
    if (before !== undefined) {
      this.#young.delete(id);
      this.#youngBytes -= costBytes(before.state);
    }
    this.#old.delete(id);
  }

  #add(id: RecordId, record: CachedRecord): void {
    this.#young.set(id, record);
    this.#youngBytes += costBytes(record.state);
    if (this.#youngBytes > this.#budgetBytes / 2) this.#rotate();
  }

  #rotate(): void {
    const dropped = this.#old;
    this.#old = this.#young;
    this.#young = new Map();
    this.#youngBytes = 0;
    for (const [id, record] of dropped) {
      if (this.#isDurable(record.batch) || this.#old.has(id)) continue;
      this.#young.set(id, record);
      this.#youngBytes += costBytes(record.state);
    }
  }
}

import { assert } from '../../base/assert.ts';

const SLOTS = 1_024;
/** Above this share of taken slots it is made anew, at half of it or less. */
const FULL = 0.6;

/**
 * Times by 53-bit hashes of keys, 16 bytes a slot: some 30 to 50 bytes for each. Two keys of ten million have the same hash
 * with a probability of less than one in a hundred; then they have one time, the later told.
 */
export class ExpiryTable {
  /** 0: free. */
  #hashes = new Float64Array(SLOTS);
  /** 0: none; the slot stays taken. */
  #times = new Float64Array(SLOTS);
  #taken = 0;
  #count = 0;

  /** Hashes that have a time. */
  get count(): number {
    return this.#count;
  }

  /** 0: none. */
  get(hash: number): number {
    return this.#times[this.#slotOf(hash)] ?? 0;
  }

  /** `timeMs` 0: none any more. Returns whether that is new. */
  set(hash: number, timeMs: number): boolean {
    let slot = this.#slotOf(hash);
    const before = this.#times[slot] ?? 0;
    if (before === timeMs) return false;
    if (this.#hashes[slot] === 0) {
      if (this.#taken + 1 > FULL * this.#hashes.length) {
        this.#makeAnew();
        slot = this.#slotOf(hash);
      }
      this.#hashes[slot] = hash;
      this.#taken++;
    }
    this.#times[slot] = timeMs;
    if (before === 0) this.#count++;
    else if (timeMs === 0) this.#count--;
    return true;
  }

  /** Calls `use` for each hash that has a time. */
  each(use: (hash: number, timeMs: number) => void): void {
    for (let slot = 0; slot < this.#hashes.length; slot++) {
      const timeMs = this.#times[slot] ?? 0;
      if (timeMs !== 0) use(this.#hashes[slot] ?? 0, timeMs);
    }
  }

  clear(): void {
    this.#allocate(SLOTS);
  }

  #allocate(slots: number): void {
    this.#hashes = new Float64Array(slots);
    this.#times = new Float64Array(slots);
    this.#taken = 0;
    this.#count = 0;
  }

  /** Without those that have no time any more. */
  #makeAnew(): void {
    const [hashes, times] = [this.#hashes, this.#times];
    let slots = SLOTS;
    while (2 * (this.#count + 1) > FULL * slots) slots *= 2;
    this.#allocate(slots);
    for (let slot = 0; slot < hashes.length; slot++) {
      const timeMs = times[slot] ?? 0;
      if (timeMs !== 0) this.set(hashes[slot] ?? 0, timeMs);
    }
  }

  /** The one that it has, or the free one that it would get. */
  #slotOf(hash: number): number {
    assert(hash !== 0, 'a hash is not 0');
    const mask = this.#hashes.length - 1;
    let slot = hash & mask;
    while (this.#hashes[slot] !== 0 && this.#hashes[slot] !== hash) slot = (slot + 1) & mask;
    return slot;
  }
}

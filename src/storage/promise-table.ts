import { assert } from '../base/assert.ts';
import { type Ballot, compareBallots, maxBallot } from '../record/ballot.ts';
import type { RecordId } from '../record/state.ts';

/** Evicted at once when the table is full: sorting is paid for by many insertions. */
const EVICTED_SHARE = 8;

/**
 * The volatile promises of a node (protocol §2), bounded: when it is full the lowest ballots go first and raise the
 * floor, which stands for all that was forgotten. `promised(record)` is never lower than what was promised.
 */
export class PromiseTable {
  readonly #entries = new Map<RecordId, Ballot>();
  readonly #capacity: number;
  #floor: Ballot;

  constructor(capacity: number, floor: Ballot) {
    assert(capacity >= EVICTED_SHARE, 'the promise table is too small');
    this.#capacity = capacity;
    this.#floor = floor;
  }

  get floor(): Ballot {
    return this.#floor;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The largest of the record's entry and the floor; the caller takes `accepted` into account. */
  promised(id: RecordId): Ballot {
    const entry = this.#entries.get(id);
    return entry === undefined ? this.#floor : maxBallot(entry, this.#floor);
  }

  /** Never lowers a promise. */
  promise(id: RecordId, ballot: Ballot): void {
    const entry = this.#entries.get(id);
    if (entry !== undefined) {
      if (compareBallots(ballot, entry) > 0) this.#entries.set(id, ballot);
      return;
    }
    if (this.#entries.size >= this.#capacity) this.#evictLowest();
    this.#entries.set(id, ballot);
  }

  /** `accepted` covers the promise from now on. */
  covered(id: RecordId, accepted: Ballot): void {
    const entry = this.#entries.get(id);
    if (entry !== undefined && compareBallots(entry, accepted) <= 0) this.#entries.delete(id);
  }

  raiseFloor(floor: Ballot): void {
    this.#floor = maxBallot(this.#floor, floor);
  }

  #evictLowest(): void {
    const lowestFirst = [...this.#entries].sort((a, b) => compareBallots(a[1], b[1]));
    lowestFirst.length = Math.ceil(this.#capacity / EVICTED_SHARE);
    for (const [id, ballot] of lowestFirst) {
      this.#entries.delete(id);
      this.raiseFloor(ballot);
    }
  }
}

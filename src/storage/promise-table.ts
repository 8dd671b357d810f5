import { assert } from '../base/assert.ts';
import { type Ballot, compareBallots, maxBallot, NO_BALLOT } from '../record/ballot.ts';
import type { RecordId } from '../record/state.ts';

/** Evicted at once when the table is full: sorting is paid for by many insertions. */
const EVICTED_SHARE = 8;

/** One record's promise; while it is not in the table, there was none when that had `checkedAt` strangers. */
export interface PromiseEntry {
  ballot: Ballot;
  inTable: boolean;
  checkedAt: number;
}

/**
 * Whoever has a record in memory keeps its entry there, and the table finds it, or knows that there is none, without looking. A
 * record has one holder at a time.
 */
export interface PromiseHolder {
  promise?: PromiseEntry | null;
}

/**
 * The volatile promises of a node (protocol §2), bounded: when it is full the lowest ballots go first and raise the
 * floor, which stands for all that was forgotten. `promised(record)` is never lower than what was promised.
 */
export class PromiseTable {
  readonly #entries = new Map<RecordId, PromiseEntry>();
  readonly #capacity: number;
  #floor: Ballot;
  /** Entries that were added without their record's holder, who may think that there is none. */
  #strangers = 0;

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
  promised(id: RecordId, holder?: PromiseHolder): Ballot {
    const entry = this.#find(id, holder);
    return entry === undefined ? this.#floor : maxBallot(entry.ballot, this.#floor);
  }

  /** Never lowers a promise. */
  promise(id: RecordId, ballot: Ballot, holder?: PromiseHolder): void {
    const known = this.#find(id, holder);
    if (known !== undefined) {
      if (compareBallots(ballot, known.ballot) > 0) known.ballot = ballot;
      return;
    }
    if (this.#entries.size >= this.#capacity) this.#evictLowest();
    const held = holder?.promise ?? null;
    if (held === null) {
      this.#strangers++;
      this.#entries.set(id, { ballot, inTable: true, checkedAt: 0 });
    } else {
      held.ballot = ballot;
      held.inTable = true;
      this.#entries.set(id, held);
    }
  }

  /** `accepted` covers the promise from now on. `another`: a promise or another call follows at once, so the entry stays. */
  covered(id: RecordId, accepted: Ballot, holder?: PromiseHolder, another = false): void {
    const entry = this.#find(id, holder);
    if (entry === undefined || compareBallots(entry.ballot, accepted) > 0) return;
    if (another) {
      entry.ballot = NO_BALLOT;
      return;
    }
    this.#remove(id, entry);
  }

  raiseFloor(floor: Ballot): void {
    this.#floor = maxBallot(this.#floor, floor);
  }

  #find(id: RecordId, holder: PromiseHolder | undefined): PromiseEntry | undefined {
    const known = holder?.promise ?? null;
    if (known?.inTable === true) return known;
    if (known?.checkedAt === this.#strangers) return undefined;
    const entry = this.#entries.get(id);
    if (holder?.promise === undefined) return entry;
    if (entry !== undefined) holder.promise = entry;
    else if (known !== null) known.checkedAt = this.#strangers;
    else holder.promise = { ballot: NO_BALLOT, inTable: false, checkedAt: this.#strangers };
    return entry;
  }

  #remove(id: RecordId, entry: PromiseEntry): void {
    this.#entries.delete(id);
    entry.inTable = false;
    entry.checkedAt = this.#strangers;
  }

  /** The floor stands for what is forgotten. */
  protected coverEvicted(ballot: Ballot): void {
    this.raiseFloor(ballot);
  }

  #evictLowest(): void {
    const lowestFirst = [...this.#entries].sort((a, b) => compareBallots(a[1].ballot, b[1].ballot));
    lowestFirst.length = Math.ceil(this.#capacity / EVICTED_SHARE);
    for (const [id, entry] of lowestFirst) {
      this.#remove(id, entry);
      this.coverEvicted(entry.ballot);
    }
  }
}

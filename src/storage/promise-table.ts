import { assert } from '../base/assert.ts';
import { limits } from '../base/limits.ts';
import { type Ballot, compareBallots, isNoBallot, maxBallot, NO_BALLOT } from '../record/ballot.ts';
import type { RecordId } from '../record/state.ts';

/** Evicted at once when the table is full: sorting is paid for by many insertions. */
const EVICTED_SHARE = 8;
/** Looked at for each that is added while there are too many covered ones: so they become fewer. */
const TRIMMED_PER_PROMISE = 3;

/**
 * One record's promise; while it is not in the table, there was none when that had `checkedAt` strangers. NO_BALLOT: what was
 * accepted covers it, and the next one finds its entry there.
 */
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
  /** Entries without a promise. */
  #covered = 0;
  #trimming: Iterator<[RecordId, PromiseEntry]> | null = null;
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

  /** Promises that stand. */
  get size(): number {
    return this.#entries.size - this.#covered;
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
      if (compareBallots(ballot, known.ballot) <= 0) return;
      if (isNoBallot(known.ballot)) this.#covered--;
      known.ballot = ballot;
      return;
    }
    if (this.#covered > limits.coveredPromisesPerNode) this.#trim();
    if (this.#entries.size >= this.#capacity) this.#makeRoom();
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

  /** `accepted` covers the promise from now on. */
  covered(id: RecordId, accepted: Ballot, holder?: PromiseHolder): void {
    const entry = this.#find(id, holder);
    if (entry === undefined || isNoBallot(entry.ballot) || compareBallots(entry.ballot, accepted) > 0) return;
    entry.ballot = NO_BALLOT;
    this.#covered++;
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

  #trim(): void {
    for (let i = 0; i < TRIMMED_PER_PROMISE; i++) {
      this.#trimming ??= this.#entries.entries();
      const { value, done } = this.#trimming.next();
      if (done === true) this.#trimming = null;
      else this.#removeCovered(value[0], value[1]);
    }
  }

  #removeCovered(id: RecordId, entry: PromiseEntry): void {
    if (!isNoBallot(entry.ballot)) return;
    this.#remove(id, entry);
    this.#covered--;
  }

  #makeRoom(): void {
    if (this.#covered > 0) for (const [id, entry] of this.#entries) this.#removeCovered(id, entry);
    else this.#evictLowest();
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

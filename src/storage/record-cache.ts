import type { Ballot } from '../record/ballot.ts';
import type { RecordId, SealedState } from '../record/state.ts';
import { type RecordAddress, Want } from '../rpc/messages.ts';
import type { Held } from './acceptor.ts';
import type { PromiseEntry } from './promise-table.ts';
import { canBeThin, isWhole, withoutValue } from './served-state.ts';

/** Rough cost of an entry besides its sealed bytes: map slots, objects, ballots. */
const ENTRY_OVERHEAD_BYTES = 400;

/** Of so many caches of one process addresses remember where each has the record. */
const MEMOS = 5;
/** Looked at for what is added, to find what can go: where nearly all has been used since the last look, most of them stay. */
const LOOKED_AT_PER_RECORD = 16;

/** Of this process. */
let caches = 0;

/** A record in memory, changed in place: good until the next turn. Its state may be without a large value (`value` null). */
export interface CachedRecord extends Held {
  /** Number of the write batch that makes it durable; 0 when it came from the disk. */
  readonly batch: number;
}

class Slot implements CachedRecord {
  readonly id: RecordId;
  accepted: Ballot;
  state: SealedState | null;
  batch: number;
  promise: PromiseEntry | null = null;
  /** The number of the cache that has it; 0 once dropped. */
  cache: number;
  /** Since it was last looked at whether it can go; what is new counts as used, or it would go before all that is older. */
  isUsed = true;
  /** ... and whether a large value of it can: it was asked for, or has just come. */
  isValueUsed = true;
  /** What it was counted as: the state is not looked at again for that. */
  costBytes: number;
  /** ... and how much of that is a value that can go by itself. */
  valueBytes: number;

  constructor(id: RecordId, accepted: Ballot, state: SealedState | null, batch: number, cache: number) {
    this.id = id;
    this.accepted = accepted;
    this.state = state;
    this.batch = batch;
    this.cache = cache;
    this.costBytes = costBytes(state);
    this.valueBytes = valueBytes(state);
  }
}

/** A large value that is to go when the turn ends, unless it is replaced before. */
interface Thinning {
  readonly slot: Slot;
  readonly state: SealedState;
}

/** What is to be dropped once this batch is durable. */
interface Leaving {
  readonly slot: Slot;
  readonly batch: number;
}

function costBytes(state: SealedState | null): number {
  if (state === null) return ENTRY_OVERHEAD_BYTES;
  const proposed = state.intent?.proposed ?? null;
  const intentBytes = proposed === null ? 0 : proposed.meta.length + (proposed.value?.length ?? 0);
  return ENTRY_OVERHEAD_BYTES + state.meta.length + (state.value?.length ?? 0) + intentBytes;
}

function valueBytes(state: SealedState | null): number {
  return state !== null && canBeThin(state) ? (state.value?.length ?? 0) : 0;
}

/**
 * Recent records. Over its budget it goes round (CLOCK, Corbató 1968) and drops what was not used since the last time: first
 * large values, which one node of three is asked for and a blind write needs nowhere; records only when they take half of it
 * without these. As long as all fits, nothing is moved.
 *
 * Records whose batch is not durable yet are never dropped: the disk does not have them. They alone can go over the budget.
 */
export class RecordCache {
  readonly #budgetBytes: number;
  readonly #isDurable: (batch: number) => boolean;
  readonly #slots = new Map<RecordId, Slot>();
  #hand: Iterator<[RecordId, Slot]> | null = null;
  #bytes = 0;
  #valueBytes = 0;
  readonly #number = ++caches;
  /** No longer here; whoever has got them in this turn may still look at them. */
  #dropped: Slot[] = [];
  #thinning: Thinning[] = [];
  /** Records that a request found here; counted by those who serve them. */
  hits = 0;
  /** Dropped when these batches of theirs are durable, unless written again; oldest first, from `#leavingFrom` on. */
  #leaving: Leaving[] = [];
  #leavingFrom = 0;
  /** Its place in the memos of addresses. */
  readonly #place: number;

  /** `place`: caches of one process that have the same records should have different ones. */
  constructor(budgetBytes: number, isDurable: (batch: number) => boolean, place = 0) {
    this.#place = place % MEMOS;
    this.#budgetBytes = budgetBytes;
    this.#isDurable = isDurable;
  }

  /** Roughly. */
  get sizeBytes(): number {
    return this.#bytes;
  }

  /** To be called before the first `get` of a turn, at the latest before the next one: nobody has a record of before any more. */
  beginTurn(): void {
    if (this.#dropped.length > 0) {
      // Addresses that are kept elsewhere must not keep the bytes.
      for (const slot of this.#dropped) slot.state = null;
      this.#dropped = [];
    }
    if (this.#thinning.length > 0) {
      for (const { slot, state } of this.#thinning) if (slot.state === state) slot.state = withoutValue(state);
      this.#thinning = [];
    }
  }

  get(id: RecordId): CachedRecord | undefined {
    return this.#find(id);
  }

  /** As `get`. A proxy of this process uses one address object for a record again and again: it then finds it without looking. */
  at(address: RecordAddress): CachedRecord | undefined {
    return this.#at(address);
  }

  #at(address: RecordAddress): Slot | undefined {
    const known = this.#known(address);
    if (known !== undefined) return known;
    const slot = this.#find(address.id);
    if (slot !== undefined) this.#remember(address, slot);
    return slot;
  }

  /** As `at`; undefined also where the value is wanted and is not in memory. */
  holding(address: RecordAddress, want: Want): CachedRecord | undefined {
    const slot = this.#at(address);
    if (slot === undefined || want !== Want.full) return slot;
    if (!isWhole(slot.state)) return undefined;
    slot.isValueUsed = true;
    return slot;
  }

  /** Looks at what `at` and an answer to a READ will look at, for `memoryFetch`. */
  fetchForRead(address: RecordAddress | undefined): number {
    if (address === undefined) return 0;
    const memo = this.#memo(address);
    return memo instanceof Slot ? memo.batch + memo.costBytes : 0;
  }

  /** As `fetchForRead`, with what the rules look at before they promise or accept. */
  fetchForWrite(address: RecordAddress | undefined): number {
    if (address === undefined) return 0;
    const memo = this.#memo(address);
    if (!(memo instanceof Slot)) return 0;
    const { promise, state } = memo;
    let sum = memo.batch + memo.costBytes + memo.accepted.time;
    if (promise !== null) sum += promise.ballot.time;
    if (state !== null) sum += state.header.kind;
    return sum;
  }

  set(id: RecordId, accepted: Ballot, state: SealedState | null, batch: number): void {
    this.#put(this.#slots.get(id), id, accepted, state, batch);
  }

  /** As `set`, where `at` may know the record. */
  setAt(address: RecordAddress, accepted: Ballot, state: SealedState | null, batch: number): void {
    const known = this.#known(address);
    this.#put(known ?? this.#slots.get(address.id), address.id, accepted, state, batch);
  }

  #put(slot: Slot | undefined, id: RecordId, accepted: Ballot, state: SealedState | null, batch: number): void {
    if (slot === undefined) {
      const added = new Slot(id, accepted, state, batch, this.#number);
      this.#slots.set(id, added);
      this.#valueBytes += added.valueBytes;
      this.#grown(added.costBytes);
      return;
    }
    const bytes = costBytes(state);
    const grownBytes = bytes - slot.costBytes;
    const ofValue = valueBytes(state);
    this.#valueBytes += ofValue - slot.valueBytes;
    slot.valueBytes = ofValue;
    slot.isUsed = true;
    slot.isValueUsed = true;
    slot.costBytes = bytes;
    slot.accepted = accepted;
    slot.state = state;
    slot.batch = batch;
    this.#grown(grownBytes);
  }

  /** As `setAt`, for what nobody is likely to ask for: dropped soon after it is durable. */
  setLeavingAt(address: RecordAddress, accepted: Ballot, state: SealedState, batch: number): void {
    this.setAt(address, accepted, state, batch);
    const slot = this.#slots.get(address.id);
    if (slot !== undefined) this.#leaving.push({ slot, batch });
    this.#dropLeaving();
  }

  delete(id: RecordId): void {
    const slot = this.#slots.get(id);
    if (slot !== undefined) this.#remove(slot);
  }

  #remove(slot: Slot): void {
    this.#slots.delete(slot.id);
    this.#bytes -= slot.costBytes;
    this.#valueBytes -= slot.valueBytes;
    slot.cache = 0;
  }

  #dropLeaving(): void {
    const leaving = this.#leaving;
    for (; ; this.#leavingFrom++) {
      const next = leaving[this.#leavingFrom];
      if (next === undefined || !this.#isDurable(next.batch)) break;
      const { slot } = next;
      if (slot.cache === 0 || slot.batch !== next.batch) continue;
      this.#remove(slot);
      // Addresses that are kept elsewhere must not keep the bytes.
      slot.state = null;
    }
    if (this.#leavingFrom * 2 <= leaving.length) return;
    this.#leaving = leaving.slice(this.#leavingFrom);
    this.#leavingFrom = 0;
  }

  #find(id: RecordId): Slot | undefined {
    const slot = this.#slots.get(id);
    if (slot !== undefined) slot.isUsed = true;
    return slot;
  }

  #known(address: RecordAddress): Slot | undefined {
    const memo = this.#memo(address);
    if (!(memo instanceof Slot) || memo.cache !== this.#number) return undefined;
    if (!memo.isUsed) memo.isUsed = true;
    return memo;
  }

  #memo(address: RecordAddress): object | undefined {
    switch (this.#place) {
      case 0:
        return address.memo0;
      case 1:
        return address.memo1;
      case 2:
        return address.memo2;
      case 3:
        return address.memo3;
      default:
        return address.memo4;
    }
  }

  #remember(address: RecordAddress, slot: Slot): void {
    switch (this.#place) {
      case 0:
        address.memo0 = slot;
        break;
      case 1:
        address.memo1 = slot;
        break;
      case 2:
        address.memo2 = slot;
        break;
      case 3:
        address.memo3 = slot;
        break;
      default:
        address.memo4 = slot;
    }
  }

  #grown(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes <= this.#budgetBytes) return;
    // A large one needs the room of many small ones.
    const looks = LOOKED_AT_PER_RECORD * (1 + Math.max(0, bytes) / ENTRY_OVERHEAD_BYTES);
    for (let i = Math.min(2 * this.#slots.size, looks); i > 0 && this.#bytes > this.#budgetBytes; i--) {
      if (!this.#dropNext()) break;
    }
  }

  /** False where the disk is behind: to look at more would be of no use. */
  #dropNext(): boolean {
    this.#hand ??= this.#slots.entries();
    const { value, done } = this.#hand.next();
    if (done === true) {
      this.#hand = null;
      return true;
    }
    const slot = value[1];
    const { isValueUsed } = slot;
    slot.isValueUsed = false;
    if (slot.valueBytes > 0 && !isValueUsed && this.#isDurable(slot.batch)) {
      this.#thin(slot);
      return true;
    }
    if (slot.isUsed) {
      slot.isUsed = false;
      return true;
    }
    if (!this.#isDurable(slot.batch)) return false;
    if (2 * (this.#bytes - this.#valueBytes) <= this.#budgetBytes) return true;
    this.#remove(slot);
    this.#dropped.push(slot);
    return true;
  }

  /** Lets its value go, when the turn has ended. */
  #thin(slot: Slot): void {
    if (slot.state !== null) this.#thinning.push({ slot, state: slot.state });
    this.#bytes -= slot.valueBytes;
    this.#valueBytes -= slot.valueBytes;
    slot.costBytes -= slot.valueBytes;
    slot.valueBytes = 0;
  }
}

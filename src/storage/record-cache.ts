import type { Ballot } from '../record/ballot.ts';
import type { RecordId, SealedState } from '../record/state.ts';
import type { RecordAddress } from '../rpc/messages.ts';
import type { Held } from './acceptor.ts';
import type { PromiseEntry } from './promise-table.ts';

/** Rough cost of an entry besides its sealed bytes: map slots, objects, ballots. */
const ENTRY_OVERHEAD_BYTES = 400;

/** Of so many caches of one process addresses remember where each has the record. */
const MEMOS = 5;

/** Of all caches of this process: a generation's number says whose it is. */
let generations = 0;

/** A record in memory, changed in place: good until the next turn. */
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
  /** Of its cache's generations, which no other cache has; 0 once dropped. */
  generation: number;
  /** What it was counted as: the state is not looked at again for that. */
  costBytes: number;

  constructor(id: RecordId, accepted: Ballot, state: SealedState | null, batch: number, generation: number) {
    this.id = id;
    this.accepted = accepted;
    this.state = state;
    this.batch = batch;
    this.generation = generation;
    this.costBytes = costBytes(state);
  }
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

/**
 * Recent records in two generations: a hit moves an entry to the young one; when that is half the budget, the old one is
 * dropped. Cheaper than an exact LRU and close to it.
 *
 * Records whose batch is not durable yet are never dropped: the disk does not have them. They alone can go over the budget.
 */
export class RecordCache {
  readonly #budgetBytes: number;
  readonly #isDurable: (batch: number) => boolean;
  #young = new Map<RecordId, Slot>();
  #old = new Map<RecordId, Slot>();
  #youngBytes = 0;
  #oldBytes = 0;
  /** The young generation becomes the old one when it is so large. */
  #rotateAtBytes: number;
  #generation = ++generations;
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
    this.#rotateAtBytes = budgetBytes / 2;
    this.#isDurable = isDurable;
  }

  /** Of both generations, roughly. */
  get sizeBytes(): number {
    return this.#youngBytes + this.#oldBytes;
  }

  get(id: RecordId): CachedRecord | undefined {
    return this.#find(id);
  }

  /** As `get`. A proxy of this process uses one address object for a record again and again: it then finds it without looking. */
  at(address: RecordAddress): CachedRecord | undefined {
    const known = this.#known(address);
    if (known !== undefined) return known;
    const slot = this.#find(address.id);
    if (slot !== undefined) this.#remember(address, slot);
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
    this.#put(this.#young.get(id), id, accepted, state, batch);
  }

  /** As `set`, where `at` may know the record. */
  setAt(address: RecordAddress, accepted: Ballot, state: SealedState | null, batch: number): void {
    const known = this.#known(address);
    this.#put(known ?? this.#young.get(address.id), address.id, accepted, state, batch);
  }

  #put(slot: Slot | undefined, id: RecordId, accepted: Ballot, state: SealedState | null, batch: number): void {
    if (slot === undefined) {
      // Also where the old generation has it: what is dropped with that must not take this along.
      const before = this.#old.get(id);
      if (before !== undefined) before.generation = 0;
      this.#add(new Slot(id, accepted, state, batch, this.#generation));
      return;
    }
    const bytes = costBytes(state);
    this.#youngBytes += bytes - slot.costBytes;
    slot.costBytes = bytes;
    slot.accepted = accepted;
    slot.state = state;
    slot.batch = batch;
    if (this.#youngBytes > this.#rotateAtBytes) this.#rotate();
  }

  /** As `setAt`, for what nobody is likely to ask for: dropped soon after it is durable. */
  setLeavingAt(address: RecordAddress, accepted: Ballot, state: SealedState, batch: number): void {
    this.setAt(address, accepted, state, batch);
    const slot = this.#young.get(address.id);
    if (slot !== undefined) this.#leaving.push({ slot, batch });
    this.#dropLeaving();
  }

  delete(id: RecordId): void {
    const slot = this.#young.get(id);
    if (slot !== undefined) {
      this.#young.delete(id);
      this.#youngBytes -= slot.costBytes;
      slot.generation = 0;
    }
    const old = this.#old.get(id);
    if (old !== undefined) old.generation = 0;
    this.#old.delete(id);
  }

  #dropLeaving(): void {
    const leaving = this.#leaving;
    for (; ; this.#leavingFrom++) {
      const next = leaving[this.#leavingFrom];
      if (next === undefined || !this.#isDurable(next.batch)) break;
      const { slot } = next;
      if (slot.generation === 0 || slot.batch !== next.batch) continue;
      this.delete(slot.id);
      // Addresses that are kept elsewhere must not keep the bytes.
      slot.state = null;
    }
    if (this.#leavingFrom * 2 <= leaving.length) return;
    this.#leaving = leaving.slice(this.#leavingFrom);
    this.#leavingFrom = 0;
  }

  #find(id: RecordId): Slot | undefined {
    const young = this.#young.get(id);
    if (young !== undefined) return young;
    const old = this.#old.get(id);
    if (old !== undefined) this.#add(old);
    return old;
  }

  #known(address: RecordAddress): Slot | undefined {
    const memo = this.#memo(address);
    return memo instanceof Slot && memo.generation === this.#generation ? memo : undefined;
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

  #add(slot: Slot): void {
    slot.generation = this.#generation;
    this.#young.set(slot.id, slot);
    this.#youngBytes += slot.costBytes;
    if (this.#youngBytes > this.#rotateAtBytes) this.#rotate();
  }

  #rotate(): void {
    const dropped = this.#old;
    this.#old = this.#young;
    this.#oldBytes = this.#youngBytes;
    this.#young = new Map();
    this.#youngBytes = 0;
    this.#generation = ++generations;
    for (const [id, slot] of dropped) {
      if (this.#old.get(id) === slot || slot.generation === 0) continue;
      if (this.#isDurable(slot.batch)) {
        // Addresses that are kept elsewhere must not keep the bytes.
        slot.generation = 0;
        slot.state = null;
      } else {
        slot.generation = this.#generation;
        this.#young.set(id, slot);
        this.#youngBytes += slot.costBytes;
      }
    }
    // Where the disk is behind, what must stay may fill the budget: without this each further record would go through all of it.
    this.#rotateAtBytes = Math.max(this.#budgetBytes / 2, 2 * this.#youngBytes);
  }
}

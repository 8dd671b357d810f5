import type { Ballot } from '../record/ballot.ts';
import type { OpenedBase } from './attempt.ts';
import type { Pending } from './pending.ts';
import type { Placement } from './task-context.ts';

/** Rough cost of an entry besides a value's bytes: objects, ballots, names. */
const ENTRY_BYTES = 600;

/**
 * Before every time of a monotonic clock. The times of an entry are whole numbers: fractions would each take an object of
 * their own.
 */
export const LONG_AGO_MS = -0x4000_0000;

/** What a proxy remembers of one key that it served lately. All but `express` and `behind` may be forgotten at any time. */
export class RecordEntry<R> {
  readonly namespace: number;
  readonly name: string;
  placement: Placement;
  /** As it was when this proxy last saw a quorum agree on it; worth nothing unless a quorum says the same ballot again. */
  opened: OpenedBase | null = null;
  /** Promised by a quorum with the last COMMIT, whose state `opened` is: the next write may start at COMMIT. */
  next: Ballot | null = null;
  nextUntilMs = 0;
  /** Monotonic milliseconds of this proxy's last write. */
  lastWriteMs = LONG_AGO_MS;
  /** Monotonic milliseconds: until then it is contended, and the express lane is not worth trying. */
  avoidUntilMs = LONG_AGO_MS;
  /** One operation is on the express lane; those that came after it wait in `behind`. */
  express = false;
  behind: Pending<R>[] | null = null;
  /** Rough bytes in memory, with the value in `opened`. */
  costBytes = ENTRY_BYTES;

  constructor(namespace: number, name: string, placement: Placement) {
    this.namespace = namespace;
    this.name = name;
    this.placement = placement;
  }

  /** Looks at what an operation on the record will look at, for `memoryFetch`. */
  fetch(): number {
    const { opened, placement } = this;
    let sum = this.costBytes + placement.mapEpoch + placement.address.shard;
    if (opened !== null) {
      sum += opened.accepted.time;
      if (opened.state !== null) sum += opened.state.header.sizeBytes;
      const value = opened.live?.value;
      if (value !== undefined && !value.paged && value.bytes !== null) sum += value.bytes[0] ?? 0;
    }
    return sum;
  }

  /** Somebody else may have written the record, or will now. */
  forget(): void {
    this.opened = null;
    this.next = null;
    this.costBytes = ENTRY_BYTES;
  }

  /** Returns how many bytes more the entry holds now. */
  remember(base: OpenedBase, valueBytes: number): number {
    const costBytes = ENTRY_BYTES + valueBytes;
    const grownBytes = costBytes - this.costBytes;
    this.opened = base;
    this.next = null;
    this.costBytes = costBytes;
    return grownBytes;
  }

  /** The ballot with which a write can start at COMMIT; null if there is none or it is too old. Good for one write. */
  takeNext(nowMs: number): Ballot | null {
    const { next } = this;
    this.next = null;
    return next !== null && nowMs < this.nextUntilMs && this.opened !== null ? next : null;
  }
}

/**
 * Entries by namespace and key, in two generations: a hit moves an entry to the young one; when that is half the budget,
 * the old one is dropped. Entries on the express lane are never dropped.
 */
export class RecordTable<R> {
  readonly #budgetBytes: number;
  #young: Map<string, RecordEntry<R>>[] = [];
  #old: Map<string, RecordEntry<R>>[] = [];
  #youngBytes = 0;
  #oldBytes = 0;

  constructor(budgetBytes: number) {
    this.#budgetBytes = budgetBytes;
  }

  /** Of both generations, roughly. */
  get sizeBytes(): number {
    return this.#youngBytes + this.#oldBytes;
  }

  find(namespace: number, name: string): RecordEntry<R> | undefined {
    const young = this.#young[namespace]?.get(name);
    if (young !== undefined) return young;
    const old = this.#old[namespace]?.get(name);
    if (old !== undefined) this.add(old);
    return old;
  }

  /** As `find` for each of them that has a name, in a loop that does nothing else (`memoryFetch`). */
  findAll(
    operations: readonly { readonly namespace: number }[],
    names: readonly (string | null)[],
  ): (RecordEntry<R> | undefined)[] {
    const found: (RecordEntry<R> | undefined)[] = [];
    for (let i = 0; i < operations.length; i++) {
      const name = names[i] ?? null;
      found.push(name === null ? undefined : this.find(operations[i]?.namespace ?? 0, name));
    }
    return found;
  }

  add(entry: RecordEntry<R>): void {
    let names = this.#young[entry.namespace];
    if (names === undefined) {
      names = new Map();
      this.#young[entry.namespace] = names;
    }
    names.set(entry.name, entry);
    this.grown(entry.costBytes);
  }

  /** An entry of the table holds so much more now. Overwritten values are counted again: generations turn a little early. */
  grown(bytes: number): void {
    this.#youngBytes += bytes;
    if (this.#youngBytes > this.#budgetBytes / 2) this.#rotate();
  }

  #rotate(): void {
    const dropped = this.#old;
    this.#old = this.#young;
    this.#oldBytes = this.#youngBytes;
    this.#young = [];
    this.#youngBytes = 0;
    for (const names of dropped) {
      // Namespaces without entries are holes.
      if (names === undefined) continue;
      for (const entry of names.values()) {
        if (entry.express && this.#old[entry.namespace]?.get(entry.name) === undefined) this.add(entry);
      }
    }
  }
}

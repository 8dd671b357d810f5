import { limits } from '../base/limits.ts';
import type { Ballot } from '../record/ballot.ts';
import { type OpenedBase, originOf } from './attempt.ts';
import { ownBase } from './express-base.ts';
import type { Pending } from './pending.ts';
import type { Placement } from './task-context.ts';
import type { TransactionKey } from './transaction.ts';

/** Rough cost of an entry besides a value's bytes: objects, ballots, names. */
const ENTRY_BYTES = 600;
/** Looked at for what is added, to find what can go: where nearly all has been used since the last look, most of them stay. */
const LOOKED_AT_PER_ENTRY = 16;

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
  /** Rough bytes in memory, with the value in `opened`; and those that its table has counted. */
  costBytes = ENTRY_BYTES;
  countedBytes = 0;
  /** The table has it. */
  isCounted = false;
  /** Since it was last looked at whether it can go; what is new counts as used, or it would go before all that is older. */
  isUsed = true;

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

  /** The table is to be told if what it holds is of another size now. */
  remember(base: OpenedBase, valueBytes: number): void {
    this.opened = base;
    this.next = null;
    this.costBytes = ENTRY_BYTES + valueBytes;
  }

  /** The ballot with which a write can start at COMMIT; null if there is none or it is too old. Good for one write. */
  takeNext(nowMs: number): Ballot | null {
    const { next } = this;
    this.next = null;
    return next !== null && nowMs < this.nextUntilMs && this.opened !== null ? next : null;
  }
}

/**
 * Entries by namespace and key. Over its budget it goes round (CLOCK, Corbató 1968) and drops what was not used since the last
 * time. As long as all fits, nothing is moved. Entries on the express lane are never dropped.
 */
export class RecordTable<R> {
  readonly #budgetBytes: number;
  /** By namespace; those without entries are holes. */
  readonly #names: Map<string, RecordEntry<R>>[] = [];
  #hand: Iterator<[string, RecordEntry<R>]> | null = null;
  #handAt = 0;
  #bytes = 0;
  #size = 0;

  constructor(budgetBytes: number) {
    this.#budgetBytes = budgetBytes;
  }

  /** Roughly. */
  get sizeBytes(): number {
    return this.#bytes;
  }

  find(namespace: number, name: string): RecordEntry<R> | undefined {
    const entry = this.#names[namespace]?.get(name);
    if (entry !== undefined) entry.isUsed = true;
    return entry;
  }

  /** As `find` for each of them that has a name, in a loop that does nothing else (`memoryFetch`); undefined: as the one before. */
  findAll(
    operations: readonly { readonly namespace: number }[],
    names: readonly (string | null | undefined)[],
  ): (RecordEntry<R> | undefined)[] {
    const found: (RecordEntry<R> | undefined)[] = [];
    for (let i = 0; i < operations.length; i++) {
      const name = names[i];
      if (name === undefined) found.push(found[i - 1]);
      else found.push(name === null ? undefined : this.find(operations[i]?.namespace ?? 0, name));
    }
    return found;
  }

  /** The origin of what was last seen of a record under this map; null if nothing is remembered. */
  knownOrigin(key: TransactionKey, mapEpoch: number): Ballot | null {
    const opened = this.current(key, mapEpoch)?.opened ?? null;
    return opened === null ? null : originOf(opened, false);
  }

  /** What is remembered of a record under this map; null if nothing is. */
  current({ namespace, key }: TransactionKey, mapEpoch: number): RecordEntry<R> | null {
    if (key.length > limits.expressKeyBytes) return null;
    const entry = this.find(namespace, key.toString('latin1'));
    return entry?.placement.mapEpoch === mapEpoch ? entry : null;
  }

  /** Where a record is, unless something is remembered of it. */
  note({ namespace, key }: TransactionKey, placement: Placement): void {
    if (key.length > limits.expressKeyBytes) return;
    const name = key.toString('latin1');
    if (this.find(namespace, name) === undefined) this.add(new RecordEntry<R>(namespace, name, placement));
  }

  /** The base that a quorum agreed on, or was seen to have accepted; a value that is too large is not remembered. */
  remember(entry: RecordEntry<R>, base: OpenedBase): void {
    const value = base.live?.value;
    const valueBytes = value === undefined || value.paged ? 0 : (value.bytes?.length ?? 0);
    if (valueBytes > limits.openedValueBytes) {
      entry.forget();
      return;
    }
    entry.remember(ownBase(base), valueBytes);
    if (entry.costBytes !== entry.countedBytes) this.grown(entry);
  }

  /** In the place of one that has its name. */
  add(entry: RecordEntry<R>): void {
    let names = this.#names[entry.namespace];
    if (names === undefined) {
      names = new Map();
      this.#names[entry.namespace] = names;
    }
    const before = names.get(entry.name);
    if (before === undefined) this.#size++;
    else this.#uncount(before);
    names.set(entry.name, entry);
    entry.isCounted = true;
    this.grown(entry);
  }

  /** An entry of the table may hold more now, or less. */
  grown(entry: RecordEntry<R>): void {
    if (!entry.isCounted) return;
    const bytes = entry.costBytes - entry.countedBytes;
    entry.countedBytes = entry.costBytes;
    this.#bytes += bytes;
    if (this.#bytes <= this.#budgetBytes) return;
    // A large one needs the room of many small ones.
    const looks = LOOKED_AT_PER_ENTRY * (1 + Math.max(0, bytes) / ENTRY_BYTES);
    for (let i = Math.min(2 * this.#size, looks); i > 0 && this.#bytes > this.#budgetBytes; i--) this.#dropNext();
  }

  #dropNext(): void {
    const names = this.#names[this.#handAt];
    this.#hand ??= names?.entries() ?? null;
    const next = this.#hand?.next();
    if (next === undefined || next.done === true) {
      this.#hand = null;
      this.#handAt = this.#handAt + 1 < this.#names.length ? this.#handAt + 1 : 0;
      return;
    }
    const [name, entry] = next.value;
    if (entry.express) return;
    if (entry.isUsed) {
      entry.isUsed = false;
      return;
    }
    names?.delete(name);
    this.#size--;
    this.#uncount(entry);
  }

  #uncount(entry: RecordEntry<R>): void {
    this.#bytes -= entry.countedBytes;
    entry.countedBytes = 0;
    entry.isCounted = false;
  }
}

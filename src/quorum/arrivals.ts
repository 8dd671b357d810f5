import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import { memoryFetch } from '../base/memory-fetch.ts';
import type { Operation } from './operation.ts';
import type { RecordEntry, RecordTable } from './record-table.ts';
import type { TransactionKey } from './transaction.ts';

/** Who starts what has arrived: the coordinator. */
export interface ArrivalsOwner<R> {
  readonly clock: Clock;
  /** Epoch of the current map. */
  readonly mapEpoch: number;
  /** What is remembered of the operation's key, whose name it is; made where there is nothing. */
  entryOf(operation: Operation<R>, name: string): RecordEntry<R>;
  /** `entry` is null where the key is too long to be remembered. */
  start(operation: Operation<R>, entry: RecordEntry<R> | null, arrivedMs: number, nowMs: number): void;
}

/**
 * The operations that arrived in this turn, started together at its end, in order: what is remembered of their keys is
 * looked up for all of them first (see `memoryFetch`).
 */
export class Arrivals<R> {
  readonly #owner: ArrivalsOwner<R>;
  readonly #table: RecordTable<R>;
  #operations: Operation<R>[] = [];
  readonly #startAll = (): void => this.startAll();

  constructor(owner: ArrivalsOwner<R>, table: RecordTable<R>) {
    this.#owner = owner;
    this.#table = table;
  }

  add(operation: Operation<R>): void {
    if (this.#operations.push(operation) === 1) this.#owner.clock.endOfTurn(this.#startAll);
  }

  /** Also before the end of the turn, for what must not overtake them. */
  startAll(): void {
    const operations = this.#operations;
    if (operations.length === 0) return;
    this.#operations = [];
    const owner = this.#owner;
    const entries = this.#entriesOf(operations);
    let fetched = 0;
    for (let i = 0; i < entries.length; i++) fetched += entries[i]?.fetch() ?? 0;
    memoryFetch.sum = fetched;
    const nowMs = owner.clock.monotonicMs();
    for (let i = 0; i < operations.length; i++) {
      const operation = operations[i];
      if (operation !== undefined) owner.start(operation, entries[i] ?? null, nowMs, nowMs);
    }
  }

  /** In steps of their own, each a loop as short as can be. */
  #entriesOf(operations: readonly Operation<R>[]): (RecordEntry<R> | null)[] {
    const owner = this.#owner;
    // Undefined: the same record as the operation before, as it is where many clients want one key.
    const names: (string | null | undefined)[] = [];
    let before: Operation<R> | null = null;
    for (const operation of operations) {
      const { key } = operation;
      if (key.length > limits.expressKeyBytes) names.push(null);
      else names.push(before !== null && isSameKey(operation, before) ? undefined : key.toString('latin1'));
      before = operation;
    }
    const known = this.#table.findAll(operations, names);
    const entries: (RecordEntry<R> | null)[] = [];
    for (let i = 0; i < operations.length; i++) {
      const operation = operations[i];
      const name = names[i];
      const entry = known[i];
      if (operation === undefined) continue;
      if (name === undefined) entries.push(entries[i - 1] ?? null);
      else if (name === null) entries.push(null);
      else if (entry?.placement.mapEpoch === owner.mapEpoch) entries.push(entry);
      else entries.push(owner.entryOf(operation, name));
    }
    return entries;
  }
}

/** From the end, where keys that differ mostly do. */
function isSameKey(a: TransactionKey, b: TransactionKey): boolean {
  const { length } = a.key;
  if (length !== b.key.length || a.namespace !== b.namespace) return false;
  for (let i = length - 1; i >= 0; i--) if (a.key[i] !== b.key[i]) return false;
  return true;
}

import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import { memoryFetch } from '../base/memory-fetch.ts';
import type { Operation } from './operation.ts';
import type { RecordEntry } from './record-table.ts';

/** Who starts what has arrived: the coordinator. */
export interface ArrivalsOwner<R> {
  readonly clock: Clock;
  /** What is remembered of the operation's key, whose name it is. */
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
  #operations: Operation<R>[] = [];
  readonly #startAll = (): void => this.startAll();

  constructor(owner: ArrivalsOwner<R>) {
    this.#owner = owner;
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
    const entries: (RecordEntry<R> | null)[] = [];
    for (let i = 0; i < operations.length; i++) {
      const operation = operations[i];
      if (operation === undefined) continue;
      const isShort = operation.key.length <= limits.expressKeyBytes;
      entries.push(isShort ? owner.entryOf(operation, operation.key.toString('latin1')) : null);
    }
    let fetched = 0;
    for (let i = 0; i < entries.length; i++) fetched += entries[i]?.fetch() ?? 0;
    memoryFetch.sum = fetched;
    const nowMs = owner.clock.monotonicMs();
    for (let i = 0; i < operations.length; i++) {
      const operation = operations[i];
      if (operation !== undefined) owner.start(operation, entries[i] ?? null, nowMs, nowMs);
    }
  }
}

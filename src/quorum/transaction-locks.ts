import { ChurningMap } from '../base/churning-map.ts';
import { limits } from '../base/limits.ts';
import type { RecordId } from '../record/state.ts';
import type { Operation } from './operation.ts';

/** A transaction that wants all of its records for itself, among those of this proxy. */
interface Taker {
  readonly ids: readonly RecordId[];
  /** Records of which it is not the first yet. */
  missing: number;
  readonly begin: () => void;
  isReleased: boolean;
}

interface Held<R> {
  readonly operation: Operation<R>;
  readonly arrivedMs: number;
}

/** Those that want a record, in the order in which they came, and the plain operations that wait for the first of them. */
interface Lock<R> {
  readonly takers: Taker[];
  /** In the order in which they came. */
  held: Held<R>[];
}

/**
 * Which transactions of this proxy run on which records: on each the oldest, so that nobody waits for ever and no two for each
 * other. Not needed for what is promised (other proxies know nothing of it), but without it they would refuse each other.
 */
export class TransactionLocks<R> {
  readonly #locks = new ChurningMap<RecordId, Lock<R>>();
  readonly #submit: (operation: Operation<R>, arrivedMs: number) => void;

  /** `submit`: for operations that were held. */
  constructor(submit: (operation: Operation<R>, arrivedMs: number) => void) {
    this.#submit = submit;
  }

  /** Records that are taken. */
  get size(): number {
    return this.#locks.size;
  }

  /** Calls `begin` once all records are its own; what is returned gives them back, and may be called again. */
  take(ids: readonly RecordId[], begin: () => void): () => void {
    const taker: Taker = { ids, missing: 0, begin, isReleased: false };
    for (const id of ids) {
      const lock = this.#locks.get(id);
      if (lock === undefined) {
        this.#locks.set(id, { takers: [taker], held: [] });
      } else {
        lock.takers.push(taker);
        taker.missing++;
      }
    }
    if (taker.missing === 0) begin();
    return () => this.#release(taker);
  }

  /** True if the operation waits now. Too many that wait for one record are let through: they compete for it. */
  hold(id: RecordId, operation: Operation<R>, nowMs: number): boolean {
    const lock = this.#locks.get(id);
    if (lock === undefined || lock.held.length >= limits.queuedOperationsPerRecord) return false;
    lock.held.push({ operation, arrivedMs: nowMs });
    return true;
  }

  /** Lets those go that were held since then or longer. */
  expire(arrivedMs: number): void {
    this.#locks.each((lock) => {
      const first = lock.held[0];
      if (first === undefined || first.arrivedMs > arrivedMs) return;
      const held = lock.held.filter((other) => other.arrivedMs <= arrivedMs);
      lock.held = lock.held.slice(held.length);
      for (const { operation } of held) this.#submit(operation, first.arrivedMs);
    });
  }

  #release(taker: Taker): void {
    if (taker.isReleased) return;
    taker.isReleased = true;
    const ready: Taker[] = [];
    let held: Held<R>[] = [];
    for (const id of taker.ids) {
      const lock = this.#locks.get(id);
      if (lock === undefined) continue;
      const at = lock.takers.indexOf(taker);
      lock.takers.splice(at, 1);
      if (lock.held.length > 0) {
        held = held.concat(lock.held);
        lock.held = [];
      }
      const [next] = lock.takers;
      if (next === undefined) this.#locks.delete(id);
      else if (at === 0 && --next.missing === 0) ready.push(next);
    }
    for (const { operation, arrivedMs } of held) this.#submit(operation, arrivedMs);
    for (const next of ready) next.begin();
  }
}

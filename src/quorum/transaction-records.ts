import { type Ballot, NO_BALLOT } from '../record/ballot.ts';
import type { LiveRecord, PageId, RecordPast } from '../record/state.ts';
import { NeedPages, type PageAccess } from '../record/value.ts';
import { applyChange, isNoChange, pastAfterDelete } from './apply-change.ts';
import { type Attempt, type AttemptPages, isExpired, type OpenedBase, originOf, seenBy } from './attempt.ts';
import type { Step } from './operation.ts';
import type { TransactionView } from './transaction.ts';

/** A record as a transaction found it; see OpenedBase. */
export interface FoundRecord extends Pick<OpenedBase, 'live' | 'past' | 'differ'> {
  /** The ballot of the write that made it, should it not have expired. */
  readonly origin: Ballot;
}

export function foundRecord(base: OpenedBase): FoundRecord {
  const { live, past, differ } = base;
  return { live, past, differ, origin: originOf(base, false) };
}

/** A record of a transaction on which its commands run. */
interface Slot {
  readonly key: Buffer;
  readonly found: FoundRecord;
  readonly pages: AttemptPages;
  readonly expired: boolean;
  live: LiveRecord | null;
  past: RecordPast;
  changed: boolean;
}

/** One attempt's records: what was found, and what the commands make of it. */
export class TransactionRecords<R> implements TransactionView<R> {
  readonly nowMs: number;
  /** The place of the record whose pages were lacking, after NeedPages was thrown. */
  lackingAt = -1;
  readonly #slots: readonly Slot[];

  /** All arrays of one length: the keys, what was found, and where their pages are. */
  constructor(keys: readonly Buffer[], all: readonly FoundRecord[], pages: readonly AttemptPages[], nowMs: number) {
    this.nowMs = nowMs;
    this.#slots = all.map((found, i) => {
      const expired = isExpired(found.live, nowMs);
      const key = keys[i] as Buffer;
      const slotPages = pages[i] as AttemptPages;
      const live = expired ? null : found.live;
      return { key, found, pages: slotPages, expired, live, past: found.past, changed: false };
    });
  }

  live(index: number): LiveRecord | null {
    return this.#at(index).live;
  }

  past(index: number): RecordPast {
    return this.#at(index).past;
  }

  pages(index: number): PageAccess {
    const { pages } = this.#at(index);
    const read = (id: PageId): Buffer => this.#reading(index, () => pages.read(id));
    return { read, write: (bytes) => pages.write(bytes) };
  }

  apply(index: number, step: Step<R>): R {
    const slot = this.#at(index);
    const { nowMs } = this;
    const before = seenBy(step, slot.live);
    const context = { nowMs, pages: slot.pages, past: slot.past };
    const { reply, change } = this.#reading(index, () => step.run(before, context));
    if (change !== null && !isNoChange(before, change)) {
      slot.live = applyChange(before, slot.past, slot.key, change, nowMs);
      slot.past = slot.live ?? pastAfterDelete(slot.past, change, nowMs);
      slot.changed = true;
    }
    return reply;
  }

  save(): () => void {
    const saved = this.#slots.map(({ live, past, changed }) => ({ live, past, changed }));
    return () => {
      for (const [i, slot] of this.#slots.entries()) Object.assign(slot, saved[i]);
    };
  }

  origin(index: number): Ballot {
    const { found, expired } = this.#at(index);
    return expired ? NO_BALLOT : found.origin;
  }

  /** What the transaction comes to for one record. */
  attempt(index: number): Attempt<R> {
    const { live, past, changed, expired } = this.#at(index);
    return { results: [], changed, live, past, expired, mustWrite: true };
  }

  /** Some record is changed, or its expiry or its unequal replicas must be written down. */
  get mustWrite(): boolean {
    return this.#slots.some(({ changed, expired, found }) => changed || expired || found.differ);
  }

  /** Some record was found past its expiry. */
  get anyExpired(): boolean {
    return this.#slots.some(({ expired }) => expired);
  }

  #reading<T>(index: number, read: () => T): T {
    try {
      return read();
    } catch (error) {
      if (error instanceof NeedPages) this.lackingAt = index;
      throw error;
    }
  }

  #at(index: number): Slot {
    const slot = this.#slots[index];
    if (slot === undefined) throw new RangeError('no such record in this transaction');
    return slot;
  }
}

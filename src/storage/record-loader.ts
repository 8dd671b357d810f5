import { assert } from '../base/assert.ts';
import { ChurningMap } from '../base/churning-map.ts';
import { NO_BALLOT, sameBallot } from '../record/ballot.ts';
import { recordKey } from '../record/record-id.ts';
import type { RecordId } from '../record/state.ts';
import { decodeStored } from '../record/state-codec.ts';
import { type RecordAddress, Want } from '../rpc/messages.ts';
import type { Engine } from './engine.ts';
import type { CachedRecord, RecordCache } from './record-cache.ts';
import { canBeThin, withoutValue } from './served-state.ts';

/** Batch number of what came from the disk. */
const FROM_DISK = 0;

/** What a node holds of a record that it never heard of. */
export const ABSENT: CachedRecord = { accepted: NO_BALLOT, state: null, batch: FROM_DISK };

/** Somebody who needs a record in memory; told once. */
export interface RecordWaiter {
  onLoaded(record: CachedRecord): void;
  onCorrupt(id: RecordId): void;
  onFailed(detail: string): void;
}

/** Those who wait for one record. */
interface Waiting {
  readonly waiters: RecordWaiter[];
  /** One of them wants its value as well. */
  whole: boolean;
}

/** Brings records from the disk into memory: those asked for in one turn in one read, each once however many wait for it. */
export class RecordLoader {
  readonly #engine: Engine;
  readonly #cache: RecordCache;
  readonly #waiting = new ChurningMap<RecordId, Waiting>();
  #asked: RecordAddress[] = [];
  /** Reads under way, by number, and who waits for the end of those that there were. */
  readonly #reads = new Set<number>();
  readonly #enders: { readonly left: Set<number>; readonly done: () => void }[] = [];
  #readNumber = 0;
  #loads = 0;

  constructor(engine: Engine, cache: RecordCache) {
    this.#engine = engine;
    this.#cache = cache;
  }

  /** Records read from the disk since the start. */
  get loads(): number {
    return this.#loads;
  }

  /** Others wait for this record: none may overtake them. */
  isLoading(id: RecordId): boolean {
    return this.#waiting.size > 0 && this.#waiting.has(id);
  }

  /** For a record that is not in memory with what is wanted of it; `start` must follow before the turn ends. */
  wait(address: RecordAddress, waiter: RecordWaiter, want: Want = Want.nothing): void {
    const waiting = this.#waiting.get(address.id);
    const whole = want === Want.full;
    if (waiting !== undefined) {
      waiting.waiters.push(waiter);
      waiting.whole ||= whole;
      return;
    }
    this.#waiting.set(address.id, { waiters: [waiter], whole });
    this.#asked.push(address);
  }

  /** Reads what was asked for. */
  start(): void {
    if (this.#asked.length === 0) return;
    const asked = this.#asked;
    this.#asked = [];
    this.#load(asked);
  }

  /** Calls back once nothing is being read any more that was asked for before now. */
  whenLoaded(done: () => void): void {
    this.start();
    if (this.#reads.size === 0) done();
    else this.#enders.push({ left: new Set(this.#reads), done });
  }

  #load(addresses: readonly RecordAddress[]): void {
    const read = this.#readNumber++;
    this.#loads += addresses.length;
    this.#reads.add(read);
    const keys = addresses.map(({ shard, id }) => recordKey(shard, id));
    this.#engine.getMany(keys, (error, values) => {
      if (error?.kind === 'corrupt' && addresses.length > 1) {
        // One damaged block fails them all: alone, the sound ones can be read.
        const first = this.#readNumber;
        for (const address of addresses) this.#load([address]);
        this.#goesOnAs(read, first);
        this.#ended(read);
        return;
      }
      for (let i = 0; i < addresses.length; i++) {
        const id = addresses[i]?.id ?? '';
        const waiting = this.#waiting.get(id);
        assert(waiting !== undefined, 'what is loaded is waited for');
        this.#waiting.delete(id);
        if (error === null) this.#loaded(id, values?.[i] ?? null, waiting);
        else if (error.kind === 'corrupt') this.#corrupt(id, waiting.waiters);
        else for (const waiter of waiting.waiters) waiter.onFailed(error.message);
      }
      this.#ended(read);
    });
  }

  /** Whoever waits for this read waits for those from `first` on instead. */
  #goesOnAs(read: number, first: number): void {
    for (const { left } of this.#enders) {
      if (!left.has(read)) continue;
      for (let next = first; next < this.#readNumber; next++) if (this.#reads.has(next)) left.add(next);
    }
  }

  #ended(read: number): void {
    this.#reads.delete(read);
    for (let i = this.#enders.length - 1; i >= 0; i--) {
      const ender = this.#enders[i];
      if (ender === undefined || !ender.left.delete(read) || ender.left.size > 0) continue;
      this.#enders.splice(i, 1);
      ender.done();
    }
  }

  #loaded(id: RecordId, bytes: Buffer | null, { waiters, whole }: Waiting): void {
    const stored = bytes === null ? ABSENT : decodeStored(bytes);
    // Of what was in memory without its value, the disk has the same state: nobody writes one that others wait for.
    const known = this.#cache.get(id);
    if (stored === null || (known !== undefined && !sameBallot(known.accepted, stored.accepted))) {
      this.#corrupt(id, waiters);
      return;
    }
    const { accepted } = stored;
    const state =
      stored.state !== null && !whole && canBeThin(stored.state) ? withoutValue(stored.state) : stored.state;
    this.#cache.set(id, accepted, state, FROM_DISK);
    // Each may change it for the next.
    for (const waiter of waiters) waiter.onLoaded(this.#cache.get(id) ?? { accepted, state, batch: FROM_DISK });
  }

  /** What memory knows of it counts for nothing: the node could not show its value. */
  #corrupt(id: RecordId, waiters: readonly RecordWaiter[]): void {
    this.#cache.delete(id);
    for (const waiter of waiters) waiter.onCorrupt(id);
  }
}

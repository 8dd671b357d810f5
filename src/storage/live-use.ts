import { glanceAtLive, type LiveGlance } from '../record/stored-glance.ts';

/** What an engine holds of records that clients can see. */
export interface LiveUse {
  /** Of the records, and of the pages that their values rest on. */
  readonly bytes: number;
  /** How many of them have an expiry. */
  readonly expiringRecords: number;
}

/** Of one namespace's one generation. */
interface Bucket {
  bytes: number;
  records: number;
  expiringRecords: number;
}

const GENERATIONS = 2 ** 32;

/**
 * Counts what live records take while they come and go: tombstones, flushed generations and pages that nothing rests on any
 * more are not in it, for to delete them is what makes room. A few additions for each write.
 */
export class LiveAccount {
  /** By namespace and generation in one number; below 2^53, as there are few namespaces. */
  readonly #buckets = new Map<number, Bucket>();
  readonly #glance: LiveGlance = { sizeBytes: 0, expiresAtMs: 0, namespace: 0, generation: 0, paged: false };

  /** A record is stored as these bytes, which take `entryBytes` with all that belongs to the entry. */
  add(stored: Buffer, entryBytes: number): void {
    this.#count(stored, entryBytes, 1);
  }

  /** The bytes are not there any more. */
  remove(stored: Buffer, entryBytes: number): void {
    this.#count(stored, entryBytes, -1);
  }

  /** Of the generations that `isCurrent` says are not flushed. */
  use(isCurrent: (namespace: number, generation: number) => boolean): LiveUse {
    let bytes = 0;
    let expiringRecords = 0;
    for (const [number, bucket] of this.#buckets) {
      const namespace = Math.floor(number / GENERATIONS);
      if (!isCurrent(namespace, number - namespace * GENERATIONS)) continue;
      bytes += bucket.bytes;
      expiringRecords += bucket.expiringRecords;
    }
    return { bytes, expiringRecords };
  }

  clear(): void {
    this.#buckets.clear();
  }

  #count(stored: Buffer, entryBytes: number, sign: 1 | -1): void {
    const glance = this.#glance;
    if (!glanceAtLive(stored, glance)) return;
    const number = glance.namespace * GENERATIONS + glance.generation;
    let bucket = this.#buckets.get(number);
    if (bucket === undefined) {
      bucket = { bytes: 0, records: 0, expiringRecords: 0 };
      this.#buckets.set(number, bucket);
    }
    bucket.bytes += sign * (entryBytes + (glance.paged ? glance.sizeBytes : 0));
    bucket.records += sign;
    if (glance.expiresAtMs !== 0) bucket.expiringRecords += sign;
    if (bucket.records === 0) this.#buckets.delete(number);
  }
}

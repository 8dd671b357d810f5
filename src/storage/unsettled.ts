import type { EngineChange } from './engine.ts';

/** Keys are spread over so many maps by their shard: one is settled at a time, in order, without a long pause. */
export const BUCKETS = 256;
const BUCKET_BYTE = 2;

/** The bucket of a key: by the low byte of the shard number, which stands behind the key's kind. */
export function bucketOf(key: Buffer): number {
  return key[BUCKET_BYTE] ?? 0;
}

/** A change as a place in an entry of the log: views are made of the few that are read or settled. */
class Place {
  readonly bytes: Buffer;
  readonly keyAt: number;
  readonly valueAt: number;
  readonly valueEnd: number;

  constructor(bytes: Buffer, keyAt: number, valueAt: number, valueEnd: number) {
    this.bytes = bytes;
    this.keyAt = keyAt;
    this.valueAt = valueAt;
    this.valueEnd = valueEnd;
  }

  get value(): Buffer | null {
    return this.valueEnd < this.valueAt ? null : this.bytes.subarray(this.valueAt, this.valueEnd);
  }

  change(): EngineChange {
    return { key: this.bytes.subarray(this.keyAt, this.valueAt), value: this.value };
  }
}

class Bucket {
  active = new Map<string, Place>();
  activeBytes = 0;
  /** On the way to the table. */
  settling: Map<string, Place> | null = null;
  settlingBytes = 0;
}

/**
 * The newest change of every key whose change is in the log and not yet in the table. What is read is looked for here
 * first. Keys are latin1 strings of their bytes.
 */
export class Unsettled {
  readonly #buckets: readonly Bucket[] = Array.from({ length: BUCKETS }, () => new Bucket());
  #bytes = 0;

  /** Of keys and values that are here, counted again where a key was written again. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The newest change of this key, within an entry of the log. */
  add(name: string, bytes: Buffer, keyAt: number, valueAt: number, valueEnd: number): void {
    const bucket = this.#bucket(name.length > BUCKET_BYTE ? name.charCodeAt(BUCKET_BYTE) : 0);
    bucket.active.set(name, new Place(bytes, keyAt, valueAt, valueEnd));
    const size = Math.max(valueAt, valueEnd) - keyAt;
    bucket.activeBytes += size;
    this.#bytes += size;
  }

  /** Undefined: the table knows. Null: deleted. */
  find(key: Buffer): Buffer | null | undefined {
    const bucket = this.#bucket(bucketOf(key));
    if (bucket.active.size === 0 && bucket.settling === null) return undefined;
    const name = key.toString('latin1');
    const change = bucket.active.get(name) ?? bucket.settling?.get(name);
    return change === undefined ? undefined : change.value;
  }

  isEmpty(index: number): boolean {
    const bucket = this.#bucket(index);
    return bucket.active.size === 0 && bucket.settling === null;
  }

  /** The changes of a bucket in the order of their keys; they stay readable here until `settled` or `failed`. */
  take(index: number): EngineChange[] {
    const bucket = this.#bucket(index);
    // Strings of bytes compare as the bytes do, without views of them.
    const named = [...bucket.active].sort((a, b) => (a[0] < b[0] ? -1 : 1));
    const changes = named.map(([, place]) => place.change());
    bucket.settling = bucket.active;
    bucket.settlingBytes = bucket.activeBytes;
    bucket.active = new Map();
    bucket.activeBytes = 0;
    return changes;
  }

  /** What was taken of the bucket is in the table. */
  settled(index: number): void {
    const bucket = this.#bucket(index);
    this.#bytes -= bucket.settlingBytes;
    bucket.settling = null;
  }

  /** It is not: newer changes have come meanwhile, perhaps. */
  failed(index: number): void {
    const bucket = this.#bucket(index);
    const { active, settling } = bucket;
    if (settling === null) return;
    for (const [name, change] of active) settling.set(name, change);
    bucket.active = settling;
    bucket.activeBytes += bucket.settlingBytes;
    bucket.settling = null;
  }

  #bucket(index: number): Bucket {
    const bucket = this.#buckets[index];
    if (bucket === undefined) throw new RangeError('no such bucket');
    return bucket;
  }
}

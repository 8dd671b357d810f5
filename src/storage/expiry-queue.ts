import { limits } from '../base/limits.ts';
import { writeLatin1 } from '../record/bytes.ts';
import { ID_BYTES } from '../record/record-id.ts';
import { type RecordId, type StateHeader, StateKind } from '../record/state.ts';
import { type NoteChunk, NoteChunks } from './note-chunks.ts';

/** A record that is to be looked at, for it expires about now. */
export interface ExpiryNote {
  readonly shard: number;
  readonly id: RecordId;
}

/* note := shard:u16 id:16 */
const NOTE_BYTES = 2 + ID_BYTES;

/** What expires within the same limits.expiryBucketMs. */
interface Bucket {
  readonly chunks: NoteChunk[];
  notes: number;
}

/**
 * Which records expire when, as this node was told by the writes that it took: some twenty bytes for each, in buckets by
 * time. A hint only: what is noted is looked at when it is due, and what is not noted (it lies too far ahead, there was no
 * room, the node was restarted) is found by the sweep.
 *
 * A record that is written again and again has one note, as long as its expiry only moves on: when that is due, it is noted anew.
 */
export class ExpiryQueue {
  readonly #chunks: NoteChunks;
  /** By the number of limits.expiryBucketMs since 1970. */
  readonly #buckets = new Map<number, Bucket>();
  /** Due and not taken, oldest first. */
  readonly #due: NoteChunk[] = [];
  #dueNotes = 0;
  /** No bucket has a lower number. */
  #earliest = Number.POSITIVE_INFINITY;
  /** Buckets up to this one have become due. */
  #passed = 0;
  /** By shard 1: this node kills what expires there. Null: nobody takes what is due. */
  #mine: Uint8Array | null = null;
  /** Notes for which there was no room. */
  dropped = 0;

  constructor(bytesMax: number = limits.expiryNotesBytes) {
    this.#chunks = new NoteChunks(bytesMax);
  }

  /** From now on the records of these shards (by number, 1) are noted: somebody takes what is due. */
  open(mine: Uint8Array): void {
    this.#mine = mine;
  }

  /** Forgets everything. */
  close(): void {
    this.#mine = null;
    for (const number of [...this.#buckets.keys()]) this.#remove(number);
    for (const chunk of this.#due) this.#chunks.give(chunk);
    this.#due.length = 0;
    this.#dueNotes = 0;
  }

  /** A record that was `before` is `after` now. */
  noteWrite(shard: number, id: RecordId, before: StateHeader | null, after: StateHeader): void {
    if (after.expiresAtMs === 0 || after.kind !== StateKind.live || this.#mine?.[shard] !== 1) return;
    const mayHaveNote =
      before !== null && before.kind === StateKind.live && before.expiresAtMs !== 0 && !before.remembers;
    // The note that it has comes sooner, and leads to the next one.
    if (mayHaveNote && before.expiresAtMs <= after.expiresAtMs && bucketOf(before.expiresAtMs) > this.#passed) return;
    this.note(shard, id, after.expiresAtMs + (after.remembers ? limits.requestReachMs : 0));
  }

  /** What is due already becomes due with the next bucket; what lies too far ahead is not noted. `poll` comes first. */
  note(shard: number, id: RecordId, expiresAtMs: number): void {
    const number = Math.max(bucketOf(expiresAtMs), this.#passed + 1);
    if (number > this.#passed + limits.expiryHorizonMs / limits.expiryBucketMs) return;
    let bucket = this.#buckets.get(number);
    if (bucket === undefined) {
      bucket = { chunks: [], notes: 0 };
      this.#buckets.set(number, bucket);
      if (number < this.#earliest) this.#earliest = number;
    }
    let chunk = bucket.chunks.at(-1);
    if (chunk === undefined || chunk.to + NOTE_BYTES > chunk.bytes.length) {
      const next = this.#makeRoom(number);
      if (next === null) {
        this.dropped++;
        return;
      }
      bucket.chunks.push(next);
      chunk = next;
    }
    chunk.bytes[chunk.to] = shard >>> 8;
    chunk.bytes[chunk.to + 1] = shard;
    chunk.to = writeLatin1(chunk.bytes, chunk.to + 2, id);
    bucket.notes++;
  }

  /** Moves on to this time of the wall clock; how many notes are due and not taken. */
  poll(nowMs: number): number {
    const passed = bucketOf(nowMs - limits.expiryGraceMs) - 1;
    // After a clock that was set back, what is noted still becomes due at its time.
    this.#passed = passed;
    while (this.#earliest <= passed) {
      const bucket = this.#buckets.get(this.#earliest);
      if (bucket !== undefined) {
        this.#due.push(...bucket.chunks);
        this.#dueNotes += bucket.notes;
        this.#buckets.delete(this.#earliest);
      }
      this.#findEarliest();
    }
    return this.#dueNotes;
  }

  /** Takes up to `most` of what is due. */
  take(most: number): ExpiryNote[] {
    const taken: ExpiryNote[] = [];
    let chunk = this.#due[0];
    while (chunk !== undefined && taken.length < most) {
      if (chunk.from >= chunk.to) {
        this.#chunks.give(chunk);
        this.#due.shift();
        chunk = this.#due[0];
        continue;
      }
      const { bytes, from } = chunk;
      const shard = ((bytes[from] ?? 0) << 8) | (bytes[from + 1] ?? 0);
      taken.push({ shard, id: bytes.toString('latin1', from + 2, from + NOTE_BYTES) });
      chunk.from += NOTE_BYTES;
    }
    this.#dueNotes -= taken.length;
    return taken;
  }

  /** Room for a note of this bucket, at the cost of what expires last if that is later. */
  #makeRoom(number: number): NoteChunk | null {
    const chunk = this.#chunks.take();
    if (chunk !== null) return chunk;
    let last = number;
    for (const [other, { notes }] of this.#buckets) if (other > last && notes > 0) last = other;
    if (last === number) return null;
    this.dropped += this.#buckets.get(last)?.notes ?? 0;
    this.#remove(last);
    return this.#chunks.take();
  }

  #remove(number: number): void {
    for (const chunk of this.#buckets.get(number)?.chunks ?? []) this.#chunks.give(chunk);
    this.#buckets.delete(number);
    if (number === this.#earliest) this.#findEarliest();
  }

  #findEarliest(): void {
    this.#earliest = Number.POSITIVE_INFINITY;
    for (const number of this.#buckets.keys()) if (number < this.#earliest) this.#earliest = number;
  }
}

function bucketOf(wallMs: number): number {
  return Math.floor(wallMs / limits.expiryBucketMs);
}

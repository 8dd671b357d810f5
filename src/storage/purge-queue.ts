import { limits } from '../base/limits.ts';
import type { Ballot } from '../record/ballot.ts';
import { BALLOT_BYTES, readBallot, readU64, writeBallot, writeLatin1 } from '../record/bytes.ts';
import { ID_BYTES } from '../record/record-id.ts';
import type { RecordId } from '../record/state.ts';
import type { AcceptedRecord } from '../rpc/sweep-messages.ts';
import { type NoteChunk, NoteChunks } from './note-chunks.ts';

/* note := ballot:12 id:16 */
const NOTE_BYTES = BALLOT_BYTES + ID_BYTES;

/** Of one shard, oldest first. */
interface ShardNotes {
  /** What they rest on, as in `note`. */
  readonly shardEpoch: number;
  readonly losses: number;
  readonly chunks: NoteChunk[];
  notes: number;
}

/**
 * Tombstones of which this node has seen that all N replicas hold them under the same ballot (protocol §6), until they are old
 * enough to be purged: some thirty bytes for each. What is not noted here is found by the sweep.
 *
 * That a replica held the ballot once is enough: its record only goes up from there, unless it loses its disk. Then the shard's
 * epoch is another one, or at least the connection to it broke: what was noted before that counts for nothing.
 */
export class PurgeQueue {
  readonly #chunks: NoteChunks;
  readonly #shards = new Map<number, ShardNotes>();
  #notes = 0;
  /** Notes for which there was no room. */
  dropped = 0;

  constructor(bytesMax: number = limits.purgeNotesBytes) {
    this.#chunks = new NoteChunks(bytesMax);
  }

  /** Tombstones noted. */
  get size(): number {
    return this.#notes;
  }

  /** Shards of which some are noted. */
  get shards(): number {
    return this.#shards.size;
  }

  has(shard: number): boolean {
    return this.#shards.has(shard);
  }

  /** The shards of which some are noted, in the order in which they came. */
  shardNumbers(): IterableIterator<number> {
    return this.#shards.keys();
  }

  /** `losses`: how often one of the shard's nodes was lost before all of them were asked to take the tombstone. */
  note(shard: number, shardEpoch: number, losses: number, id: RecordId, ballot: Ballot): void {
    if (!this.holdsFor(shard, shardEpoch, losses)) this.forget(shard);
    let known = this.#shards.get(shard);
    if (known === undefined) {
      known = { shardEpoch, losses, chunks: [], notes: 0 };
      this.#shards.set(shard, known);
    }
    let chunk = known.chunks.at(-1);
    if (chunk === undefined || chunk.to + NOTE_BYTES > chunk.bytes.length) {
      const next = this.#chunks.take();
      if (next === null) {
        this.dropped++;
        if (known.notes === 0) this.#shards.delete(shard);
        return;
      }
      known.chunks.push(next);
      chunk = next;
    }
    chunk.to = writeLatin1(chunk.bytes, writeBallot(chunk.bytes, chunk.to, ballot), id);
    known.notes++;
    this.#notes++;
  }

  /** Whether what is noted of the shard, if anything is, still counts. */
  holdsFor(shard: number, shardEpoch: number, losses: number): boolean {
    const known = this.#shards.get(shard);
    return known === undefined || (known.shardEpoch === shardEpoch && known.losses === losses);
  }

  /** What is noted of the shard counts for nothing any more. */
  forget(shard: number): void {
    const known = this.#shards.get(shard);
    if (known === undefined) return;
    for (const chunk of known.chunks) this.#chunks.give(chunk);
    this.#notes -= known.notes;
    this.#shards.delete(shard);
  }

  /** Takes up to `most` of the shard's whose ballot is not after `untilUs`, oldest first. */
  take(shard: number, untilUs: number, most: number): AcceptedRecord[] {
    const taken: AcceptedRecord[] = [];
    const known = this.#shards.get(shard);
    if (known === undefined) return taken;
    for (let chunk = known.chunks[0]; chunk !== undefined && taken.length < most; chunk = known.chunks[0]) {
      const { bytes, from } = chunk;
      if (from < chunk.to) {
        if (readU64(bytes, from) > untilUs) break;
        const accepted = readBallot(bytes, from);
        const id = bytes.toString('latin1', from + BALLOT_BYTES, from + NOTE_BYTES);
        chunk.from += NOTE_BYTES;
        known.notes--;
        this.#notes--;
        if (accepted !== null) taken.push({ id, accepted });
      } else {
        this.#chunks.give(chunk);
        known.chunks.shift();
      }
    }
    if (known.notes === 0) this.forget(shard);
    return taken;
  }
}

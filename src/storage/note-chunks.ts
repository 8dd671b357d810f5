import { limits } from '../base/limits.ts';

/** Some notes of one length, packed. */
export interface NoteChunk {
  readonly bytes: Buffer;
  /** Where the first note begins that was not taken, and where the next one is to be written. */
  from: number;
  to: number;
}

/** Memory for notes: chunks of one size, used again and again, up to a bound. Millions of notes cost the garbage collector nothing. */
export class NoteChunks {
  readonly #chunksMax: number;
  readonly #free: NoteChunk[] = [];
  #chunks = 0;

  constructor(bytesMax: number) {
    this.#chunksMax = Math.floor(bytesMax / limits.noteChunkBytes);
  }

  /** Null: all that there may be is in use. */
  take(): NoteChunk | null {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    if (this.#chunks >= this.#chunksMax) return null;
    this.#chunks++;
    // Not from Node's pool: that is made for what lives shortly.
    return { bytes: Buffer.allocUnsafeSlow(limits.noteChunkBytes), from: 0, to: 0 };
  }

  /** Kept for the next one, as long as not most of them lie idle: what a burst has taken is not kept for ever. */
  give(chunk: NoteChunk): void {
    const idle = this.#free.length;
    if (idle > limits.noteChunksIdle && idle > this.#chunks / 2) {
      this.#chunks--;
      return;
    }
    chunk.from = 0;
    chunk.to = 0;
    this.#free.push(chunk);
  }
}

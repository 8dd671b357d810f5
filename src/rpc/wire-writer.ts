import { assert } from '../base/assert.ts';
import type { Ballot } from '../record/ballot.ts';
import { writeBallot, writeLatin1, writeU64 } from '../record/bytes.ts';
import type { SealedState } from '../record/state.ts';
import { writeState } from '../record/state-codec.ts';

/** First size of a buffer, and what one is cut back to after a larger frame. */
const START_BYTES = 16 * 1024;
const KEEP_BYTES = 256 * 1024;

/** A record id or a page id. */
export const ID_BYTES = 16;

export function textLength(text: string): number {
  return 4 + Buffer.byteLength(text);
}

/**
 * Writes fields into one growing buffer, big endian. `reserve` makes room for a whole message; the field methods then
 * write without checking for room. A number out of range throws: a broken invariant of the caller.
 */
export class WireWriter {
  #buffer: Buffer = Buffer.alloc(0);
  offset = 0;
  /** Of the connection that it writes for: a field that came later than the first version is written from its own on. */
  protocolVersion = 1;

  reserve(bytes: number): void {
    const needed = this.offset + bytes;
    if (needed <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#buffer.length, START_BYTES));
    this.#buffer.copy(larger, 0, 0, this.offset);
    this.#buffer = larger;
  }

  /** What was written so far, as a view. */
  written(): Buffer {
    return this.#buffer.subarray(0, this.offset);
  }

  /** Starts over. Unless `reuse`, somebody still holds the view that `written` gave. */
  restart(reuse: boolean): void {
    this.offset = 0;
    if (!reuse || this.#buffer.length > KEEP_BYTES) this.#buffer = Buffer.alloc(0);
  }

  u8(value: number): void {
    this.#buffer.writeUInt8(value, this.offset);
    this.offset += 1;
  }

  flag(value: boolean): void {
    this.u8(value ? 1 : 0);
  }

  u16(value: number): void {
    this.#buffer.writeUInt16BE(value, this.offset);
    this.offset += 2;
  }

  u32(value: number): void {
    this.#buffer.writeUInt32BE(value, this.offset);
    this.offset += 4;
  }

  /** Over what was written at `at` before. */
  patchU32(at: number, value: number): void {
    this.#buffer.writeUInt32BE(value, at);
  }

  /** A safe integer >= 0. */
  u64(value: number): void {
    this.offset = writeU64(this.#buffer, this.offset, value);
  }

  f64(value: number): void {
    this.#buffer.writeDoubleBE(value, this.offset);
    this.offset += 8;
  }

  /** 16 latin1 characters. */
  id(id: string): void {
    assert(id.length === ID_BYTES, 'an id has 16 characters');
    this.offset = writeLatin1(this.#buffer, this.offset, id);
  }

  /** '' is none. */
  optionalId(id: string): void {
    this.flag(id !== '');
    if (id !== '') this.id(id);
  }

  ids(ids: readonly string[]): void {
    this.u32(ids.length);
    for (const id of ids) this.id(id);
  }

  ballot(ballot: Ballot): void {
    this.offset = writeBallot(this.#buffer, this.offset, ballot);
  }

  optionalBallot(ballot: Ballot | null): void {
    this.flag(ballot !== null);
    if (ballot !== null) this.ballot(ballot);
  }

  state(state: SealedState): void {
    this.offset = writeState(this.#buffer, this.offset, state);
  }

  /** Its length (u32), then the bytes. */
  blob(bytes: Buffer): void {
    this.u32(bytes.length);
    this.raw(bytes);
  }

  raw(bytes: Buffer): void {
    bytes.copy(this.#buffer, this.offset);
    this.offset += bytes.length;
  }

  /** Its length in bytes (u32), then UTF-8. */
  text(text: string): void {
    const bytes = this.#buffer.write(text, this.offset + 4, 'utf8');
    this.#buffer.writeUInt32BE(bytes, this.offset);
    this.offset += 4 + bytes;
  }
}

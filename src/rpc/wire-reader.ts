import { type Ballot, NO_BALLOT } from '../record/ballot.ts';
import { BALLOT_BYTES, readBallot, readU64 } from '../record/bytes.ts';
import type { SealedState } from '../record/state.ts';
import { readState } from '../record/state-codec.ts';
import { ID_BYTES } from './wire-writer.ts';

const EMPTY = Buffer.alloc(0);

/**
 * Reads fields from bytes that nobody vouches for. Reading past the end, or a value that does not exist, sets `failed`
 * and gives a harmless value: decoders look once, at the end. Nothing is allocated by an announced length alone.
 * Buffers are views: who keeps one for long copies it, or it keeps all that arrived with it.
 */
export class WireReader {
  #buffer: Buffer = EMPTY;
  #offset = 0;
  #end = 0;
  failed = false;
  /** Of the connection that the bytes came by: a field that came later than the first version is there from its own on. */
  protocolVersion = 1;

  /** Next read is at `offset`, last at `end` - 1; both within the buffer. */
  reset(buffer: Buffer, offset: number, end: number): void {
    this.#buffer = buffer;
    this.#offset = offset;
    this.#end = end;
    this.failed = false;
  }

  /** Lets the buffer go. */
  release(): void {
    this.#buffer = EMPTY;
    this.#offset = 0;
    this.#end = 0;
  }

  /** All was read, and all of it made sense. */
  complete(): boolean {
    return !this.failed && this.#offset === this.#end;
  }

  remaining(): number {
    return this.#end - this.#offset;
  }

  fail(): void {
    this.failed = true;
    this.#offset = this.#end;
  }

  /** Where the next `bytes` bytes start, or -1. */
  #take(bytes: number): number {
    const at = this.#offset;
    if (bytes > this.#end - at) {
      this.fail();
      return -1;
    }
    this.#offset = at + bytes;
    return at;
  }

  u8(): number {
    const at = this.#take(1);
    return at < 0 ? 0 : this.#buffer.readUInt8(at);
  }

  flag(): boolean {
    const value = this.u8();
    if (value > 1) this.fail();
    return value === 1;
  }

  u16(): number {
    const at = this.#take(2);
    return at < 0 ? 0 : this.#buffer.readUInt16BE(at);
  }

  u32(): number {
    const at = this.#take(4);
    return at < 0 ? 0 : this.#buffer.readUInt32BE(at);
  }

  u64(): number {
    const at = this.#take(8);
    if (at < 0) return 0;
    const value = readU64(this.#buffer, at);
    if (value >= 0) return value;
    this.fail();
    return 0;
  }

  /** Finite and not negative. */
  f64(): number {
    const at = this.#take(8);
    if (at < 0) return 0;
    const value = this.#buffer.readDoubleBE(at);
    if (value >= 0 && value < Number.POSITIVE_INFINITY) return value;
    this.fail();
    return 0;
  }

  id(): string {
    const at = this.#take(ID_BYTES);
    return at < 0 ? '' : this.#buffer.toString('latin1', at, at + ID_BYTES);
  }

  /** '' if there is none. */
  optionalId(): string {
    return this.flag() ? this.id() : '';
  }

  ballot(): Ballot {
    const at = this.#take(BALLOT_BYTES);
    const ballot = at < 0 ? null : readBallot(this.#buffer, at);
    if (ballot !== null) return ballot;
    this.fail();
    return NO_BALLOT;
  }

  optionalBallot(): Ballot | null {
    return this.flag() ? this.ballot() : null;
  }

  state(): SealedState | null {
    if (this.failed) return null;
    const read = readState(this.#buffer, this.#offset);
    // It may have looked past the end of this message, into the next one.
    if (read === null || read.next > this.#end) {
      this.fail();
      return null;
    }
    this.#offset = read.next;
    return read.state;
  }

  blob(): Buffer {
    const length = this.u32();
    const at = this.#take(length);
    return at < 0 ? EMPTY : this.#buffer.subarray(at, at + length);
  }

  text(): string {
    const length = this.u32();
    const at = this.#take(length);
    return at < 0 ? '' : this.#buffer.toString('utf8', at, at + length);
  }

  /** How many items follow, each of at least `itemBytes` bytes; 0 and failed if so many cannot be there. */
  count(itemBytes: number): number {
    const count = this.u32();
    if (count * itemBytes <= this.remaining()) return count;
    this.fail();
    return 0;
  }

  ids(): string[] {
    const count = this.count(ID_BYTES);
    const ids: string[] = [];
    for (let i = 0; i < count; i++) ids.push(this.id());
    return ids;
  }
}

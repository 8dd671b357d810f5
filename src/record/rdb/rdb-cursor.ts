import { decompressLzf } from './lzf.ts';

const EMPTY = Buffer.alloc(0);
const SIX_BITS = 63;

/** How a string is kept that is no plain bytes: Redis's RDB_ENC_ constants. */
export const StringEncoding = { int8: 0, int16: 1, int32: 2, lzf: 3 } as const;

/**
 * Reads what Redis's rdbSave functions write. Bytes that are not there, or are not what they should be, set `isBad`, after
 * which everything read is empty or zero: so only loops need to look at it.
 */
export class RdbCursor {
  readonly bytes: Buffer;
  at: number;
  readonly end: number;
  isBad = false;
  /** Of the last `length()`: it was the number of an encoding instead. */
  isEncoding = false;
  /** Bytes that decompressed strings may still take; below zero the value is too large, and bad. */
  roomBytes: number;

  constructor(bytes: Buffer, from: number, to: number, roomBytes: number) {
    this.bytes = bytes;
    this.at = from;
    this.end = to;
    this.roomBytes = roomBytes;
  }

  get isAtEnd(): boolean {
    return this.at >= this.end;
  }

  byte(): number {
    const start = this.skip(1);
    return this.isBad ? 0 : (this.bytes[start] ?? 0);
  }

  /** Returns where they began. */
  skip(count: number): number {
    const start = this.at;
    if (this.isBad || count > this.end - start) {
      this.isBad = true;
      return start;
    }
    this.at = start + count;
    return start;
  }

  take(count: number): Buffer {
    const start = this.skip(count);
    return this.isBad ? EMPTY : this.bytes.subarray(start, this.at);
  }

  /** A length; or, where `isEncoding` is set, the number of an encoding. */
  length(): number {
    const first = this.byte();
    this.isEncoding = false;
    switch (first >> 6) {
      case 0:
        return first & SIX_BITS;
      case 1:
        return ((first & SIX_BITS) << 8) | this.byte();
      case 3:
        this.isEncoding = true;
        return first & SIX_BITS;
      default:
    }
    if (first === 0x80) {
      const start = this.skip(4);
      return this.isBad ? 0 : this.bytes.readUInt32BE(start);
    }
    if (first !== 0x81) this.isBad = true;
    const start = this.skip(8);
    if (this.isBad) return 0;
    return this.bytes.readUInt32BE(start) * 2 ** 32 + this.bytes.readUInt32BE(start + 4);
  }

  /** A length that must be one. */
  count(): number {
    const count = this.length();
    if (this.isEncoding) this.isBad = true;
    return this.isBad ? 0 : count;
  }

  /** A string in any of its encodings; plain bytes are a view. */
  string(): Buffer {
    const length = this.length();
    if (!this.isEncoding) return this.take(length);
    switch (length) {
      case StringEncoding.int8:
        return this.#text(1);
      case StringEncoding.int16:
        return this.#text(2);
      case StringEncoding.int32:
        return this.#text(4);
      case StringEncoding.lzf:
        return this.#compressed();
      default:
        this.isBad = true;
        return EMPTY;
    }
  }

  #text(count: number): Buffer {
    const start = this.skip(count);
    return this.isBad ? EMPTY : Buffer.from(String(this.bytes.readIntLE(start, count)), 'latin1');
  }

  #compressed(): Buffer {
    const stored = this.count();
    const length = this.count();
    const bytes = this.take(stored);
    this.roomBytes -= length;
    const plain = this.isBad || this.roomBytes < 0 ? null : decompressLzf(bytes, length);
    if (plain === null) this.isBad = true;
    return plain ?? EMPTY;
  }
}

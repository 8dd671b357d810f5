import { compressLzf } from './lzf.ts';
import { StringEncoding } from './rdb-cursor.ts';

const FIRST_BYTES = 256;
const LONGEST_INTEGER = 11;
/** Redis does not try to compress shorter strings. */
const COMPRESS_FROM = 21;
/** Compressing takes some ten milliseconds for so many bytes: what is longer is left as it is. */
const COMPRESS_UP_TO = 1_048_576;
const INTEGER = /^(?:0|-?[1-9]\d*)$/;
const ENCODED = 0xc0;

/** Writes what Redis's rdbSave functions write, into a buffer that grows. */
export class RdbWriter {
  #bytes: Buffer;
  #length = 0;

  constructor(expectedBytes = FIRST_BYTES) {
    this.#bytes = Buffer.allocUnsafe(Math.max(FIRST_BYTES, expectedBytes));
  }

  get length(): number {
    return this.#length;
  }

  /** What has been written; the writer must not be used any more. */
  finish(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  byte(value: number): void {
    const at = this.#grow(1);
    this.#bytes[at] = value;
  }

  bytes(bytes: Buffer): void {
    const at = this.#grow(bytes.length);
    this.#bytes.set(bytes, at);
  }

  uint16LE(value: number): void {
    const at = this.#grow(2);
    this.#bytes.writeUInt16LE(value, at);
  }

  /** Of at most 2^53 - 1. */
  uint64LE(value: number): void {
    const at = this.#grow(8);
    this.#bytes.writeUInt32LE(value % 2 ** 32, at);
    this.#bytes.writeUInt32LE(Math.floor(value / 2 ** 32), at + 4);
  }

  double(value: number): void {
    const at = this.#grow(8);
    this.#bytes.writeDoubleLE(value, at);
  }

  /** A length, a count or a number. */
  count(value: number): void {
    if (value < 1 << 6) {
      this.byte(value);
    } else if (value < 1 << 14) {
      this.byte((value >> 8) | 0x40);
      this.byte(value & 255);
    } else if (value < 2 ** 32) {
      this.byte(0x80);
      const at = this.#grow(4);
      this.#bytes.writeUInt32BE(value, at);
    } else {
      this.byte(0x81);
      const at = this.#grow(8);
      this.#bytes.writeUInt32BE(Math.floor(value / 2 ** 32), at);
      this.#bytes.writeUInt32BE(value % 2 ** 32, at + 4);
    }
  }

  /** A string as Redis writes it: as a small integer, compressed, or as it is. */
  string(bytes: Buffer, start = 0, end = bytes.length): void {
    const length = end - start;
    if (length <= LONGEST_INTEGER && this.#integer(bytes, start, end)) return;
    if (length >= COMPRESS_FROM && length <= COMPRESS_UP_TO) {
      const compressed = compressLzf(bytes.subarray(start, end));
      if (compressed !== null) {
        this.byte(ENCODED | StringEncoding.lzf);
        this.count(compressed.length);
        this.count(length);
        this.bytes(compressed);
        return;
      }
    }
    this.plain(bytes, start, end);
  }

  /** A string as it is. */
  plain(bytes: Buffer, start = 0, end = bytes.length): void {
    this.count(end - start);
    const at = this.#grow(end - start);
    bytes.copy(this.#bytes, at, start, end);
  }

  #integer(bytes: Buffer, start: number, end: number): boolean {
    const first = bytes[start] ?? 0;
    // A digit or a minus.
    if (first !== 45 && (first < 48 || first > 57)) return false;
    const text = bytes.toString('latin1', start, end);
    if (!INTEGER.test(text)) return false;
    const value = Number(text);
    if (value < -(2 ** 31) || value >= 2 ** 31) return false;
    const isByte = value >= -128 && value < 128;
    const isWord = value >= -32_768 && value < 32_768;
    const width = isByte ? 1 : isWord ? 2 : 4;
    const { int8, int16, int32 } = StringEncoding;
    this.byte(ENCODED | (isByte ? int8 : isWord ? int16 : int32));
    const at = this.#grow(width);
    this.#bytes.writeIntLE(value, at, width);
    return true;
  }

  /** Makes room for so many bytes; returns where they go. */
  #grow(count: number): number {
    const at = this.#length;
    this.#length += count;
    if (this.#length > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#length, 2 * this.#bytes.length));
      this.#bytes.copy(larger, 0, 0, at);
      this.#bytes = larger;
    }
    return at;
  }
}

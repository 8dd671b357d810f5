import { limits } from '../../base/limits.ts';
import { Crc64 } from './crc64.ts';
import { StringEncoding } from './rdb-cursor.ts';

const FIRST_BYTES = 65_536;
/** The longest length. Each is followed by at least the end mark and the checksum, so as many bytes can be waited for. */
const LENGTH_BYTES = 9;
const SIX_BITS = 63;

/** Why a stream is not an RDB that can be read. Caught by `RdbStream`. */
export class BadRdb extends Error {
  override readonly name = 'BadRdb';
}

/** What a generator yields that waits for more bytes. */
export type Waiting = Generator<null, void>;

/**
 * The bytes of an RDB stream as they come. Its generators yield null when they need more bytes: push them, and go on. What is
 * between `mark` and `at` stays where it is, so that views of it hold; older bytes are dropped.
 */
export class RdbFeed {
  bytes: Buffer = Buffer.alloc(0);
  at = 0;
  /** Of the last `length()`. */
  value = 0;
  isEncoding = false;
  #end = 0;
  #mark = 0;
  #droppedBytes = 0;
  #isEnded = false;
  readonly #crc = new Crc64();

  /** Bytes from the stream's beginning to `at`. */
  get position(): number {
    return this.#droppedBytes + this.at;
  }

  get mark(): number {
    return this.#mark;
  }

  get available(): number {
    return this.#end - this.at;
  }

  push(chunk: Buffer): void {
    if (this.#end + chunk.length > this.bytes.length) this.#makeRoom(chunk.length);
    this.bytes.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  /** No more bytes will come. */
  finish(): void {
    this.#isEnded = true;
  }

  /** What is before `at` is needed no more. */
  release(): void {
    this.#crc.update(this.bytes, this.#mark, this.at);
    this.#mark = this.at;
  }

  /** Whether the eight bytes at `at` are the checksum of all bytes before them. */
  hasChecksum(): boolean {
    this.release();
    return this.#crc.isAt(this.bytes, this.at);
  }

  /** What was pushed and not read. */
  rest(): Buffer {
    return this.bytes.subarray(this.at, this.#end);
  }

  *need(count: number): Waiting {
    if (count > limits.maxStringBytes) throw new BadRdb(`a string of ${count} bytes`);
    while (this.#end - this.at < count) {
      if (this.#isEnded) throw new BadRdb('it ends before its end');
      yield null;
    }
  }

  *skip(count: number): Waiting {
    if (this.available < count) yield* this.need(count);
    this.at += count;
  }

  *byte(): Generator<null, number> {
    if (this.available < 1) yield* this.need(1);
    return this.bytes[this.at++] ?? 0;
  }

  /** Puts a length, or an encoding's number, into `value`. */
  *length(): Waiting {
    if (this.available < LENGTH_BYTES) yield* this.need(LENGTH_BYTES);
    this.#readLength();
  }

  *count(): Generator<null, number> {
    if (this.available < LENGTH_BYTES) yield* this.need(LENGTH_BYTES);
    this.#readLength();
    if (this.isEncoding) throw new BadRdb('an encoding in the place of a count');
    return this.value;
  }

  /** Goes over a string. */
  *string(): Waiting {
    if (this.available < LENGTH_BYTES) yield* this.need(LENGTH_BYTES);
    this.#readLength();
    let count = this.value;
    if (this.isEncoding) {
      if (count === StringEncoding.lzf) {
        count = yield* this.count();
        yield* this.count();
      } else if (count <= StringEncoding.int32) {
        count = 1 << count;
      } else {
        throw new BadRdb('an unknown encoding of a string');
      }
    }
    if (this.available < count) yield* this.need(count);
    this.at += count;
  }

  #readLength(): void {
    const { bytes } = this;
    const first = bytes[this.at++] ?? 0;
    this.isEncoding = false;
    this.value = first & SIX_BITS;
    switch (first >> 6) {
      case 0:
        return;
      case 1:
        this.value = (this.value << 8) | (bytes[this.at++] ?? 0);
        return;
      case 3:
        this.isEncoding = true;
        return;
      default:
    }
    if (first === 0x80) {
      this.value = bytes.readUInt32BE(this.at);
      this.at += 4;
    } else if (first === 0x81) {
      this.value = bytes.readUInt32BE(this.at) * 2 ** 32 + bytes.readUInt32BE(this.at + 4);
      this.at += 8;
    } else {
      throw new BadRdb('an unknown form of a length');
    }
  }

  /** Moves what is still needed into a buffer of its own: views of the old one stay as they are. */
  #makeRoom(added: number): void {
    const kept = this.#end - this.#mark;
    const larger = Buffer.allocUnsafeSlow(Math.max(FIRST_BYTES, 2 * (kept + added)));
    this.bytes.copy(larger, 0, this.#mark, this.#end);
    this.#droppedBytes += this.#mark;
    this.at -= this.#mark;
    this.#end = kept;
    this.#mark = 0;
    this.bytes = larger;
  }
}

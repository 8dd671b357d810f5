import { ByteGatherer } from './byte-gatherer.ts';
import type { NameCache } from './name-cache.ts';

export const CR = 13;
export const LF = 10;
const ZERO = 48;
/** More digits than any length that the fast path takes on. */
const FAST_DIGITS = 10;

const EMPTY = Buffer.alloc(0);
/** So much is counted for each chunk that waits, beside its bytes. */
const CHUNK_OVERHEAD_BYTES = 128;

/**
 * Bytes of a RESP stream as they arrive in chunks, read as lines and bulk strings. Each method gives null until it can give
 * the whole, and is then called again, with the same arguments, after more has been pushed. A line or bulk string that
 * lies in one chunk is a view of it; one that does not is gathered into memory of its own. No byte is looked at twice.
 */
export class ByteInput {
  /** Set when a line is longer than allowed: the stream is of no use any more. */
  lineTooLong = false;
  private chunk: Buffer = EMPTY;
  private at = 0;
  private readonly waiting: Buffer[] = [];
  private waitingBytes = 0;
  /** The start of a line or bulk string whose rest has not arrived. */
  private readonly gathered = new ByteGatherer();
  /** A line or bulk string that is complete but for its line end, of which `endMissing` bytes are to come. */
  private body: Buffer | null = null;
  private endMissing = 0;

  /** Memory held, in bytes: what has not been read, and the part of a line or bulk string. */
  get heldBytes(): number {
    const unread = this.chunk.length - this.at + this.waitingBytes + this.waiting.length * CHUNK_OVERHEAD_BYTES;
    return unread + this.gathered.heldBytes + (this.body === null ? 0 : this.body.length);
  }

  /** True while a line or bulk string is half read. */
  get isPartial(): boolean {
    return this.gathered.length > 0 || this.body !== null;
  }

  /** Keeps a reference to `chunk`, which must not change from now on. */
  push(chunk: Buffer): void {
    if (chunk.length === 0) return;
    if (this.at === this.chunk.length && this.waiting.length === 0) {
      this.chunk = chunk;
      this.at = 0;
    } else {
      this.waiting.push(chunk);
      this.waitingBytes += chunk.length;
    }
  }

  /** Forgets everything. */
  clear(): void {
    this.chunk = EMPTY;
    this.at = 0;
    this.waiting.length = 0;
    this.waitingBytes = 0;
    this.gathered.clear();
    this.body = null;
    this.endMissing = 0;
  }

  /** The next byte, without reading it; -1 when there is none. Only between lines and bulk strings. */
  peek(): number {
    if (this.at === this.chunk.length && !this.nextChunk()) return -1;
    return this.chunk[this.at] as number;
  }

  /**
   * The number of a line such as "$12\r\n" whose first byte has been peeked at, when it is whole in this chunk and plainly
   * written. Otherwise -1, nothing has been read, and takeLine gives the line.
   */
  takeHeader(): number {
    const chunk = this.chunk;
    const first = this.at + 1;
    const last = Math.min(first + FAST_DIGITS, chunk.length - 1);
    let value = 0;
    for (let at = first; at < last; at++) {
      const byte = chunk[at] as number;
      if (byte === CR) {
        if (at === first || (chunk[first] === ZERO && at > first + 1)) return -1;
        this.at = at + 2;
        return value;
      }
      const digit = byte - ZERO;
      if (digit < 0 || digit > 9) return -1;
      value = value * 10 + digit;
    }
    return -1;
  }

  /**
   * A line up to the first `terminator` (CR or LF), without it. After a CR one more byte is read, whatever it is: Redis does
   * not look at it either. Sets `lineTooLong` when there is no terminator in the first `maxBytes` + 1 bytes.
   */
  takeLine(terminator: typeof CR | typeof LF, maxBytes: number): Buffer | null {
    if (this.body === null && !this.gatherLine(terminator, maxBytes)) return null;
    return this.takeBody();
  }

  /** As takeBulk, for a command's name: shared with other requests, so it must not be changed. */
  takeName(length: number, names: NameCache): Buffer | null {
    const start = this.at;
    if (this.chunk.length - start < length + 2 || this.isPartial) return this.takeBulk(length);
    this.at = start + length + 2;
    return names.find(this.chunk, start, start + length);
  }

  /** A bulk string of `length` bytes and the two bytes after it, whatever they are: Redis does not look at them either. */
  takeBulk(length: number): Buffer | null {
    const start = this.at;
    if (this.chunk.length - start >= length + 2 && !this.isPartial) {
      this.at = start + length + 2;
      return this.chunk.subarray(start, start + length);
    }
    if (this.body === null && !this.gatherBulk(length)) return null;
    return this.takeBody();
  }

  private gatherLine(terminator: number, maxBytes: number): boolean {
    for (;;) {
      if (this.at === this.chunk.length && !this.nextChunk()) return false;
      const found = this.chunk.indexOf(terminator, this.at);
      const end = found < 0 ? this.chunk.length : found;
      if (this.gathered.length + end - this.at > maxBytes) {
        this.lineTooLong = true;
        return false;
      }
      if (found >= 0 && this.gathered.length === 0) {
        this.body = this.chunk.subarray(this.at, end);
      } else {
        this.gathered.append(this.chunk, this.at, end);
        if (found >= 0) this.body = this.gathered.take();
      }
      this.at = found < 0 ? end : end + 1;
      if (found >= 0) {
        this.endMissing = terminator === CR ? 1 : 0;
        return true;
      }
    }
  }

  private gatherBulk(length: number): boolean {
    for (;;) {
      const size = Math.min(length - this.gathered.length, this.chunk.length - this.at);
      this.gathered.append(this.chunk, this.at, this.at + size);
      this.at += size;
      if (this.gathered.length === length) {
        this.body = this.gathered.take();
        this.endMissing = 2;
        return true;
      }
      if (!this.nextChunk()) return false;
    }
  }

  /** Gives the body once its line end has arrived. */
  private takeBody(): Buffer | null {
    while (this.endMissing > 0) {
      if (this.at === this.chunk.length && !this.nextChunk()) return null;
      const size = Math.min(this.endMissing, this.chunk.length - this.at);
      this.at += size;
      this.endMissing -= size;
    }
    const body = this.body;
    this.body = null;
    return body;
  }

  private nextChunk(): boolean {
    const next = this.waiting.shift();
    if (next === undefined) {
      // The last chunk must not be kept alive by an idle connection.
      this.chunk = EMPTY;
      this.at = 0;
      return false;
    }
    this.waitingBytes -= next.length;
    this.chunk = next;
    this.at = 0;
    return true;
  }
}

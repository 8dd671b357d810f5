const FIRST_BYTES = 16_384;
/** A buffer that has grown beyond this is let go once it has been sent. */
const KEPT_BYTES = 262_144;
/** Shorter pieces are copied faster byte by byte than by a call. */
const LOOP_BYTES = 48;
const ZERO = 0x30;
const CR = 0x0d;
const LF = 0x0a;

/** Bytes of requests on their way to a socket, gathered without an allocation each. */
export class RequestBuffer {
  #bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  append(piece: Uint8Array): void {
    const { length } = piece;
    this.#reserve(length);
    const at = this.#length;
    if (length <= LOOP_BYTES) {
      const bytes = this.#bytes;
      for (let i = 0; i < length; i++) bytes[at + i] = piece[i] ?? 0;
    } else {
      this.#bytes.set(piece, at);
    }
    this.#length = at + length;
  }

  /** `length` bytes of `source` from `start`. */
  appendPart(source: Buffer, start: number, length: number): void {
    this.#reserve(length);
    source.copy(this.#bytes, this.#length, start, start + length);
    this.#length += length;
  }

  /** `value` in decimal, padded with zeros to at least `digits`, then CR LF. */
  appendNumberLine(value: number, digits: number): void {
    let width = 1;
    for (let rest = value; rest >= 10; rest = Math.floor(rest / 10)) width++;
    if (width < digits) width = digits;
    this.#reserve(width + 2);
    const bytes = this.#bytes;
    const end = this.#length + width;
    let rest = value;
    for (let at = end - 1; at >= this.#length; at--) {
      const next = Math.floor(rest / 10);
      bytes[at] = ZERO + (rest - next * 10);
      rest = next;
    }
    bytes[end] = CR;
    bytes[end + 1] = LF;
    this.#length = end + 2;
  }

  /** What was gathered, as bytes of its own; the buffer is empty again. */
  take(): Buffer {
    const bytes = this.#bytes;
    if (bytes.length > KEPT_BYTES) {
      const all = bytes.subarray(0, this.#length);
      this.#bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
      this.#length = 0;
      return all;
    }
    const copy = Buffer.from(bytes.subarray(0, this.#length));
    this.#length = 0;
    return copy;
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#bytes.length));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }
}

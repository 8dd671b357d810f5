const NEWLINE = 0x0a;
const MINUS = 0x2d;
const ZERO = 0x30;
const NINE = 0x39;
const BULK = 0x24;
const ARRAY = 0x2a;
const INTEGER = 0x3a;
const ERROR = 0x2d;

/** Counts RESP2 replies in a stream of bytes, and what is wrong with them, without building them. */
export class ReplyCounter {
  /** Error replies, also within an array. */
  errors = 0;
  /** Keys that were not there: null bulks. */
  nulls = 0;
  /** Integer replies of 0: a WAIT that no replica answered. */
  zeros = 0;
  /** The first error reply's first bytes, for messages. */
  firstError = '';
  /** 0 between replies, else the type byte of the line that has begun. */
  #type = 0;
  #number = 0;
  #isNegative = false;
  #skip = 0;
  /** Items of the current array that are still to come. */
  #items = 0;

  /** Takes the next bytes; returns how many replies ended in them. */
  push(chunk: Buffer): number {
    let ended = 0;
    let at = 0;
    while (at < chunk.length) {
      if (this.#skip > 0) {
        const taken = Math.min(this.#skip, chunk.length - at);
        this.#skip -= taken;
        at += taken;
        if (this.#skip === 0) ended += this.#itemEnded();
      } else if (this.#type === 0) {
        this.#type = chunk[at] ?? 0;
        this.#number = 0;
        this.#isNegative = false;
        if (this.#type === ERROR && this.firstError === '') {
          this.firstError = chunk.toString('latin1', at, at + 100).split('\r')[0] ?? '';
        }
        at += 1;
      } else {
        at = this.#takeLine(chunk, at);
        if (chunk[at - 1] === NEWLINE) ended += this.#lineEnded();
      }
    }
    return ended;
  }

  /** Reads up to and with the end of the line, or as far as there is. */
  #takeLine(chunk: Buffer, from: number): number {
    const isCounted = this.#type === BULK || this.#type === ARRAY || this.#type === INTEGER;
    if (!isCounted) {
      const end = chunk.indexOf(NEWLINE, from);
      return end < 0 ? chunk.length : end + 1;
    }
    let at = from;
    for (; at < chunk.length; at++) {
      const byte = chunk[at] ?? 0;
      if (byte >= ZERO && byte <= NINE) this.#number = this.#number * 10 + (byte - ZERO);
      else if (byte === MINUS) this.#isNegative = true;
      else if (byte === NEWLINE) return at + 1;
    }
    return at;
  }

  #lineEnded(): number {
    const type = this.#type;
    this.#type = 0;
    if (type === BULK && !this.#isNegative) {
      this.#skip = this.#number + 2;
      return 0;
    }
    if (type === ARRAY && !this.#isNegative && this.#number > 0) {
      // An array within an array ends with its last item; no reply of the loads has one.
      this.#items += this.#number;
      return 0;
    }
    if (type === ERROR) this.errors += 1;
    else if (type === BULK) this.nulls += 1;
    else if (type === INTEGER && this.#number === 0) this.zeros += 1;
    return this.#itemEnded();
  }

  #itemEnded(): number {
    if (this.#items === 0) return 1;
    this.#items -= 1;
    return this.#items === 0 ? 1 : 0;
  }
}

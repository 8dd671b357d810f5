/** What a reply was: a value, no value (nil), or an error. */
export type ReplyKind = 'value' | 'nil' | 'error';

const CR = 0x0d;
const LF = 0x0a;
const PLUS = 0x2b;
const MINUS = 0x2d;
const COLON = 0x3a;
const DOLLAR = 0x24;
const STAR = 0x2a;
const UNDERSCORE = 0x5f;
const COMMA = 0x2c;
const HASH = 0x23;
const EXCLAMATION = 0x21;
const EQUALS = 0x3d;
const PARENTHESIS = 0x28;
const PERCENT = 0x25;
const TILDE = 0x7e;
const ZERO = 0x30;
/** Of a line that came in pieces; enough for any number and for an error's first words. */
const KEPT_LINE_BYTES = 256;
const MAX_DEPTH_VALUES = 2 ** 40;

/**
 * Finds where replies end (RESP2 and the aggregates of RESP3) and which of them are errors, and looks at nothing else: far
 * cheaper than decoding, and a long value is never gathered.
 */
export class ReplyFramer {
  readonly #replied: (kind: ReplyKind, errorText: string) => void;
  /** Values still missing from the reply that has begun; 0 between replies. */
  #missing = 0;
  /** Bytes of a bulk string, with its CR LF, still to pass. */
  #skip = 0;
  #line = '';
  #kind: ReplyKind = 'value';
  #errorText = '';
  #failure: string | null = null;

  /** `replied` is called for each whole reply; `errorText` is '' unless it is an error. */
  constructor(replied: (kind: ReplyKind, errorText: string) => void) {
    this.#replied = replied;
  }

  /** Why the stream is not RESP; null while it is. After that nothing more is understood. */
  get failure(): string | null {
    return this.#failure;
  }

  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length && this.#failure === null) {
      if (this.#skip > 0) {
        const passed = Math.min(this.#skip, chunk.length - at);
        this.#skip -= passed;
        at += passed;
        if (this.#skip === 0) this.#valueDone();
        continue;
      }
      const end = chunk.indexOf(LF, at);
      if (end < 0) {
        this.#keep(chunk, at, chunk.length);
        return;
      }
      if (this.#line === '') {
        this.#takeLine(chunk, at, end);
      } else {
        this.#keep(chunk, at, end);
        const line = Buffer.from(`${this.#line}\n`, 'latin1');
        this.#line = '';
        this.#takeLine(line, 0, line.length - 1);
      }
      at = end + 1;
    }
  }

  /** Adds to a line that comes in pieces; of a long one only the start and the last byte, a CR if all is well. */
  #keep(chunk: Buffer, start: number, end: number): void {
    if (start === end) return;
    const isLong = this.#line.length + end - start > KEPT_LINE_BYTES;
    const text = this.#line + chunk.toString('latin1', start, Math.min(end, start + KEPT_LINE_BYTES));
    this.#line = isLong ? text.slice(0, KEPT_LINE_BYTES) + chunk.toString('latin1', end - 1, end) : text;
  }

  /** A line of `bytes` from `start` up to its LF at `end`. */
  #takeLine(bytes: Buffer, start: number, end: number): void {
    if (end - start < 2 || bytes[end - 1] !== CR) {
      this.#fail('a line that does not end in CR LF');
      return;
    }
    switch (bytes[start]) {
      case PLUS:
      case COLON:
      case COMMA:
      case HASH:
      case PARENTHESIS:
        this.#valueDone();
        break;
      case MINUS:
        this.#error(bytes.toString('latin1', start + 1, Math.min(end - 1, start + KEPT_LINE_BYTES)));
        break;
      case UNDERSCORE:
        this.#nil();
        break;
      case DOLLAR:
      case EQUALS:
      case EXCLAMATION:
      case STAR:
      case TILDE:
      case PERCENT:
        this.#takeLength(bytes[start] ?? 0, numberIn(bytes, start + 1, end - 1));
        break;
      default:
        this.#fail(`a reply that begins with byte ${bytes[start]}`);
    }
  }

  #takeLength(type: number, length: number | null): void {
    if (length === null) this.#fail('a length that is not a number');
    else if (length === -1) this.#nil();
    else if (type === STAR || type === TILDE) this.#open(length);
    else if (type === PERCENT) this.#open(2 * length);
    else {
      if (type === EXCLAMATION) this.#begin('error', 'BULKERROR');
      this.#skip = length + 2;
    }
  }

  /** An aggregate: it is a value itself, and its parts are, too. */
  #open(count: number): void {
    if (this.#missing === 0) this.#missing = 1;
    this.#missing += count;
    if (this.#missing > MAX_DEPTH_VALUES) this.#fail('a reply that is too large');
    else this.#valueDone();
  }

  #nil(): void {
    if (this.#missing === 0) this.#begin('nil', '');
    this.#valueDone();
  }

  #error(text: string): void {
    // Also an error within an array counts: it is what the request was answered.
    this.#begin('error', text);
    this.#valueDone();
  }

  #begin(kind: ReplyKind, errorText: string): void {
    this.#kind = kind;
    this.#errorText = errorText;
  }

  #valueDone(): void {
    if (this.#missing > 1) {
      this.#missing--;
      return;
    }
    const kind = this.#kind;
    const errorText = this.#errorText;
    this.#missing = 0;
    this.#kind = 'value';
    this.#errorText = '';
    this.#replied(kind, errorText);
  }

  #fail(problem: string): void {
    this.#failure = problem;
  }
}

/** A whole number in decimal, -1, or null for anything else. */
function numberIn(bytes: Buffer, start: number, end: number): number | null {
  if (bytes[start] === MINUS) return end - start === 2 && bytes[start + 1] === ZERO + 1 ? -1 : null;
  if (end === start || end - start > 15) return null;
  let value = 0;
  for (let at = start; at < end; at++) {
    const digit = (bytes[at] ?? 0) - ZERO;
    if (digit < 0 || digit > 9) return null;
    value = value * 10 + digit;
  }
  return value;
}

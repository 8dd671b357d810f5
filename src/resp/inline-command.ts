const NUL = 0;
const BACKSLASH = 92;
const DOUBLE_QUOTE = 34;
const SINGLE_QUOTE = 39;
const LOWER_X = 120;

/**
 * Splits an inline command into arguments by Redis's rules (sdssplitargs): blanks separate; "double quotes" know \xHH, \n,
 * \r, \t, \b, \a and take any other escaped byte as it is; 'single quotes' know \' only; a closing quote must be followed by
 * a blank or the end. Null means unbalanced quotes. The arguments have memory of their own. Unlike Redis, which stops
 * reading at a NUL byte, we take it as part of an argument.
 */
export function splitInlineCommand(line: Buffer): Buffer[] | null {
  const splitter = new Splitter(line);
  const args: Buffer[] = [];
  for (;;) {
    splitter.skipBlanks();
    if (splitter.at === line.length) return args;
    const arg = splitter.argument();
    if (arg === null) return null;
    args.push(arg);
  }
}

class Splitter {
  at = 0;
  private readonly line: Buffer;
  /** Unquoted, no line gets longer. */
  private readonly output: Buffer;
  private outputLength = 0;

  constructor(line: Buffer) {
    this.line = line;
    this.output = Buffer.allocUnsafe(line.length);
  }

  skipBlanks(): void {
    while (isSpace(this.byteAt(this.at))) this.at++;
  }

  argument(): Buffer | null {
    const start = this.outputLength;
    for (;;) {
      const byte = this.byteAt(this.at);
      if (byte < 0 || endsArgument(byte)) break;
      this.at++;
      if (byte === DOUBLE_QUOTE || byte === SINGLE_QUOTE) {
        const closed = byte === DOUBLE_QUOTE ? this.doubleQuoted() : this.singleQuoted();
        if (!closed) return null;
        break;
      }
      this.put(byte);
    }
    return this.output.subarray(start, this.outputLength);
  }

  private doubleQuoted(): boolean {
    for (;;) {
      const byte = this.byteAt(this.at++);
      if (byte < 0) return false;
      if (byte === DOUBLE_QUOTE) return this.endsAfterQuote();
      if (byte === BACKSLASH && this.byteAt(this.at) >= 0) this.escaped();
      else this.put(byte);
    }
  }

  private escaped(): void {
    const byte = this.byteAt(this.at++);
    const high = hexDigit(this.byteAt(this.at));
    const low = hexDigit(this.byteAt(this.at + 1));
    if (byte === LOWER_X && high >= 0 && low >= 0) {
      this.at += 2;
      this.put(high * 16 + low);
    } else {
      this.put(unescapeByte(byte));
    }
  }

  private singleQuoted(): boolean {
    for (;;) {
      const byte = this.byteAt(this.at++);
      if (byte < 0) return false;
      if (byte === SINGLE_QUOTE) return this.endsAfterQuote();
      if (byte === BACKSLASH && this.byteAt(this.at) === SINGLE_QUOTE) {
        this.at++;
        this.put(SINGLE_QUOTE);
      } else {
        this.put(byte);
      }
    }
  }

  private endsAfterQuote(): boolean {
    const next = this.byteAt(this.at);
    return next < 0 || isSpace(next);
  }

  private put(byte: number): void {
    this.output[this.outputLength++] = byte;
  }

  /** -1 at the end. */
  private byteAt(at: number): number {
    return at < this.line.length ? (this.line[at] ?? NUL) : -1;
  }
}

/** C's isspace. */
function isSpace(byte: number): boolean {
  return byte === 32 || (byte >= 9 && byte <= 13);
}

/** Vertical tab and form feed only count as blanks before an argument, as in Redis. */
function endsArgument(byte: number): boolean {
  return byte === 32 || byte === 9 || byte === 10 || byte === 13;
}

function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const lower = byte | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

function unescapeByte(byte: number): number {
  switch (byte) {
    case 110: // n
      return 10;
    case 114: // r
      return 13;
    case 116: // t
      return 9;
    case 98: // b
      return 8;
    case 97: // a
      return 7;
    default:
      return byte;
  }
}

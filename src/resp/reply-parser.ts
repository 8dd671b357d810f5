import { limits } from '../base/limits.ts';
import { ByteInput, CR } from './byte-input.ts';
import { parseInteger } from './integer.ts';
import type { Reply } from './reply.ts';
import {
  BooleanReply,
  DoubleReply,
  ErrorReply,
  MapReply,
  NULL_ARRAY,
  OK,
  PushReply,
  SetReply,
  SimpleString,
  VerbatimReply,
} from './reply.ts';

/** An array, map, set, push or attribute of which `missing` values are still to come. */
interface Frame {
  readonly type: number;
  readonly items: Reply[];
  missing: number;
}

/** Given instead of a value when an aggregate has begun or an attribute without entries was dropped. */
const NO_VALUE_YET = Symbol('no value yet');

const PLUS = 43;
const MINUS = 45;
const COLON = 58;
const DOLLAR = 36;
const STAR = 42;
const UNDERSCORE = 95;
const COMMA = 44;
const HASH = 35;
const EXCLAMATION = 33;
const EQUALS = 61;
const PARENTHESIS = 40;
const PERCENT = 37;
const TILDE = 126;
const GREATER = 62;
const BAR = 124;
const UPPER_O = 79;
const UPPER_K = 75;

/** Verbatim text starts with its format and a colon. */
const VERBATIM_HEAD_BYTES = 4;
const BIG_NUMBER = /^[+-]?\d+$/;
const DOUBLE = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?$/i;

/**
 * Decodes a server's RESP2 and RESP3 replies, for the command line, the load generator and tests. push() what the socket
 * gives, then next() until it returns undefined. Attributes are read and dropped; streamed strings and aggregates, which
 * Redis never sends, are errors. A bulk string that lies in one chunk is a view of it.
 *
 * Integers come as number where exact, else bigint; big numbers as bigint; both nulls of RESP2 as null and NULL_ARRAY; a
 * bulk error as ErrorReply.
 */
export class ReplyParser {
  private readonly input = new ByteInput();
  private readonly frames: Frame[] = [];
  /** First byte of the value being read; 0 between values. */
  private type = 0;
  /** Length of the bulk string being read; -1 when its header comes next. */
  private bulkLength = -1;
  private error: string | null = null;

  /** Why the stream could not be understood; null when it could. After an error next() returns undefined for ever. */
  get failure(): string | null {
    return this.error;
  }

  /** Memory held for input that has not become a reply, in bytes. */
  get bufferedBytes(): number {
    return this.input.heldBytes;
  }

  /** The parser keeps a reference to `chunk`, which must not change any more. */
  push(chunk: Buffer): void {
    if (this.error === null) this.input.push(chunk);
  }

  /** The next reply; undefined when more bytes are needed, or after an error. */
  next(): Reply | undefined {
    while (this.error === null) {
      const value = this.takeValue();
      if (value === undefined) return undefined;
      if (value === NO_VALUE_YET) continue;
      const whole = this.place(value);
      if (whole !== undefined) return whole;
    }
    return undefined;
  }

  /** Puts a value where it belongs; returns the reply when that completes it. */
  private place(value: Reply): Reply | undefined {
    let current = value;
    for (;;) {
      const frame = this.frames.at(-1);
      if (frame === undefined) return current;
      frame.items.push(current);
      frame.missing--;
      if (frame.missing > 0) return undefined;
      this.frames.pop();
      if (frame.type === BAR) return undefined;
      current = aggregate(frame.type, frame.items);
    }
  }

  private takeValue(): Reply | typeof NO_VALUE_YET | undefined {
    if (this.type === 0) {
      const first = this.input.peek();
      if (first < 0) return undefined;
      this.type = first;
    }
    switch (this.type) {
      case DOLLAR:
      case EXCLAMATION:
      case EQUALS:
        return this.takeBulkValue();
      case STAR:
      case PERCENT:
      case TILDE:
      case GREATER:
      case BAR:
        return this.openAggregate();
      case COLON: {
        const value = this.takeNumber();
        if (value !== undefined) this.type = 0;
        return value ?? (value === null ? this.fail('invalid integer') : undefined);
      }
      default:
        return this.takeLineValue();
    }
  }

  private takeBulkValue(): Reply | undefined {
    if (this.bulkLength < 0) {
      const length = this.takeNumber();
      if (length === undefined) return undefined;
      if (length === -1 && this.type === DOLLAR) {
        this.type = 0;
        return null;
      }
      if (length === null || length < 0 || length > limits.maxStringBytes) return this.fail('invalid bulk length');
      this.bulkLength = Number(length);
    }
    const bytes = this.input.takeBulk(this.bulkLength);
    if (bytes === null) return undefined;
    const type = this.type;
    this.type = 0;
    this.bulkLength = -1;
    if (type === DOLLAR) return bytes;
    const text = bytes.toString();
    if (type === EXCLAMATION) return new ErrorReply(text);
    if (text.charAt(VERBATIM_HEAD_BYTES - 1) !== ':') return this.fail('invalid verbatim string');
    return new VerbatimReply(text.slice(0, VERBATIM_HEAD_BYTES - 1), text.slice(VERBATIM_HEAD_BYTES));
  }

  private openAggregate(): Reply | typeof NO_VALUE_YET | undefined {
    const count = this.takeNumber();
    if (count === undefined) return undefined;
    const type = this.type;
    this.type = 0;
    if (count === -1 && type === STAR) return NULL_ARRAY;
    if (count === null || count < 0 || count > limits.replyItems) return this.fail('invalid aggregate length');
    if (count === 0) return type === BAR ? NO_VALUE_YET : aggregate(type, []);
    if (this.frames.length === limits.replyDepth) return this.fail('aggregates nested too deeply');
    const missing = type === PERCENT || type === BAR ? 2 * Number(count) : Number(count);
    this.frames.push({ type, items: [], missing });
    return NO_VALUE_YET;
  }

  /** The integer after the type's byte; null when it is not one, undefined when more bytes are needed. */
  private takeNumber(): number | bigint | null | undefined {
    if (!this.input.isPartial) {
      const value = this.input.takeHeader();
      if (value >= 0) return value;
    }
    const line = this.takeLine();
    return line === undefined ? undefined : parseInteger(line, 1);
  }

  private takeLineValue(): Reply | undefined {
    const line = this.takeLine();
    if (line === undefined) return undefined;
    const type = this.type;
    this.type = 0;
    if (type === PLUS && line.length === 3 && line[1] === UPPER_O && line[2] === UPPER_K) return OK;
    const text = line.toString('utf8', 1);
    switch (type) {
      case PLUS:
        return new SimpleString(text);
      case MINUS:
        return new ErrorReply(text);
      case UNDERSCORE:
        return text === '' ? null : this.fail('invalid null');
      case HASH:
        return text === 't' || text === 'f' ? new BooleanReply(text === 't') : this.fail('invalid boolean');
      case COMMA:
        return this.readDouble(text);
      case PARENTHESIS:
        return BIG_NUMBER.test(text) ? BigInt(text.replace('+', '')) : this.fail('invalid big number');
      default:
        return this.fail(`unknown reply type '${String.fromCharCode(type)}'`);
    }
  }

  private takeLine(): Buffer | undefined {
    const line = this.input.takeLine(CR, limits.replyLineBytes);
    if (line === null && this.input.lineTooLong) this.fail('line too long');
    return line ?? undefined;
  }

  private readDouble(text: string): Reply | undefined {
    if (text === 'inf') return new DoubleReply(Number.POSITIVE_INFINITY);
    if (text === '-inf') return new DoubleReply(Number.NEGATIVE_INFINITY);
    if (text === 'nan') return new DoubleReply(Number.NaN);
    return DOUBLE.test(text) ? new DoubleReply(Number(text)) : this.fail('invalid double');
  }

  private fail(message: string): undefined {
    this.error = message;
    this.frames.length = 0;
    this.input.clear();
    return undefined;
  }
}

function aggregate(type: number, items: readonly Reply[]): Reply {
  switch (type) {
    case PERCENT:
      return new MapReply(pairs(items));
    case TILDE:
      return new SetReply(items);
    case GREATER:
      return new PushReply(items);
    default:
      return items;
  }
}

function pairs(items: readonly Reply[]): (readonly [Reply, Reply])[] {
  const entries: (readonly [Reply, Reply])[] = [];
  for (let at = 0; at < items.length; at += 2) entries.push([items[at] ?? null, items[at + 1] ?? null]);
  return entries;
}

import { limits } from '../../base/limits.ts';
import type { RunContext, Step, StepResult } from '../../quorum/operation.ts';
import { append, readRange, writeRange } from '../../record/paged-string.ts';
import type { LiveRecord } from '../../record/state.ts';
import { parseInteger } from '../../resp/integer.ts';
import { BulkPieces, ErrorReply, NOT_AN_INTEGER, type Reply } from '../../resp/reply.ts';
import type { ArgumentDoc, CommandRow, Handler, KeyedStep } from '../command.ts';
import { inlineBytes, isString, keptExpiry, putString, STRING_TOO_LONG, WRONG_TYPE } from '../values/string-value.ts';
import { argument, KEY, keyOnly, ONE_KEY, VALUE, ZERO } from './keyed-row.ts';

const OFFSET_OUT_OF_RANGE = new ErrorReply('ERR offset is out of range');
const TOO_LONG: StepResult<Reply> = { reply: STRING_TOO_LONG, change: null };
const EMPTY: StepResult<Reply> = { reply: Buffer.alloc(0), change: null };

const STRLEN_STEP: Step<Reply> = {
  access: 'read',
  needs: 'meta',
  run: (record) => {
    if (record === null) return ZERO;
    return isString(record) ? { reply: record.sizeBytes, change: null } : WRONG_TYPE;
  },
};

/** GETRANGE: both ends are included, negative ones count from the end. */
class RangeStep implements Step<Reply> {
  readonly access = 'read';
  readonly needs = 'value';
  readonly #start: number;
  readonly #end: number;

  constructor(start: number, end: number) {
    this.#start = start;
    this.#end = end;
  }

  run(record: LiveRecord | null, { pages }: RunContext): StepResult<Reply> {
    if (record === null) return EMPTY;
    if (!isString(record)) return WRONG_TYPE;
    const length = record.sizeBytes;
    const { first, last } = clipRange(this.#start, this.#end, length);
    if (first > last) return EMPTY;
    const bytes = inlineBytes(record.value);
    if (bytes !== null) return { reply: bytes.subarray(first, last + 1), change: null };
    const pieces = readRange(record.value, first, last + 1, pages);
    return { reply: new BulkPieces(last + 1 - first, pieces), change: null };
  }
}

/** Redis's rules for the ends of a range, its quirks included: an end far below the start still means the first byte. */
function clipRange(start: number, end: number, length: number): { first: number; last: number } {
  if (start < 0 && end < 0 && start > end) return { first: 0, last: -1 };
  const first = start < 0 ? Math.max(0, length + start) : start;
  const last = end < 0 ? Math.max(0, length + end) : end;
  return { first, last: Math.min(last, length - 1) };
}

/** APPEND; the expiry stays. */
class AppendStep implements Step<Reply> {
  readonly access = 'write';
  readonly needs = 'value';
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  run(record: LiveRecord | null, { pages }: RunContext): StepResult<Reply> {
    const bytes = this.#bytes;
    if (record === null) return { reply: bytes.length, change: putString(bytes, 0, pages) };
    if (!isString(record)) return WRONG_TYPE;
    const length = record.sizeBytes + bytes.length;
    if (length > limits.maxStringBytes) return TOO_LONG;
    if (bytes.length === 0) return { reply: length, change: null };
    const value = append(record.value, bytes, pages);
    return { reply: length, change: { kind: 'put', value, expiresAtMs: record.expiresAtMs } };
  }
}

/** SETRANGE: zero bytes fill the gap behind a shorter string; the expiry stays. */
class SetRangeStep implements Step<Reply> {
  readonly access = 'write';
  readonly needs = 'value';
  readonly #offset: number;
  readonly #bytes: Buffer;

  constructor(offset: number, bytes: Buffer) {
    this.#offset = offset;
    this.#bytes = bytes;
  }

  run(record: LiveRecord | null, { pages }: RunContext): StepResult<Reply> {
    const bytes = this.#bytes;
    if (record !== null && !isString(record)) return WRONG_TYPE;
    const length = record === null ? 0 : record.sizeBytes;
    if (bytes.length === 0) return { reply: length, change: null };
    const end = this.#offset + bytes.length;
    if (end > limits.maxStringBytes) return TOO_LONG;
    const value = writeRange(record === null ? null : record.value, this.#offset, bytes, pages);
    return { reply: Math.max(length, end), change: { kind: 'put', value, expiresAtMs: keptExpiry(record) } };
  }
}

function parseRange(args: readonly Buffer[]): KeyedStep | ErrorReply {
  const start = parseInteger(argument(args, 2));
  const end = parseInteger(argument(args, 3));
  if (start === null || end === null) return NOT_AN_INTEGER;
  // What is not exact as a number lies far beyond the ends of any string.
  return { key: argument(args, 1), step: new RangeStep(Number(start), Number(end)) };
}

function parseSetrange(args: readonly Buffer[]): KeyedStep | ErrorReply {
  const offset = parseInteger(argument(args, 2));
  if (offset === null) return NOT_AN_INTEGER;
  if (offset < 0) return OFFSET_OUT_OF_RANGE;
  return { key: argument(args, 1), step: new SetRangeStep(Number(offset), argument(args, 3)) };
}

const RANGE_ARGUMENTS: readonly ArgumentDoc[] = [
  KEY,
  { name: 'start', type: 'integer' },
  { name: 'end', type: 'integer' },
];
const RANGE_HANDLER: Handler = { kind: 'record', parse: parseRange };
const RANGE_COMPLEXITY =
  'O(N) where N is the length of the returned string. The complexity is ultimately determined by the returned length, but because creating a substring from an existing string is very cheap, it can be considered O(1) for small strings.';

/** Commands that work on a part of a string, or on its length. */
export const rangeCommands: readonly CommandRow[] = [
  {
    name: 'append',
    group: 'string',
    summary: 'Append a value to a key',
    since: '2.0.0',
    complexity:
      'O(1). The amortized time complexity is O(1) assuming the appended value is small and the already present value is of any size, since the dynamic string library used by Redis will double the free space available on every reallocation.',
    arity: 3,
    flags: ['write', 'denyoom', 'fast'],
    categories: ['@write', '@string', '@fast'],
    keys: ONE_KEY,
    docArguments: [KEY, VALUE],
    handler: {
      kind: 'record',
      parse: (args) => ({ key: argument(args, 1), step: new AppendStep(argument(args, 2)) }),
    },
  },
  {
    name: 'strlen',
    group: 'string',
    summary: 'Get the length of the value stored in a key',
    since: '2.2.0',
    complexity: 'O(1)',
    arity: 2,
    flags: ['readonly', 'fast'],
    categories: ['@read', '@string', '@fast'],
    keys: ONE_KEY,
    docArguments: [KEY],
    handler: keyOnly(STRLEN_STEP),
  },
  {
    name: 'getrange',
    group: 'string',
    summary: 'Get a substring of the string stored at a key',
    since: '2.4.0',
    complexity: RANGE_COMPLEXITY,
    arity: 4,
    flags: ['readonly'],
    categories: ['@read', '@string', '@slow'],
    keys: ONE_KEY,
    docArguments: RANGE_ARGUMENTS,
    handler: RANGE_HANDLER,
  },
  {
    name: 'substr',
    group: 'string',
    summary: 'Get a substring of the string stored at a key',
    since: '1.0.0',
    complexity: RANGE_COMPLEXITY,
    arity: 4,
    flags: ['readonly'],
    categories: ['@read', '@string', '@slow'],
    keys: ONE_KEY,
    docArguments: RANGE_ARGUMENTS,
    handler: RANGE_HANDLER,
  },
  {
    name: 'setrange',
    group: 'string',
    summary: 'Overwrite part of a string at key starting at the specified offset',
    since: '2.2.0',
    complexity:
      'O(1), not counting the time taken to copy the new string in place. Usually, this string is very small so the amortized complexity is O(1). Otherwise, complexity is O(M) with M being the length of the value argument.',
    arity: 4,
    flags: ['write', 'denyoom'],
    categories: ['@write', '@string', '@slow'],
    keys: ONE_KEY,
    docArguments: [KEY, { name: 'offset', type: 'integer' }, VALUE],
    handler: { kind: 'record', parse: parseSetrange },
  },
];

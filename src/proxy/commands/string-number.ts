import type { Change, RunContext, Step, StepResult } from '../../quorum/operation.ts';
import { stringFromBytes } from '../../record/paged-string.ts';
import type { LiveRecord } from '../../record/state.ts';
import { addFloats } from '../../resp/float.ts';
import { isInt64, parseInteger } from '../../resp/integer.ts';
import { ErrorReply, NOT_A_FLOAT, NOT_AN_INTEGER, type Reply } from '../../resp/reply.ts';
import type { CommandRow, KeyedStep } from '../command.ts';
import { inlineBytes, isString, keptExpiry, putString, type StringRecord, WRONG_TYPE } from '../values/string-value.ts';
import { argument, KEY, keyOnly, ONE_KEY } from './keyed-row.ts';

const OVERFLOW: StepResult<Reply> = {
  reply: new ErrorReply('ERR increment or decrement would overflow'),
  change: null,
};
const DECREMENT_OVERFLOW = new ErrorReply('ERR decrement would overflow');
const NOT_INTEGER: StepResult<Reply> = { reply: NOT_AN_INTEGER, change: null };
const NOT_FLOAT: StepResult<Reply> = { reply: NOT_A_FLOAT, change: null };
const NOT_FINITE: StepResult<Reply> = {
  reply: new ErrorReply('ERR increment would produce NaN or Infinity'),
  change: null,
};

/** Adds to an int64 kept as decimal text; an absent one counts as 0. The expiry stays. */
class AddStep implements Step<Reply> {
  readonly access = 'write';
  readonly needs = 'value';
  readonly #increment: number | bigint;

  constructor(increment: number | bigint) {
    this.#increment = increment;
  }

  run(record: LiveRecord | null, { pages }: RunContext): StepResult<Reply> {
    if (record !== null && !isString(record)) return WRONG_TYPE;
    const current = record === null ? 0 : integerOf(record);
    if (current === null) return NOT_INTEGER;
    const sum = addInt64(current, this.#increment);
    if (sum === null) return OVERFLOW;
    return { reply: sum, change: putString(textOf(sum), keptExpiry(record), pages) };
  }

  /** While they are sure to stay within the whole numbers that a float has. */
  runMany(record: LiveRecord | null, { pages }: RunContext, times: number, replies: Reply[]): Change | null {
    if (record !== null && !isString(record)) return null;
    const current = record === null ? 0 : integerOf(record);
    const increment = this.#increment;
    if (typeof current !== 'number' || typeof increment !== 'number') return null;
    const last = current + increment * times;
    if (!Number.isSafeInteger(last)) return null;
    for (let i = 1; i <= times; i++) replies.push(current + increment * i);
    return { kind: 'put', value: stringFromBytes(textOf(last), pages), expiresAtMs: keptExpiry(record), times };
  }
}

function textOf(sum: number | bigint): Buffer {
  return Buffer.from(String(sum), 'latin1');
}

function integerOf(record: StringRecord): number | bigint | null {
  const bytes = inlineBytes(record.value);
  return bytes === null ? null : parseInteger(bytes);
}

/** Null on overflow. */
function addInt64(a: number | bigint, b: number | bigint): number | bigint | null {
  if (typeof a === 'number' && typeof b === 'number') {
    const sum = a + b;
    if (Number.isSafeInteger(sum)) return sum;
  }
  const sum = BigInt(a) + BigInt(b);
  return isInt64(sum) ? sum : null;
}

/** Adds a decimal fraction as INCRBYFLOAT does. The expiry stays. */
class AddFloatStep implements Step<Reply> {
  readonly access = 'write';
  readonly needs = 'value';
  readonly #increment: Buffer;

  constructor(increment: Buffer) {
    this.#increment = increment;
  }

  run(record: LiveRecord | null, { pages }: RunContext): StepResult<Reply> {
    if (record !== null && !isString(record)) return WRONG_TYPE;
    const current = record === null ? null : inlineBytes(record.value);
    if (record !== null && current === null) return NOT_FLOAT;
    const sum = addFloats(current, this.#increment);
    switch (sum.kind) {
      case 'not-a-float':
        return NOT_FLOAT;
      case 'not-finite':
        return NOT_FINITE;
      case 'sum': {
        const bytes = Buffer.from(sum.text, 'latin1');
        return { reply: bytes, change: putString(bytes, keptExpiry(record), pages) };
      }
    }
  }
}

const INCR_STEP = new AddStep(1);
const DECR_STEP = new AddStep(-1);

function parseIncrby(args: readonly Buffer[]): KeyedStep | ErrorReply {
  const increment = parseInteger(argument(args, 2));
  if (increment === null) return NOT_AN_INTEGER;
  return { key: argument(args, 1), step: new AddStep(increment) };
}

function parseDecrby(args: readonly Buffer[]): KeyedStep | ErrorReply {
  const decrement = parseInteger(argument(args, 2));
  if (decrement === null) return NOT_AN_INTEGER;
  const increment = -decrement;
  if (typeof increment === 'bigint' && !isInt64(increment)) return DECREMENT_OVERFLOW;
  return { key: argument(args, 1), step: new AddStep(increment) };
}

/** Commands that count in a string. */
export const numberCommands: readonly CommandRow[] = [
  {
    name: 'incr',
    group: 'string',
    summary: 'Increment the integer value of a key by one',
    since: '1.0.0',
    complexity: 'O(1)',
    arity: 2,
    flags: ['write', 'denyoom', 'fast'],
    categories: ['@write', '@string', '@fast'],
    keys: ONE_KEY,
    docArguments: [KEY],
    handler: keyOnly(INCR_STEP),
  },
  {
    name: 'decr',
    group: 'string',
    summary: 'Decrement the integer value of a key by one',
    since: '1.0.0',
    complexity: 'O(1)',
    arity: 2,
    flags: ['write', 'denyoom', 'fast'],
    categories: ['@write', '@string', '@fast'],
    keys: ONE_KEY,
    docArguments: [KEY],
    handler: keyOnly(DECR_STEP),
  },
  {
    name: 'incrby',
    group: 'string',
    summary: 'Increment the integer value of a key by the given amount',
    since: '1.0.0',
    complexity: 'O(1)',
    arity: 3,
    flags: ['write', 'denyoom', 'fast'],
    categories: ['@write', '@string', '@fast'],
    keys: ONE_KEY,
    docArguments: [KEY, { name: 'increment', type: 'integer' }],
    handler: { kind: 'record', parse: parseIncrby },
  },
  {
    name: 'decrby',
    group: 'string',
    summary: 'Decrement the integer value of a key by the given number',
    since: '1.0.0',
    complexity: 'O(1)',
    arity: 3,
    flags: ['write', 'denyoom', 'fast'],
    categories: ['@write', '@string', '@fast'],
    keys: ONE_KEY,
    docArguments: [KEY, { name: 'decrement', type: 'integer' }],
    handler: { kind: 'record', parse: parseDecrby },
  },
  {
    name: 'incrbyfloat',
    group: 'string',
    summary: 'Increment the float value of a key by the given amount',
    since: '2.6.0',
    complexity: 'O(1)',
    arity: 3,
    flags: ['write', 'denyoom', 'fast'],
    categories: ['@write', '@string', '@fast'],
    keys: ONE_KEY,
    docArguments: [KEY, { name: 'increment', type: 'double' }],
    handler: {
      kind: 'record',
      parse: (args) => ({ key: argument(args, 1), step: new AddFloatStep(argument(args, 2)) }),
    },
  },
];

import fc from 'fast-check';
import type { DocumentedArgument, DocumentedCommand } from '../support/command-docs.ts';
import { exactly } from '../support/comparisons.ts';
import { payload } from './payloads.ts';
import {
  bulk,
  type Commands,
  index,
  integer,
  line,
  longBulk,
  millisecondsAhead,
  name,
  oneOf,
  plainly,
  secondsAhead,
  smallInteger,
  text,
  unixMilliseconds,
  unixSeconds,
  word,
} from './random-command.ts';
import { TARGET_PORT } from './server-pair.ts';

/* Values for the arguments of COMMAND DOCS, by what they are called there. */

const KEYS_OF_GROUP: Readonly<Record<string, readonly string[]>> = {
  string: ['s1', 's2', 's3'],
  bitmap: ['s1', 's2', 's3'],
  hash: ['h1', 'h2'],
  list: ['l1', 'l2'],
  set: ['t1', 't2', 't3'],
  'sorted-set': ['z1', 'z2', 'z3'],
  geo: ['g1', 'g2'],
};
const ANY_KEYS = [...new Set(Object.values(KEYS_OF_GROUP).flat()), 'none'];
const anyKey = oneOf(...ANY_KEYS);
/** That no command gets but those for which it is of the wrong type, and SORT. */
export const LIST_ALONE = 'wrong';
/** Sorted sets of one score: of others Redis promises nothing in the order of members. */
const LEX_KEYS = ['lex1', 'lex2', LIST_ALONE];
const COUNTERS = ['hll1', 'hll1', 'hll2', LIST_ALONE];
const LEX_COMMANDS: ReadonlySet<string> = new Set(['zlexcount', 'zrangebylex', 'zrevrangebylex', 'zremrangebylex']);

export function keysFor(command: DocumentedCommand, argument: DocumentedArgument): fc.Arbitrary<string> {
  if (command.group === 'hyperloglog') return oneOf(...COUNTERS);
  if (LEX_COMMANDS.has(command.name)) return oneOf(...LEX_KEYS);
  const keys = KEYS_OF_GROUP[command.group];
  if (keys === undefined) return anyKey;
  // What is stored makes keys of other types, too.
  const weight = argument.name.startsWith('dest') ? 4 : 12;
  return fc.oneof({ weight, arbitrary: oneOf(...keys) }, { weight: 1, arbitrary: anyKey });
}

const score = fc.oneof(
  { weight: 8, arbitrary: smallInteger },
  { weight: 2, arbitrary: oneOf('0.1', '2.5', '-0', 'inf', '-inf', '1e17', 'x', 'nan') },
);
const scoreBound = fc.tuple(oneOf('', '', '('), score).map((parts) => parts.join(''));
const lexBound = fc.oneof(
  oneOf('-', '+', 'x'),
  fc.tuple(oneOf('[', '('), name).map((parts) => parts.join('')),
);
const tenths = (most: number): fc.Arbitrary<string> =>
  fc.integer({ min: -most, max: most }).map((one) => String(one / 10));
const extent = fc.oneof(
  { weight: 8, arbitrary: fc.nat(20_000).map(String) },
  { weight: 1, arbitrary: oneOf('-1', 'x', '0.5') },
);
const float = oneOf('0.1', '-2.5', '1e3', 'x', 'inf', '3', '0.333333333333333', '-1e-7');
const small = fc.oneof(
  { weight: 8, arbitrary: fc.nat(6).map(String) },
  { weight: 2, arbitrary: oneOf('-1', 'x', '1000') },
);
const offset = fc.oneof(
  { weight: 12, arbitrary: fc.nat(40).map(String) },
  { weight: 1, arbitrary: oneOf('-1', 'x', '#2') },
);

const cursor = fc.oneof(
  { weight: 6, arbitrary: word('0') },
  { weight: 1, arbitrary: oneOf('-1', '-7', '+1', '01', '', ' 1', '5', '-', 'x', '1\0x', '\0', '1.5') },
  { weight: 1, arbitrary: oneOf('18446744073709551615', '18446744073709551616', '-18446744073709551616') },
);

const BY_NAME: Readonly<Record<string, fc.Arbitrary<string>>> = {
  ...Object.fromEntries(['field', 'member', 'member1', 'member2', 'element', 'pivot'].map((one) => [one, name])),
  ...Object.fromEntries(['radius', 'width', 'height'].map((one) => [one, extent])),
  ...Object.fromEntries(['count', 'rank', 'num-matches', 'len', 'limit', 'numkeys'].map((one) => [one, small])),
  value: text,
  'serialized-value': payload,
  pattern: oneOf('*', 'n*', '[n-x]?', 'n[^3]', '', '\\n1'),
  encoding: oneOf('u8', 'i8', 'u1', 'i5', 'u63', 'i64', 'u64', 'x'),
  operation: oneOf('AND', 'OR', 'XOR', 'NOT', 'and', 'x'),
  longitude: tenths(1_810),
  latitude: tenths(860),
  score,
  weight: score,
  cursor,
  seconds: secondsAhead,
  milliseconds: millisecondsAhead,
  // No moment that is too far to be kept: known-differences.ts.
  ttl: fc.oneof(
    oneOf('0', '0', 'x', '-1'),
    millisecondsAhead.map((one) => (one.length > 15 ? `1${one}` : one)),
  ),
  'unix-time-seconds': unixSeconds,
  'unix-time-milliseconds': unixMilliseconds,
  host: word('127.0.0.1'),
  port: word(TARGET_PORT),
  timeout: oneOf('5000', '5000', '5000', '0', '-1', 'x'),
  db: oneOf('1', '1', '0', '16', 'x'),
  'destination-db': oneOf('1', '0', '16', 'x'),
  offset,
  index,
  bit: oneOf('0', '1', '1', '2'),
  frequency: oneOf('0', '255', '256', 'x'),
};

/** What SORT's patterns name of what is there, and nothing. */
const weightPattern = oneOf('s*', 's*', 'h*->n1', 'h*->3', 'none*', 'l*', '*', 'nosort', 's', 's*\0', 's\0*', 'h*->');
const gotPattern = oneOf('#', 's*', 'h*->n1', 'h*->n2', 'none*', 't*', '*', 's1', '#*', '##', '#\0', 'h*->\0n1');

export function valuesFor(command: DocumentedCommand, argument: DocumentedArgument): fc.Arbitrary<string> {
  if (command.name === 'migrate' && argument.name === 'destination-db') return oneOf('0', '1', '0', '1', '0', '1', 'x');
  if (command.name.startsWith('sort') && argument.name === 'pattern') {
    return argument.token === 'BY' ? weightPattern : gotPattern;
  }
  const isDouble = argument.type === 'double';
  switch (argument.name) {
    case 'min':
    case 'max':
      return isDouble ? scoreBound : lexBound;
    case 'start':
    case 'stop':
      return argument.type === 'integer' ? index : fc.oneof(smallInteger, scoreBound, lexBound);
    case 'increment':
      return isDouble ? float : integer;
    case 'value':
      return argument.type === 'integer'
        ? command.group === 'bitmap'
          ? fc.oneof(oneOf('0', '1'), integer)
          : integer
        : text;
    default:
      return BY_NAME[argument.name] ?? (argument.type === 'integer' ? integer : isDouble ? float : name);
  }
}

/** Something for commands to work on. */
export const beginning = [
  plainly('RPUSH', LIST_ALONE, '2', '10', '1'),
  plainly('MSET', 's1', 'abcdef', 's2', '12', 's3', '\x00\xff\x0f'),
  plainly('HSET', 'h1', 'n1', '1', 'n2', 'x', '3', '3'),
  plainly('RPUSH', 'l1', 'n1', 'n2', 'n1', '3', '1'),
  plainly('SADD', 't1', '1', '2', '3'),
  plainly('SADD', 't2', 'n1', '2', 'n3'),
  plainly('ZADD', 'z1', '1', 'n1', '1', 'n2', '2', 'n3', '-1', 'n4'),
  plainly('ZADD', 'z2', '3', 'n1', '0.5', '2'),
  plainly('ZADD', 'lex1', ...['n1', 'n2', 'n3', 'n4', 'n5', '0', '1', ''].flatMap((one) => ['0', one])),
  plainly('GEOADD', 'g1', '13.4', '52.5', 'n1', '2.3', '48.9', 'n2', '-74', '40.7', 'n3', '151.2', '-33.9', 'n4'),
  plainly('PFADD', 'hll1', 'a', 'b'),
];

/** The same again, for what was deleted; and large ones. */
export const refills: readonly Commands[] = [
  fc.constantFrom(...beginning),
  line(exactly, word('HSET'), word('h1'), fc.constant(bulk.flatMap((one) => [one, one]))),
  line(exactly, word('SADD'), word('t1'), fc.constant(longBulk)),
  line(exactly, word('RPUSH'), word('l1'), fc.constant(longBulk)),
  line(exactly, word('ZADD'), word('z1'), fc.constant(longBulk.flatMap((one, i) => [String(i % 90), one]))),
  line(exactly, word('ZADD'), word('lex1'), fc.constant(longBulk.flatMap((one) => ['0', one]))),
];

import fc from 'fast-check';
import { type Comparison, exactly, inType } from '../support/comparisons.ts';

/** A command of a random sequence, or an exchange: see `exchange`. */
export class RandomCommand {
  /** Latin-1: a character is a byte. */
  readonly words: readonly string[];
  readonly compare: Comparison;
  readonly isExchange: boolean;

  constructor(words: readonly string[], compare: Comparison, isExchange = false) {
    this.words = words;
    this.compare = compare;
    this.isExchange = isExchange;
  }

  /** As fast-check prints it: long and many words are cut. */
  [fc.toStringMethod](): string {
    const shown = this.words.slice(0, 12).map((word) => JSON.stringify(word.slice(0, 60)));
    const rest = this.words.length > 12 ? ` ... (${this.words.length} words)` : '';
    return `${this.isExchange ? 'exchange ' : ''}${shown.join(' ')}${rest}`;
  }
}

export type Commands = fc.Arbitrary<RandomCommand>;

/** A command of words, and of lists of words, one after the other. */
export function line(compare: Comparison, ...words: fc.Arbitrary<string | readonly string[]>[]): Commands {
  return fc.tuple(...words).map((parts) => new RandomCommand(parts.flat(), compare));
}

export function plainly(...words: string[]): RandomCommand {
  return new RandomCommand(words, exactly);
}

/** What DUMP of one of the keys gives on each server is restored in the other, as another of the keys. */
export function exchange(from: fc.Arbitrary<string>, to: fc.Arbitrary<string>): Commands {
  return fc.tuple(from, to).map((words) => new RandomCommand(words, exactly, true));
}

export function word(text: string): fc.Arbitrary<string> {
  return fc.constant(text);
}

/** One of these; what is there several times more often. */
export function oneOf(...texts: string[]): fc.Arbitrary<string> {
  return fc.constantFrom(...texts);
}

/** One of these lines of words. */
export function formOf(...lines: string[]): fc.Arbitrary<string[]> {
  return fc.constantFrom(...lines).map((text) => text.split(' ').filter((one) => one !== ''));
}

export function often(weight: number, arbitrary: Commands): { weight: number; arbitrary: Commands } {
  return { weight, arbitrary };
}

export function listOf(arbitrary: fc.Arbitrary<string | readonly string[]>, least = 1, most = 4) {
  return fc.array(arbitrary, { minLength: least, maxLength: most }).map((list) => list.flat());
}

/** With the number of them before them. */
export function countedListOf(arbitrary: fc.Arbitrary<string>): fc.Arbitrary<string[]> {
  return fc.array(arbitrary, { minLength: 1, maxLength: 4 }).map((list) => [String(list.length), ...list]);
}

export const bytes = fc
  .array(fc.nat(255), { maxLength: 6 })
  .map((list) => list.map((code) => String.fromCharCode(code)).join(''));

export const smallInteger = fc.integer({ min: -5, max: 5 }).map(String);

export const integer = fc.oneof(
  { weight: 8, arbitrary: smallInteger },
  {
    weight: 2,
    arbitrary: oneOf('9223372036854775807', '-9223372036854775808', '9223372036854775808', '4294967296', '12345678901'),
  },
  { weight: 1, arbitrary: oneOf('', '1.5', ' 1', '1 ', '01', '+1', '-0', 'x', '0x10', '1e3') },
);

/** Of several bytes a character. */
export const utf8 = Buffer.from('żółw 日本 🐢').toString('latin1');

/** A field, a member, an element: few, so that they meet. Without a zero byte, after which SORT ALPHA does not look. */
export const name = fc.oneof(
  { weight: 8, arbitrary: fc.nat(9).map((n) => `n${n}`) },
  { weight: 4, arbitrary: smallInteger },
  { weight: 1, arbitrary: oneOf('', '007', '9223372036854775807', 'a-name-longer-than-12', utf8, 'x'.repeat(600)) },
  { weight: 1, arbitrary: bytes.map((some) => some.replaceAll('\0', '.')) },
);
export const names = listOf(name);

/** A value. */
export const text = fc.oneof(
  { weight: 6, arbitrary: fc.string({ maxLength: 5, unit: 'binary-ascii' }) },
  { weight: 6, arbitrary: integer },
  { weight: 2, arbitrary: oneOf('1.5', 'abc', ' 1', 'a value longer than 12', utf8, 'v'.repeat(3_000)) },
  { weight: 1, arbitrary: bytes },
);

/** Enough at once for a tree. */
export const bulk: readonly string[] = Array.from({ length: 250 }, (_, i) => `bulk-field-number-${i}`);

export const longBulk: readonly string[] = bulk.map((one) => `${one}: so long that they do not fit in a record`);

export const index = fc.oneof(fc.integer({ min: -8, max: 8 }), fc.integer({ min: -300, max: 300 })).map(String);

/** Enough at once for the tree of a list, which stays longer in its record. */
export const wideBulk: readonly string[] = bulk.map((one) => one.padEnd(400, '.'));

/** Any TTL but one that ends soon: far from now, so far from each other that the time of the run does not show, or past. */
export const secondsAhead = fc.oneof(
  { weight: 6, arbitrary: fc.noBias(fc.integer({ min: 100_000, max: 900_000_000 })).map(String) },
  { weight: 1, arbitrary: oneOf('0', '-1', 'x', '1.5', '', '9223372036854775807', '-9223372036854775808') },
);
export const millisecondsAhead = fc.oneof(
  { weight: 6, arbitrary: fc.noBias(fc.integer({ min: 100_000_000, max: 900_000_000_000 })).map(String) },
  { weight: 1, arbitrary: oneOf('0', '-1', 'x', '1.5', '', '9223372036854775807') },
);
/** Moments: also the same ones again, for GT and LT. */
export const unixSeconds = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 40_000, max: 40_005 }).map((n) => String(n * 100_000)) },
  { weight: 1, arbitrary: oneOf('1', '0', '-1', 'x', '9223372036854775807') },
);
export const unixMilliseconds = unixSeconds.map((seconds) =>
  seconds.length > 10 ? '9007199254740990' : seconds.length === 10 ? `${seconds}123` : seconds,
);

/** A time option: of SET and GETEX. */
export const expiry = fc.oneof(
  secondsAhead.map((one) => ['EX', one]),
  millisecondsAhead.map((one) => ['PX', one]),
  unixSeconds.map((one) => ['EXAT', one]),
  unixMilliseconds.map((one) => ['PXAT', one]),
);

/** A payload of DUMP: of strings its exact bytes, of others its first, the type, is not promised. */
export const sameDump: Comparison = {
  name: 'a payload of the same bytes, if it is of a string',
  differ(redis, junokv) {
    const start = redis.indexOf('\r\n') + 2;
    const isString = redis[0] === 0x24 && redis[1] !== 0x2d && redis[start] === 0;
    return (isString ? exactly : inType).differ(redis, junokv);
  },
};

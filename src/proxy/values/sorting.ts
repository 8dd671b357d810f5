import { upToZero } from '../../base/c-text.ts';
import { ErrorReply } from '../../resp/reply.ts';
import { parseWeight } from './score.ts';

/*
 * SORT without its keys: what its patterns name, and the order of elements once the values of what they name are known.
 * https://redis.io/docs/latest/commands/sort/
 */

const NOT_A_NUMBER = new ErrorReply("ERR One or more scores can't be converted into double");
const STAR = 0x2a;
const ARROW = Buffer.from('->');

export interface SortOptions {
  readonly isDescending: boolean;
  /** By letters, not by numbers. */
  readonly isAlpha: boolean;
  readonly offset: number;
  /** Negative: all. */
  readonly limit: number;
  /** Null: the elements themselves decide. A pattern that names no key for an element leaves them in their order. */
  readonly by: Buffer | null;
  /** What is answered of each element; none: the element. */
  readonly get: readonly Buffer[];
  readonly destination: Buffer | null;
}

/** Whether the elements stay in the order in which they are. */
export function keepsOrder({ by }: SortOptions): boolean {
  return by !== null && !upToZero(by).includes(STAR);
}

/** Where a value is looked up for an element. `field`: of the hash at `key`; else `key` is a string. */
export interface SortLookup {
  readonly key: Buffer;
  readonly field: Buffer | null;
}

/** What a pattern names for an element: the element itself, nothing, or a value elsewhere. As in Redis a zero byte hides what is behind it. */
export function lookupOf(pattern: Buffer, element: Buffer): 'element' | null | SortLookup {
  const text = upToZero(pattern);
  if (text.length === 1 && text[0] === 0x23) return 'element';
  const star = text.indexOf(STAR);
  if (star < 0) return null;
  const arrow = text.indexOf(ARROW, star + 1);
  const hasField = arrow >= 0 && arrow + ARROW.length < text.length;
  const after = pattern.subarray(star + 1, hasField ? arrow : pattern.length);
  return {
    key: Buffer.concat([pattern.subarray(0, star), element, after]),
    field: hasField ? pattern.subarray(arrow + ARROW.length) : null,
  };
}

/** The ranks that LIMIT leaves of `count` elements: from `from` up to, not including, `to`. */
export function limitedRanks(
  count: number,
  { offset, limit }: SortOptions,
): { readonly from: number; readonly to: number } {
  const from = Math.max(0, offset);
  if (from >= count) return { from: count, to: count };
  return { from, to: limit < 0 ? count : Math.min(count, from + limit) };
}

/**
 * All elements in order, before LIMIT. `weightOf` has the value that BY names for an element, null where there is none; it is not called
 * where there is no BY.
 */
export function sortElements(
  elements: readonly Buffer[],
  options: SortOptions,
  weightOf: (element: Buffer) => Buffer | null,
): readonly Buffer[] | ErrorReply {
  if (keepsOrder(options)) return elements;
  const { by, isAlpha, isDescending } = options;
  const weighed = elements.map((element) => ({ element, weight: by === null ? element : weightOf(element) }));
  const direction = isDescending ? -1 : 1;
  if (isAlpha) {
    // Redis sorts what it keeps by all bytes, and what it answers as C's strings.
    const textOf = options.destination === null ? upToZero : (weight: Buffer): Buffer => weight;
    const texts = weighed.map(({ element, weight }) => ({ element, text: weight === null ? null : textOf(weight) }));
    texts.sort((a, b) => direction * compareTexts(a.text, b.text));
    return texts.map(({ element }) => element);
  }
  const numbers: { readonly element: Buffer; readonly weight: number }[] = [];
  for (const { element, weight } of weighed) {
    const number = weight === null ? 0 : parseWeight(weight);
    if (number === null) return NOT_A_NUMBER;
    numbers.push({ element, weight: number });
  }
  numbers.sort((a, b) => direction * (compareNumbers(a.weight, b.weight) || a.element.compare(b.element)));
  return numbers.map(({ element }) => element);
}

/** What is answered, or kept, of these elements; null: nothing was found. */
export function sortedItems(
  elements: readonly Buffer[],
  { get }: SortOptions,
  lookUp: (lookup: SortLookup) => Buffer | null,
): readonly (Buffer | null)[] {
  if (get.length === 0) return elements;
  return elements.flatMap((element) =>
    get.map((pattern) => {
      const lookup = lookupOf(pattern, element);
      return lookup === 'element' ? element : lookup === null ? null : lookUp(lookup);
    }),
  );
}

/** Infinities have no difference. */
function compareNumbers(a: number, b: number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** As Redis compares in the C locale; what is missing comes first. */
function compareTexts(a: Buffer | null, b: Buffer | null): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? -1 : 1;
  return a.compare(b);
}

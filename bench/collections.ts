import type { RawClient } from '../compat-tests/support/raw-client.ts';

/** The collections that are measured, by the commands that fill them. */
export type CollectionType = 'hash' | 'list' | 'set' | 'zset';

/** One operation on a collection of `count` elements, as a command; `i` says which element, or that it is a new one. */
export interface CollectionOperation {
  readonly type: CollectionType;
  readonly title: string;
  words(key: string, i: number, count: number): readonly string[];
  /** What puts the collection back to what it was, not measured. */
  undo?(key: string, i: number, count: number): readonly string[];
}

const DIGITS = 8;
/** Elements in one command while a collection is filled: within a second of work also on a busy machine. */
const PER_COMMAND = 5_000;
const FILL_MS = 60_000;
const FILL_TRIES = 10;
/** Answers of a junokv whose machine is too busy for its deadlines. */
export const PASSES = /^-(BUSY|UNAVAILABLE|UNCERTAIN)/;
/** Elements of the largest: what is left of a number's 53 bits beside a hash. */
const MOST_ELEMENTS = 2 ** 21;

export const nameOf = (i: number): string => `element:${String(i).padStart(DIGITS, '0')}`;
export const textOf = (i: number): string => `the value of element ${i}`;
const newName = (i: number): string => `new:${i}`;

function operation(
  type: CollectionType,
  title: string,
  words: CollectionOperation['words'],
  undo?: CollectionOperation['undo'],
): CollectionOperation {
  return undo === undefined ? { type, title, words } : { type, title, words, undo };
}

/** Of a sorted set: the score of an element is its place in the order in which it was filled. */
const middleOf = (i: number, count: number): string => String((i * 2 + 1) % (2 * count));

export const OPERATIONS: readonly CollectionOperation[] = [
  operation('hash', 'HGET', (key, i) => ['HGET', key, nameOf(i)]),
  operation('hash', 'HSET', (key, i) => ['HSET', key, nameOf(i), textOf(i)]),
  operation(
    'hash',
    'HSET of a new field',
    (key, i) => ['HSET', key, newName(i), textOf(i)],
    (key, i) => ['HDEL', key, newName(i)],
  ),
  operation(
    'hash',
    'HDEL',
    (key, i) => ['HDEL', key, nameOf(i)],
    (key, i) => ['HSET', key, nameOf(i), textOf(i)],
  ),
  operation('hash', 'HLEN', (key) => ['HLEN', key]),
  operation('set', 'SISMEMBER', (key, i) => ['SISMEMBER', key, nameOf(i)]),
  operation(
    'set',
    'SADD',
    (key, i) => ['SADD', key, newName(i)],
    (key, i) => ['SREM', key, newName(i)],
  ),
  operation(
    'set',
    'SREM',
    (key, i) => ['SREM', key, nameOf(i)],
    (key, i) => ['SADD', key, nameOf(i)],
  ),
  operation('list', 'LINDEX', (key, i) => ['LINDEX', key, String(i)]),
  operation('list', 'LSET', (key, i) => ['LSET', key, String(i), textOf(i)]),
  operation(
    'list',
    'LPUSH',
    (key, i) => ['LPUSH', key, newName(i)],
    (key) => ['LPOP', key],
  ),
  operation(
    'list',
    'RPOP',
    (key) => ['RPOP', key],
    (key, i) => ['RPUSH', key, nameOf(i)],
  ),
  operation('zset', 'ZSCORE', (key, i, count) => ['ZSCORE', key, memberOf(i, count)]),
  operation('zset', 'ZRANK', (key, i, count) => ['ZRANK', key, memberOf(i, count)]),
  operation('zset', 'ZRANGEBYSCORE LIMIT 0 1', (key, i, count) => [
    ...['ZRANGEBYSCORE', key, middleOf(i, count), '+inf', 'LIMIT', '0', '1'],
  ]),
  operation(
    'zset',
    'ZADD',
    (key, i, count) => ['ZADD', key, middleOf(i, count), newName(i)],
    (key, i) => ['ZREM', key, newName(i)],
  ),
  operation(
    'zset',
    'ZADD of another score',
    (key, i, count) => ['ZADD', key, middleOf(i + 1, count), memberOf(i, count)],
    (key, i, count) => ['ZADD', key, String(2 * i), memberOf(i, count)],
  ),
  operation(
    'zset',
    'ZREM',
    (key, i, count) => ['ZREM', key, memberOf(i, count)],
    (key, i, count) => ['ZADD', key, String(2 * i), memberOf(i, count)],
  ),
];

type Filler = (key: string, elements: readonly number[], count: number) => readonly string[];

const FILLERS: Readonly<Record<CollectionType, Filler>> = {
  hash: (key, elements) => ['HSET', key, ...elements.flatMap((i) => [nameOf(i), textOf(i)])],
  set: (key, elements) => ['SADD', key, ...elements.map(nameOf)],
  list: (key, elements) => ['RPUSH', key, ...elements.map(nameOf)],
  zset: (key, elements, count) => ['ZADD', key, ...elements.flatMap((i) => [String(2 * i), memberOf(i, count)])],
};

/** MurmurHash3 (32 bits): the order in which junokv keeps what has names (docs/values.md). */
function hashOf(name: Buffer): number {
  const scrambled = (word: number): number => {
    const mixed = Math.imul(word, 0xcc9e2d51);
    return Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593);
  };
  let hash = 0;
  const whole = name.length & ~3;
  for (let at = 0; at < whole; at += 4) {
    hash ^= scrambled(name.readInt32LE(at));
    hash = Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64;
  }
  let rest = 0;
  for (let at = name.length - 1; at >= whole; at--) rest = (rest << 8) | (name[at] ?? 0);
  if (name.length > whole) hash ^= scrambled(rest);
  hash ^= name.length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

const orders = new Map<number, Float64Array>();

/**
 * Numbers from 0 in the order in which elements of these names are kept: that in which a collection is filled. Thousands of
 * names a command would touch every page of a large one each time; in their order they touch each page once.
 */
function orderOf(count: number): Float64Array {
  let order = orders.get(count);
  if (order === undefined) {
    const keys = Float64Array.from(
      { length: count },
      (_, i) => Math.floor(hashOf(Buffer.from(nameOf(i))) / 2) * MOST_ELEMENTS + i,
    );
    order = keys.sort().map((key) => key % MOST_ELEMENTS);
    orders.set(count, order);
  }
  return order;
}

/** Of a sorted set: such that the order of scores is that of names. */
function memberOf(i: number, count: number): string {
  return nameOf(orderOf(count)[i % count] ?? 0);
}

/** Makes a collection of elements 0 to `count` - 1. */
export async function fillCollection(
  client: RawClient,
  type: CollectionType,
  key: string,
  count: number,
): Promise<void> {
  const named = type === 'hash' || type === 'set' ? orderOf(count) : null;
  for (let from = 0; from < count; from += PER_COMMAND) {
    const places = Array.from({ length: Math.min(PER_COMMAND, count - from) }, (_, n) => from + n);
    const elements = named === null ? places : places.map((place) => named[place] ?? 0);
    await fillSome(client, type, FILLERS[type](key, elements, count), from + places.length);
  }
}

/** `total`: how many elements there are then. */
async function fillSome(
  client: RawClient,
  type: CollectionType,
  words: readonly string[],
  total: number,
): Promise<void> {
  for (let tries = 1; ; tries++) {
    const reply = (await client.command(words, FILL_MS)).toString('latin1');
    if (reply.startsWith(':')) return;
    if (!PASSES.test(reply) || tries === FILL_TRIES) throw new Error(`filling ${words[1]}: ${reply.trim()}`);
    // What has names may be put there twice.
    if (type !== 'list') continue;
    const length = (await client.command(['LLEN', words[1] ?? ''], FILL_MS)).toString('latin1');
    if (length === `:${total}\r\n`) return;
  }
}

import { randomBytes, randomInt } from 'node:crypto';
import type { ChainableCommander, Redis } from 'ioredis';

export type Command = readonly [name: string, ...args: (string | Buffer)[]];

/** Databases that have keys. */
export const DATABASES: readonly number[] = [0, 3, 9];

/** What there is, of every type and encoding of Redis; a key is named `KIND:NUMBER`, and its number says which one it is. */
const KINDS = [
  'string',
  'number',
  'text',
  'bits',
  'hll',
  'list',
  'set',
  'ints',
  'hash',
  'record',
  'zset',
  'board',
  'geo',
] as const;
export type Kind = (typeof KINDS)[number];

const BATCH = 500;
/** Every so many keys expires, far from now; and every so many is large. */
const EXPIRING_ONE_IN = 10;
const LARGE_ONE_IN = 10_000;
const LARGE_ELEMENTS = 5_000;
const HUGE_ELEMENTS = 100_000;
const HUGE_STRING_BYTES = 8_388_608;
const STREAMS = 5;

export function kindOf(place: number): Kind {
  return KINDS[place % KINDS.length] ?? 'string';
}

/** The key of this number, which is in one of the databases. */
export function keyOf(place: number): string {
  return `${kindOf(place)}:${place}`;
}

/** The key of a kind that is next to the one of this number: of two keys that a command names, both are there. */
export function keyNear(kind: Kind, place: number): string {
  return `${kind}:${place - (place % KINDS.length) + KINDS.indexOf(kind)}`;
}

/** Which of the databases has this key. */
export function databaseOf(place: number): number {
  const batch = Math.floor(place / BATCH) % 10;
  return DATABASES[Math.max(0, batch - 7)] ?? 0;
}

export function text(): string {
  return `${randomInt(1_000_000)}${'x'.repeat(randomInt(60))}`;
}

/** Also numbers, which are kept in another way. */
export function element(): string {
  return randomInt(3) === 0 ? `${randomInt(1_000_000) - 500_000}` : text();
}

/** Longer than what is kept in packed form. */
function wide(): string {
  return `${randomInt(1_000_000)}${'w'.repeat(70 + randomInt(200))}`;
}

function score(): string {
  return `${randomInt(1_000) / 8}`;
}

/** Sets a value, or adds about so many elements. */
export function fillCommand(kind: Kind, key: string, count: number): Command {
  const elements = (make: () => (string | Buffer)[]): (string | Buffer)[] => Array.from({ length: count }, make).flat();
  switch (kind) {
    case 'string':
      return ['SET', key, count > 100 ? randomBytes(count * 20) : text()];
    case 'number':
      return ['INCRBY', key, `${randomInt(1_000)}`];
    case 'text':
      return ['SET', key, 'many words '.repeat(1 + randomInt(200))];
    case 'bits':
      return ['SETBIT', key, `${randomInt(count * 500)}`, '1'];
    case 'hll':
      return ['PFADD', key, ...elements(() => [text()])];
    case 'list':
      return ['RPUSH', key, ...elements(() => [element()])];
    case 'set':
      return ['SADD', key, ...elements(() => [element()])];
    case 'ints':
      return ['SADD', key, ...elements(() => [`${randomInt(10_000)}`])];
    case 'hash':
      return ['HSET', key, ...elements(() => [element(), text()])];
    case 'record':
      return ['HSET', key, ...elements(() => [text(), wide()])];
    case 'zset':
      return ['ZADD', key, ...elements(() => [score(), element()])];
    case 'board':
      return ['ZADD', key, ...elements(() => [score(), wide()])];
    default:
      return ['GEOADD', key, ...elements(() => [`${randomInt(360) - 180}`, `${randomInt(170) - 85}`, text()])];
  }
}

export function add(pipeline: ChainableCommander, [name, ...args]: Command): void {
  pipeline.call(name, ...args);
}

/** One of each type with a hundred thousand elements; a long string and a long bitmap. */
async function makeHuge(redis: Redis, count: number): Promise<void> {
  const elements = Math.min(HUGE_ELEMENTS, count);
  for (let from = 0; from < elements; from += BATCH) {
    const pipeline = redis.pipeline();
    const numbers = Array.from({ length: Math.min(BATCH, elements - from) }, (_, i) => from + i);
    pipeline.hset('huge:hash', ...numbers.flatMap((i) => [`field ${i}`, text()]));
    pipeline.rpush('huge:list', ...numbers.map((i) => `${i} ${text()}`));
    pipeline.sadd('huge:set', ...numbers.map((i) => `member ${i}`));
    pipeline.sadd('huge:ints', ...numbers);
    pipeline.zadd('huge:zset', ...numbers.flatMap((i) => [`${(i * 7919) % 10_007}`, `member ${i}`]));
    pipeline.pfadd('huge:hll', ...numbers);
    await pipeline.exec();
  }
  await redis.set('huge:string', randomBytes(HUGE_STRING_BYTES));
  await redis.setbit('huge:bits', HUGE_STRING_BYTES, 1);
}

/** What an import does not take: keys of their own type, and a library of functions. */
async function makeForeign(redis: Redis): Promise<void> {
  for (let i = 0; i < STREAMS; i++) await redis.xadd(`stream:${i}`, '*', 'field', 'value');
  await redis.call('FUNCTION', 'LOAD', library('early'));
}

/** The code of a library of functions. */
export function library(name: string): string {
  return `#!lua name=${name}\nredis.register_function('of_${name}', function() return 1 end)`;
}

/** About `count` keys in three databases; `onMade` is told how many there are. */
export async function makeKeys(redis: Redis, count: number, onMade: (made: number) => void): Promise<void> {
  for (let from = 0; from < count; from += BATCH) {
    const pipeline = redis.pipeline();
    pipeline.select(databaseOf(from));
    for (let i = from; i < Math.min(count, from + BATCH); i++) {
      const kind = kindOf(i);
      const key = keyOf(i);
      add(pipeline, fillCommand(kind, key, i % LARGE_ONE_IN === LARGE_ONE_IN / 2 ? LARGE_ELEMENTS : 1 + randomInt(8)));
      if (i % EXPIRING_ONE_IN === 0) pipeline.pexpire(key, 10_000_000 + randomInt(1_000_000));
    }
    for (const [error] of (await pipeline.exec()) ?? []) if (error !== null) throw error;
    onMade(from + BATCH);
  }
  await redis.select(0);
  await makeHuge(redis, count);
  await makeForeign(redis);
}

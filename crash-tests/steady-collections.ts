import type { Redis } from 'ioredis';

const FIELDS = 3_000;
const MEMBERS = 12_000;
const LONG_FIELD_BYTES = 150_000;

/** Names of keys that are there all the time, and how many elements each has. */
export interface SteadyCollections {
  readonly hashes: ReadonlyMap<string, number>;
  readonly sets: ReadonlyMap<string, number>;
  readonly lists: ReadonlyMap<string, number>;
  readonly zsets: ReadonlyMap<string, number>;
}

/** Fills collections, `each` of every small kind and a tenth of every large one: some that lie in their records, and some in trees of pages. */
export async function steadyCollections(redis: Redis, mark: string, each: number): Promise<SteadyCollections> {
  const hashes = new Map<string, number>();
  const sets = new Map<string, number>();
  const lists = new Map<string, number>();
  const zsets = new Map<string, number>();
  const hash = async (name: string, fields: readonly (readonly [string, string])[]): Promise<void> => {
    await redis.hset(name, ...fields.flat());
    hashes.set(name, fields.length);
  };
  const set = async (name: string, members: readonly (string | number)[]): Promise<void> => {
    await redis.sadd(name, ...members);
    sets.set(name, members.length);
  };
  const ordered = async (kind: string, members: readonly string[]): Promise<void> => {
    await redis.rpush(`${mark}:${kind}-list`, ...members);
    lists.set(`${mark}:${kind}-list`, members.length);
    await redis.zadd(`${mark}:${kind}-zset`, ...members.flatMap((member, rank) => [rank % 7, member]));
    zsets.set(`${mark}:${kind}-zset`, members.length);
  };
  for (let i = 0; i < each; i++) {
    await hash(`${mark}:small-hash:${i}`, [
      ['field', `value ${i}`],
      ['empty', ''],
    ]);
    await set(`${mark}:small-set:${i}`, ['a', 'b', `member ${i}`]);
    await set(`${mark}:integers:${i}`, [3, 1, i + 4]);
    await ordered(`small-${i}`, ['b', 'a', `member ${i}`]);
    if (i % 10 !== 0) continue;
    const fields = numbers(FIELDS).map((n) => [`field ${n}`, `${i} `.repeat(n % 40)] as const);
    await hash(`${mark}:large-hash:${i}`, [...fields, ['long', 'v'.repeat(LONG_FIELD_BYTES)]]);
    const members = numbers(MEMBERS).map((n) => `member ${n} of ${i}`);
    await set(`${mark}:large-set:${i}`, members);
    await ordered(`large-${i}`, members);
  }
  return { hashes, sets, lists, zsets };
}

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, n) => n);
}

/** Those that are there, but not as a whole; a line each. */
export async function halfCollections(redis: Redis, steady: SteadyCollections): Promise<string[]> {
  const problems: string[] = [];
  const look = (name: string, found: number, whole: number): void => {
    if (found !== 0 && found !== whole) problems.push(`${name} has ${found} of ${whole} elements`);
  };
  for (const [name, whole] of steady.hashes) look(name, await redis.hlen(name), whole);
  for (const [name, whole] of steady.sets) look(name, await redis.scard(name), whole);
  for (const [name, whole] of steady.lists) look(name, await redis.llen(name), whole);
  for (const [name, whole] of steady.zsets) look(name, await redis.zcard(name), whole);
  return problems;
}

/** Those that are not there as a whole; a line each. */
export async function lackingCollections(redis: Redis, steady: SteadyCollections): Promise<string[]> {
  const problems: string[] = [];
  const look = (name: string, found: readonly string[], whole: number): void => {
    const distinct = new Set(found).size;
    if (found.length !== whole || distinct !== whole) {
      problems.push(`${name} gives ${found.length} of ${whole} elements, ${distinct} of them different`);
    }
  };
  for (const [name, whole] of steady.hashes) look(name, Object.keys(await redis.hgetall(name)), whole);
  for (const [name, whole] of steady.sets) look(name, await redis.smembers(name), whole);
  for (const [name, whole] of steady.lists) look(name, await redis.lrange(name, 0, -1), whole);
  for (const [name, whole] of steady.zsets) look(name, await redis.zrange(name, 0, '-1'), whole);
  return problems;
}

import type { Redis } from 'ioredis';

const FIELDS = 3_000;
const MEMBERS = 12_000;
const LONG_FIELD_BYTES = 150_000;

/** Names of keys that are there all the time, and how many elements each has. */
export interface SteadyCollections {
  readonly hashes: ReadonlyMap<string, number>;
  readonly sets: ReadonlyMap<string, number>;
}

/** Fills hashes and sets, `each` of every kind: some that lie in their records, and some in trees of pages. */
export async function steadyCollections(redis: Redis, mark: string, each: number): Promise<SteadyCollections> {
  const hashes = new Map<string, number>();
  const sets = new Map<string, number>();
  const hash = async (name: string, fields: readonly (readonly [string, string])[]): Promise<void> => {
    await redis.hset(name, ...fields.flat());
    hashes.set(name, fields.length);
  };
  const set = async (name: string, members: readonly (string | number)[]): Promise<void> => {
    await redis.sadd(name, ...members);
    sets.set(name, members.length);
  };
  for (let i = 0; i < each; i++) {
    await hash(`${mark}:small-hash:${i}`, [
      ['field', `value ${i}`],
      ['empty', ''],
    ]);
    await set(`${mark}:small-set:${i}`, ['a', 'b', `member ${i}`]);
    await set(`${mark}:integers:${i}`, [3, 1, i + 4]);
    if (i % 10 !== 0) continue;
    const fields = numbers(FIELDS).map((n) => [`field ${n}`, `${i} `.repeat(n % 40)] as const);
    await hash(`${mark}:large-hash:${i}`, [...fields, ['long', 'v'.repeat(LONG_FIELD_BYTES)]]);
    await set(
      `${mark}:large-set:${i}`,
      numbers(MEMBERS).map((n) => `member ${n} of ${i}`),
    );
  }
  return { hashes, sets };
}

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, n) => n);
}

/** Those that are there, but not as a whole; a line each. */
export async function halfCollections(redis: Redis, { hashes, sets }: SteadyCollections): Promise<string[]> {
  const problems: string[] = [];
  const look = (name: string, found: number, whole: number): void => {
    if (found !== 0 && found !== whole) problems.push(`${name} has ${found} of ${whole} elements`);
  };
  for (const [name, whole] of hashes) look(name, await redis.hlen(name), whole);
  for (const [name, whole] of sets) look(name, await redis.scard(name), whole);
  return problems;
}

/** Those that are not there as a whole; a line each. */
export async function lackingCollections(redis: Redis, { hashes, sets }: SteadyCollections): Promise<string[]> {
  const problems: string[] = [];
  for (const [name, whole] of hashes) {
    const found = Object.keys(await redis.hgetall(name)).length;
    if (found !== whole) problems.push(`${name} gives ${found} of ${whole} fields`);
  }
  for (const [name, whole] of sets) {
    const found = new Set(await redis.smembers(name)).size;
    if (found !== whole) problems.push(`${name} gives ${found} of ${whole} members`);
  }
  return problems;
}

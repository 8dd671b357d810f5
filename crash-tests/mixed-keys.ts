import { createHash, randomInt } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { ChainableCommander, Redis } from 'ioredis';

const TYPES = ['string', 'number', 'list', 'set', 'ints', 'hash', 'zset'] as const;
type KeyType = (typeof TYPES)[number];
const BATCH = 500;
/** Every so many keys expires, far from now; and every so many is large. */
const EXPIRING_ONE_IN = 10;
const LARGE_ONE_IN = 5_000;
const LARGE_ELEMENTS = 5_000;

function keyOf(type: KeyType, index: number): string {
  return `${type}:${index}`;
}

function text(): string {
  return `${randomInt(1_000_000)}${'x'.repeat(randomInt(60))}`;
}

function element(): string {
  return randomInt(3) === 0 ? `${randomInt(1_000_000) - 500_000}` : text();
}

/** Adds some elements, or sets a value. */
function fill(pipeline: ChainableCommander, type: KeyType, key: string, count: number): void {
  const elements = Array.from({ length: count }, element);
  switch (type) {
    case 'string':
      pipeline.set(key, count > 100 ? 'y'.repeat(count * 20) : text());
      break;
    case 'number':
      pipeline.incrby(key, randomInt(1_000));
      break;
    case 'list':
      pipeline.rpush(key, ...elements);
      break;
    case 'set':
      pipeline.sadd(key, ...elements);
      break;
    case 'ints':
      pipeline.sadd(key, ...elements.map(() => `${randomInt(10_000)}`));
      break;
    case 'hash':
      pipeline.hset(key, ...elements.flatMap((field) => [field, text()]));
      break;
    default:
      pipeline.zadd(key, ...elements.flatMap((member) => [`${randomInt(1_000) / 8}`, member]));
  }
}

/** `count` keys of all types, in two databases. */
export async function makeKeys(redis: Redis, count: number): Promise<void> {
  for (let from = 0; from < count; from += BATCH) {
    const pipeline = redis.pipeline();
    pipeline.select(Math.floor(from / BATCH) % 10 === 9 ? 3 : 0);
    for (let i = from; i < Math.min(count, from + BATCH); i++) {
      const type = TYPES[i % TYPES.length] ?? 'string';
      const key = keyOf(type, i);
      fill(pipeline, type, key, i % LARGE_ONE_IN === 0 ? LARGE_ELEMENTS : 1 + randomInt(8));
      if (i % EXPIRING_ONE_IN === 0) pipeline.pexpire(key, 10_000_000 + randomInt(1_000_000));
    }
    await pipeline.exec();
  }
  await redis.select(0);
}

/** One change of one of the first `count` keys, or of several at once. */
function change(pipeline: ChainableCommander, count: number): void {
  const place = randomInt(count);
  const type = TYPES[place % TYPES.length] ?? 'string';
  const key = keyOf(type, place);
  switch (randomInt(12)) {
    case 0:
      pipeline.del(key);
      break;
    case 1:
      pipeline.pexpire(key, 5_000_000);
      break;
    case 2:
      pipeline.rpop(keyOf('list', place)).lpush(keyOf('list', place), element());
      break;
    case 3:
      pipeline.hincrby(`counts:${place % 100}`, 'n', 1);
      break;
    case 4:
      pipeline.call('MULTI').incr(keyOf('number', place)).rpush(keyOf('list', place), 'both').call('EXEC');
      break;
    case 5:
      pipeline.append(keyOf('string', place), 'more');
      break;
    case 6:
      pipeline.zincrby(keyOf('zset', place), '0.5', `m${randomInt(20)}`);
      break;
    case 7:
      pipeline.sunionstore(`union:${place % 50}`, keyOf('set', place), keyOf('ints', place));
      break;
    default:
      fill(pipeline, type, key, 1 + randomInt(3));
  }
}

/** Changes keys until it is stopped, at about `perSecond`. */
export class KeyChanges {
  readonly #redis: Redis;
  readonly #running: Promise<void>;
  #isStopped = false;
  count = 0;

  constructor(redis: Redis, keys: number, perSecond: number) {
    this.#redis = redis;
    this.#running = this.#run(keys, perSecond);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
  }

  async #run(keys: number, perSecond: number): Promise<void> {
    const some = Math.max(1, Math.round(perSecond / 20));
    while (!this.#isStopped) {
      const pipeline = this.#redis.pipeline();
      for (let i = 0; i < some; i++) change(pipeline, keys);
      // A key of another type is an error, as it may be in an application.
      await pipeline.exec();
      this.count += some;
      await pause(50);
    }
  }
}

type Digests = Map<string, string>;

/** Reads of a key that give all of its content. */
function ask(pipeline: ChainableCommander, type: string, key: string): void {
  if (type === 'string') pipeline.get(key);
  else if (type === 'list') pipeline.lrange(key, 0, -1);
  else if (type === 'set') pipeline.smembers(key);
  else if (type === 'hash') pipeline.hgetall(key);
  else pipeline.zrange(key, '0', '-1', 'WITHSCORES');
}

function digest(type: string, content: unknown, expiresAtMs: unknown): string {
  let parts: unknown = content;
  if (type === 'set') parts = [...(content as string[])].sort();
  if (type === 'hash') parts = Object.entries(content as Record<string, string>).sort();
  return createHash('sha256')
    .update(JSON.stringify([type, parts, expiresAtMs]))
    .digest('base64');
}

/** A digest of the content and the expiry of every key of a database, read by the commands of its type. */
export async function digestsOf(redis: Redis, database: number): Promise<Digests> {
  const digests: Digests = new Map();
  await redis.select(database);
  let cursor = '0';
  do {
    const [next, keys] = await redis.scan(cursor, 'COUNT', BATCH);
    cursor = next;
    const types = redis.pipeline();
    for (const key of keys) types.type(key).pexpiretime(key);
    const known = ((await types.exec()) ?? []).map(([, answer]) => String(answer));
    const reads = redis.pipeline();
    for (const [i, key] of keys.entries()) ask(reads, known[2 * i] ?? '', key);
    const contents = (await reads.exec()) ?? [];
    for (const [i, key] of keys.entries()) {
      digests.set(key, digest(known[2 * i] ?? '', contents[i]?.[1], known[2 * i + 1]));
    }
  } while (cursor !== '0');
  return digests;
}

/** Keys that differ, or that only one of them has; a line each. */
export function differences(source: Digests, target: Digests): string[] {
  const lines: string[] = [];
  for (const [key, one] of source)
    if (target.get(key) !== one) lines.push(`${key} ${target.has(key) ? 'differs' : 'is missing'}`);
  for (const key of target.keys()) if (!source.has(key)) lines.push(`${key} is not in the source`);
  return lines;
}

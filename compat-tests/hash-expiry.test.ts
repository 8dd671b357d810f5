import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FoundServer, givenOrStarted } from './support/given-server.ts';
import { filesOf, type Place, portOf, redisOptions } from './support/place.ts';

/*
 * Fields that expire, by the clients' own methods. There is no redis-server of 7.4 or 8 to compare with here: what is expected is
 * what Redis's documentation says.
 */

function socketOf(place: Place) {
  const address = { host: '127.0.0.1', port: portOf(place) };
  return typeof place === 'number' ? address : { ...address, tls: true as const, ...filesOf(place) };
}

/** Asks until the answer is as expected, for a while. */
async function until<T>(ask: () => Promise<T>, isThere: (answer: T) => boolean): Promise<T> {
  for (let tries = 0; ; tries++) {
    const answer = await ask();
    if (isThere(answer) || tries >= 400) return answer;
    await sleep(25);
  }
}

let server: FoundServer;
beforeAll(async () => {
  server = await givenOrStarted();
});
afterAll(() => server.stop());

describe.each([2, 3] as const)('node-redis over RESP%i', (RESP) => {
  it('gives fields a time to live, tells it and takes it away', async () => {
    const client = await createClient({ socket: socketOf(server.place), database: 5, RESP }).connect();
    try {
      await client.del('h');
      await client.hSet('h', { a: '1', b: '2', c: '3' });
      expect(await client.hExpire('h', ['a', 'nobody'], 1_000)).toEqual([1, -2]);
      expect(await client.hExpire('h', 'a', 2_000, 'NX')).toEqual([0]);
      expect(await client.hpExpire('h', 'b', 500_000, 'LT')).toEqual([1]);
      const [seconds] = (await client.hTTL('h', 'a')) ?? [];
      expect(seconds).toBeGreaterThan(900);
      expect(await client.hTTL('h', ['c', 'nobody'])).toEqual([-1, -2]);
      const [milliseconds] = (await client.hpTTL('h', 'b')) ?? [];
      expect(milliseconds).toBeGreaterThan(400_000);
      expect(await client.hExpireAt('h', 'a', 4_000_000_000)).toEqual([1]);
      expect(await client.hExpireTime('h', 'a')).toEqual([4_000_000_000]);
      expect(await client.hpExpireAt('h', 'b', 4_000_000_000_123, 'GT')).toEqual([1]);
      expect(await client.hpExpireTime('h', 'b')).toEqual([4_000_000_000_123]);
      expect(await client.hPersist('h', ['a', 'c'])).toEqual([1, -1]);
      expect(await client.hpExpire('h', ['a', 'b', 'c'], 0)).toEqual([2, 2, 2]);
      expect(await client.exists('h')).toBe(0);
    } finally {
      await client.close();
    }
  });

  it('reads and writes fields with their times', async () => {
    const client = await createClient({ socket: socketOf(server.place), database: 5, RESP }).connect();
    try {
      await client.del('h');
      const expiration = { type: 'EX', value: 1_000 } as const;
      expect(await client.hSetEx('h', { a: '1', b: '2' }, { mode: 'FNX', expiration })).toBe(1);
      expect(await client.hSetEx('h', { a: '3' }, { mode: 'FNX', expiration })).toBe(0);
      expect(await client.hSetEx('h', { a: '3' }, { mode: 'FXX', expiration: 'KEEPTTL' })).toBe(1);
      const [kept] = (await client.hTTL('h', 'a')) ?? [];
      expect(kept).toBeGreaterThan(900);
      expect(await client.hGetEx('h', ['a', 'nobody'], { expiration: 'PERSIST' })).toEqual(['3', null]);
      expect(await client.hTTL('h', 'a')).toEqual([-1]);
      expect(await client.hGetDel('h', ['a', 'b', 'nobody'])).toEqual(['3', '2', null]);
      expect(await client.exists('h')).toBe(0);
    } finally {
      await client.close();
    }
  });
});

describe('ioredis', () => {
  let redis: Redis;
  let other: Redis;
  beforeAll(() => {
    redis = new Redis({ ...redisOptions(server.place), db: 6 });
    other = new Redis({ ...redisOptions(server.place), db: 6 });
  });
  afterAll(() => {
    redis.disconnect();
    other.disconnect();
  });

  it('sees fields vanish, and the key with the last of them', async () => {
    const many = Object.fromEntries(Array.from({ length: 1_500 }, (_, i) => [`field ${i}`, `value ${i}`]));
    for (const [key, fields] of [
      ['small', { a: '1', b: '2' }],
      ['large', { ...many, a: '1', b: '2' }],
    ] as const) {
      const names = Object.keys(fields).filter((name) => name !== 'a');
      await redis.hset(key, fields);
      await redis.hpexpire(key, 40, 'FIELDS', names.length, ...names);
      expect(
        await until(
          () => redis.hlen(key),
          (length) => length === 1,
        ),
      ).toBe(1);
      expect(await redis.hgetall(key)).toEqual({ a: '1' });
      expect(await redis.hkeys(key)).toEqual(['a']);
      expect(await redis.hscan(key, 0, 'COUNT', 5_000)).toEqual([expect.any(String), ['a', '1']]);
      expect(await redis.hrandfield(key)).toBe('a');
      expect(await redis.ttl(key)).toBe(-1);
      await redis.hpexpire(key, 40, 'FIELDS', 1, 'a');
      expect(
        await until(
          () => redis.exists(key),
          (count) => count === 0,
        ),
      ).toBe(0);
      expect(await redis.type(key)).toBe('none');
      expect(await redis.keys('*')).not.toContain(key);
    }
  });

  it('keeps times through MULTI, COPY, RENAME and DUMP, and a watched key that gets one is changed', async () => {
    await redis.del('h');
    const replies = await redis.multi().hset('h', { a: '1', b: '2' }).hexpire('h', 1_000, 'FIELDS', 1, 'a').exec();
    expect(replies).toEqual([
      [null, 2],
      [null, [1]],
    ]);
    await redis.expire('h', 5_000);
    await redis.copy('h', 'copied', 'REPLACE');
    await redis.rename('copied', 'renamed');
    const payload = await redis.dumpBuffer('renamed');
    await redis.restore('restored', 0, payload, 'REPLACE');
    for (const key of ['renamed', 'restored']) {
      const [a, b] = (await redis.httl(key, 'FIELDS', 2, 'a', 'b')) as number[];
      expect(a).toBeGreaterThan(900);
      expect(b).toBe(-1);
      expect(await redis.object('ENCODING', key)).toBe('listpackex');
    }
    expect(await redis.ttl('renamed')).toBeGreaterThan(4_900);
    expect(await redis.ttl('restored')).toBe(-1);
    await redis.watch('h');
    await other.hexpire('h', 2_000, 'FIELDS', 1, 'b');
    expect(await redis.multi().hset('h', 'c', '3').exec()).toBeNull();
    await redis.hset('h', 'a', 'again');
    expect(await redis.httl('h', 'FIELDS', 1, 'a')).toEqual([-1]);
  });
});

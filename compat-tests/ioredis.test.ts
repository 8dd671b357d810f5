import { rmSync } from 'node:fs';
import { Cluster, Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from './support/free-port.ts';
import { type FoundServer, givenOrStarted, givenServer } from './support/given-server.ts';
import { makeTempDir, startJunokv } from './support/junokv-server.ts';
import { redisOptions } from './support/place.ts';
import type { RunningServer } from './support/redis-server.ts';

const clients: { disconnect(): void }[] = [];

function opened<T extends { disconnect(): void }>(client: T): T {
  clients.push(client);
  return client;
}

afterEach(() => {
  for (const client of clients.splice(0)) client.disconnect();
});

describe('ioredis', () => {
  let server: FoundServer;
  let redis: Redis;
  const connected = (options: { db?: number; enableAutoPipelining?: boolean } = {}): Redis =>
    new Redis({ ...redisOptions(server.place), ...options });
  beforeAll(async () => {
    server = await givenOrStarted();
    redis = connected();
  });
  afterAll(async () => {
    redis.disconnect();
    await server.stop();
  });

  it('runs commands, with strings and Buffers', async () => {
    expect(await redis.set('text', 'value', 'EX', 100, 'NX')).toBe('OK');
    expect(await redis.set('text', 'value', 'NX')).toBeNull();
    expect(await redis.ttl('text')).toBeGreaterThan(98);
    const bytes = Buffer.from([0, 255, 13, 10, 36]);
    await redis.set(bytes, bytes);
    expect(await redis.getBuffer(bytes)).toEqual(bytes);
    expect(await redis.mget('text', 'missing')).toEqual(['value', null]);
    expect(await redis.mset({ a: '1', b: '2' })).toBe('OK');
    expect(await redis.incrby('a', 41)).toBe(42);
    await expect(redis.incr('text')).rejects.toThrow('ERR value is not an integer or out of range');
    await expect(redis.call('NONSENSE', 'x')).rejects.toThrow("ERR unknown command 'NONSENSE'");
    expect(await redis.ping()).toBe('PONG');
  });

  it('pipelines, replies in order, errors in their places', async () => {
    const pipeline = redis.pipeline();
    for (let i = 0; i < 5_000; i++) pipeline.set(`p:${i}`, i).get(`p:${i}`);
    pipeline.incr('text').get('p:7');
    const results = (await pipeline.exec()) ?? [];
    expect(results).toHaveLength(10_002);
    for (let i = 0; i < 5_000; i++) {
      expect(results[2 * i]).toEqual([null, 'OK']);
      expect(results[2 * i + 1]).toEqual([null, String(i)]);
    }
    expect(results[10_000]?.[0]).toBeInstanceOf(Error);
    expect(results[10_001]).toEqual([null, '7']);
  });

  it('pipelines by itself (enableAutoPipelining)', async () => {
    const auto = opened(connected({ enableAutoPipelining: true }));
    const names = Array.from({ length: 500 }, (_, i) => `auto:${i}`);
    await Promise.all(names.map((name, i) => auto.set(name, i)));
    expect(await Promise.all(names.map((name) => auto.get(name)))).toEqual(names.map((_, i) => String(i)));
    expect(await auto.del(...names)).toBe(500);
  });

  it('streams a scan to its end, every key in it', async () => {
    const db = opened(connected({ db: 5 }));
    const names = Array.from({ length: 2_000 }, (_, i) => `scan:${i}`);
    for (let from = 0; from < names.length; from += 200) {
      await db.mset(Object.fromEntries(names.slice(from, from + 200).map((name) => [name, 'x'])));
    }
    await db.set('other', 'x');
    const found = new Set<string>();
    for await (const keys of db.scanStream({ match: 'scan:*', count: 100 })) {
      for (const key of keys) found.add(key);
    }
    expect([...found].sort()).toEqual([...names].sort());
    expect(await db.dbsize()).toBe(2_001);
    await db.flushdb();
    expect(await db.keys('*')).toEqual([]);
  });

  it('runs MULTI, whole and step by step, with errors in their places', async () => {
    await redis.del('m', 'list');
    expect(await redis.multi().set('m', '1').incr('m').rpush('list', 'a', 'b').lrange('list', 0, -1).exec()).toEqual([
      [null, 'OK'],
      [null, 2],
      [null, 2],
      [null, ['a', 'b']],
    ]);
    const mixed = (await redis.multi().incr('m').incr('list').incr('m').exec()) ?? [];
    expect([mixed[0], mixed[2]]).toEqual([
      [null, 3],
      [null, 4],
    ]);
    expect(mixed[1]?.[0]?.message).toContain('WRONGTYPE');
    await expect(redis.multi().set('m', '9').call('NONSENSE').exec()).rejects.toThrow('EXECABORT');
    await redis.multi({ pipeline: false });
    expect(await redis.incr('m')).toBe('QUEUED');
    expect(await redis.exec()).toEqual([[null, 5]]);
    await redis.multi({ pipeline: false });
    await redis.incr('m');
    expect([await redis.discard(), await redis.get('m')]).toEqual(['OK', '5']);
  });

  it('watches keys: of two that change one, one is told', async () => {
    const [left, right] = [opened(connected()), opened(connected())];
    await left.set('watched', '1');
    await left.watch('watched', 'other');
    await right.watch('watched');
    expect(await right.multi().incr('watched').exec()).toEqual([[null, 2]]);
    expect(await left.multi().incr('watched').exec()).toBeNull();
    await left.watch('watched');
    await left.unwatch();
    await right.incr('watched');
    expect(await left.multi().incr('watched').exec()).toEqual([[null, 4]]);
  });

  it('streams fields, members and scores', async () => {
    const count = 600;
    const numbers = Array.from({ length: count }, (_, i) => i);
    await redis
      .pipeline()
      .hset('s:hash', Object.fromEntries(numbers.map((i) => [`f${i}`, i])))
      .sadd('s:set', ...numbers)
      .zadd('s:zset', ...numbers.flatMap((i) => [i, `m${i}`]))
      .exec();
    for (const [stream, width] of [
      [redis.hscanStream('s:hash', { count: 50 }), 2],
      [redis.sscanStream('s:set', { count: 50 }), 1],
      [redis.zscanStream('s:zset', { count: 50 }), 2],
    ] as const) {
      const found = new Set<string>();
      for await (const items of stream) for (let i = 0; i < items.length; i += width) found.add(items[i]);
      expect(found.size).toBe(count);
    }
  });

  it('defines commands of its own and duplicates connections', async () => {
    const twin = opened(redis.duplicate({ connectionName: 'twin' }));
    expect(await twin.client('GETNAME')).toBe('twin');
    expect(String(await twin.client('LIST'))).toContain('name=twin');
  });

  it('20 connections at once count to the right number', async () => {
    await redis.del('shared');
    const crowd = Array.from({ length: 20 }, () => opened(connected()));
    await Promise.all(crowd.flatMap((client) => Array.from({ length: 50 }, () => client.incr('shared'))));
    expect(await redis.get('shared')).toBe('1000');
  });
});

describe.runIf(givenServer === null)('ioredis, with a password', () => {
  let server: RunningServer;
  beforeAll(async () => {
    server = await startJunokv({ engine: 'memory', more: ['--requirepass', 'secret'] });
  });
  afterAll(() => server.stop());

  it('gives it on connecting', async () => {
    const redis = opened(new Redis(server.port, { password: 'secret', db: 2 }));
    expect(await redis.set('a', '1')).toBe('OK');
  });

  it('is told when it is missing or wrong', async () => {
    const without = opened(new Redis(server.port, { retryStrategy: null }));
    without.on('error', () => {});
    await expect(without.get('a')).rejects.toThrow('NOAUTH');
    const wrong = opened(new Redis(server.port, { password: 'wrong', retryStrategy: null }));
    const errors: string[] = [];
    wrong.on('error', (error) => errors.push(error.message));
    await expect(wrong.get('a')).rejects.toThrow();
    expect(errors.join('\n')).toContain('WRONGPASS');
  });
});

describe.runIf(givenServer === null)('ioredis as a client of Redis Cluster', () => {
  let server: RunningServer;
  let cluster: Cluster;
  beforeAll(async () => {
    server = await startJunokv({ engine: 'memory', more: ['--cluster-enabled', 'yes'] });
    cluster = new Cluster([{ host: '127.0.0.1', port: server.port }]);
  });
  afterAll(async () => {
    cluster.disconnect();
    await server.stop();
  });

  it('finds the slots and runs commands on keys of any slot', async () => {
    const names = Array.from({ length: 200 }, (_, i) => `key:${i}`);
    await Promise.all(names.map((name, i) => cluster.set(name, i)));
    expect(await Promise.all(names.map((name) => cluster.get(name)))).toEqual(names.map((_, i) => String(i)));
    expect(await cluster.mget('{tag}a', '{tag}b')).toEqual([null, null]);
    expect(cluster.nodes('master')).toHaveLength(1);
  });

  it('runs MULTI over keys of one slot, and watches one', async () => {
    expect(await cluster.multi().set('{t}a', '1').incr('{t}b').mget('{t}a', '{t}b').exec()).toEqual([
      [null, 'OK'],
      [null, 1],
      [null, ['1', '1']],
    ]);
    const [node] = cluster.nodes('master');
    await node?.watch('{t}a');
    await cluster.set('{t}a', '2');
    expect(await node?.multi().incr('{t}a').exec()).toEqual(null);
    expect(await cluster.get('{t}a')).toBe('2');
  });

  it('pipelines, and scans each of its nodes', async () => {
    const results = (await cluster.pipeline().set('x', '1').incr('x').get('y').exec()) ?? [];
    expect(results).toEqual([
      [null, 'OK'],
      [null, 2],
      [null, null],
    ]);
    const found: string[] = [];
    for (const node of cluster.nodes('master')) {
      for await (const keys of node.scanStream({ match: 'key:1*' })) found.push(...keys);
    }
    expect(new Set(found).size).toBe(111);
  });
});

describe.runIf(givenServer === null)('ioredis, when the server is killed and started again on its data', () => {
  it('reconnects by itself and finds what was acknowledged', async () => {
    const dir = makeTempDir('reconnect');
    const port = await freePort();
    let server = await startJunokv({ engine: 'rocksdb', dir, port });
    const redis = opened(new Redis(port, { maxRetriesPerRequest: null, retryStrategy: () => 50 }));
    redis.on('error', () => {});
    try {
      const acknowledged: string[] = [];
      for (let i = 0; i < 200; i++) {
        await redis.set(`kept:${i}`, `value ${i}`);
        acknowledged.push(`value ${i}`);
      }
      await server.process.kill();
      // Queued by the client until it is connected again.
      const later = redis.set('later', 'queued');
      server = await startJunokv({ engine: 'rocksdb', dir, port });
      expect(await later).toBe('OK');
      expect(await redis.mget(acknowledged.map((_, i) => `kept:${i}`))).toEqual(acknowledged);
      expect(await redis.get('later')).toBe('queued');
    } finally {
      redis.disconnect();
      await server.stop();
      rmSync(dir, { recursive: true, force: true });
    }
  });
});

import { createClient, createCluster, RESP_TYPES, WatchError } from 'redis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FoundServer, givenOrStarted, givenServer } from './support/given-server.ts';
import { startJunokv } from './support/junokv-server.ts';
import { filesOf, type Place, portOf } from './support/place.ts';

function socketOf(place: Place) {
  const address = { host: '127.0.0.1', port: portOf(place) };
  return typeof place === 'number' ? address : { ...address, tls: true as const, ...filesOf(place) };
}

describe.each([2, 3] as const)('node-redis over RESP%i', (RESP) => {
  let server: FoundServer;
  beforeAll(async () => {
    server = await givenOrStarted();
  });
  afterAll(() => server.stop());

  it('connects, runs commands, pipelines and scans', async () => {
    const client = createClient({ socket: socketOf(server.place), database: 3, RESP, name: 'node-redis' });
    await client.connect();
    expect(await client.ping()).toBe('PONG');
    expect(await client.clientGetName()).toBe('node-redis');
    expect(await client.set('a', '1', { expiration: { type: 'EX', value: 100 }, condition: 'NX' })).toBe('OK');
    expect(await client.get('a')).toBe('1');
    expect(await client.get('missing')).toBeNull();
    expect(await client.incrByFloat('f', 1.5)).toBe('1.5');
    expect(await client.expire('a', 200, 'GT')).toBe(1);
    expect(await client.lcsIdx('a', 'a')).toMatchObject({ len: 1 });
    const many = Array.from({ length: 500 }, (_, i) => `many:${i}`);
    await Promise.all(many.map((name) => client.set(name, name)));
    expect(await client.mGet(many)).toEqual(many);
    const found = new Set<string>();
    for await (const keys of client.scanIterator({ MATCH: 'many:*', COUNT: 50 }))
      for (const key of keys) found.add(key);
    expect(found.size).toBe(500);
    expect((await client.configGet('databases'))['databases']).toBe('16');
    expect(await client.info('server')).toContain('redis_version:7.');
    expect(await client.clientInfo()).toMatchObject({ name: 'node-redis', db: 3 });
    await expect(client.incr('many:1')).rejects.toThrow('not an integer');
    expect(await client.commandCount()).toBeGreaterThan(50);
    await client.close();
  });

  it('runs MULTI, watches keys, and tells of errors inside', async () => {
    const client = await createClient({ socket: socketOf(server.place), database: 4, RESP }).connect();
    const other = await createClient({ socket: socketOf(server.place), database: 4, RESP }).connect();
    try {
      expect(await client.multi().set('m', '1').incr('m').hSet('h', 'f', 'v').hGetAll('h').exec()).toEqual([
        'OK',
        2,
        1,
        { f: 'v' },
      ]);
      const failed = await client.multi().incr('h').incr('m').exec().catch(String);
      expect(failed).toContain('1 commands failed');
      expect(await client.get('m')).toBe('3');
      await client.watch(['m', 'h']);
      await other.set('m', '10');
      await expect(client.multi().incr('m').exec()).rejects.toThrow(WatchError);
      await client.watch('m');
      await client.unwatch();
      await other.set('m', '20');
      expect(await client.multi().incr('m').exec()).toEqual([21]);
      await expect(client.multi().addCommand(['NONSENSE']).set('m', '0').exec()).rejects.toThrow('unknown command');
      expect(await client.get('m')).toBe('21');
    } finally {
      await client.close();
      await other.close();
    }
  });

  it('handles collections, with their types, and iterates over them', async () => {
    const client = await createClient({ socket: socketOf(server.place), database: 4, RESP }).connect();
    try {
      const numbers = Array.from({ length: 600 }, (_, i) => i);
      await client.hSet('big', Object.fromEntries(numbers.map((i) => [`f${i}`, i])));
      await client.sAdd('set', numbers.map(String));
      await client.zAdd(
        'zset',
        numbers.map((i) => ({ score: i / 2, value: `m${i}` })),
      );
      const found = { fields: new Set<string>(), members: new Set<string>(), scored: new Map<string, number>() };
      for await (const batch of client.hScanIterator('big', { COUNT: 50 }))
        for (const { field } of batch) found.fields.add(field);
      for await (const batch of client.sScanIterator('set', { COUNT: 50 }))
        for (const member of batch) found.members.add(member);
      for await (const batch of client.zScanIterator('zset', { COUNT: 50 }))
        for (const { value, score } of batch) found.scored.set(value, score);
      expect([found.fields.size, found.members.size, found.scored.size]).toEqual([600, 600, 600]);
      expect(found.scored.get('m599')).toBe(299.5);
      expect(await client.zRangeWithScores('zset', 0, 1)).toEqual([
        { value: 'm0', score: 0 },
        { value: 'm1', score: 0.5 },
      ]);
      expect(await client.rPush('list', ['a', 'b', 'c'])).toBe(3);
      expect(await client.lRange('list', 0, -1)).toEqual(['a', 'b', 'c']);
      expect([...(await client.sInter(['set', 'set']))].length).toBe(600);
      const raw = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
      const bytes = client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
      expect(await bytes.set(raw, raw)).toBe('OK');
      expect(await bytes.get(raw)).toEqual(raw);
      expect(await client.pExpire(raw, 50_000)).toBe(1);
      expect(await client.pTTL(raw)).toBeGreaterThan(10_000);
    } finally {
      await client.close();
    }
  });
});

describe.runIf(givenServer === null)('node-redis as a client of Redis Cluster', () => {
  it('finds the slots and runs commands', async () => {
    const server = await startJunokv({ engine: 'memory', more: ['--cluster-enabled', 'yes'] });
    const cluster = createCluster({ rootNodes: [{ url: `redis://127.0.0.1:${server.port}` }] });
    try {
      await cluster.connect();
      await Promise.all(Array.from({ length: 100 }, (_, i) => cluster.set(`k${i}`, `${i}`)));
      expect(await cluster.get('k42')).toBe('42');
      expect(cluster.masters).toHaveLength(1);
      expect(await cluster.multi().set('{t}a', '1').incr('{t}b').mGet(['{t}a', '{t}b']).exec()).toEqual([
        'OK',
        1,
        ['1', '1'],
      ]);
    } finally {
      await cluster.close();
      await server.stop();
    }
  });
});

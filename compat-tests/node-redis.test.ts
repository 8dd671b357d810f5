import { createClient, createCluster } from 'redis';
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
    } finally {
      await cluster.close();
      await server.stop();
    }
  });
});

import { createServer, connect as openSocket, type Server, type Socket } from 'node:net';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { connect } from '../src/juno-ext/client/src/client.ts';
import { requestIds } from '../src/juno-ext/client/src/request-id.ts';
import type { ClientOptions, JunoClient, JunoRecord, ServerAddress } from '../src/juno-ext/client/src/types.ts';
import { JunokvCluster } from './support/junokv-cluster.ts';

/** A TCP relay that cuts a connection after so many pieces of data from the server, before the last is passed on. */
class LossyRelay {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  cuts = 0;

  private constructor(port: number, piecesPerCut: number) {
    let pieces = 0;
    this.#server = createServer((client) => {
      const upstream = openSocket(port, '127.0.0.1');
      const end = (): void => {
        client.destroy();
        upstream.destroy();
      };
      for (const socket of [client, upstream]) {
        this.#sockets.add(socket);
        socket.on('close', end);
        socket.on('error', end);
      }
      client.on('data', (data) => upstream.write(data));
      upstream.on('data', (data) => {
        if (++pieces % piecesPerCut === 0) {
          this.cuts++;
          end();
        } else {
          client.write(data);
        }
      });
    });
  }

  static async start(port: number, piecesPerCut: number): Promise<{ relay: LossyRelay; address: ServerAddress }> {
    const relay = new LossyRelay(port, piecesPerCut);
    await new Promise<void>((resolve) => {
      relay.#server.listen(0, '127.0.0.1', resolve);
    });
    const address = relay.#server.address();
    if (typeof address !== 'object' || address === null) throw new Error('the relay has no port');
    return { relay, address: { host: '127.0.0.1', port: address.port } };
  }

  stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
    });
  }
}

const increment = (current: JunoRecord | null): string => `${Number(current?.value ?? 0) + 1}`;

describe('the typed client with two proxies', () => {
  let cluster: JunokvCluster;
  let addresses: readonly ServerAddress[];
  const clients: JunoClient[] = [];

  function open(options: Partial<ClientOptions> = {}): JunoClient {
    const client = connect({ addresses, ...options });
    clients.push(client);
    return client;
  }

  beforeAll(async () => {
    cluster = await JunokvCluster.start(2, { storage: ['--fsync', 'no'] });
    addresses = cluster.proxyPorts.map((port) => ({ host: '127.0.0.1', port }));
  }, 60_000);
  afterEach(() => Promise.all(clients.splice(0).map((client) => client.close())));
  afterAll(() => cluster.stop());

  it('creates, gets, updates, sets and destroys', async () => {
    const client = open();
    const created = await client.create('life', 'one', { ttlMs: 60_000 });
    expect(created).toMatchObject({ ok: true, value: { recordVersion: 1, requestId: expect.any(String) } });
    if (!created.ok) return;
    const { creationTimeMs } = created.value;
    expect(Math.abs(creationTimeMs - Date.now())).toBeLessThan(10_000);
    expect(await client.create('life', 'two')).toMatchObject({
      error: { kind: 'duplicate-key', current: { recordVersion: 1, creationTimeMs } },
    });
    expect(await client.update('life', 'two', { recordVersion: 1, creationTimeMs })).toMatchObject({
      value: { recordVersion: 2, creationTimeMs },
    });
    expect(await client.update('life', 'three', { recordVersion: 1 })).toMatchObject({
      error: { kind: 'version-conflict', current: { recordVersion: 2, creationTimeMs } },
    });
    const found = await client.get('life');
    expect(found).toMatchObject({ value: { value: Buffer.from('two'), recordVersion: 2 } });
    expect(found.ok && found.value?.ttlMs).toBeGreaterThan(50_000);
    expect(await client.set('life', 'four')).toMatchObject({ value: { recordVersion: 3, created: false } });
    expect(await client.destroy('life', { recordVersion: 2 })).toMatchObject({ error: { kind: 'version-conflict' } });
    expect(await client.destroy('life', { recordVersion: 3 })).toEqual({ ok: true, value: undefined });
    expect(await client.get('life')).toEqual({ ok: true, value: null });
    expect(await client.update('life', 'five')).toMatchObject({ error: { kind: 'no-key' } });
    expect(await client.set('life', 'six')).toMatchObject({ value: { recordVersion: 1, created: true, ttlMs: null } });
  });

  it('shares its records with Redis commands', async () => {
    const redis = new Redis(addresses[0]?.port ?? 0);
    const client = open();
    await redis.set('shared', 'from redis', 'PX', 50_000);
    const found = await client.get('shared', { ttlMs: 90_000 });
    expect(found).toMatchObject({ value: { value: Buffer.from('from redis') } });
    expect(await redis.pttl('shared')).toBeGreaterThan(80_000);
    await client.set('shared', Buffer.from([0, 255]));
    expect(await redis.getBuffer('shared')).toEqual(Buffer.from([0, 255]));
    redis.disconnect();
  });

  it('gets the first answer again for a repeated request id, from the other proxy, after later writes', async () => {
    const [first, second] = addresses.map((address) => open({ addresses: [address] }));
    const requestId = requestIds.next();
    const created = await first?.create('once', 'v', { requestId });
    expect(created).toMatchObject({ ok: true, value: { recordVersion: 1, requestId } });
    await second?.set('once', 'w');
    expect(await second?.create('once', 'v', { requestId })).toMatchObject({ value: { recordVersion: 1, requestId } });
    expect(await first?.get('once')).toMatchObject({ value: { value: Buffer.from('w'), recordVersion: 2 } });
    expect(await first?.destroy('once', { requestId })).toMatchObject({ error: { kind: 'bad-parameter' } });
    const whole = await second?.compareAndSet('once', increment, { requestId });
    expect(whole).toMatchObject({ value: { recordVersion: 1 } });
  });

  it('takes a later request id where the clock of another client was ahead', async () => {
    const client = open();
    const ahead = Date.now() + 90_000;
    // More than a record remembers.
    for (let i = 0; i < 100; i++) await client.set('skewed', 'v', { requestId: requestIds.at(ahead + i) });
    const told: unknown[] = [];
    const behind = open({ metrics: { onOperation: (...operation) => told.push(operation) } });
    expect(await behind.set('skewed', 'w')).toMatchObject({ ok: true, value: { recordVersion: 101 } });
    expect(told).toEqual([['set', 'ok', expect.any(Number), expect.any(Number)]]);
    const early = requestIds.next();
    expect(await behind.set('skewed', 'x', { requestId: early })).toMatchObject({
      error: { kind: 'uncertain', requestId: early },
    });
    expect(await behind.get('skewed')).toMatchObject({ value: { value: Buffer.from('w'), recordVersion: 101 } });
  });

  it('answers a batch in order', async () => {
    const client = open({ connectionsPerAddress: 2 });
    const keys = Array.from({ length: 1000 }, (_, i) => `batch:${i}`);
    const written = await client.batch(keys.map((key) => ({ kind: 'set', key, value: `value of ${key}` })));
    expect(written.filter(({ result }) => !result.ok)).toEqual([]);
    const read = await client.batch(keys.map((key) => ({ kind: 'get', key })));
    const values = read.map((item) => (item.kind === 'get' && item.result.ok ? String(item.result.value?.value) : ''));
    expect(values).toEqual(keys.map((key) => `value of ${key}`));
  });

  it('shows where a key lives and what its replicas hold', async () => {
    const client = open();
    await client.set('place', 'v');
    const located = await client.locate('place');
    expect(located.ok && new Set(located.value.nodes.map(({ zone }) => zone)).size).toBe(3);
    expect(located).toMatchObject({
      value: { nodes: expect.arrayContaining([expect.objectContaining({ up: true })]) },
    });
    const inspected = await client.inspect('place');
    expect(inspected.ok && inspected.value.filter(({ state }) => state === 'live').length).toBeGreaterThanOrEqual(2);
  });

  it('seals values that other clients cannot read, nor swap', async () => {
    const encryption = { current: 'k', keys: { k: Buffer.alloc(32, 9) } };
    const client = open({ encryption, compression: { algorithm: 'brotli' } });
    const value = 'top secret '.repeat(500);
    await client.set('sealed', value);
    expect(await client.get('sealed')).toMatchObject({ value: { value: Buffer.from(value) } });
    expect(await open().get('sealed')).toMatchObject({ error: { kind: 'unreadable-payload', keyName: 'k' } });
    const redis = new Redis(addresses[1]?.port ?? 0);
    const stored = await redis.getBuffer('sealed');
    expect(stored?.includes('secret')).toBe(false);
    await redis.set('elsewhere', stored ?? '');
    expect(await client.get('elsewhere')).toMatchObject({ error: { kind: 'unreadable-payload' } });
    redis.disconnect();
  });

  it('writes exactly once through connections that are cut before the answer', async () => {
    const relays = await Promise.all(addresses.map(({ port }) => LossyRelay.start(port, 7)));
    const client = open({ addresses: relays.map(({ address }) => address), deadlineMs: 15_000 });
    const writes = 60;
    for (let i = 0; i < writes; i++) expect(await client.set('once each', `${i}`)).toMatchObject({ ok: true });
    expect(relays.reduce((sum, { relay }) => sum + relay.cuts, 0)).toBeGreaterThan(5);
    expect(await open().get('once each')).toMatchObject({ value: { recordVersion: writes } });
    await client.close();
    await Promise.all(relays.map(({ relay }) => relay.stop()));
  });

  it('counts exactly with compareAndSet, while a storage node is killed and comes back', async () => {
    const keys = ['count:0', 'count:1', 'count:2'];
    const succeeded = new Map(keys.map((key) => [key, 0]));
    const failures: unknown[] = [];
    let isRunning = true;
    const worker = async (client: JunoClient, first: number): Promise<void> => {
      for (let i = first; isRunning; i++) {
        const key = keys[i % keys.length] ?? '';
        const result = await client.compareAndSet(key, increment, { deadlineMs: 10_000 });
        if (result.ok) succeeded.set(key, (succeeded.get(key) ?? 0) + 1);
        else failures.push(result.error);
      }
    };
    const workers = Array.from({ length: 9 }, (_, i) => {
      // Half of them ask the other proxy first, so that the proxies do meet on the records.
      const own = i % 2 === 0 ? addresses : addresses.slice(1);
      return worker(open({ addresses: own }), i);
    });
    const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
    try {
      await pause(1000);
      await cluster.killStorage(2);
      await pause(1500);
      await cluster.startStorage(2);
      await pause(500);
    } finally {
      isRunning = false;
      await Promise.all(workers);
    }
    expect(failures).toEqual([]);
    const client = open();
    for (const key of keys) {
      const found = await client.get(key);
      expect(found.ok && Number(found.value?.value)).toBe(succeeded.get(key));
      expect(succeeded.get(key)).toBeGreaterThan(0);
    }
  });
});

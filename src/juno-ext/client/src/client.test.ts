import { afterEach, describe, expect, it } from 'vitest';
import { connect } from './client.ts';
import {
  type Answer,
  bulk,
  CONTEXT,
  flatMap,
  idOf,
  OK,
  type Received,
  ScriptedServer,
} from './testing/scripted-server.ts';
import type { BatchOperation, ClientOptions, JunoClient } from './types.ts';

const ID = '0190b6a5-7b1c-7def-8000-0123456789ab';
const context = {
  recordVersion: 1,
  creationTimeMs: CONTEXT.creationTime,
  lastModifiedMs: CONTEXT.lastModified,
  ttlMs: null,
  requestId: null,
};

/** Answers every command as a cluster does in which all goes well. */
function friendly([name, key = '']: Received): Answer {
  switch (name) {
    case 'JUNO.GET':
      return key === 'absent' ? '*-1\r\n' : flatMap({ value: `value of ${key}`, ...CONTEXT });
    case 'JUNO.SET':
      return flatMap({ ...CONTEXT, created: key === 'new' ? 1 : 0 });
    case 'JUNO.DESTROY':
    case 'AUTH':
    case 'SELECT':
    case 'JUNO.NAMESPACE':
      return OK;
    default:
      return flatMap(CONTEXT);
  }
}

describe('a client', () => {
  const stops: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const stop of stops.splice(0).reverse()) await stop();
  });

  async function start(
    script: (command: Received) => Answer = friendly,
    options: Partial<ClientOptions> = {},
  ): Promise<{ server: ScriptedServer; client: JunoClient }> {
    const server = await ScriptedServer.start(script);
    stops.push(() => server.stop());
    const client = connect({ addresses: [server.address], ...options });
    stops.push(() => client.close());
    return { server, client };
  }

  it('sends the command of each operation', async () => {
    const { server, client } = await start();
    const condition = { recordVersion: 4, creationTimeMs: 5, requestId: ID };
    expect(await client.create('k', 'v', { ttlMs: 1500, requestId: ID })).toEqual({ ok: true, value: context });
    expect(await client.update('k', Buffer.from([255]), { ...condition, ttlMs: 10 })).toEqual({
      ok: true,
      value: context,
    });
    expect(await client.set('new', 'v', { requestId: ID.toUpperCase() })).toEqual({
      ok: true,
      value: { ...context, created: true },
    });
    expect(await client.destroy('k', condition)).toEqual({ ok: true, value: undefined });
    expect(await client.get('k', { ttlMs: 7 })).toEqual({
      ok: true,
      value: { ...context, value: Buffer.from('value of k') },
    });
    expect(await client.get(new Uint8Array(Buffer.from('absent')))).toEqual({ ok: true, value: null });
    expect(server.commands).toEqual([
      ['JUNO.CREATE', 'k', 'v', 'PTTL', '1500', 'REQUESTID', ID],
      ['JUNO.UPDATE', 'k', '\xff', 'VERSION', '4', 'CREATED', '5', 'PTTL', '10', 'REQUESTID', ID],
      ['JUNO.SET', 'new', 'v', 'REQUESTID', ID],
      ['JUNO.DESTROY', 'k', 'VERSION', '4', 'CREATED', '5', 'REQUESTID', ID],
      ['JUNO.GET', 'k', 'PTTL', '7'],
      ['JUNO.GET', 'absent'],
    ]);
  });

  it('makes a request id for each write', async () => {
    const { server, client } = await start();
    for (const key of ['a', 'b']) {
      await client.create(key, '');
      await client.update(key, '');
      await client.set(key, '');
      await client.destroy(key);
    }
    const ids = server.commands.map(idOf);
    expect(new Set(ids).size).toBe(8);
    expect(ids.toSorted()).toEqual(ids);
  });

  it('sets a connection up before it is used', async () => {
    const options = { username: 'u', password: 'p', namespace: 'n', database: 3 };
    const { server, client } = await start(friendly, options);
    await client.get('k');
    expect(server.received).toEqual([
      ['AUTH', 'u', 'p'],
      ['JUNO.NAMESPACE', 'n'],
      ['SELECT', '3'],
      ['PING'],
      ['JUNO.GET', 'k'],
    ]);
  });

  it('answers a batch in order, in one write', async () => {
    const { server, client } = await start();
    await client.get('first');
    const operations: BatchOperation[] = [
      { kind: 'create', key: 'a', value: 'v' },
      { kind: 'get', key: 'absent' },
      { kind: 'update', key: 'b', value: 'v', options: { recordVersion: 1 } },
      { kind: 'set', key: 'new', value: 'v' },
      { kind: 'destroy', key: 'd' },
      { kind: 'get', key: 'k', options: { ttlMs: -1 } },
    ];
    const results = await client.batch(operations);
    expect(results.map(({ kind }) => kind)).toEqual(operations.map(({ kind }) => kind));
    expect(results[1]).toEqual({ kind: 'get', result: { ok: true, value: null } });
    expect(results[3]).toMatchObject({ result: { value: { created: true } } });
    expect(results[5]).toMatchObject({ result: { ok: false, error: { kind: 'bad-parameter' } } });
    expect(server.commandsPerRead).toEqual([1, 5]);
  });

  it('keeps a bounded number of a batch in flight', async () => {
    let inFlight = 0;
    let most = 0;
    const { client } = await start(async (command) => {
      most = Math.max(most, ++inFlight);
      await new Promise(setImmediate);
      inFlight--;
      return (await friendly(command)) as string;
    });
    const operations = Array.from({ length: 3000 }, (_, i) => ({ kind: 'set', key: `k${i}`, value: 'v' }) as const);
    const results = await client.batch(operations);
    expect(results.filter(({ result }) => result.ok)).toHaveLength(3000);
    expect(most).toBeGreaterThan(100);
    expect(most).toBeLessThanOrEqual(256);
  });

  it('spreads over several connections, a key always on the same', async () => {
    const used = new Map<string, Set<number>>();
    const server = await ScriptedServer.start((command, connection) => {
      const key = command[1] ?? '';
      used.set(key, (used.get(key) ?? new Set()).add(connection));
      return friendly(command);
    });
    stops.push(() => server.stop());
    const client = connect({ addresses: [server.address], connectionsPerAddress: 3 });
    stops.push(() => client.close());
    while (server.received.filter(([name]) => name === 'PING').length < 3) await new Promise(setImmediate);
    // The answers to the last PING must be back before all three are in use.
    await new Promise((resolve) => setTimeout(resolve, 50));
    const gets = Array.from({ length: 100 }, (_, i) => ({ kind: 'get', key: `k${i % 50}` }) as const);
    await client.batch(gets);
    expect([...used.values()].every((connections) => connections.size === 1)).toBe(true);
    expect(new Set([...used.values()].flatMap((connections) => [...connections])).size).toBe(3);
  });

  it('asks where a key lives and what its replicas hold', async () => {
    const node = flatMap({ zone: 'z', nodeId: 2, host: 'h', port: 7000, up: 1 });
    const replica = flatMap({ zone: 'z', state: 'live', recordVersion: 3 });
    const { client } = await start(([name]) =>
      name === 'JUNO.LOCATE'
        ? flatMap({ slot: 5, shard: 1, shardEpoch: 1, mapEpoch: 2, namespace: 'default', nodes: [node] })
        : `*1\r\n${replica}`,
    );
    expect(await client.locate('k')).toEqual({
      ok: true,
      value: { slot: 5, shard: 1, mapEpoch: 2, nodes: [{ zone: 'z', nodeId: 2, host: 'h', port: 7000, up: true }] },
    });
    expect(await client.inspect('k')).toEqual({
      ok: true,
      value: [{ zone: 'z', state: 'live', recordVersion: 3 }],
    });
  });

  it('answers errors as values', async () => {
    const { client } = await start(() => '-VERSIONCONFLICT recordVersion=7 created=8: not version 4\r\n');
    expect(await client.update('k', 'v', { recordVersion: 4 })).toEqual({
      ok: false,
      error: {
        kind: 'version-conflict',
        message: 'VERSIONCONFLICT recordVersion=7 created=8: not version 4',
        current: { recordVersion: 7, creationTimeMs: 8 },
      },
    });
  });

  it('calls a reply of another shape by its name', async () => {
    const { client } = await start(() => ':5\r\n');
    const error = { kind: 'server', message: expect.stringContaining('unexpected reply to JUNO.') };
    const results = [await client.create('k', 'v'), await client.get('k'), await client.locate('k')];
    for (const result of [...results, await client.destroy('k'), await client.inspect('k')]) {
      expect(result).toEqual({ ok: false, error });
    }
  });

  it('seals and opens values on the way', async () => {
    const stored = new Map<string, string>();
    const { server, client } = await start(
      ([name = '', key = '', value = '']) => {
        if (name === 'JUNO.SET') stored.set(key, value);
        return name === 'JUNO.GET' ? flatMap({ ...CONTEXT, value: stored.get(key) ?? '' }) : friendly([name, key]);
      },
      {
        encryption: { current: 'k', keys: { k: Buffer.alloc(32, 1) } },
        compression: { algorithm: 'gzip' },
      },
    );
    const value = 'secret '.repeat(20_000);
    await client.set('a', value);
    await client.set('b', 'small');
    const opened = await client.get('a');
    expect(opened.ok && opened.value?.value.toString()).toBe(value);
    expect(server.commands.flat().some((part) => part.includes('secret') || part.includes('small'))).toBe(false);
    stored.set('a', stored.get('b') ?? '');
    expect(await client.get('a')).toMatchObject({ ok: false, error: { kind: 'unreadable-payload', keyName: 'k' } });
    const stranger = connect({ addresses: [server.address] });
    stops.push(() => stranger.close());
    expect(await stranger.get('b')).toMatchObject({ ok: false, error: { kind: 'unreadable-payload', keyName: 'k' } });
  });

  it('refuses options out of range as a value, without asking the server', async () => {
    const outcomes: string[] = [];
    const metrics = { onOperation: (name: string, outcome: string) => outcomes.push(`${name} ${outcome}`) };
    const { server, client } = await start(friendly, { metrics });
    const bad = { ok: false, error: { kind: 'bad-parameter' } };
    expect(await client.create('k', 'v', { ttlMs: 1.5 })).toMatchObject(bad);
    expect(await client.update('k', 'v', { recordVersion: -1 })).toMatchObject(bad);
    expect(await client.update('k', 'v', { creationTimeMs: 1 })).toMatchObject(bad);
    expect(await client.destroy('k', { requestId: 'payment-1' })).toMatchObject(bad);
    expect(server.commands).toEqual([]);
    expect(outcomes).toEqual(['create', 'update', 'update', 'destroy'].map((name) => `${name} bad-parameter`));
  });

  it('rejects misuse', async () => {
    const { server, client } = await start();
    const wrong = 5 as unknown as string;
    await expect(client.get(wrong)).rejects.toThrow(TypeError);
    await expect(client.set('k', wrong)).rejects.toThrow(TypeError);
    await expect(client.get('k', { deadlineMs: 0 })).rejects.toThrow(TypeError);
    const batch = [
      { kind: 'set', key: 'k', value: 'v' },
      { kind: 'set', key: 'k', value: wrong },
    ] as const;
    await expect(client.batch(batch)).rejects.toThrow(TypeError);
    expect(server.commands).toEqual([]);
    await client.close();
    await expect(client.get('k')).rejects.toThrow('the client is closed');
    await expect(client.batch([])).rejects.toThrow('the client is closed');
  });

  it('tells metrics of operations and connections; a hook that throws does no harm', async () => {
    const told: unknown[] = [];
    const { server, client } = await start(friendly, {
      metrics: {
        onOperation: (...call) => {
          told.push(call);
          throw new Error('a hook');
        },
        onConnection: (...call) => told.push(call),
      },
    });
    await client.get('k');
    await client.close();
    expect(told).toEqual([
      ['connected', server.address],
      ['get', 'ok', expect.any(Number), 1],
      ['lost', server.address],
    ]);
  });

  it('finishes what is under way before it closes', async () => {
    let answer = (_: string): void => undefined;
    const { client } = await start(
      () =>
        new Promise((resolve) => {
          answer = resolve;
        }),
    );
    const got = client.batch([{ kind: 'get', key: 'k' }]);
    let isClosed = false;
    const closing = client.close().then(() => {
      isClosed = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(isClosed).toBe(false);
    answer(flatMap({ value: 'late', ...CONTEXT }));
    expect(await got).toMatchObject([{ kind: 'get', result: { ok: true } }]);
    await closing;
    await client.close();
  });

  it('takes values of any bytes and of some size', async () => {
    const large = Buffer.alloc(3_000_000, 'x');
    const { server, client } = await start(([name]) =>
      name === 'JUNO.GET' ? `*14\r\n${bulk('value')}${bulk(large)}${flatMap(CONTEXT).slice(5)}` : flatMap(CONTEXT),
    );
    await client.create('k', large);
    expect(server.commands[0]?.[2]?.length).toBe(large.length);
    const got = await client.get('k');
    expect(got.ok && got.value?.value.equals(large)).toBe(true);
  });
});

describe('options of connect', () => {
  const address = { host: '127.0.0.1', port: 1 };

  it.each<[string, Partial<ClientOptions>]>([
    ['no address', { addresses: [] }],
    ['a port that is none', { addresses: [{ host: 'h', port: 70_000 }] }],
    ['a user without a password', { username: 'u' }],
    ['no connections', { connectionsPerAddress: 0 }],
    ['no time', { deadlineMs: 0 }],
    ['endless tries', { tryTimeoutMs: Number.POSITIVE_INFINITY }],
    ['half a database', { database: 0.5 }],
    ['no payload', { maxPayloadBytes: 0 }],
    ['a current key that is missing', { encryption: { current: 'a', keys: {} } }],
    ['a short key', { encryption: { current: 'a', keys: { a: Buffer.alloc(16) } } }],
    ['another compression', { compression: { algorithm: 'zip' as 'gzip' } }],
  ])('with %s are misuse', (_, options) => {
    expect(() => connect({ addresses: [address], ...options })).toThrow(TypeError);
  });
});

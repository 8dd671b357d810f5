import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { NO_LIMITS } from '../cluster/namespace-groups.ts';
import { AccessLevel } from '../proxy/access.ts';
import { allCommands } from '../proxy/commands/all-commands.ts';
import { ProxyHarness } from '../proxy/testing/proxy-harness.ts';
import { sha256, type User } from '../proxy/users.ts';
import { namespaceCommands } from './namespace-commands.ts';

const user = (name: string, access: User['access'], namespace: string | null): User => ({
  name,
  passwordHash: sha256(Buffer.from('pw')),
  namespace,
  access,
});
const USERS = [
  user('tenant', AccessLevel.write, 'orders'),
  user('chief', AccessLevel.admin, 'orders'),
  user('reader', AccessLevel.read, null),
];
const NO_SUCH = 'BADPARAM no such namespace';

let harness: ProxyHarness;
const clients: Redis[] = [];
beforeEach(async () => {
  const extra = allCommands.filter(({ group }) => group !== 'string' && group !== 'connection');
  harness = await ProxyHarness.start({ users: USERS, commands: [...extra, ...namespaceCommands] });
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.disconnect();
  await harness.stop();
});

function connect(username?: string): Redis {
  const login = username === undefined ? {} : { username, password: 'pw' };
  const client = new Redis({ port: harness.port, host: '127.0.0.1', retryStrategy: () => null, ...login });
  client.on('error', () => {});
  clients.push(client);
  return client;
}

/** A flat RESP2 map as an object. */
function asObject(flat: unknown): Record<string, unknown> {
  const items = Array.isArray(flat) ? flat : expect.fail('a map');
  return Object.fromEntries(items.flatMap((name, i) => (i % 2 === 0 ? [[name, items[i + 1]]] : [])));
}

async function listed(client: Redis, ...words: string[]): Promise<Record<string, unknown>[]> {
  const reply = await client.call('JUNO.NAMESPACES', ...words);
  return Array.isArray(reply) ? reply.map(asObject) : expect.fail('a list');
}

describe('JUNO.NAMESPACE', () => {
  it('moves the connection, and no other', async () => {
    const client = connect();
    const other = connect();
    expect(await client.call('JUNO.NAMESPACE')).toBe('default');
    expect(await client.call('JUNO.NAMESPACES', 'CREATE', 'orders')).toBe('OK');
    await client.set('k', 'in default');
    expect(await client.call('juno.namespace', 'orders')).toBe('OK');
    expect(await client.call('JUNO.NAMESPACE')).toBe('orders');
    expect(await client.get('k')).toBeNull();
    await client.set('k', 'in orders');
    expect(await other.get('k')).toBe('in default');
    expect(await other.call('JUNO.NAMESPACE')).toBe('default');
    expect(await client.info('junokv')).toContain('namespaces:2\r\nnamespace:orders\r\n');
    await client.call('RESET');
    expect(await client.call('JUNO.NAMESPACE')).toBe('default');
  });

  it('takes effect between the commands of one pipeline', async () => {
    const client = connect();
    await client.call('JUNO.NAMESPACES', 'CREATE', 'orders');
    harness.cluster.hold();
    const all = Promise.all([
      client.set('k', 'a'),
      client.call('JUNO.NAMESPACE', 'orders'),
      client.set('k', 'b'),
      client.call('JUNO.NAMESPACE', 'default'),
      client.get('k'),
    ]);
    await new Promise((resolve) => setTimeout(resolve, 50));
    harness.cluster.release();
    expect(await all).toEqual(['OK', 'OK', 'OK', 'OK', 'a']);
    expect(harness.cluster.record(16, 'k')?.sizeBytes).toBe(1);
    const [first, second] = await listed(client);
    expect([first?.['writes'], second?.['writes']]).toEqual([1, 1]);
  });

  it('knows only what there is', async () => {
    const client = connect();
    await expect(client.call('JUNO.NAMESPACE', 'nowhere')).rejects.toThrow(NO_SUCH);
    await expect(client.call('JUNO.NAMESPACE', 'a\r\nb')).rejects.toThrow(NO_SUCH);
    await expect(client.call('JUNO.NAMESPACE', 'a', 'b')).rejects.toThrow('wrong number of arguments');
  });

  it('is not for users that belong to one', async () => {
    await connect().call('JUNO.NAMESPACES', 'CREATE', 'orders');
    await connect().call('JUNO.LIMITS', 'SET', 'orders', 'maxKeyBytes', '9');
    const alone = 'NOPERM this user belongs to namespace orders alone';
    for (const client of [connect('tenant'), connect('chief')]) {
      expect(await client.call('JUNO.NAMESPACE')).toBe('orders');
      expect(await client.call('JUNO.NAMESPACE', 'orders')).toBe('OK');
      expect((await listed(client)).map(({ name }) => name)).toEqual(['orders']);
      expect(asObject(await client.call('JUNO.LIMITS', 'GET', 'orders'))['maxKeyBytes']).toBe(9);
      for (const [name, ...rest] of [
        ['JUNO.NAMESPACE', 'default'],
        ['JUNO.NAMESPACE', 'nowhere'],
        ['JUNO.LIMITS', 'GET', 'default'],
      ] as const) {
        await expect(client.call(name, ...rest)).rejects.toThrow(alone);
      }
    }
    const chief = connect('chief');
    await expect(chief.call('JUNO.LIMITS', 'SET', 'default', 'maxKeyBytes', '1')).rejects.toThrow(alone);
    await expect(chief.call('JUNO.NAMESPACES', 'CREATE', 'more')).rejects.toThrow(alone);
    expect(await chief.call('JUNO.LIMITS', 'SET', 'orders', 'maxKeyBytes', '8')).toBe('OK');
  });
});

describe('JUNO.NAMESPACES', () => {
  it('lists namespaces with limits and figures', async () => {
    const client = connect();
    await client.call('JUNO.NAMESPACES', 'CREATE', 'orders');
    await client.call('JUNO.LIMITS', 'SET', 'orders', 'maxValueBytes', '3');
    await client.call('JUNO.NAMESPACE', 'orders');
    await client.set('k', 'abc');
    await client.get('k');
    await expect(client.set('k', 'abcd')).rejects.toThrow('BADPARAM');
    const none = { reads: 0, writes: 0, errors: 0, refused: 0, bytesIn: 0, bytesOut: 0, commands: 0 };
    const figures = { commands: 3, reads: 1, writes: 2, errors: 1, refused: 0, bytesIn: 7 + 4 + 8 };
    expect(await listed(client, 'LIST')).toEqual([
      { name: 'default', ...NO_LIMITS, ...none },
      { name: 'orders', ...NO_LIMITS, maxValueBytes: 3, ...figures, bytesOut: expect.any(Number) },
    ]);
  });

  it('CREATE says what is wrong', async () => {
    const client = connect();
    await expect(client.call('JUNO.NAMESPACES', 'CREATE', 'default')).rejects.toThrow('BADPARAM there is a namespace');
    await expect(client.call('JUNO.NAMESPACES', 'CREATE', 'a\nb')).rejects.toThrow("BADPARAM a namespace's name is");
    await expect(client.call('JUNO.NAMESPACES', 'CREATE')).rejects.toThrow('wrong number of arguments');
    await expect(client.call('JUNO.NAMESPACES', 'DROP')).rejects.toThrow('unknown subcommand');
    for (let i = 1; i < limits.namespaceGroupsMax; i++) await client.call('JUNO.NAMESPACES', 'CREATE', `n${i}`);
    await expect(client.call('JUNO.NAMESPACES', 'CREATE', 'more')).rejects.toThrow('at most 256');
    await client.call('JUNO.NAMESPACE', 'n255');
    expect(await client.select(15)).toBe('OK');
    expect(await client.set('k', '1')).toBe('OK');
    expect(harness.cluster.record(4095, 'k')).not.toBeNull();
  });

  it('and limits are changed by admins only, and seen by all', async () => {
    const reader = connect('reader');
    expect(await listed(reader)).toHaveLength(1);
    expect(asObject(await reader.call('JUNO.LIMITS', 'GET', 'default'))).toEqual(NO_LIMITS);
    await expect(reader.call('JUNO.NAMESPACES', 'CREATE', 'x')).rejects.toThrow("run the 'juno.namespaces|create'");
    await expect(reader.call('JUNO.LIMITS', 'SET', 'default', 'maxKeyBytes', '1')).rejects.toThrow('NOPERM');
  });
});

describe('JUNO.LIMITS', () => {
  it('changes what is named, and leaves the rest', async () => {
    const client = connect();
    expect(await client.call('JUNO.LIMITS', 'SET', 'default', 'maxTtlMs', '5000', 'DEFAULTTTLMS', '100')).toBe('OK');
    expect(await client.call('JUNO.LIMITS', 'SET', 'default', 'requestsPerSecond', '1000')).toBe('OK');
    const { epoch } = harness.cluster.map();
    const expected = { ...NO_LIMITS, maxTtlMs: 5000, defaultTtlMs: 100, requestsPerSecond: 1000 };
    expect(asObject(await client.call('JUNO.LIMITS', 'GET', 'default'))).toEqual(expected);
    expect(epoch).toBe(3);
    await client.set('k', 'v');
    expect(await client.pttl('k')).toBeLessThanOrEqual(100);
  });

  it.each([
    [['nowhere', 'maxTtlMs', '1'], NO_SUCH],
    [['default', 'maxTtl', '1'], 'BADPARAM there is no such limit; there are maxKeyBytes, maxValueBytes, maxTtlMs'],
    [['default', 'maxTtlMs', '-1'], 'BADPARAM a limit is a whole number'],
    [['default', 'maxTtlMs', '1.5'], 'BADPARAM a limit is a whole number'],
    [['default', 'maxTtlMs', '9007199254740993'], 'BADPARAM a limit is a whole number'],
    [['default', 'maxKeyBytes', '1', 'maxTtlMs'], 'BADPARAM a value must follow'],
    [['default', 'maxKeyBytes', '1', 'maxKeyBytes', '2'], 'BADPARAM a limit is given twice'],
    [['default', 'maxKeyBytes', '1', 'maxTtlMs', '5', 'defaultTtlMs', '6'], 'BADPARAM defaultTtlMs must not be above'],
    [['default', 'maxKeyBytes'], 'wrong number of arguments'],
  ])('SET %j: %s', async (words, problem) => {
    const client = connect();
    await expect(client.call('JUNO.LIMITS', 'SET', ...words)).rejects.toThrow(problem);
    expect(asObject(await client.call('JUNO.LIMITS', 'GET', 'default'))).toEqual(NO_LIMITS);
  });

  it('that could not be stored say so', async () => {
    const client = connect();
    await client.ping();
    harness.cluster.failure = { kind: 'unavailable', detail: 'the cluster map could not be changed' };
    await expect(client.call('JUNO.LIMITS', 'SET', 'default', 'maxKeyBytes', '1')).rejects.toThrow('UNAVAILABLE');
  });
});

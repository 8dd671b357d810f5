import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { FileConfigStore } from '../cluster/file-config-store.ts';
import { generateKeystore } from '../crypto/keystore.ts';
import { assembly } from './assemble.ts';
import { runCommandLine } from './cli.ts';
import { configurationWith } from './configuration.ts';
import { FakeAssembly, FakeSystem } from './testing/fake-system.ts';
import { freePort, parts, secret, TcpCluster } from './testing/tcp-cluster.ts';
import { passwordHashText, readUsersFile } from './users-file.ts';

/** "Within a second", and some time for a machine that is busy with other tests. */
const SOON_MS = 3_000;
const hash = (password: string): string => passwordHashText(Buffer.from(password));
const USERS = [
  { name: 'boss', passwordHash: hash('b'), access: 'admin' },
  { name: 'reader', passwordHash: hash('r'), access: 'read' },
  { name: 'tenant', passwordHash: hash('t'), namespace: 'orders', access: 'write' },
];

let cluster: TcpCluster;
let directory = '';
let ports: readonly number[] = [];
const clients: Redis[] = [];

beforeAll(async () => {
  cluster = await TcpCluster.start((path) => {
    const users = join(path, 'users.json');
    writeFileSync(users, JSON.stringify(USERS));
    return { users, requirepass: 'secret' };
  });
  ({ directory, ports } = cluster);
});
afterEach(() => {
  for (const client of clients.splice(0)) client.disconnect();
});
afterAll(async () => {
  await cluster.stop();
});

async function run(proxy: number, ...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const system = new FakeSystem({ JUNOKV_PASSWORD: 'secret' });
  const target = ['--target', `127.0.0.1:${ports[proxy]}`];
  const code = await runCommandLine([...args, ...target], system, new FakeAssembly());
  expect(system.holds).toBe(0);
  return { code, out: system.printed.join('\n'), err: system.complaints.join('\n') };
}

async function connect(proxy: number, username: string, password: string): Promise<Redis> {
  const client = new Redis({ port: ports[proxy] ?? 0, host: '127.0.0.1', lazyConnect: true, username, password });
  client.on('error', () => {});
  clients.push(client);
  await client.connect();
  return client;
}

describe('junokv namespace and limits', () => {
  it('make and show namespaces; every proxy knows of them soon', async () => {
    const early = await connect(1, 'boss', 'b');
    await expect(early.auth('tenant', 't')).rejects.toThrow('namespace orders, which does not exist yet');

    expect(await run(0, 'namespace', 'create', 'orders')).toEqual({
      code: 0,
      out: 'namespace orders is there',
      err: '',
    });
    await expect.poll(() => early.auth('tenant', 't').catch(String), { timeout: SOON_MS }).toBe('OK');
    // No storage node has the new map yet.
    expect(await early.set('k', 'v')).toBe('OK');
    const other = await connect(0, 'tenant', 't');
    expect(await other.get('k')).toBe('v');
    expect(await (await connect(0, 'boss', 'b')).get('k')).toBeNull();

    const list = await run(1, 'namespace', 'list');
    expect(list.out.split('\n').map((line) => line.split(/ +/)[0])).toEqual(['name', 'default', 'orders']);
    const json = JSON.parse((await run(1, 'namespace', 'list', '--json')).out);
    expect(json.namespaces[1]).toMatchObject({ name: 'orders', maxKeyBytes: 0, commands: 1, writes: 1 });
  });

  it('change limits on every proxy, soon', async () => {
    const tenants = [await connect(0, 'tenant', 't'), await connect(1, 'tenant', 't')];
    const set = await run(0, 'limits', 'set', 'orders', 'maxValueBytes', '3', 'maxTtlMs', '60000');
    expect(set).toMatchObject({ code: 0, err: '' });
    expect(set.out.split('\n').slice(0, 3)).toEqual([
      'maxKeyBytes        none',
      'maxValueBytes      3',
      'maxTtlMs           60000',
    ]);
    for (const tenant of tenants) {
      await expect.poll(() => tenant.set('k', 'long').catch(String), { timeout: SOON_MS }).toContain('BADPARAM');
      expect(await tenant.set('k', 'ok')).toBe('OK');
      expect(await tenant.ttl('k')).toBeLessThanOrEqual(60);
    }
    const { out } = await run(1, 'limits', 'get', 'orders', '--json');
    expect(JSON.parse(out)).toMatchObject({ ok: true, namespace: 'orders', limits: { maxValueBytes: 3 } });
    await run(1, 'limits', 'set', 'orders', 'maxValueBytes', '0', 'maxTtlMs', '0');
    await expect.poll(() => tenants[0]?.set('k', 'long').catch(String), { timeout: SOON_MS }).toBe('OK');
  });

  it('say what is wrong', async () => {
    expect(await run(0, 'limits', 'get', 'nowhere')).toEqual({
      code: 1,
      out: '',
      err: 'junokv: BADPARAM no such namespace',
    });
    expect((await run(0, 'limits', 'set', 'default', 'maxTtl', '1')).err).toContain('there is no such limit');
    expect((await run(0, 'namespace', 'create', 'default')).err).toContain('already');
    expect((await run(0, 'namespace', 'create')).code).toBe(2);
    expect((await run(0, 'limits', 'sit', 'x')).err).toContain("did you mean 'junokv limits set'?");
    const json = await run(0, 'limits', 'get', 'nowhere', '--json');
    expect(JSON.parse(json.out)).toEqual({ ok: false, error: { message: 'BADPARAM no such namespace' } });
    const denied = await run(0, 'namespace', 'create', 'x', '--username', 'reader', '--password', 'r');
    expect(denied).toMatchObject({ code: 1, err: expect.stringContaining('NOPERM this user has no permissions') });
    expect((await run(0, 'namespace', 'list', '--username', 'reader', '--password', 'x')).err).toContain('WRONGPASS');
  });

  it('go to the first proxy that can be reached', async () => {
    const nobody = `127.0.0.1:${await freePort()}`;
    expect((await run(0, 'namespace', 'list', '--target', nobody)).code).toBe(0);
    const system = new FakeSystem({ JUNOKV_PASSWORD: 'secret' });
    const targets = ['--target', `${nobody},127.0.0.1:${ports[0]}`];
    expect(await runCommandLine(['namespace', 'list', ...targets], system, new FakeAssembly())).toBe(0);
    expect(await runCommandLine(['namespace', 'list', '--target', nobody], system, new FakeAssembly())).toBe(1);
    expect(system.complaints.join()).toContain('no proxy could be reached');
    expect(system.complaints.join()).toContain('ECONNREFUSED');
  });

  it('do what docs/namespaces.md shows', async () => {
    const page = readFileSync(new URL('../../docs/namespaces.md', import.meta.url), 'utf8');
    const lines = /```sh\n([\s\S]*?)```/.exec(page)?.[1]?.trim().split('\n') ?? [];
    expect(lines).toHaveLength(4);
    // The namespace of the example is there by now.
    for (const line of lines.filter((text) => !text.includes('create'))) {
      expect([line, await run(0, ...line.split(' ').slice(1))]).toEqual([line, expect.objectContaining({ code: 0 })]);
    }
    expect((await run(0, 'limits', 'get', 'orders')).out).toContain('requestsPerSecond  5000');
    await run(0, 'limits', 'set', 'orders', 'maxValueBytes', '0', 'defaultTtlMs', '0', 'requestsPerSecond', '0');

    const users = join(directory, 'example.json');
    writeFileSync(users, /```json\n([\s\S]*?)```/.exec(page)?.[1] ?? '');
    const read = readUsersFile(users);
    expect(read.ok && read.users.map(({ name, namespace }) => [name, namespace])).toEqual([
      ['ops', null],
      ['shop', 'orders'],
      ['report', null],
    ]);
  });

  it('do not start a proxy whose users file is wrong', async () => {
    const users = join(directory, 'bad.json');
    writeFileSync(users, '{}');
    const path = join(directory, 'map.json');
    const store = new FileConfigStore({ path, ...parts });
    const read = await store.read();
    const map = read.ok && read.value !== null ? read.value : expect.fail('no map');
    const keystore = generateKeystore(parts.random, Date.now());
    const config = configurationWith({ port: 0, users });
    const result = await assembly.startProxy({ config, map, store, secret, keystore }, parts);
    store.close();
    expect(result).toEqual({ ok: false, problem: `--users: '${users}' must hold a JSON list of users` });
  });
});

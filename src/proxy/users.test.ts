import { afterEach, describe, expect, it } from 'vitest';
import { AccessLevel } from './access.ts';
import { allCommands } from './commands/all-commands.ts';
import { type HarnessOptions, ProxyHarness } from './testing/proxy-harness.ts';
import type { RawClient } from './testing/raw-client.ts';
import { sha256, type User } from './users.ts';

const user = (name: string, access: User['access'], namespace: string | null = null): User => ({
  name,
  passwordHash: sha256(Buffer.from(`${name}-password`)),
  namespace,
  access,
});
const USERS = [
  user('reader', AccessLevel.read),
  user('writer', AccessLevel.write),
  user('boss', AccessLevel.admin),
  user('tenant', AccessLevel.write, 'orders'),
];
const OK = '+OK\r\n';
const WRONG = '-WRONGPASS invalid username-password pair or user is disabled.\r\n';
const NOAUTH = '-NOAUTH Authentication required.\r\n';
const noPermission = (command: string) => `-NOPERM this user has no permissions to run the '${command}' command\r\n`;

let harness: ProxyHarness;
afterEach(() => harness.stop());

async function start(options: HarnessOptions = {}): Promise<RawClient> {
  const extra = allCommands.filter(({ group }) => group !== 'string' && group !== 'connection');
  harness = await ProxyHarness.start({ users: USERS, commands: extra, ...options });
  await harness.cluster.createNamespace('orders');
  return harness.client();
}

/** Sends each command and compares its whole reply. */
async function converse(client: RawClient, lines: readonly [line: string, reply: string][]): Promise<void> {
  for (const [line, reply] of lines) expect([line, await client.ask(reply, ...line.split(' '))]).toEqual([line, reply]);
}

describe('users', () => {
  it('may do what their access allows, in words of Redis', async () => {
    const client = await start();
    await converse(client, [
      ['AUTH reader reader-password', OK],
      ['GET a', '$-1\r\n'],
      ['SET a 1', noPermission('set')],
      ['MSET a 1', noPermission('mset')],
      ['CLIENT KILL ID 77', noPermission('client|kill')],
      ['CLIENT SETNAME x', OK],
      ['FLUSHALL', noPermission('flushall')],
      ['SET a', "-ERR wrong number of arguments for 'set' command\r\n"],
      ['AUTH writer writer-password', OK],
      ['SET a 1', OK],
      ['CONFIG GET port', noPermission('config|get')],
      ['AUTH boss boss-password', OK],
      ['CONFIG SET timeout 0', OK],
      ['GET a', '$1\r\n1\r\n'],
    ]);
    expect(harness.proxy.context.stats.errors().get('NOPERM')).toBe(5);
  });

  it('need their own password', async () => {
    const client = await start({ config: { requirepass: 'secret' } });
    await converse(client, [
      ['GET a', NOAUTH],
      ['AUTH reader writer-password', WRONG],
      ['AUTH nobody x', WRONG],
      ['AUTH reader', WRONG],
      ['GET a', NOAUTH],
      ['AUTH secret', OK],
      ['SET a 1', OK],
      ['AUTH reader reader-password', OK],
      ['SET a 1', noPermission('set')],
      // A failed AUTH leaves everything as it was.
      ['AUTH boss x', WRONG],
      ['SET a 1', noPermission('set')],
      ['AUTH default secret', OK],
      ['SET a 1', OK],
      ['RESET', '+RESET\r\n'],
      ['GET a', NOAUTH],
    ]);
  });

  it('come in by HELLO too', async () => {
    const client = await start({ config: { requirepass: 'secret' } });
    client.command('HELLO', '2', 'AUTH', 'reader', 'reader-password');
    while ((await client.readLine()) !== '*0\r\n');
    await converse(client, [['SET a 1', noPermission('set')]]);
    client.command('CLIENT', 'INFO');
    await client.readLine();
    expect(await client.readLine()).toContain(' user=reader ');
  });

  it('leave the default user open where nothing else is said', async () => {
    const client = await start();
    await converse(client, [
      ['SET a 1', OK],
      ['CONFIG SET timeout 0', OK],
      ['AUTH default whatever', OK],
      ['AUTH reader reader-password', OK],
      ['RESET', '+RESET\r\n'],
      ['SET a 1', OK],
    ]);
  });

  it('may define the default user', async () => {
    const client = await start({ users: [user('default', AccessLevel.read), ...USERS] });
    await converse(client, [
      ['GET a', NOAUTH],
      ['AUTH default-password', OK],
      ['GET a', '$-1\r\n'],
      ['SET a 1', noPermission('set')],
      ['AUTH default x', WRONG],
      ['AUTH boss boss-password', OK],
    ]);
    client.command('CONFIG', 'SET', 'requirepass', '');
    expect(await client.readLine()).toContain('the users file says');
  });

  it('of a namespace have its databases, and flush no others', async () => {
    const client = await start();
    const other = await harness.client();
    await converse(client, [
      ['SET a default-value', OK],
      ['AUTH tenant tenant-password', OK],
      ['GET a', '$-1\r\n'],
      ['SET a orders-value', OK],
      ['SELECT 3', OK],
      ['SET a orders-three', OK],
      ['COPY a b DB 5', ':1\r\n'],
      ['SCAN 0', '*2\r\n$1\r\n0\r\n*1\r\n$1\r\na\r\n'],
      ['DBSIZE', ':1\r\n'],
      ['RANDOMKEY', '$1\r\na\r\n'],
      ['FLUSHDB', OK],
      ['DBSIZE', ':0\r\n'],
      ['SELECT 5', OK],
      ['KEYS *', '*1\r\n$1\r\nb\r\n'],
    ]);
    client.command('INFO', 'keyspace');
    await client.readLine();
    expect([await client.readLine(), await client.readLine(), await client.readLine()]).toEqual([
      '# Keyspace\r\n',
      'db0:keys=1,expires=0,avg_ttl=0\r\n',
      'db5:keys=1,expires=0,avg_ttl=0\r\n',
    ]);
    expect(await client.readLine()).toBe('\r\n');
    client.command('CLIENT', 'INFO');
    await client.readLine();
    expect(await client.readLine()).toMatch(/ db=5 .* user=tenant .* ns=orders\n/);
    await converse(client, [
      ['FLUSHALL', OK],
      ['DBSIZE', ':0\r\n'],
      ['RESET', '+RESET\r\n'],
      ['GET a', '$13\r\ndefault-value\r\n'],
    ]);
    await converse(other, [['DBSIZE', ':1\r\n']]);
  });

  it('of a namespace that is not there cannot come in', async () => {
    const client = await start({ users: [user('early', AccessLevel.write, 'later')] });
    client.command('AUTH', 'early', 'early-password');
    expect(await client.readLine()).toMatch(/^-BADPARAM user early belongs to namespace later, which does not exist/);
    await harness.cluster.createNamespace('later');
    await converse(client, [['AUTH early early-password', OK]]);
  });

  it('that are killed by name are those users', async () => {
    const client = await start();
    const doomed = await harness.client();
    await converse(doomed, [['AUTH reader reader-password', OK]]);
    await converse(client, [
      ['CLIENT KILL USER nobody', "-ERR No such user 'nobody'\r\n"],
      ['CLIENT KILL USER reader', ':1\r\n'],
    ]);
    expect(await doomed.read(1)).toBe('');
  });
});

import { afterEach, describe, expect, it } from 'vitest';
import { type HarnessOptions, ProxyHarness } from '../testing/proxy-harness.ts';
import type { RawClient } from '../testing/raw-client.ts';

const NOAUTH = '-NOAUTH Authentication required.\r\n';
const WRONGPASS = '-WRONGPASS invalid username-password pair or user is disabled.\r\n';

let harness: ProxyHarness;

async function connected(options: HarnessOptions = {}): Promise<RawClient> {
  harness = await ProxyHarness.start(options);
  return harness.client();
}

/** Each line of `script` is a command, ` -> ` and its whole reply, in which ¶ stands for a line end. */
async function check(client: RawClient, script: string): Promise<void> {
  const lines = script
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  for (const line of lines) {
    const [command = '', reply = ''] = line.split(' -> ');
    const expected = reply.replaceAll('¶', '\r\n');
    const words = command.split(' ').map((word) => (word === '""' ? '' : word));
    expect(`${command} -> ${await client.ask(expected, ...words)}`).toBe(`${command} -> ${expected}`);
  }
}

afterEach(() => harness.stop());

describe('AUTH and HELLO', () => {
  it('refuse everything but themselves, RESET and QUIT before the password', async () => {
    const client = await connected({ config: { requirepass: 'secret' } });
    for (const words of [['GET', 'a'], ['PING'], ['CLIENT', 'ID'], ['SELECT', '1']]) {
      expect(await client.ask(NOAUTH, ...words)).toBe(NOAUTH);
    }
    await check(
      client,
      `
      nosuch -> -ERR unknown command 'nosuch', with args beginning with: ¶
      GET -> -ERR wrong number of arguments for 'get' command¶
      HELLO 3 -> -NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time¶
      AUTH wrong -> ${WRONGPASS.replace('\r\n', '¶')}
      AUTH default wrong -> ${WRONGPASS.replace('\r\n', '¶')}
      AUTH nobody secret -> ${WRONGPASS.replace('\r\n', '¶')}
      AUTH a b c -> -ERR syntax error¶
      RESET -> +RESET¶
      AUTH secret -> +OK¶
      GET a -> $-1¶
      RESET -> +RESET¶
      GET a -> ${NOAUTH.replace('\r\n', '¶')}
      AUTH default secret -> +OK¶
      PING -> +PONG¶
      `,
    );
  });

  it('apply tight limits to strangers only', async () => {
    const client = await connected({ config: { requirepass: 'secret' } });
    client.send('*11\r\n');
    expect(await client.readToEnd()).toBe('-ERR Protocol error: unauthenticated multibulk length\r\n');
    const other = await harness.client();
    expect(await other.ask('+OK\r\n', 'AUTH', 'secret')).toBe('+OK\r\n');
    const big = Buffer.alloc(20_000, 'x');
    expect(await other.ask('+OK\r\n', 'SET', 'a', big)).toBe('+OK\r\n');
  });

  it('HELLO authenticates, names and switches in one go', async () => {
    const client = await connected({ config: { requirepass: 'secret' } });
    client.command('HELLO', '3', 'AUTH', 'default', 'secret', 'SETNAME', 'worker');
    expect(await client.readLine()).toBe('%7\r\n');
    await client.read(Buffer.byteLength('$6||server||$5||redis||$7||version||$6||7.0.15||$5||proto||:3||$2||id||:1||'));
    await client.read(Buffer.byteLength('$4||mode||$10||standalone||$4||role||$6||master||$7||modules||*0||'));
    await check(
      client,
      `
      CLIENT GETNAME -> $6¶worker¶
      GET none -> _¶
      HELLO 4 -> -NOPROTO unsupported protocol version¶
      HELLO x -> -ERR Protocol version is not an integer or out of range¶
      HELLO 3 what -> -ERR Syntax error in HELLO option 'what'¶
      HELLO 3 AUTH default -> -ERR Syntax error in HELLO option 'AUTH'¶
      HELLO 3 AUTH default no -> ${WRONGPASS.replace('\r\n', '¶')}
      `,
    );
    client.command('HELLO', '3', 'SETNAME', 'two words');
    expect(await client.readLine()).toBe(
      '-ERR Client names cannot contain spaces, newlines or special characters.\r\n',
    );
  });

  it('AUTH without a password configured', async () => {
    const client = await connected();
    await check(
      client,
      `
      AUTH any -> -ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?¶
      AUTH default any -> +OK¶
      AUTH other any -> ${WRONGPASS.replace('\r\n', '¶')}
      `,
    );
  });
});

describe('the small ones', () => {
  it('PING, ECHO, SELECT, RESET', async () => {
    const client = await connected();
    await check(
      client,
      `
      PING -> +PONG¶
      PING hello -> $5¶hello¶
      PING a b -> -ERR wrong number of arguments for 'ping' command¶
      ECHO x -> $1¶x¶
      ECHO -> -ERR wrong number of arguments for 'echo' command¶
      SELECT 15 -> +OK¶
      SELECT 16 -> -ERR DB index is out of range¶
      SELECT -1 -> -ERR DB index is out of range¶
      SELECT x -> -ERR value is not an integer or out of range¶
      SELECT 3000000000 -> -ERR value is out of range, value must between -2147483648 and 2147483647¶
      SET k v -> +OK¶
      CLIENT SETNAME me -> +OK¶
      RESET -> +RESET¶
      GET k -> $-1¶
      CLIENT GETNAME -> $-1¶
      QUIT -> +OK¶
      `,
    );
    expect(await client.isClosed()).toBe(true);
  });

  it('SELECT and HELLO on a port that answers as a cluster node', async () => {
    const client = await connected({ config: { clusterEnabled: true } });
    await check(
      client,
      `
      SELECT 0 -> +OK¶
      SELECT 1 -> -ERR SELECT is not allowed in cluster mode¶
      HELLO -> *14¶$6¶server¶$5¶redis¶$7¶version¶$6¶7.0.15¶$5¶proto¶:2¶$2¶id¶:1¶$4¶mode¶$7¶cluster¶$4¶role¶$6¶master¶$7¶modules¶*0¶
      `,
    );
  });
});

describe('CLIENT', () => {
  it('names, numbers, and what Redis answers without doing much', async () => {
    const client = await connected();
    await check(
      client,
      `
      CLIENT -> -ERR wrong number of arguments for 'client' command¶
      CLIENT NOPE x -> -ERR unknown subcommand 'NOPE'. Try CLIENT HELP.¶
      client kill -> -ERR wrong number of arguments for 'client|kill' command¶
      CLIENT ID -> :1¶
      CLIENT GETNAME -> $-1¶
      CLIENT SETNAME worker:1 -> +OK¶
      CLIENT GETNAME -> $8¶worker:1¶
      CLIENT SETNAME "" -> +OK¶
      CLIENT GETNAME -> $-1¶
      CLIENT SETINFO LIB-NAME ioredis -> +OK¶
      CLIENT SETINFO lib-ver 5.0 -> +OK¶
      CLIENT SETINFO lib-what 5.0 -> -ERR Unrecognized option 'lib-what'¶
      CLIENT NO-EVICT on -> +OK¶
      CLIENT NO-EVICT what -> -ERR syntax error¶
      CLIENT NO-TOUCH ON -> +OK¶
      CLIENT REPLY what -> -ERR syntax error¶
      CLIENT GETREDIR -> :-1¶
      CLIENT TRACKING off -> +OK¶
      CLIENT TRACKING what -> -ERR syntax error¶
      CLIENT TRACKING on -> -ERR CLIENT TRACKING is not supported here yet: cached keys would not be invalidated¶
      CLIENT CACHING yes -> -ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled¶
      CLIENT TRACKINGINFO -> *6¶$5¶flags¶*1¶$3¶off¶$8¶redirect¶:-1¶$8¶prefixes¶*0¶
      CLIENT UNBLOCK 1 -> :0¶
      CLIENT UNBLOCK x -> -ERR value is not an integer or out of range¶
      CLIENT UNBLOCK 1 what -> -ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR¶
      CLIENT PAUSE x -> -ERR timeout is not an integer or out of range¶
      CLIENT PAUSE -1 -> -ERR timeout is negative¶
      CLIENT PAUSE 1 what -> -ERR CLIENT PAUSE mode must be WRITE or ALL¶
      CLIENT UNPAUSE -> +OK¶
      `,
    );
    client.command('CLIENT', 'HELP');
    expect(await client.readLine()).toBe('*48\r\n');
    expect(await client.readLine()).toBe('+CLIENT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:\r\n');
  });

  it('LIST and INFO print the connections', async () => {
    const client = await connected();
    const other = await harness.client();
    await check(other, 'SELECT 3 -> +OK¶');
    await check(other, 'CLIENT SETNAME other -> +OK¶');
    client.command('CLIENT', 'LIST');
    const lines = (await client.readBulk()).trimEnd().split('\n');
    expect(lines).toHaveLength(2);
    expect(lines[1]).toMatch(
      /^id=2 addr=127\.0\.0\.1:\d+ laddr=127\.0\.0\.1:\d+ fd=-1 name=other age=\d+ idle=0 flags=N db=3 sub=0 psub=0 ssub=0 multi=-1 qbuf=0 qbuf-free=0 argv-mem=0 multi-mem=0 rbs=0 rbp=0 obl=0 oll=0 omem=0 tot-mem=0 events=r cmd=client\|setname user=default redir=-1 resp=2 lib-name= lib-ver=$/,
    );
    client.command('CLIENT', 'LIST', 'ID', '2', '99');
    expect(await client.readBulk()).toBe(`${lines[1]}\n`);
    client.command('CLIENT', 'LIST', 'TYPE', 'pubsub');
    expect(await client.readBulk()).toBe('');
    client.command('CLIENT', 'INFO');
    expect(await client.readBulk()).toMatch(/^id=1 .* cmd=client\|info .*\n$/);
    await check(
      client,
      `
      CLIENT LIST TYPE what -> -ERR Unknown client type 'what'¶
      CLIENT LIST ID x -> -ERR Invalid client ID¶
      CLIENT LIST what -> -ERR syntax error¶
      `,
    );
  });

  it('KILL in both forms', async () => {
    const client = await connected();
    const [second, third, fourth] = [await harness.client(), await harness.client(), await harness.client()];
    await check(
      client,
      `
      CLIENT KILL 1.2.3.4:5 -> -ERR No such client¶
      CLIENT KILL ID x -> -ERR client-id should be greater than 0¶
      CLIENT KILL ID 1 what -> -ERR syntax error¶
      CLIENT KILL TYPE what -> -ERR Unknown client type 'what'¶
      CLIENT KILL USER nobody -> -ERR No such user 'nobody'¶
      CLIENT KILL SKIPME maybe -> -ERR syntax error¶
      CLIENT KILL ID 2 -> :1¶
      CLIENT KILL ID 2 -> :0¶
      CLIENT KILL 127.0.0.1:${third.socket.localPort} -> +OK¶
      CLIENT KILL ID 1 -> :0¶
      `,
    );
    expect(await second.isClosed()).toBe(true);
    expect(await third.isClosed()).toBe(true);
    await check(fourth, 'PING -> +PONG¶');
    await check(client, 'CLIENT KILL TYPE normal SKIPME no -> :2¶');
    expect(await client.isClosed()).toBe(true);
    expect(await fourth.isClosed()).toBe(true);
  });

  it('PAUSE WRITE holds back writes, PAUSE ALL everything, until its end or UNPAUSE', async () => {
    const client = await connected();
    const other = await harness.client();
    await check(client, 'CLIENT PAUSE 60000 WRITE -> +OK¶');
    await check(other, 'GET a -> $-1¶');
    other.command('SET', 'a', '1');
    other.command('GET', 'a');
    await check(client, 'PING -> +PONG¶');
    expect(harness.cluster.record(0, 'a')).toBeNull();
    await check(client, 'CLIENT UNPAUSE -> +OK¶');
    expect(await other.read(12)).toBe('+OK\r\n$1\r\n1\r\n');
    await check(client, 'CLIENT PAUSE 50 -> +OK¶');
    const before = Date.now();
    await check(other, 'PING -> +PONG¶');
    expect(Date.now() - before).toBeGreaterThanOrEqual(45);
  });
});

import { afterEach, describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { AccessLevel } from './access.ts';
import { CommandTable } from './command-table.ts';
import { allCommands } from './commands/all-commands.ts';
import { type HarnessOptions, ProxyHarness } from './testing/proxy-harness.ts';
import type { RawClient } from './testing/raw-client.ts';
import { TransactionState } from './transaction-state.ts';
import { sha256, type User } from './users.ts';

const OK = '+OK\r\n';
const QUEUED = '+QUEUED\r\n';

let harness: ProxyHarness | null = null;
afterEach(async () => {
  await harness?.stop();
  harness = null;
});

async function start(options: HarnessOptions = {}): Promise<ProxyHarness> {
  const commands = allCommands.filter(({ group }) => group !== 'string' && group !== 'connection');
  harness = await ProxyHarness.start({ commands, ...options });
  return harness;
}

/** Sends each command and compares its whole reply. */
async function converse(client: RawClient, lines: readonly [line: string, reply: string][]): Promise<void> {
  for (const [line, reply] of lines) expect([line, await client.ask(reply, ...line.split(' '))]).toEqual([line, reply]);
}

/** The line of CLIENT LIST of the client of this name. */
async function lineOf(asking: RawClient, name: string): Promise<string> {
  asking.command('CLIENT', 'LIST');
  const lines = (await asking.readBulk()).split('\n');
  return lines.find((line) => line.includes(` name=${name} `)) ?? '';
}

async function untilLineHas(asking: RawClient, name: string, words: string): Promise<void> {
  while (!(await lineOf(asking, name)).includes(words)) await new Promise((resolve) => setTimeout(resolve, 5));
}

describe('EXEC that does nothing', () => {
  it('has not run commands about the connection either', async () => {
    const connected = await start();
    const [client, other] = [await connected.client(), await connected.client()];
    await converse(client, [
      ['SET a here', OK],
      ['WATCH a', OK],
    ]);
    await converse(other, [['SET a changed', OK]]);
    await converse(client, [
      ['MULTI', OK],
      ['SELECT 1', QUEUED],
      ['CLIENT SETNAME late', QUEUED],
      ['CONFIG SET slowlog-max-len 7', QUEUED],
      ['EXEC', '*-1\r\n'],
      ['GET a', '$7\r\nchanged\r\n'],
      ['CLIENT GETNAME', '$-1\r\n'],
      ['CONFIG GET slowlog-max-len', '*2\r\n$15\r\nslowlog-max-len\r\n$3\r\n128\r\n'],
    ]);
  });

  it('is what there is of one that fails, or says too much', async () => {
    const connected = await start();
    const { cluster } = connected;
    const client = await connected.client();
    await converse(client, [
      ['MULTI', OK],
      ['SELECT 1', QUEUED],
      ['SET a 1', QUEUED],
    ]);
    cluster.failure = { kind: 'unavailable', detail: 'for this test' };
    client.command('EXEC');
    expect(await client.readLine()).toMatch(/^-UNAVAILABLE /);
    cluster.failure = null;
    await converse(client, [['SET big x', OK]]);
    client.command('SETRANGE', 'big', String(8 * 1_048_576 - 1), 'x');
    expect(await client.readLine()).toBe(`:${8 * 1_048_576}\r\n`);
    await converse(client, [
      ['MULTI', OK],
      ['SET n 1', QUEUED],
    ]);
    for (let i = 0; i <= limits.transactionReplyBytes / (8 * 1_048_576); i++)
      await converse(client, [['GET big', QUEUED]]);
    client.command('EXEC');
    expect(await client.readLine()).toMatch(/^-ERR the replies of the transaction are too large/);
    await converse(client, [
      ['GET n', '$-1\r\n'],
      ['SELECT 1', OK],
      ['GET big', '$-1\r\n'],
    ]);
  });
});

describe('EXEC', () => {
  it('keeps the replies of what has happened when something behind it fails', async () => {
    const connected = await start();
    const { cluster } = connected;
    const client = await connected.client();
    const { transact } = cluster;
    let transactions = 0;
    cluster.transact = (operation) => {
      transactions++;
      if (transactions > 1) cluster.failure = { kind: 'unavailable', detail: 'for this test' };
      transact.call(cluster, operation);
    };
    await converse(client, [['MULTI', OK]]);
    for (const line of ['SET a 1', 'SET b 1', 'DBSIZE', 'SET a 2', 'SET b 2', 'DBSIZE', 'SET a 3', 'PING']) {
      await converse(client, [[line, QUEUED]]);
    }
    client.command('EXEC');
    const lines: string[] = [];
    for (let i = 0; i < 9; i++) lines.push((await client.readLine()).trimEnd().split(' ').slice(0, 3).join(' '));
    expect(lines.slice(0, 4)).toEqual(['*8', '+OK', '+OK', ':2']);
    expect(lines.slice(4, 6).every((line) => line.startsWith('-UNAVAILABLE'))).toBe(true);
    expect(lines.slice(6)).toEqual(Array(3).fill('-UNAVAILABLE not run:'));
    expect(transactions).toBe(2);
    cluster.failure = null;
    await converse(client, [['GET b', '$1\r\n1\r\n']]);
  });

  it('looks at the rights of the user who is there by then', async () => {
    const user = (name: string, access: User['access']): User => ({
      name,
      passwordHash: sha256(Buffer.from(`${name}-password`)),
      namespace: null,
      access,
    });
    const users = [user('reader', AccessLevel.read), user('boss', AccessLevel.admin)];
    const client = await (await start({ users })).client();
    await converse(client, [
      ['AUTH boss boss-password', OK],
      ['MULTI', OK],
      ['SET a 1', QUEUED],
      ['AUTH reader reader-password', QUEUED],
      ['SET a 2', QUEUED],
      ['FLUSHALL', QUEUED],
      ['CONFIG SET timeout 7', QUEUED],
      ['GET a', QUEUED],
    ]);
    client.command('EXEC');
    const lines: string[] = [];
    for (let i = 0; i < 8; i++) lines.push((await client.readLine()).trimEnd());
    const denied = (name: string): string => `-NOPERM this user has no permissions to run the '${name}' command`;
    const refused = ['set', 'flushall', 'config|set'].map(denied);
    expect(lines).toEqual(['*6', '+OK', '+OK', ...refused, '$1', '1']);
  });

  it('uses keys, as a command over several keys does', async () => {
    const connected = await start();
    const client = await connected.client();
    const { keyUse, clock } = connected.proxy.context;
    const isUsed = (key: string): boolean => keyUse.idleSeconds(0, Buffer.from(key), clock.monotonicMs()) !== null;
    await converse(client, [
      ['MSET a 1 b 2', OK],
      ['MULTI', OK],
      ['GET c', QUEUED],
      ['RENAME a d', QUEUED],
      ['STRLEN e', QUEUED],
    ]);
    expect(['a', 'b', 'c', 'd', 'e'].map(isUsed)).toEqual([true, true, false, false, false]);
    await converse(client, [['EXEC', '*3\r\n$-1\r\n+OK\r\n:0\r\n']]);
    expect(['c', 'd', 'e', 'f'].map(isUsed)).toEqual([true, true, true, false]);
  });

  it('waits for the end of CLIENT PAUSE WRITE if it writes, and only then', async () => {
    const connected = await start();
    const [writer, reader, other] = [await connected.client(), await connected.client(), await connected.client()];
    await converse(writer, [
      ['CLIENT SETNAME writer', OK],
      ['MULTI', OK],
      ['SET a 1', QUEUED],
    ]);
    await converse(reader, [
      ['MULTI', OK],
      ['GET a', QUEUED],
    ]);
    await converse(other, [['CLIENT PAUSE 1000000 WRITE', OK]]);
    writer.command('EXEC');
    await untilLineHas(other, 'writer', ' argv-mem=4 ');
    await converse(reader, [['EXEC', '*1\r\n$-1\r\n']]);
    await converse(other, [['CLIENT UNPAUSE', OK]]);
    expect(await writer.read('*1\r\n+OK\r\n'.length)).toBe('*1\r\n+OK\r\n');
  });
});

describe('what is queued and watched', () => {
  it('shows in CLIENT LIST, and is let go of once it cannot run', async () => {
    const connected = await start();
    const [client, other] = [await connected.client(), await connected.client()];
    await converse(client, [
      ['CLIENT SETNAME one', OK],
      ['MULTI', OK],
      ['SET a value', QUEUED],
    ]);
    const bytes = 'SETavalue'.length + 3 * limits.queuedArgumentBytes;
    const line = await lineOf(other, 'one');
    expect(line).toContain(` multi=1 `);
    expect(line).toContain(` flags=x `);
    expect(line).toContain(` multi-mem=${bytes} `);
    await converse(client, [['GET', "-ERR wrong number of arguments for 'get' command\r\n"]]);
    await converse(client, [['SET a value', QUEUED]]);
    expect(await lineOf(other, 'one')).toContain(' multi-mem=0 ');
    await converse(client, [['EXEC', '-EXECABORT Transaction discarded because of previous errors.\r\n']]);
    expect(await lineOf(other, 'one')).toContain(' multi=-1 ');
  });

  it('counts for the budget of all requests', async () => {
    const connected = await start({ queryBudgetBytes: 200_000 });
    const [client, other] = [await connected.client(), await connected.client()];
    await converse(client, [['MULTI', OK]]);
    const value = Buffer.alloc(10_000, 'v').toString();
    let answer = QUEUED;
    let sent = 0;
    while (answer === QUEUED && sent < 100) {
      client.command('SET', 'a', value);
      answer = `${(await client.readLine()).trimEnd()}\r\n`;
      sent++;
    }
    expect(sent).toBeLessThan(30);
    // The others have their room again.
    await converse(other, [['SET b 1', OK]]);
  });

  it('is bounded also where the arguments are empty, and in keys to watch', () => {
    const entry = new CommandTable(allCommands).find(Buffer.from('del'));
    if (entry === undefined) throw new Error('there is DEL');
    const empty = Buffer.alloc(0);
    const state = new TransactionState();
    state.begin();
    const few = Array<Buffer>(1000).fill(empty);
    expect(state.queue(entry, few)).toMatchObject({ text: 'QUEUED' });
    const many = Array<Buffer>(limits.transactionBytes / limits.queuedArgumentBytes).fill(empty);
    expect(state.queue(entry, many)).toMatchObject({ text: expect.stringContaining('ERR too much queued') });
    expect(state.heldBytes).toBe(0);
    expect(state.hasRoomToWatch(Array<Buffer>(limits.watchedKeys).fill(empty))).toBe(true);
    expect(state.hasRoomToWatch(Array<Buffer>(limits.watchedKeys + 1).fill(empty))).toBe(false);
    const large = Buffer.alloc(limits.watchedBytes / 2);
    for (const name of ['a', 'b']) {
      expect(state.hasRoomToWatch([large])).toBe(true);
      state.watch(name, { namespace: 0, key: large, origin: { time: 1, proposer: 1 }, isLive: true, swapEpoch: 0 });
    }
    expect(state.hasRoomToWatch([Buffer.from('c')])).toBe(false);
    state.unwatch();
    expect(state.hasRoomToWatch([large])).toBe(true);
  });
});

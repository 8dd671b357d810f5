import { afterEach, describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { refusalOnAccept } from './admission.ts';
import { serverCommands } from './commands/server-commands.ts';
import { type HarnessOptions, ProxyHarness } from './testing/proxy-harness.ts';
import { encode, eventually, type RawClient } from './testing/raw-client.ts';

const MEGABYTE = 1_048_576;

let harness: ProxyHarness;

async function connected(options: HarnessOptions = {}): Promise<RawClient> {
  harness = await ProxyHarness.start(options);
  return harness.client();
}

afterEach(() => harness.stop());

function gets(key: string, count: number): Buffer {
  return Buffer.concat(new Array<Buffer>(count).fill(encode(['GET', key])));
}

describe('who may connect', () => {
  it('refuses more than maxclients, and accepts again when one has left', async () => {
    const client = await connected({ config: { maxClients: 2 } });
    const second = await harness.client();
    expect(await second.ask('+PONG\r\n', 'PING')).toBe('+PONG\r\n');
    const third = await harness.client();
    expect(await third.readToEnd()).toBe('-ERR max number of clients reached\r\n');
    expect(harness.proxy.context.stats.rejectedConnections).toBe(1);
    second.destroy();
    expect(await eventually(() => harness.proxy.context.clients.size === 1)).toBe(true);
    const fourth = await harness.client();
    expect(await fourth.ask('+PONG\r\n', 'PING')).toBe('+PONG\r\n');
    expect(await client.ask('+PONG\r\n', 'PING')).toBe('+PONG\r\n');
  });

  it('protected mode refuses others than the machine itself while there is no password', async () => {
    await connected();
    const { context } = harness.proxy;
    expect(refusalOnAccept(context, '127.0.0.1')).toBeNull();
    expect(refusalOnAccept(context, '::1')).toBeNull();
    expect(refusalOnAccept(context, '10.1.2.3')).toMatch(
      /^DENIED Redis is running in protected mode because protected mode is enabled and no password is set for the default user\. /,
    );
    expect(refusalOnAccept(context, '2001:db8::1')).toMatch(/^DENIED /);
    expect(context.config.set([['requirepass', 'x']])).toBeNull();
    expect(refusalOnAccept(context, '10.1.2.3')).toBeNull();
    expect(context.config.set([['requirepass', '']])).toBeNull();
    expect(context.config.set([['protected-mode', 'no']])).toBeNull();
    expect(refusalOnAccept(context, '10.1.2.3')).toBeNull();
  });

  it('closes idle clients after the time-out', async () => {
    const client = await connected({ config: { timeoutSeconds: 1 } });
    expect(await client.isClosed()).toBe(true);
  });
});

describe('malformed input', () => {
  it.each([
    ['a number for a bulk string', '*1\r\n:1\r\n', "Protocol error: expected '$', got ':'"],
    ['a negative length', '*1\r\n$-5\r\n', 'Protocol error: invalid bulk length'],
    ['a huge length', '*1\r\n$999999999999\r\n', 'Protocol error: invalid bulk length'],
    ['a huge count', '*99999999999\r\n', 'Protocol error: invalid multibulk length'],
    ['an open quote', 'SET "a\r\n', 'Protocol error: unbalanced quotes in request'],
    ['an endless line', 'x'.repeat(100_000), 'Protocol error: too big inline request'],
  ])('%s is answered after what came before it, and closes', async (_what, bytes, error) => {
    const client = await connected();
    client.send(Buffer.concat([encode(['SET', 'a', '1']), Buffer.from(bytes), Buffer.alloc(200_000, 'y')]));
    expect(await client.readToEnd()).toBe(`+OK\r\n-ERR ${error}\r\n`);
    expect(harness.proxy.context.clients.size).toBe(0);
    expect(harness.proxy.context.clients.queryBufferBytes).toBe(0);
  });
});

describe('memory', () => {
  it('a client that exceeds client-query-buffer-limit is closed', async () => {
    const client = await connected({ config: { clientQueryBufferBytes: MEGABYTE } });
    client.send(
      Buffer.concat([Buffer.from('*3\r\n$3\r\nSET\r\n$1\r\na\r\n$99999999\r\n'), Buffer.alloc(2 * MEGABYTE)]),
    );
    expect(await client.readToEnd()).toBe('-ERR query buffer limit of this client exceeded\r\n');
  });

  it('many clients that announce much and send it slowly stay within one budget and harm nobody', async () => {
    const budget = 4 * MEGABYTE;
    const client = await connected({ queryBudgetBytes: budget });
    const many = 1_000;
    const slow: RawClient[] = [];
    for (let i = 0; i < many; i++) slow.push(await harness.client());
    for (const each of slow) each.send('*3\r\n$3\r\nSET\r\n$1\r\na\r\n$500000000\r\n');
    let highest = 0;
    let harmed = 0;
    for (let round = 0; round < 12; round++) {
      for (const each of slow) if (!each.socket.destroyed) each.send(Buffer.alloc(16_384));
      if ((await client.ask('+PONG\r\n', 'PING')) !== '+PONG\r\n') harmed += 1;
      await new Promise((resolve) => setTimeout(resolve, 10));
      highest = Math.max(highest, harness.proxy.context.clients.queryBufferBytes);
    }
    expect(harmed).toBe(0);
    expect(highest).toBeLessThan(budget + 2 * 65_536);
    const { stats, clients } = harness.proxy.context;
    expect(stats.queryLimitDisconnections).toBeGreaterThan(many / 2);
    for (const each of slow) each.destroy();
    expect(await eventually(() => clients.size === 1)).toBe(true);
    expect(clients.queryBufferBytes).toBe(0);
  });

  it('a client that sends commands and never reads holds little, and gets all once it reads', async () => {
    const client = await connected();
    const value = Buffer.alloc(100_000, 'v');
    expect(await client.ask('+OK\r\n', 'SET', 'k', value)).toBe('+OK\r\n');
    client.socket.pause();
    const count = 500;
    client.send(gets('k', count));
    const { clients, stats } = harness.proxy.context;
    expect(await eventually(() => clients.outputBufferBytes > 100_000)).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 100));
    // The first commands start before the size of their replies is known.
    const firstBurst = Math.ceil(limits.connectionOutputBytes / limits.firstReplyGuessBytes) * value.length;
    expect(stats.maxOutputBufferBytes).toBeLessThan(firstBurst + limits.connectionOutputBytes + 2 * value.length);
    expect(harness.cluster.submitted).toBeLessThan(200);
    const other = await harness.client();
    expect(await other.ask('+PONG\r\n', 'PING')).toBe('+PONG\r\n');
    client.socket.resume();
    const replyBytes = value.length + '$100000\r\n\r\n'.length;
    expect((await client.read(count * replyBytes)).length).toBe(count * replyBytes);
    expect(await eventually(() => clients.outputBufferBytes === 0)).toBe(true);
  });

  it('commands under way are limited, and the rest waits in the socket', async () => {
    const client = await connected();
    for (let i = 0; i < 200; i++) expect(await client.ask('$-1\r\n', 'GET', 'none')).toBe('$-1\r\n');
    harness.cluster.hold();
    const before = harness.cluster.submitted;
    const count = 20_000;
    client.send(gets('none', count));
    expect(await eventually(() => harness.cluster.submitted - before >= limits.commandsInFlight)).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(harness.cluster.submitted - before).toBe(limits.commandsInFlight);
    expect(harness.proxy.context.clients.queryBufferBytes).toBeLessThan(4 * 65_536);
    harness.cluster.release();
    expect(await client.read(count * 5)).toBe('$-1\r\n'.repeat(count));
  });

  it('a MONITOR client that does not read is disconnected', async () => {
    const outputBufferLimits = {
      normal: { hardBytes: 0, softBytes: 0, softSeconds: 0 },
      slave: { hardBytes: 0, softBytes: 0, softSeconds: 0 },
      pubsub: { hardBytes: MEGABYTE, softBytes: 0, softSeconds: 0 },
    };
    const client = await connected({ commands: serverCommands, config: { outputBufferLimits } });
    const monitor = await harness.client();
    expect(await monitor.ask('+OK\r\n', 'MONITOR')).toBe('+OK\r\n');
    expect(await client.ask('+PONG\r\n', 'PING')).toBe('+PONG\r\n');
    expect(await monitor.readLine()).toMatch(/^\+\d+\.\d{6} \[0 127\.0\.0\.1:\d+\] "PING"\r\n$/);
    monitor.socket.pause();
    const word = 'x'.repeat(10_000);
    const reply = `$${word.length}\r\n${word}\r\n`;
    const { clients, stats } = harness.proxy.context;
    for (let i = 0; i < 3_000 && clients.size > 1; i++) await client.ask(reply, 'ECHO', word);
    expect(clients.size).toBe(1);
    expect(stats.outputLimitDisconnections).toBe(1);
    expect(await client.ask('+PONG\r\n', 'PING')).toBe('+PONG\r\n');
  });
});

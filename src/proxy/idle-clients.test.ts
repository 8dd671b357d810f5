import { afterEach, describe, expect, it } from 'vitest';
import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import { SystemClock } from '../base/system-clock.ts';
import { RequestParser } from '../resp/request-parser.ts';
import { serverCommands } from './commands/server-commands.ts';
import { type HarnessOptions, ProxyHarness } from './testing/proxy-harness.ts';
import { eventually, type RawClient } from './testing/raw-client.ts';

let harness: ProxyHarness;

/** Seconds are tenths here, and pauses as well. */
const SPEED = 10;

function fastClock(): Clock {
  const real = new SystemClock();
  return {
    wallUs: () => real.wallUs(),
    wallMs: () => real.wallMs(),
    monotonicMs: () => real.monotonicMs() * SPEED,
    after: (delayMs, fn) => real.after(delayMs / SPEED, fn),
    endOfTurn: (fn) => real.endOfTurn(fn),
  };
}

async function connected(options: HarnessOptions = {}): Promise<RawClient> {
  harness = await ProxyHarness.start({ clock: fastClock(), ...options });
  const client = await harness.client();
  expect(await client.ask('+PONG\r\n', 'PING')).toBe('+PONG\r\n');
  return client;
}

afterEach(() => harness.stop());

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms / SPEED));
/** Until every client was looked at once more after having been idle for so long. */
const UNTIL_TRIMMED_MS = limits.idleTrimMs + limits.clientsCheckMs + 500;

describe('timeout', () => {
  // As clientsCronHandleTimeout of Redis: who waits for a reply or has sent MONITOR is not idle, half a request is no help.
  it('spares who waits for a reply or monitors, not who has sent half a request', async () => {
    const waiting = await connected({ commands: serverCommands });
    const [monitor, half] = [await harness.client(), await harness.client()];
    expect(await monitor.ask('+OK\r\n', 'MONITOR')).toBe('+OK\r\n');
    half.send('*1\r\n$4\r\nPI');
    harness.cluster.hold();
    const before = harness.cluster.submitted;
    waiting.command('GET', 'none');
    expect(await eventually(() => harness.cluster.submitted > before)).toBe(true);
    expect(harness.proxy.context.config.set([['timeout', '1']])).toBeNull();
    expect(await half.isClosed()).toBe(true);
    expect(harness.proxy.context.clients.size).toBe(2);
    harness.cluster.release();
    expect(await waiting.read(5)).toBe('$-1\r\n');
    expect(await waiting.isClosed()).toBe(true);
    expect(harness.proxy.context.clients.size).toBe(1);
  });

  it('also ends those that had been found asleep before there was one', async () => {
    const client = await connected();
    await pause(UNTIL_TRIMMED_MS);
    expect(harness.proxy.context.config.set([['timeout', '1']])).toBeNull();
    expect(await client.isClosed()).toBe(true);
  });

  it('spares who reads a long reply slowly', async () => {
    const client = await connected();
    const value = Buffer.alloc(24 * 1_048_576, 'v');
    expect(await client.ask('+OK\r\n', 'SET', 'k', value)).toBe('+OK\r\n');
    client.socket.pause();
    client.command('GET', 'k');
    expect(harness.proxy.context.config.set([['timeout', '10']])).toBeNull();
    const replyBytes = value.length + `$${value.length}\r\n\r\n`.length;
    for (let i = 0; i < 30; i++) {
      await pause(400);
      client.socket.resume();
      await pause(20);
      client.socket.pause();
    }
    client.socket.resume();
    expect((await client.read(replyBytes)).length).toBe(replyBytes);
  });
});

describe('what an idle client holds', () => {
  it('is given back, and comes back with its next command', async () => {
    const client = await connected();
    client.send('*2\r\n$3\r\nGET\r\n');
    await pause(UNTIL_TRIMMED_MS);
    client.send('$4\r\nnone\r\n');
    expect(await client.read(5)).toBe('$-1\r\n');
    await pause(UNTIL_TRIMMED_MS);
    expect(await client.ask('+PONG\r\n', 'PING')).toBe('+PONG\r\n');
    expect(harness.proxy.context.clients.queryBufferBytes).toBe(0);
  });

  it('stays what it has said and proved', async () => {
    const client = await connected();
    expect(harness.proxy.context.config.set([['requirepass', 'secret']])).toBeNull();
    const other = await harness.client();
    expect(await other.ask('+OK\r\n', 'AUTH', 'secret')).toBe('+OK\r\n');
    expect(await client.ask('+OK\r\n', 'SELECT', '3')).toBe('+OK\r\n');
    await pause(UNTIL_TRIMMED_MS);
    expect(await other.ask('+PONG\r\n', 'PING')).toBe('+PONG\r\n');
    // More arguments than a stranger may send.
    const many = Array.from({ length: 20 }, (_, i) => `k${i}`);
    const nothing = `*20\r\n${'$-1\r\n'.repeat(20)}`;
    expect(await other.ask(nothing, 'MGET', ...many)).toBe(nothing);
    client.command('CLIENT', 'INFO');
    expect(await client.readBulk()).toContain(' db=3 ');
  });
});

describe('RequestParser.isBetweenRequests', () => {
  it.each(['*', '*1', '*1\r', '*1\r\n', '*1\r\n$4', '*1\r\n$4\r\n', '*1\r\n$4\r\nPING', 'PIN'])(
    'not after %j',
    (part) => {
      const parser = new RequestParser(true);
      expect(parser.isBetweenRequests).toBe(true);
      parser.push(Buffer.from(part));
      expect(parser.next()).toBeNull();
      expect(parser.isBetweenRequests).toBe(false);
    },
  );

  it('after a whole one, once it has been taken', () => {
    const parser = new RequestParser(true);
    parser.push(Buffer.from('*1\r\n$4\r\nPING\r\n'));
    expect(parser.isBetweenRequests).toBe(false);
    expect(parser.next()).not.toBeNull();
    expect(parser.isBetweenRequests).toBe(true);
  });
});

describe('client-output-buffer-limit', () => {
  const NONE = { hardBytes: 0, softBytes: 0, softSeconds: 0 };

  async function silentReader(limit: { hardBytes: number; softBytes: number; softSeconds: number }): Promise<void> {
    const outputBufferLimits = { normal: limit, slave: NONE, pubsub: NONE };
    const client = await connected({ config: { outputBufferLimits } });
    const value = Buffer.alloc(24 * 1_048_576, 'v');
    expect(await client.ask('+OK\r\n', 'SET', 'k', value)).toBe('+OK\r\n');
    client.socket.pause();
    client.command('GET', 'k');
  }

  it('hard: at once', async () => {
    await silentReader({ hardBytes: 1_048_576, softBytes: 0, softSeconds: 0 });
    expect(await eventually(() => harness.proxy.context.stats.outputLimitDisconnections === 1)).toBe(true);
  });

  it('soft: once it has been exceeded for so many seconds', async () => {
    await silentReader({ hardBytes: 0, softBytes: 1_048_576, softSeconds: 10 });
    await pause(600);
    const { stats, clients } = harness.proxy.context;
    expect(stats.outputLimitDisconnections).toBe(0);
    expect(await eventually(() => stats.outputLimitDisconnections === 1)).toBe(true);
    expect(clients.size).toBe(0);
  });
});

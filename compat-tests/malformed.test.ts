import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Bystander } from './support/bystander.ts';
import { startJunokv } from './support/junokv-server.ts';
import { RawClient } from './support/raw-client.ts';
import { type RunningServer, redisServerVersion, startRedis } from './support/redis-server.ts';

const MB = 1_048_576;
const CROWD = 1_000;
/** A stall of a bystander that two busy cores can explain. */
const LONGEST_STALL_MS = 5_000;

/** `*2 GET <huge>`: announces an argument of so many bytes. */
function announcing(bytes: number): string {
  return `*2\r\n$3\r\nGET\r\n$${bytes}\r\n`;
}

async function crowd(port: number, size: number): Promise<RawClient[]> {
  const clients: RawClient[] = [];
  // In parts: the kernel keeps only some hundred connections that are not accepted yet.
  while (clients.length < size) {
    const part = Math.min(100, size - clients.length);
    clients.push(...(await Promise.all(Array.from({ length: part }, () => RawClient.connect(port)))));
  }
  return clients;
}

describe('malformed and hostile input', () => {
  let server: RunningServer;
  let restingBytes = 0;
  beforeAll(async () => {
    server = await startJunokv({ engine: 'memory' });
    // What the program grows to by itself at first is not the attackers' doing.
    const warmUp = new Bystander(server.port);
    await new Promise((resolve) => setTimeout(resolve, 500));
    await warmUp.stop();
    restingBytes = server.process.rssBytes();
  });
  afterAll(() => server.stop());

  /** Runs `attack` beside a bystander; resolves to the most memory seen, in MB above that before: garbage of others may still be there. */
  async function beside(attack: () => Promise<void>): Promise<number> {
    const bystander = new Bystander(server.port);
    const beforeBytes = server.process.rssBytes();
    let mostBytes = beforeBytes;
    const look = (): void => {
      mostBytes = Math.max(mostBytes, server.process.rssBytes());
    };
    const timer = setInterval(look, 20);
    try {
      await attack();
      look();
    } finally {
      clearInterval(timer);
      const report = await bystander.stop();
      expect(report.problems).toEqual([]);
      expect(report.rounds).toBeGreaterThan(0);
      expect(report.longestMs).toBeLessThan(LONGEST_STALL_MS);
    }
    return (mostBytes - beforeBytes) / MB;
  }

  it('1,000 connections that announce 1 GB each: refused in the words of Redis, nothing kept', async () => {
    const grownMb = await beside(async () => {
      const clients = await crowd(server.port, CROWD);
      for (const client of clients) void client.send(announcing(1024 * MB));
      for (const client of clients) {
        expect((await client.reply()).toString()).toBe('-ERR Protocol error: invalid bulk length\r\n');
        expect(await client.replyOrEnd()).toBeNull();
      }
    });
    expect(grownMb).toBeLessThan(150);
  });

  it('1,000 connections that announce 512 MB each and send a little of it: memory as bytes arrive', async () => {
    const grownMb = await beside(async () => {
      const clients = await crowd(server.port, CROWD);
      await Promise.all(clients.map((client) => client.send(`${announcing(512 * MB)}${'x'.repeat(20_000)}`)));
      await new Promise((resolve) => setTimeout(resolve, 500));
      for (const client of clients) client.close();
    });
    // Of that, 20 MB were sent.
    expect(grownMb).toBeLessThan(250);
  });

  it('1,000 connections that announce 1 GB each where that is allowed (proto-max-bulk-len)', async () => {
    const admin = await RawClient.connect(server.port);
    expect((await admin.command(['CONFIG', 'SET', 'proto-max-bulk-len', '2gb'])).toString()).toBe('+OK\r\n');
    const grownMb = await beside(async () => {
      const clients = await crowd(server.port, CROWD);
      await Promise.all(clients.map((client) => client.send(`${announcing(1024 * MB)}${'x'.repeat(20_000)}`)));
      await new Promise((resolve) => setTimeout(resolve, 500));
      for (const client of clients) client.close();
    });
    await admin.command(['CONFIG', 'SET', 'proto-max-bulk-len', '512mb']);
    admin.close();
    expect(grownMb).toBeLessThan(250);
  });

  it('1,000 connections that announce a million arguments each', async () => {
    const grownMb = await beside(async () => {
      const clients = await crowd(server.port, CROWD);
      await Promise.all(clients.map((client) => client.send(`*1048576\r\n${'$1\r\na\r\n'.repeat(100)}`)));
      await new Promise((resolve) => setTimeout(resolve, 500));
      for (const client of clients) client.close();
    });
    expect(grownMb).toBeLessThan(250);
  });

  it('refuses more than 1,048,576 arguments, which Redis 7 would wait for', async () => {
    const client = await RawClient.connect(server.port);
    void client.send('*1048577\r\n');
    expect((await client.reply()).toString()).toBe('-ERR Protocol error: invalid multibulk length\r\n');
    expect(await client.replyOrEnd()).toBeNull();
  });

  it('200 endless inline lines: refused after 64 KB, and no more is read', async () => {
    const grownMb = await beside(async () => {
      const clients = await crowd(server.port, 200);
      const chunk = 'x'.repeat(100_000);
      for (const client of clients) {
        for (let i = 0; i < 20; i++) void client.send(chunk);
      }
      for (const client of clients) {
        const reply = await client.drain(10_000);
        // Whoever goes on sending may lose the reply to a reset, on any server.
        if (reply.length > 0) expect(reply.toString()).toBe('-ERR Protocol error: too big inline request\r\n');
        expect(client.isEnded).toBe(true);
      }
    });
    expect(grownMb).toBeLessThan(250);
  });

  it('1,000 connections that stop in the middle of a command, then vanish', async () => {
    const whole = '*3\r\n$3\r\nSET\r\n$4\r\nhalf\r\n$5\r\nvalue\r\n';
    const grownMb = await beside(async () => {
      const clients = await crowd(server.port, CROWD);
      await Promise.all(clients.map((client, i) => client.send(whole.slice(0, 1 + (i % (whole.length - 1))))));
      await new Promise((resolve) => setTimeout(resolve, 300));
      for (const client of clients) client.close();
    });
    expect(grownMb).toBeLessThan(100);
    // All attacks so far together: what one leaves is used by the next.
    expect((server.process.rssBytes() - restingBytes) / MB).toBeLessThan(250);
    const client = await RawClient.connect(server.port);
    expect((await client.command(['GET', 'half'])).toString()).toBe('$-1\r\n');
    client.close();
  });

  it('a reader that never reads: 2,000 GETs of 1 MB on each of 5 connections', async () => {
    const setter = await RawClient.connect(server.port);
    await setter.command(['SET', 'megabyte', Buffer.alloc(MB, 'x')]);
    const grownMb = await beside(async () => {
      const clients = await crowd(server.port, 5);
      for (const client of clients) {
        client.pauseReading();
        void client.send('*2\r\n$3\r\nGET\r\n$8\r\nmegabyte\r\n'.repeat(2_000));
      }
      await new Promise((resolve) => setTimeout(resolve, 2_000));
      for (const client of clients) client.close();
    });
    await setter.command(['DEL', 'megabyte']);
    setter.close();
    expect(grownMb).toBeLessThan(600);
  });

  it('1.5 GB of half arguments on 60 connections: bounded by the budget of all query buffers', async () => {
    const grownMb = await beside(async () => {
      const clients = await crowd(server.port, 60);
      const part = Buffer.alloc(MB, 'x');
      const sent = clients.map(async (client) => {
        await client.send(announcing(500 * MB));
        for (let i = 0; i < 25; i++) await client.send(part);
      });
      // Those that are made to wait never finish: it is enough that all have begun and most are done.
      await Promise.race([Promise.all(sent), new Promise((resolve) => setTimeout(resolve, 8_000))]);
      for (const client of clients) client.close();
    });
    expect(grownMb).toBeLessThan(1_700);
  });

  it('takes the largest command, of 1,048,576 arguments', async () => {
    const client = await RawClient.connect(server.port);
    void client.send(`*1048576\r\n$4\r\nPING\r\n${'$1\r\na\r\n'.repeat(1_048_575)}`);
    expect((await client.reply()).toString()).toBe("-ERR wrong number of arguments for 'ping' command\r\n");
    client.close();
  });

  it('serves as before afterwards', async () => {
    const client = await RawClient.connect(server.port);
    expect((await client.command(['PING'])).toString()).toBe('+PONG\r\n');
    expect((await client.command(['CONFIG', 'GET', 'proto-max-bulk-len'])).includes('536870912')).toBe(true);
    client.close();
    expect(server.process.exitText).toBeNull();
  });
});

const redis = redisServerVersion();
const title = redis.ok ? 'random bytes' : `random bytes, beside redis-server (skipped: ${redis.reason})`;

describe.skipIf(!redis.ok)(title, () => {
  it('are answered by both alike', async () => {
    const servers = [await startRedis(), await startJunokv({ engine: 'memory' })];
    const alphabet = ['*', '$', '1', '2', '4', '-1', '0', '\r\n', '\r\n', '\n', 'PING', 'x', ' ', '"', 'ECHO'];
    let seed = 20_250_101;
    const next = (below: number): number => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      return (seed >>> 8) % below;
    };
    try {
      for (let round = 0; round < 2_000; round++) {
        const bytes = Array.from({ length: 1 + next(12) }, () => alphabet[next(alphabet.length)]).join('');
        const answers = await Promise.all(
          servers.map(async ({ port }) => {
            const client = await RawClient.connect(port);
            // A PING that both understand, or take as part of what came before: then both are silent.
            await client.send(Buffer.from(`${bytes}\r\nPING\r\n`, 'latin1'));
            client.end();
            const answer = (await client.drain(10_000)).toString('latin1');
            expect(client.isEnded).toBe(true);
            return answer;
          }),
        );
        expect.soft(answers[1], JSON.stringify(bytes)).toBe(answers[0]);
      }
    } finally {
      for (const server of servers) await server.stop();
    }
  });
});

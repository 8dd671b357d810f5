import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import type { Operation, Step } from '../quorum/operation.ts';
import { isError, type Reply } from '../resp/reply.ts';
import { ReplyWriter } from '../resp/reply-writer.ts';
import type { CommandRow } from './command.ts';
import { hashCommands } from './commands/hash-commands.ts';
import { listCommands } from './commands/list-commands.ts';
import { setCommands } from './commands/set-commands.ts';
import { zsetCommands } from './commands/zset-commands.ts';
import { ProxyHarness } from './testing/proxy-harness.ts';
import { encode, eventually, type RawClient } from './testing/raw-client.ts';
import { PagedItems } from './values/paged-items.ts';

const ROWS: readonly CommandRow[] = [...hashCommands, ...setCommands, ...listCommands, ...zsetCommands];

const COUNT = 12_000;
const PER_COMMAND = 3_000;
const filler = (i: number): string => String(i % 10).repeat(80 + (i % 50));

let harness: ProxyHarness;
beforeAll(async () => {
  harness = await ProxyHarness.start({ commands: ROWS });
});
afterAll(() => harness.stop());

/** Runs a command's step, streamed or not, on the cluster itself. */
function run(words: readonly string[], protocol: 2 | 3, isStreamed: boolean): Reply {
  const handler = ROWS.find(({ name }) => name === words[0])?.handler;
  if (handler?.kind !== 'record') throw new Error('a command over one key');
  const session = { protocol, proxy: harness.proxy.context } as Parameters<typeof handler.parse>[1];
  const parsed = handler.parse(
    words.map((word) => Buffer.from(word, 'latin1')),
    session,
  );
  if (isError(parsed as Reply) || !('step' in parsed)) throw new Error('a command that can be parsed');
  const step: Step<Reply> = isStreamed ? (parsed.streamed ?? parsed.step) : parsed.step;
  let reply: Reply = null;
  const operation: Operation<Reply> = {
    namespace: 0,
    key: parsed.key,
    step,
    done: (outcome) => {
      if (!outcome.ok) throw new Error('the cluster answers');
      reply = outcome.reply;
    },
  };
  harness.cluster.submit(operation);
  return reply;
}

function encoded(reply: Reply, protocol: 2 | 3): string {
  const writer = new ReplyWriter();
  writer.protocol = protocol;
  writer.write(reply);
  return Buffer.concat(writer.takeChunks()).toString('latin1');
}

function fill(command: string, key: string, wordsOf: (i: number) => readonly string[], count = COUNT): void {
  for (let from = 0; from < count; from += PER_COMMAND) {
    const words = [command, key];
    for (let i = from; i < Math.min(count, from + PER_COMMAND); i++) words.push(...wordsOf(i));
    run(words, 2, false);
  }
}

beforeAll(() => {
  fill('hset', 'hash', (i) => [`field ${i}`, filler(i)]);
  fill('sadd', 'set', (i) => [`member ${i} ${filler(i)}`]);
  fill('rpush', 'list', (i) => [i % 500 === 7 ? 'long'.repeat(3_000) : `element ${i} ${filler(i)}`]);
  fill('zadd', 'zset', (i) => [String((i * 7) % 5_000), `member ${i} ${filler(i)}`]);
  fill('zadd', 'lex', (i) => ['1', `member ${i} ${filler(i)}`]);
});

const COMMANDS: readonly string[] = [
  'hgetall hash',
  'hkeys hash',
  'hvals hash',
  'smembers set',
  'lrange list 0 -1',
  'lrange list 100 -100',
  'zrange zset 0 -1',
  'zrange zset 0 -1 withscores',
  'zrange zset 3 -4 rev withscores',
  'zrevrange zset 0 -1',
  'zrangebyscore zset -inf (4990 withscores limit 5 100000',
  'zrevrangebyscore zset +inf 2 limit 1 -1',
  'zrangebylex lex - [member~',
  'zrevrangebylex lex + (member',
];

async function dialect(client: RawClient, protocol: 2 | 3): Promise<void> {
  if (protocol === 2) return;
  client.command('hello', '3');
  expect(await eventually(() => client.receivedBytes > 100)).toBe(true);
  await client.read(client.receivedBytes);
}

describe('a streamed reply', () => {
  it.each(COMMANDS.flatMap((line) => ([2, 3] as const).map((protocol) => ({ line, protocol }))))(
    'of $line in RESP$protocol is what it would be as a whole, in order with others',
    async ({ line, protocol }) => {
      const words = line.split(' ');
      const isNames = line === 'hkeys hash';
      expect(run(words, protocol, true) instanceof PagedItems).toBe(true);
      const whole = encoded(run(words, protocol, false), protocol);
      expect(whole.length).toBeGreaterThan(isNames ? 100_000 : limits.streamedReplyBytes);
      const client = await harness.client();
      await dialect(client, protocol);
      const expected = `$5\r\nfirst\r\n${whole}${whole}+PONG\r\n`;
      client.send(Buffer.concat([encode(['echo', 'first']), encode(words), encode(words), encode(['ping'])]));
      const received = await client.read(expected.length);
      expect(received === expected).toBe(true);
      expect(await eventually(() => harness.cluster.opened === 0)).toBe(true);
      expect(harness.proxy.context.clients.streams.open).toBe(0);
    },
  );

  it('is none where the reply is small, or not wanted', async () => {
    const client = await harness.client();
    client.command('client', 'reply', 'skip');
    client.command('hgetall', 'hash');
    expect(await client.ask('$3\r\nend\r\n', 'echo', 'end')).toBe('$3\r\nend\r\n');
    expect(harness.cluster.opened).toBe(0);
    run(['hset', 'small', 'a', 'b'], 2, false);
    expect(run(['hgetall', 'small'], 2, true) instanceof PagedItems).toBe(false);
    expect(await client.ask('*2\r\n$1\r\na\r\n$1\r\nb\r\n', 'hgetall', 'small')).toBe('*2\r\n$1\r\na\r\n$1\r\nb\r\n');
  });
});

describe('a slow reader of a streamed reply', () => {
  const LONG = 'x'.repeat(1_000);
  beforeAll(() => {
    harness.proxy.context.stats.maxOutputBufferBytes = 0;
  });

  const makeLarge = (): void => fill('rpush', 'large', () => [LONG], 30_000);
  const BYTES = 30_000 * 1_009;

  it('holds a part of it, and gets it whole though the key is gone', async () => {
    makeLarge();
    const { clients, stats } = harness.proxy.context;
    const client = await harness.client();
    client.socket.pause();
    client.command('lrange', 'large', '0', '-1');
    expect(await eventually(() => harness.cluster.opened === 1 && clients.outputBufferBytes > 0)).toBe(true);
    const other = await harness.client();
    expect(await other.ask('+PONG\r\n', 'ping')).toBe('+PONG\r\n');
    run(['ltrim', 'large', '1', '0'], 2, false);
    expect(harness.cluster.record(0, 'large')).toBeNull();
    client.socket.resume();
    expect((await client.read(8 + BYTES)).length).toBe(8 + BYTES);
    expect(await client.ask('+PONG\r\n', 'ping')).toBe('+PONG\r\n');
    expect(stats.maxOutputBufferBytes).toBeGreaterThan(0);
    expect(stats.maxOutputBufferBytes).toBeLessThan(4 * limits.streamWindowBytes);
    expect(harness.cluster.opened).toBe(0);
  });

  it('that goes away lets go of everything', async () => {
    makeLarge();
    const { clients } = harness.proxy.context;
    const client = await harness.client();
    client.socket.pause();
    client.send(Buffer.concat(Array.from({ length: 5 }, () => encode(['lrange', 'large', '0', '-1']))));
    expect(await eventually(() => harness.cluster.opened === 5)).toBe(true);
    client.destroy();
    expect(await eventually(() => harness.cluster.opened === 0)).toBe(true);
    expect(clients.streams.open).toBe(0);
    expect(await eventually(() => clients.outputBufferBytes === 0)).toBe(true);
  });

  it('can be killed', async () => {
    makeLarge();
    const client = await harness.client();
    client.socket.pause();
    client.command('lrange', 'large', '0', '-1');
    expect(await eventually(() => harness.cluster.opened === 1)).toBe(true);
    const other = await harness.client();
    other.command('client', 'kill', 'type', 'normal', 'skipme', 'yes');
    expect(Number((await other.readLine()).slice(1))).toBeGreaterThan(0);
    expect(await eventually(() => harness.cluster.opened === 0)).toBe(true);
    client.socket.resume();
    expect(await client.isClosed()).toBe(true);
  });
});

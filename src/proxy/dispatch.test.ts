import { afterEach, describe, expect, it } from 'vitest';
import { assert, InvariantError } from '../base/assert.ts';
import { busy, corrupt, type Failure, unavailable, uncertain } from '../base/failure.ts';
import { type Reply, SimpleString } from '../resp/reply.ts';
import type { CommandRow, Handler } from './command.ts';
import { runOnSession } from './dispatch.ts';
import { partialFailureReply } from './failure-reply.ts';
import { ProxyHarness } from './testing/proxy-harness.ts';
import { encode, eventually, type RawClient } from './testing/raw-client.ts';

function row(name: string, handler: Handler): CommandRow {
  return {
    name,
    group: 'server',
    summary: name,
    since: '1.0.0',
    complexity: 'O(1)',
    arity: 1,
    flags: [],
    categories: [],
    keys: null,
    docArguments: [],
    handler,
  };
}

function broken(): Reply {
  throw new Error('a bug');
}

const brokenCommands: readonly CommandRow[] = [
  row('brokensession', { kind: 'session', run: broken }),
  row('brokenwaiting', { kind: 'waiting', run: () => Promise.reject(new Error('a bug')) }),
  row('brokenrecord', {
    kind: 'record',
    parse() {
      throw new Error('a bug');
    },
  }),
  row('brokencombine', { kind: 'records', parse: () => ({ steps: [], combine: broken }) }),
  row('late', {
    kind: 'waiting',
    run: () => new Promise((resolve) => setTimeout(() => resolve(new SimpleString('LATE')), 50)),
  }),
];

let harness: ProxyHarness;

async function connected(): Promise<RawClient> {
  harness = await ProxyHarness.start({ commands: brokenCommands });
  return harness.client();
}

afterEach(() => harness.stop());

describe('the dispatch ladder', () => {
  it('says what it does not know in the words of Redis', async () => {
    const client = await connected();
    const long = 'a'.repeat(200);
    const cases: [string[], string][] = [
      [['foo'], "-ERR unknown command 'foo', with args beginning with: \r\n"],
      [['foo', 'a', 'b c'], "-ERR unknown command 'foo', with args beginning with: 'a' 'b c' \r\n"],
      [['fo\r\no', 'x\ny'], "-ERR unknown command 'fo  o', with args beginning with: 'x y' \r\n"],
      [
        [long, long, 'b'],
        `-ERR unknown command '${'a'.repeat(128)}', with args beginning with: '${'a'.repeat(128)}' \r\n`,
      ],
      [
        ['foo', 'a'.repeat(100), long],
        `-ERR unknown command 'foo', with args beginning with: '${'a'.repeat(100)}' '${'a'.repeat(25)}' \r\n`,
      ],
      [['client', long], `-ERR unknown subcommand '${'a'.repeat(128)}'. Try CLIENT HELP.\r\n`],
      [['gEt'], "-ERR wrong number of arguments for 'get' command\r\n"],
      [['GET', 'a', 'b'], "-ERR wrong number of arguments for 'get' command\r\n"],
      [['client', 'setname'], "-ERR wrong number of arguments for 'client|setname' command\r\n"],
    ];
    for (const [words, reply] of cases) expect(await client.ask(reply, ...words)).toBe(reply);
    const { stats, table } = harness.proxy.context;
    const get = table.findFull('GET');
    expect(get === undefined ? null : stats.of(get)).toEqual({ calls: 0, totalUs: 0, rejected: 2, failed: 0 });
    expect(stats.errors().get('ERR')).toBe(cases.length);
  });

  it('closes on what only HTTP says, without an answer', async () => {
    for (const line of ['POST / HTTP/1.1\r\n', 'GET / HTTP/1.1\r\nhost: x\r\nPING\r\n']) {
      const client = await connected();
      client.send(line);
      expect(await client.read(1)).toBe('');
      expect(harness.proxy.context.clients.filter(() => true)).toEqual([]);
      await harness.stop();
    }
    await connected();
  });

  it('an unexpected exception costs one command, is logged, and nobody is harmed', async () => {
    const client = await connected();
    const names = ['BROKENSESSION', 'BROKENRECORD', 'BROKENCOMBINE', 'BROKENWAITING'];
    for (const name of names) client.command(name);
    client.command('PING');
    const expected = `${'-ERR internal error\r\n'.repeat(names.length)}+PONG\r\n`;
    expect(await client.read(expected.length)).toBe(expected);
    expect(harness.errors).toHaveLength(names.length);
  });

  it('a broken invariant is not caught: it stops the process', async () => {
    await connected();
    const [session] = harness.proxy.context.clients.filter(() => true);
    assert(session !== undefined, 'one is connected');
    const run = (): Reply => {
      throw new InvariantError('broken');
    };
    expect(() => runOnSession({ kind: 'session', run }, session, [])).toThrow(InvariantError);
  });

  it('counts calls, time, failures, hits and misses', async () => {
    const client = await connected();
    client.send(
      Buffer.concat([encode(['SET', 'a', 'x']), encode(['GET', 'a']), encode(['GET', 'b']), encode(['INCR', 'a'])]),
    );
    const expected = '+OK\r\n$1\r\nx\r\n$-1\r\n-ERR value is not an integer or out of range\r\n';
    expect(await client.read(expected.length)).toBe(expected);
    const { stats, table } = harness.proxy.context;
    const incr = table.findFull('incr');
    expect(incr === undefined ? null : stats.of(incr)).toMatchObject({ calls: 1, failed: 1, rejected: 0 });
    expect(stats).toMatchObject({ commandsProcessed: 4, keyspaceHits: 1, keyspaceMisses: 1, totalConnections: 1 });
    expect(stats.netOutputBytes).toBe(expected.length);
    stats.reset();
    expect(stats).toMatchObject({ commandsProcessed: 0, keyspaceHits: 0, netOutputBytes: 0 });
  });

  it.each<[Failure, string]>([
    [unavailable('no quorum'), '-UNAVAILABLE no quorum. Nothing was changed; it is safe to try again\r\n'],
    [
      uncertain('no quorum'),
      '-UNCERTAIN no quorum. The change may or may not have been made, or may still be made\r\n',
    ],
    [busy('queue full'), '-BUSY queue full. Nothing was changed; try again later\r\n'],
    [
      corrupt('bad seal.'),
      '-ERR bad seal. The stored value cannot be read on enough replicas; nothing was changed\r\n',
    ],
  ])('a failure of the cluster is told in its own words: $kind', async (failure, reply) => {
    const client = await connected();
    harness.cluster.failure = failure;
    expect(await client.ask(reply, 'SET', 'a', '1')).toBe(reply);
    expect(await client.ask(reply, 'MGET', 'a', 'b')).toBe(reply);
  });

  it('part of a command over several keys may have been done although the rest failed', () => {
    const failure = unavailable('no quorum');
    expect(partialFailureReply(failure, true, 0, 3).text).toMatch(/^UNAVAILABLE /);
    expect(partialFailureReply(failure, false, 2, 3).text).toMatch(/^UNAVAILABLE /);
    expect(partialFailureReply(failure, true, 2, 3).text).toBe(
      'UNCERTAIN no quorum. 2 of 3 keys were done, the others were not',
    );
  });
});

describe('stopping', () => {
  it('answers what is under way, then closes', async () => {
    const client = await connected();
    const idle = await harness.client();
    client.command('PING');
    client.command('LATE');
    expect(await client.read(7)).toBe('+PONG\r\n');
    const stopped = harness.proxy.stop();
    expect(await client.readToEnd()).toBe('+LATE\r\n');
    expect(await idle.readToEnd()).toBe('');
    await stopped;
    expect(harness.proxy.context.clients.size).toBe(0);
    await expect(harness.client()).rejects.toThrow('ECONNREFUSED');
  });

  it('does not wait for ever', async () => {
    const client = await connected();
    expect(harness.proxy.context.config.set([['shutdown-timeout', '1']])).toBeNull();
    harness.cluster.hold();
    client.command('GET', 'a');
    expect(await eventually(() => harness.cluster.submitted === 1)).toBe(true);
    const startedMs = Date.now();
    await harness.proxy.stop();
    expect(Date.now() - startedMs).toBeLessThan(5_000);
    expect(await client.isClosed()).toBe(true);
  });
});

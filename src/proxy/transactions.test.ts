import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { allCommands } from './commands/all-commands.ts';
import { ProxyHarness } from './testing/proxy-harness.ts';
import type { RawClient } from './testing/raw-client.ts';

const OK = '+OK\r\n';
const QUEUED = '+QUEUED\r\n';

describe('MULTI and EXEC', () => {
  let harness: ProxyHarness;
  let client: RawClient;
  beforeEach(async () => {
    const extra = allCommands.filter(({ group }) => group !== 'string' && group !== 'connection');
    harness = await ProxyHarness.start({ commands: extra });
    client = await harness.client();
  });
  afterEach(() => harness.stop());

  async function asks(expected: string, line: string): Promise<void> {
    expect(await client.ask(expected, ...line.split(' '))).toBe(expected);
  }

  it('run what was queued, and give all replies', async () => {
    await asks(OK, 'MULTI');
    await asks(QUEUED, 'SET a 1');
    await asks(QUEUED, 'INCR a');
    await asks(QUEUED, 'HSET h f v');
    await asks(QUEUED, 'PING');
    await asks('*4\r\n+OK\r\n:2\r\n:1\r\n+PONG\r\n', 'EXEC');
    await asks('$1\r\n2\r\n', 'GET a');
  });

  it('keep the order of a pipeline', async () => {
    const replies = `${OK}${OK}${QUEUED}${QUEUED}*2\r\n:2\r\n:3\r\n:4\r\n`;
    const commands = [['SET', 'n', '1'], ['MULTI'], ['INCR', 'n'], ['INCR', 'n'], ['EXEC'], ['INCR', 'n']];
    for (const words of commands) client.command(...words);
    expect(await client.read(replies.length)).toBe(replies);
  });

  it('a command that fails does not keep the others from happening', async () => {
    await asks(OK, 'SET s text');
    await asks(OK, 'MULTI');
    await asks(QUEUED, 'SET a 1');
    await asks(QUEUED, 'INCR s');
    await asks(QUEUED, 'LPUSH s x');
    await asks(QUEUED, 'SET b 2');
    await client.ask('', 'EXEC');
    const lines: string[] = [];
    for (let i = 0; i < 5; i++) lines.push((await client.readLine()).trimEnd());
    expect(lines).toEqual([
      '*4',
      '+OK',
      '-ERR value is not an integer or out of range',
      '-WRONGTYPE Operation against a key holding the wrong kind of value',
      '+OK',
    ]);
    await asks('$1\r\n2\r\n', 'GET b');
  });

  it('are refused when a command could not be queued', async () => {
    await asks(OK, 'MULTI');
    await asks("-ERR wrong number of arguments for 'get' command\r\n", 'GET');
    await asks(QUEUED, 'SET a 1');
    await asks('-EXECABORT Transaction discarded because of previous errors.\r\n', 'EXEC');
    await asks('$-1\r\n', 'GET a');
    await asks(OK, 'MULTI');
    await asks("-ERR unknown command 'NOSUCH', with args beginning with: \r\n", 'NOSUCH');
    await asks('-EXECABORT Transaction discarded because of previous errors.\r\n', 'EXEC');
  });

  it('know their place', async () => {
    await asks('-ERR EXEC without MULTI\r\n', 'EXEC');
    await asks('-ERR DISCARD without MULTI\r\n', 'DISCARD');
    await asks(OK, 'MULTI');
    await asks('-ERR MULTI calls can not be nested\r\n', 'MULTI');
    await asks('-ERR WATCH inside MULTI is not allowed\r\n', 'WATCH a');
    await asks(QUEUED, 'SET a 1');
    await asks(OK, 'DISCARD');
    await asks('$-1\r\n', 'GET a');
    await asks(OK, 'MULTI');
    await asks('*0\r\n', 'EXEC');
  });

  it('SELECT counts for what is queued behind it', async () => {
    await asks(OK, 'MULTI');
    await asks(QUEUED, 'SET a 0');
    await asks(QUEUED, 'SELECT 1');
    await asks(QUEUED, 'SET a 1');
    await asks('*3\r\n+OK\r\n+OK\r\n+OK\r\n', 'EXEC');
    await asks('$1\r\n1\r\n', 'GET a');
    await asks(OK, 'SELECT 0');
    await asks('$1\r\n0\r\n', 'GET a');
  });

  it('run commands on the whole keyspace in their place', async () => {
    await asks(OK, 'SET a 1');
    await asks(OK, 'MULTI');
    await asks(QUEUED, 'SET b 2');
    await asks(QUEUED, 'DBSIZE');
    await asks(QUEUED, 'FLUSHDB');
    await asks(QUEUED, 'SET c 3');
    await asks(QUEUED, 'DBSIZE');
    await asks('*5\r\n+OK\r\n:2\r\n+OK\r\n+OK\r\n:1\r\n', 'EXEC');
  });

  it('count the commands that they ran', async () => {
    await asks(OK, 'MULTI');
    await asks(QUEUED, 'SET a 1');
    await asks('*1\r\n+OK\r\n', 'EXEC');
    client.command('INFO', 'commandstats');
    expect(await client.readBulk()).toContain('cmdstat_set:calls=1');
  });

  describe('WATCH', () => {
    let other: RawClient;
    beforeEach(async () => {
      other = await harness.client();
    });

    it('lets EXEC happen while nobody writes', async () => {
      await asks(OK, 'SET a 1');
      await asks(OK, 'WATCH a missing');
      await asks(OK, 'MULTI');
      await asks(QUEUED, 'INCR a');
      await asks('*1\r\n:2\r\n', 'EXEC');
    });

    it.each([
      ['SET a 2', OK],
      ['DEL a', ':1\r\n'],
      ['EXPIRE a 100', ':1\r\n'],
      ['SET missing 1', OK],
    ])('keeps EXEC from happening after %s', async (line, reply) => {
      await asks(OK, 'SET a 1');
      await asks(OK, 'WATCH a missing');
      expect(await other.ask(reply, ...line.split(' '))).toBe(reply);
      await asks(OK, 'MULTI');
      await asks(QUEUED, 'SET b 1');
      await asks('*-1\r\n', 'EXEC');
      await asks('$-1\r\n', 'GET b');
      // It is forgotten with that.
      await asks(OK, 'MULTI');
      await asks(QUEUED, 'SET b 1');
      await asks('*1\r\n+OK\r\n', 'EXEC');
    });

    it.each(['UNWATCH', 'DISCARD'])('is forgotten by %s', async (line) => {
      await asks(OK, 'WATCH a');
      if (line === 'DISCARD') await asks(OK, 'MULTI');
      await asks(OK, line);
      await other.ask(OK, 'SET', 'a', '1');
      await asks(OK, 'MULTI');
      await asks(QUEUED, 'GET a');
      await asks('*1\r\n$1\r\n1\r\n', 'EXEC');
    });

    it.each([
      ['with a value before it', ['SET a 1'], ['SWAPDB 0 1']],
      ['with a value behind it', ['SELECT 1', 'SET a 1', 'SELECT 0'], ['SWAPDB 0 1']],
      ['there and back', ['SET a 1'], ['SWAPDB 0 1', 'SWAPDB 1 0']],
    ])('takes SWAPDB for a write of a key %s', async (_, before, swaps) => {
      for (const line of before) await other.ask(OK, ...line.split(' '));
      await asks(OK, 'WATCH a');
      for (const line of swaps) expect(await other.ask(OK, ...line.split(' '))).toBe(OK);
      await asks(OK, 'MULTI');
      await asks(QUEUED, 'SET b 1');
      await asks('*-1\r\n', 'EXEC');
    });

    it('does not mind SWAPDB where there is no such key, or of other databases', async () => {
      await asks(OK, 'SET a 1');
      await asks(OK, 'WATCH gone');
      await other.ask(OK, 'SWAPDB', '0', '1');
      await asks(OK, 'MULTI');
      await asks(QUEUED, 'GET a');
      await asks('*1\r\n$-1\r\n', 'EXEC');
      await other.ask(OK, 'SWAPDB', '0', '1');
      await asks(OK, 'WATCH a');
      await other.ask(OK, 'SWAPDB', '2', '3');
      await asks(OK, 'MULTI');
      await asks(QUEUED, 'GET a');
      await asks('*1\r\n$1\r\n1\r\n', 'EXEC');
    });

    it('sees a write by its own client', async () => {
      await asks(OK, 'WATCH a');
      await asks(OK, 'SET a 1');
      await asks(OK, 'MULTI');
      await asks('*-1\r\n', 'EXEC');
    });
  });
});

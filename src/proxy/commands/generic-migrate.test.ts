import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ProxyHarness } from '../testing/proxy-harness.ts';
import { RawClient, RealRedis, whyNoRealRedis } from '../testing/real-redis.ts';
import { shown } from '../testing/session-runner.ts';
import { allCommands } from './all-commands.ts';

const ALREADY = new Set(['connection', 'string']);

const why = whyNoRealRedis();
describe.skipIf(why !== null)(`MIGRATE${why === null ? '' : ` (skipped: ${why})`}`, () => {
  let redis: RealRedis;
  let proxy: ProxyHarness;
  let here: RawClient;
  let there: RawClient;

  beforeAll(async () => {
    redis = await RealRedis.start('--requirepass', 'secret');
    there = await RawClient.open(redis.port);
    await there.send([Buffer.from('AUTH'), Buffer.from('secret')]);
  });
  afterAll(async () => {
    there.close();
    await redis.stop();
  });
  beforeEach(async () => {
    proxy = await ProxyHarness.start({ commands: allCommands.filter((row) => !ALREADY.has(row.group)) });
    here = await RawClient.open(proxy.port);
    await ask(there, 'FLUSHALL');
    await ask(there, 'SELECT', '0');
  });
  afterEach(async () => {
    here.close();
    await proxy.stop();
  });

  async function ask(client: RawClient, ...words: string[]): Promise<unknown> {
    return shown((await client.send(words.map((word) => Buffer.from(word)))).reply);
  }

  const migrate = (...words: string[]): Promise<unknown> =>
    ask(here, 'MIGRATE', '127.0.0.1', String(redis.port), ...words);

  it('moves a key with its time to live', async () => {
    await ask(here, 'RPUSH', 'list', 'a', 'b');
    await ask(here, 'PEXPIRE', 'list', '100000');
    expect(await migrate('list', '2', '5000', 'AUTH', 'secret')).toBe('+OK');
    expect(await ask(here, 'EXISTS', 'list')).toBe(0);
    await ask(there, 'SELECT', '2');
    expect(await ask(there, 'LRANGE', 'list', '0', '-1')).toEqual(['a', 'b']);
    expect(await ask(there, 'PTTL', 'list')).toBeGreaterThan(50_000);
  });

  it('copies several keys, and passes over those that are not there', async () => {
    await ask(here, 'SET', 'a', '1');
    await ask(here, 'SET', 'b', '2');
    const keys = ['KEYS', 'a', 'nosuch', 'b'];
    expect(await migrate('', '0', '5000', 'COPY', 'AUTH2', 'default', 'secret', ...keys)).toBe('+OK');
    expect(await ask(here, 'MGET', 'a', 'b')).toEqual(['1', '2']);
    expect(await ask(there, 'MGET', 'a', 'b')).toEqual(['1', '2']);
    expect(await migrate('', '0', '5000', 'COPY', 'AUTH', 'secret', ...keys)).toBe(
      '-ERR Target instance replied with error: BUSYKEY Target key name already exists.',
    );
    expect(await migrate('', '0', '5000', 'REPLACE', 'AUTH', 'secret', ...keys)).toBe('+OK');
    expect(await migrate('', '0', '5000', 'REPLACE', 'AUTH', 'secret', ...keys)).toBe('+NOKEY');
  });

  it('answers what is wrong as Redis does', async () => {
    await ask(here, 'SET', 'a', '1');
    await ask(there, 'SET', 'a', '1');
    const ownPort = String(redis.port);
    const cases = [
      ['MIGRATE', '127.0.0.1', ownPort, 'nosuch', '0', '100'],
      ['MIGRATE', '127.0.0.1', ownPort, 'a', 'x', '100'],
      ['MIGRATE', '127.0.0.1', ownPort, 'a', '0', 'x'],
      ['MIGRATE', '127.0.0.1', ownPort, 'a', '0', '100', 'FOO'],
      ['MIGRATE', '127.0.0.1', ownPort, 'a', '0', '100', 'AUTH'],
      ['MIGRATE', '127.0.0.1', ownPort, 'a', '0', '100', 'KEYS', 'b'],
      ['COMMAND', 'GETKEYS', 'MIGRATE', 'h', '1', '', '0', '100', 'KEYS', 'b', 'c'],
      ['COMMAND', 'GETKEYS', 'MIGRATE', 'h', '1', 'a', '0', '100', 'COPY'],
    ];
    for (const words of cases) expect(await ask(here, ...words), words.join(' ')).toEqual(await ask(there, ...words));
    expect(await migrate('a', '0', '100')).toMatch(/^-ERR Target instance replied with error: NOAUTH/);
    expect(await migrate('a', '0', '5000', 'AUTH', 'wrong')).toMatch(/^-ERR Target .* error: WRONGPASS/);
    expect(await ask(here, 'MIGRATE', '127.0.0.1', '1', 'a', '0', '100')).toMatch(
      /^-IOERR error or timeout connecting to/,
    );
    expect(await ask(here, 'GET', 'a')).toBe('1');
  });
});

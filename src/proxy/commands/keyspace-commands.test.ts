import { describe, expect, it } from 'vitest';
import { busy, unavailable, uncertain } from '../../base/failure.ts';
import { limits } from '../../base/limits.ts';
import { SessionRunner, type ShownReply } from '../testing/session-runner.ts';
import { parseCursor } from './keyspace-scan.ts';

async function sessionWith(...keys: string[]): Promise<SessionRunner> {
  const session = new SessionRunner();
  for (const key of keys) await session.run(`SET ${key} value-of-${key}`);
  return session;
}

async function scanAll(session: SessionRunner, options: string): Promise<{ keys: ShownReply[]; pages: number }> {
  const keys: ShownReply[] = [];
  let pages = 0;
  let cursor = '0';
  do {
    const reply = await session.run(`SCAN ${cursor}${options}`);
    if (!Array.isArray(reply) || !Array.isArray(reply[1])) throw new Error(`not a page: ${String(reply)}`);
    keys.push(...reply[1]);
    cursor = String(reply[0]);
    pages++;
  } while (cursor !== '0');
  return { keys, pages };
}

describe('parseCursor', () => {
  it.each([
    ['0', '0'],
    ['', '0'],
    ['+7', '7'],
    ['-0', '0'],
    ['007', '7'],
    ['9007199254740991', '9007199254740991'],
    ['9007199254740992', 'foreign'],
    ['18446744073709551615', 'foreign'],
    ['-1', 'foreign'],
    ['18446744073709551616', null],
    [' 0', null],
    ['0 ', null],
    ['0x1', null],
    ['-', null],
    ['1'.repeat(40), null],
  ])('%j', (text, cursor) => {
    expect(parseCursor(Buffer.from(text))).toBe(cursor);
  });
});

describe('SCAN', () => {
  it('returns every key in pages of about COUNT', async () => {
    const names = Array.from({ length: 25 }, (_, i) => `k${i}`);
    const session = await sessionWith(...names);
    const all = await scanAll(session, '');
    expect(all.keys.toSorted()).toEqual(names.toSorted());
    expect(all.pages).toBe(3);
    expect((await scanAll(session, ' COUNT 100')).pages).toBe(1);
    expect(await session.run('SCAN 18446744073709551615')).toEqual(['0', []]);
  });

  it('filters by pattern and type', async () => {
    const session = await sessionWith('a1', 'a2', 'b1');
    expect((await scanAll(session, ' MATCH a* COUNT 1')).keys).toEqual(['a1', 'a2']);
    expect((await scanAll(session, ' MATCH *')).keys).toHaveLength(3);
    expect((await scanAll(session, ' TYPE STRING')).keys).toHaveLength(3);
    expect((await scanAll(session, ' TYPE hash')).keys).toEqual([]);
  });

  it('never looks at more than its limit in one go', async () => {
    const session = await sessionWith('a');
    const asked: number[] = [];
    const { cluster } = session.proxy;
    const scan = cluster.scan.bind(cluster);
    cluster.scan = (namespace, cursor, count) => {
      asked.push(count);
      return scan(namespace, cursor, count);
    };
    await session.run('SCAN 0 COUNT 9223372036854775807');
    expect(asked).toEqual([limits.scanCount]);
  });

  it('sees only its own database, without expired keys', async () => {
    const session = await sessionWith('a', 'b');
    await session.run('PEXPIRE a 10');
    session.proxy.clock.advance(20);
    expect((await scanAll(session, '')).keys).toEqual(['b']);
    session.database = 1;
    expect((await scanAll(session, '')).keys).toEqual([]);
  });
});

describe('KEYS, RANDOMKEY, DBSIZE', () => {
  it('list, pick and count', async () => {
    const session = await sessionWith('user:1', 'user:2', 'other');
    expect(await session.run('KEYS user:?')).toEqual(['user:1', 'user:2']);
    expect(await session.run('KEYS *')).toHaveLength(3);
    expect(await session.run('KEYS nosuch')).toEqual([]);
    expect(await session.run('RANDOMKEY')).toBe('user:1');
    expect(await session.run('DBSIZE')).toBe(3);
    session.database = 2;
    expect(await session.run('RANDOMKEY')).toBeNull();
    expect(await session.run('DBSIZE')).toBe(0);
  });

  it('KEYS goes through all pages and refuses a reply beyond its limit', async () => {
    const session = new SessionRunner();
    const huge = Buffer.alloc(0);
    let pages = 0;
    session.proxy.cluster.scan = async (_namespace, cursor) => {
      pages++;
      const next = Number(cursor) + 1;
      const keys = Array.from({ length: 100_000 }, () => ({ key: huge, type: 'string' }) as const);
      return { cursor: String(next), keys };
    };
    expect(await session.run("KEYS ''")).toBe('-ERR KEYS would answer too many keys, use SCAN');
    expect(pages).toBe(Math.ceil(limits.keysReplyBytes / 64 / 100_000));
  });

  it('say so when there is no quorum', async () => {
    const session = await sessionWith('a');
    session.proxy.cluster.failure = unavailable('no quorum');
    for (const line of ['KEYS *', 'SCAN 0', 'RANDOMKEY', 'DBSIZE', 'COPY a b', 'FLUSHDB', 'MEMORY USAGE a']) {
      expect(await session.run(line), line).toMatch(/^-UNAVAILABLE no quorum/);
    }
  });
});

describe('COPY', () => {
  it('copies value and expiry, replaces only where asked to', async () => {
    const session = await sessionWith('a', 'c');
    await session.run('PEXPIRE a 5000');
    expect(await session.run('COPY a b')).toBe(1);
    expect(await session.run('GET b')).toBe('value-of-a');
    expect(await session.run('PTTL b')).toBe(5000);
    expect(await session.run('COPY a c')).toBe(0);
    expect(await session.run('GET c')).toBe('value-of-c');
    expect(await session.run('COPY a c REPLACE')).toBe(1);
    expect(await session.run('GET c')).toBe('value-of-a');
    expect(await session.run('COPY nosuch d')).toBe(0);
    expect(await session.run('EXISTS d')).toBe(0);
  });

  it('copies into another database, also under the same name', async () => {
    const session = await sessionWith('a');
    expect(await session.run('COPY a a DB 3')).toBe(1);
    expect(await session.run('COPY a x REPLACE DB 4')).toBe(1);
    session.database = 3;
    expect(await session.run('GET a')).toBe('value-of-a');
    session.database = 4;
    expect(await session.run('GET x')).toBe('value-of-a');
  });

  it('copies values in pages whole', async () => {
    const session = new SessionRunner();
    const value = Buffer.alloc(300_000, 'abcdefg');
    await session.runArguments([Buffer.from('SET'), Buffer.from('big'), value]);
    expect(await session.run('COPY big copy')).toBe(1);
    expect(await session.run('GET copy')).toBe(value.toString());
    await session.run('APPEND big more');
    expect(await session.run('STRLEN copy')).toBe(value.length);
  });

  it('fails as a whole', async () => {
    const session = await sessionWith('a');
    for (const failure of [busy('queue is full'), uncertain('deadline')]) {
      session.proxy.cluster.failure = failure;
      expect(await session.run('COPY a b')).toMatch(failure.kind === 'busy' ? /^-BUSY/ : /^-UNCERTAIN/);
    }
  });
});

describe('RENAME, RENAMENX and MOVE', () => {
  it('take value and expiry along, over what is there', async () => {
    const session = await sessionWith('a', 'b');
    await session.run('PEXPIRE a 5000');
    expect(await session.run('RENAME a b')).toBe('+OK');
    expect(await session.run('GET b')).toBe('value-of-a');
    expect(await session.run('PTTL b')).toBe(5000);
    expect(await session.run('EXISTS a')).toBe(0);
    expect(await session.run('RENAME a b')).toBe('-ERR no such key');
    expect(await session.run('RENAME b b')).toBe('+OK');
    expect(await session.run('RENAMENX b b')).toBe(0);
    await session.run('SET c x');
    expect(await session.run('RENAMENX b c')).toBe(0);
    expect(await session.run('RENAMENX b d')).toBe(1);
    expect(await session.run('GET d')).toBe('value-of-a');
  });

  it('take values in pages along', async () => {
    const session = new SessionRunner();
    const value = Buffer.alloc(300_000, 'abcdefg');
    await session.runArguments([Buffer.from('SET'), Buffer.from('big'), value]);
    expect(await session.run('RENAME big moved')).toBe('+OK');
    expect(await session.run('GET moved')).toBe(value.toString());
    expect(await session.run('EXISTS big')).toBe(0);
  });

  it('MOVE goes to another database where the key is not there', async () => {
    const session = await sessionWith('a');
    expect(await session.run('MOVE a 0')).toBe('-ERR source and destination objects are the same');
    expect(await session.run('MOVE a 99')).toBe('-ERR DB index is out of range');
    expect(await session.run('MOVE a x')).toBe('-ERR value is not an integer or out of range');
    expect(await session.run('MOVE a 3')).toBe(1);
    expect(await session.run('MOVE a 3')).toBe(0);
    await session.run('SET a again');
    expect(await session.run('MOVE a 3')).toBe(0);
    session.database = 3;
    expect(await session.run('GET a')).toBe('value-of-a');
  });
});

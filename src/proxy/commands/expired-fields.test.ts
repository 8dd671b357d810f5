import { beforeEach, describe, expect, it } from 'vitest';
import { SessionRunner, type ShownReply, shown } from '../testing/session-runner.ts';
import { dumpBytes } from '../values/value-rdb.ts';

/*
 * A large hash of which most has expired and that nobody has written since, so that all of it is still stored, beside a plain one of what
 * is left: as Redis 7.4 documents it, no command may tell the one from the other.
 */

const STORED = 3_000;
const KEPT = Array.from({ length: 120 }, (_, i) => `kept-${i}`);
const GONE = Array.from({ length: STORED - KEPT.length }, (_, i) => `gone-${i}`);
/** Some of what is left never expires. */
const TIMED = KEPT.slice(0, 40);
const LATER_MS = 100_000;

type Ask = (...words: readonly (string | number)[]) => Promise<ShownReply>;

let session: SessionRunner;
let ask: Ask;
let nowMs: number;

function pairs(names: readonly string[]): string[] {
  return names.flatMap((name) => [name, name.startsWith('gone') ? 'x'.repeat(40) : String(name.length)]);
}

function sorted(reply: ShownReply): string[] {
  if (!Array.isArray(reply)) throw new Error(`no list: ${JSON.stringify(reply)}`);
  return reply.map((one) => JSON.stringify(one)).sort();
}

async function scanned(key: string, ...options: string[]): Promise<string[]> {
  const found: ShownReply[] = [];
  let cursor = '0';
  do {
    const reply = await ask('HSCAN', key, cursor, 'COUNT', 50, ...options);
    if (!Array.isArray(reply) || !Array.isArray(reply[1])) throw new Error('a cursor and elements');
    cursor = String(reply[0]);
    found.push(...reply[1]);
  } while (cursor !== '0');
  return sorted(found);
}

async function dumped(key: string): Promise<Buffer> {
  const payload = await session.runArguments([Buffer.from('DUMP'), Buffer.from(key)]);
  if (!Buffer.isBuffer(payload)) throw new Error('no payload');
  return payload;
}

function storedFields(key: string): number {
  const value = session.proxy.cluster.record(0, key)?.value;
  if (value?.paged !== true || !('trees' in value)) throw new Error('not in trees');
  return (value.trees[0]?.count ?? 0) + (value.trees[2]?.count ?? 0);
}

beforeEach(async () => {
  session = new SessionRunner();
  ask = async (...words) =>
    shown((await session.runArguments(words.map((word) => Buffer.from(String(word), 'latin1')))) ?? null);
  await ask('HSET', 'h', ...pairs([...GONE, ...KEPT]));
  await ask('HPEXPIRE', 'h', 50, 'FIELDS', GONE.length, ...GONE);
  await ask('HPEXPIRE', 'h', LATER_MS, 'FIELDS', TIMED.length, ...TIMED);
  // Large enough for trees at first, as the other one is.
  await ask('HSET', 'plain', ...pairs([...GONE, ...KEPT]));
  await ask('HDEL', 'plain', ...GONE);
  session.proxy.clock.advance(60);
  nowMs = session.proxy.clock.wallMs();
  expect(storedFields('h')).toBe(STORED);
});

/** By every command that only reads. */
async function expectAlike(key: string): Promise<void> {
  const some = [...GONE.slice(0, 3), ...KEPT.slice(0, 3), 'never'];
  const both = async (name: string, ...rest: readonly (string | number)[]): Promise<[ShownReply, ShownReply]> => [
    await ask(name, key, ...rest),
    await ask(name, 'plain', ...rest),
  ];
  for (const [name, ...rest] of [
    ['HLEN'],
    ['EXISTS'],
    ['TYPE'],
    ['TTL'],
    ['HGETALL'],
    ['HMGET', ...some],
    ...some.flatMap((field) => [
      ['HGET', field],
      ['HEXISTS', field],
      ['HSTRLEN', field],
    ]),
    ['HRANDFIELD', 0],
  ] as const) {
    const [ours, plain] = await both(name, ...rest);
    expect(ours, [name, ...rest].join(' ')).toEqual(plain);
  }
  for (const [name, ...rest] of [
    ['HKEYS'],
    ['HVALS'],
    ['HRANDFIELD', STORED],
    ['HRANDFIELD', STORED, 'WITHVALUES'],
  ] as const) {
    const [ours, plain] = await both(name, ...rest);
    expect(sorted(ours), [name, ...rest].join(' ')).toEqual(sorted(plain));
  }
  expect(await scanned(key)).toEqual(await scanned('plain'));
  expect(await scanned(key, 'MATCH', '*e-1*')).toEqual([]);
  expect(await scanned(key, 'NOVALUES')).toEqual(KEPT.map((name) => JSON.stringify(name)).sort());
  const picked = await ask('HRANDFIELD', key, -300);
  expect(sorted(picked).every((name) => name.startsWith('"kept'))).toBe(true);
  expect(await ask('HRANDFIELD', key)).toMatch(/^kept/);
}

async function expectTimes(key: string): Promise<void> {
  const asked = ['FIELDS', 3, GONE[0] ?? '', TIMED[0] ?? '', KEPT.at(-1) ?? ''] as const;
  expect(await ask('HPTTL', key, ...asked)).toEqual([-2, LATER_MS - 60, -1]);
  expect(await ask('HTTL', key, ...asked)).toEqual([-2, (LATER_MS - 60 + 60) / 1_000, -1]);
  expect(await ask('HPEXPIRETIME', key, ...asked)).toEqual([-2, nowMs + LATER_MS - 60, -1]);
}

describe('what has expired of a large hash that nobody writes', () => {
  it('is seen by no command that reads', async () => {
    await expectAlike('h');
    await expectTimes('h');
    expect(await ask('OBJECT', 'ENCODING', 'h')).toBe('hashtable');
    await ask('RPUSH', 'list', 'h');
    expect(await ask('SORT', 'list', 'BY', `*->${GONE[0]}`, 'GET', `*->${GONE[0]}`, 'GET', `*->${KEPT[0]}`)).toEqual([
      null,
      '6',
    ]);
    // Nothing of that has removed it.
    expect(storedFields('h')).toBe(STORED);
  });

  it('is in no copy that a command makes of it, nor in what leaves the cluster', async () => {
    const payload = await dumped('h');
    expect(payload.includes('gone')).toBe(false);
    expect(payload.length).toBeLessThan(4_000);
    await ask('COPY', 'h', 'copy');
    await session.runArguments([Buffer.from('RESTORE'), Buffer.from('restored'), Buffer.from('0'), payload]);
    await ask('RENAME', 'h', 'renamed');
    for (const key of ['copy', 'restored', 'renamed']) {
      await expectAlike(key);
      await expectTimes(key);
    }
    expect(await ask('EXISTS', 'h')).toBe(0);
  });

  it('does not count for the bound of DUMP', () => {
    const record = session.proxy.cluster.record(0, 'h') ?? expect.fail('there is a record');
    const { pages } = session.proxy.cluster;
    const access = {
      read: (id: string) => pages.get(id) ?? expect.fail('a lost page'),
      write: () => expect.fail('a write'),
    };
    expect(record.sizeBytes).toBeGreaterThan(STORED * 40);
    const bytes = dumpBytes(record, nowMs, access);
    expect(bytes).toBeGreaterThan(KEPT.length);
    expect(bytes).toBeLessThan(record.sizeBytes / 10);
    expect(dumpBytes(record, nowMs - 60, access)).toBe(record.sizeBytes);
  });

  it('is not there for what writes', async () => {
    const [gone = '', another = '', third = ''] = GONE;
    expect(await ask('HDEL', 'h', gone)).toBe(0);
    expect(await ask('HPERSIST', 'h', 'FIELDS', 1, gone)).toEqual([-2]);
    expect(await ask('HPEXPIRE', 'h', 1_000, 'FIELDS', 1, gone)).toEqual([-2]);
    expect(await ask('HGETDEL', 'h', 'FIELDS', 1, gone)).toEqual([null]);
    expect(await ask('HSETNX', 'h', gone, 'new')).toBe(1);
    expect(await ask('HINCRBY', 'h', another, 5)).toBe(5);
    expect(await ask('HSETEX', 'h', 'FXX', 'FIELDS', 1, third, 'v')).toBe(0);
    expect(await ask('HTTL', 'h', 'FIELDS', 2, gone, another)).toEqual([-1, -1]);
    expect(await ask('HDEL', 'h', gone, another)).toBe(2);
    await expectAlike('h');
  });

  it('takes the key along once nothing else is left', async () => {
    await ask('HDEL', 'h', ...KEPT.filter((name) => !TIMED.includes(name)));
    expect(await ask('HLEN', 'h')).toBe(TIMED.length);
    session.proxy.clock.advance(LATER_MS);
    for (const [words, reply] of [
      [['EXISTS', 'h'], 0],
      [['TYPE', 'h'], '+none'],
      [['HGETALL', 'h'], {}],
      [['OBJECT', 'ENCODING', 'h'], null],
      [['DUMP', 'h'], null],
      [['MEMORY', 'USAGE', 'h'], null],
      [
        ['HSCAN', 'h', 0],
        ['0', []],
      ],
      [['DBSIZE'], 1],
    ] as const) {
      expect(await ask(...words), words.join(' ')).toEqual(reply);
    }
  });
});

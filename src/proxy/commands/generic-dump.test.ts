import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { assert } from '../../base/assert.ts';
import { dumpOf } from '../../record/rdb/dump-payload.ts';
import type { Reply } from '../../resp/reply.ts';
import { ReplyParser } from '../../resp/reply-parser.ts';
import { ReplyWriter } from '../../resp/reply-writer.ts';
import { RawClient, RealRedis, whyNoRealRedis } from '../testing/real-redis.ts';
import { SessionRunner, type ShownReply, shown } from '../testing/session-runner.ts';

type Words = readonly (string | number | Buffer)[];

function bytesOf(words: Words): Buffer[] {
  return words.map((word) => (Buffer.isBuffer(word) ? word : Buffer.from(String(word))));
}

/** As a client of RESP2 gets it. */
async function ours(session: SessionRunner, ...words: Words): Promise<Reply> {
  const reply = await session.runArguments(bytesOf(words));
  assert(reply !== undefined, 'there is a reply');
  const writer = new ReplyWriter();
  writer.write(reply);
  const parser = new ReplyParser();
  parser.push(Buffer.concat(writer.takeChunks()));
  const received = parser.next();
  assert(received !== undefined, 'a reply is complete');
  return received;
}

async function ourDump(session: SessionRunner, key: string): Promise<Buffer> {
  const payload = await ours(session, 'DUMP', key);
  assert(Buffer.isBuffer(payload), 'DUMP answers bytes');
  return payload;
}

describe('RESTORE', () => {
  async function withString(): Promise<{ session: SessionRunner; payload: Buffer }> {
    const session = new SessionRunner();
    await session.run('SET from value');
    return { session, payload: await ourDump(session, 'from') };
  }

  it('takes what DUMP answered', async () => {
    const { session, payload } = await withString();
    expect(shown(await ours(session, 'RESTORE', 'to', 0, payload))).toBe('+OK');
    expect(await session.run('GET to')).toBe('value');
    expect(await session.run('PTTL to')).toBe(-1);
  });

  it('sets a time to live, from now or absolute', async () => {
    const { session, payload } = await withString();
    await ours(session, 'RESTORE', 'relative', 5_000, payload);
    expect(await session.run('PTTL relative')).toBe(5_000);
    const at = session.proxy.clock.wallMs() + 7_000;
    await ours(session, 'RESTORE', 'absolute', at, payload, 'ABSTTL', 'IDLETIME', 3);
    expect(await session.run('PEXPIRETIME absolute')).toBe(at);
  });

  it('deletes what it should replace by something that has expired', async () => {
    const { session, payload } = await withString();
    expect(shown(await ours(session, 'RESTORE', 'from', 1, payload, 'ABSTTL', 'REPLACE'))).toBe('+OK');
    expect(await session.run('EXISTS from')).toBe(0);
  });

  it('keeps an expiry in the far future', async () => {
    const { session, payload } = await withString();
    await ours(session, 'RESTORE', 'to', '9223372036854775807', payload, 'ABSTTL');
    expect(await session.run('GET to')).toBe('value');
  });

  it('refuses streams in words of its own', async () => {
    const { session } = await withString();
    const reply = await ours(session, 'RESTORE', 'to', 0, dumpOf(15, Buffer.from([0, 0, 0])));
    expect(shown(reply)).toMatch(/^-ERR Bad data format: streams/);
  });

  it('answers an error to any bytes with a right checksum', async () => {
    const session = new SessionRunner();
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 22 }), fc.uint8Array({ maxLength: 200 }), async (type, bytes) => {
        const reply = shown(await ours(session, 'RESTORE', 'any', 0, dumpOf(type, Buffer.from(bytes)), 'REPLACE'));
        expect(reply === '+OK' || String(reply).startsWith('-ERR Bad data format')).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  it('answers an error to values with bytes changed', async () => {
    const session = new SessionRunner();
    await session.run('ZADD z 1 a 2.5 bb -inf ccc 4000000 dddd');
    await session.run(`HSET h f ${'v'.repeat(100)} g 12345678`);
    const payloads = [await ourDump(session, 'z'), await ourDump(session, 'h')];
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...payloads), fc.nat(), fc.nat(255), async (payload, place, byte) => {
        const body = Buffer.from(payload.subarray(1, -10));
        body[place % body.length] = byte;
        const changed = dumpOf(payload[0] ?? 0, body);
        const reply = shown(await ours(session, 'RESTORE', 'any', 0, changed, 'REPLACE'));
        expect(reply === '+OK' || String(reply).startsWith('-ERR')).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });
});

const why = whyNoRealRedis();
describe.skipIf(why !== null)(
  `DUMP and RESTORE with a real redis-server${why === null ? '' : ` (skipped: ${why})`}`,
  () => {
    let redis: RealRedis;
    let client: RawClient;

    beforeAll(async () => {
      redis = await RealRedis.start();
      client = await RawClient.open(redis.port);
    });
    afterAll(async () => {
      client.close();
      await redis.stop();
    });

    async function theirs(...words: Words): Promise<Reply> {
      return (await client.send(bytesOf(words))).reply;
    }

    /** The same command on both; both replies as tests compare them. */
    async function both(session: SessionRunner, ...words: Words): Promise<{ mine: ShownReply; redis: ShownReply }> {
      return { mine: shown(await ours(session, ...words)), redis: shown(await theirs(...words)) };
    }

    const READERS: Readonly<Record<string, Words>> = {
      string: ['GET', 'k'],
      list: ['LRANGE', 'k', 0, -1],
      set: ['SMEMBERS', 'k'],
      hash: ['HGETALL', 'k'],
      zset: ['ZRANGE', 'k', 0, -1, 'WITHSCORES'],
    };

    /** What is at `k`, with its encoding; sets and tables without their order. */
    async function content(ask: (...words: Words) => Promise<Reply>): Promise<unknown> {
      const type = String(shown(await ask('TYPE', 'k'))).slice(1);
      const encoding = shown(await ask('OBJECT', 'ENCODING', 'k'));
      const reader = READERS[type];
      const value = reader === undefined ? null : shown(await ask(...reader));
      if (type === 'set' && Array.isArray(value)) return { type, encoding, value: value.sort() };
      if (type !== 'hash' || !Array.isArray(value)) return { type, encoding, value };
      const pairs = value.flatMap((field, i) => (i % 2 === 0 ? [`${String(field)}\n${String(value[i + 1])}`] : []));
      return { type, encoding, value: encoding === 'listpack' ? pairs : pairs.sort() };
    }

    const element = fc.oneof(
      fc.uint8Array({ minLength: 1, maxLength: 80 }).map((bytes) => Buffer.from(bytes)),
      fc.string({ maxLength: 12 }).map((text) => Buffer.from(text)),
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((value) => Buffer.from(String(value))),
      fc.integer({ min: -40_000, max: 40_000 }).map((value) => Buffer.from(String(value))),
      fc.integer({ min: 1, max: 6_000 }).map((length) => Buffer.alloc(length, 'junokv ')),
    );
    const elements = fc.oneof(
      fc.uniqueArray(element, { minLength: 1, maxLength: 20, selector: (item) => item.toString('latin1') }),
      fc
        .integer({ min: 1, max: 700 })
        .map((count) => Array.from({ length: count }, (_, i) => Buffer.from(`element ${i}`))),
      fc
        .integer({ min: 1, max: 700 })
        .map((count) => Array.from({ length: count }, (_, i) => Buffer.from(String(i * 977)))),
    );
    const score = fc.oneof(fc.double({ noNaN: true }), fc.integer(), fc.constant(-0));
    const writeCommand = fc.oneof(
      element.map((value): Words => ['SET', 'k', value]),
      elements.map((items): Words => ['RPUSH', 'k', ...items]),
      elements.map((items): Words => ['SADD', 'k', ...items]),
      elements.map(
        (items): Words => ['HSET', 'k', ...items.flatMap((item, i) => [item, items[items.length - 1 - i] ?? item])],
      ),
      fc.tuple(elements, fc.array(score, { minLength: 1, maxLength: 10 })).map(
        ([items, scores]): Words => [
          'ZADD',
          'k',
          // Long members that begin alike come in an order of their own here (docs/values.md).
          ...items.flatMap((item, i) => [
            String(scores[i % scores.length] ?? 0),
            item.length > 400 ? Buffer.concat([Buffer.from(`${i} `), item]) : item,
          ]),
        ],
      ),
    );

    it('values of all types go there and come back', async () => {
      await fc.assert(
        fc.asyncProperty(writeCommand, async (command) => {
          const session = new SessionRunner();
          const ask = (...words: Words): Promise<Reply> => ours(session, ...words);
          await theirs('FLUSHALL');
          await theirs(...command);
          const before = await content(theirs);
          const payload = await theirs('DUMP', 'k');
          assert(Buffer.isBuffer(payload), 'DUMP answers bytes');
          expect(shown(await ask('RESTORE', 'k', 0, payload))).toBe('+OK');
          expect(await content(ask)).toEqual(before);
          const back = await ourDump(session, 'k');
          if (command[0] === 'SET') expect(back.toString('hex')).toBe(payload.toString('hex'));
          expect(shown(await theirs('RESTORE', 'k', 0, back, 'REPLACE'))).toBe('+OK');
          expect(await content(theirs)).toEqual(before);
        }),
        { numRuns: 100 },
      );
    });

    it('all strings have the same bytes', async () => {
      const session = new SessionRunner();
      const repeating = fc
        .tuple(fc.uint8Array({ minLength: 1, maxLength: 50 }), fc.uint8Array({ maxLength: 20 }), fc.nat(400))
        .map(([part, end, times]) => Buffer.concat([...Array<Uint8Array>(times).fill(part), end]));
      const digits = fc.stringMatching(/^-?[0-9]{1,12}$/).map((text) => Buffer.from(text));
      await fc.assert(
        fc.asyncProperty(fc.oneof(repeating, digits, element), async (value) => {
          await both(session, 'SET', 'k', value);
          const { mine, redis: other } = await both(session, 'DUMP', 'k');
          expect(mine).toBe(other);
        }),
        { numRuns: 300 },
      );
    });

    it('replies to what is wrong are the same', async () => {
      const session = new SessionRunner();
      await both(session, 'FLUSHALL');
      await both(session, 'SET', 'there', 'value');
      const payload = await theirs('DUMP', 'there');
      assert(Buffer.isBuffer(payload), 'DUMP answers bytes');
      const broken = Buffer.from(payload);
      broken[2] = 0;
      const noElements = dumpOf(2, Buffer.from([0]));
      const twice = dumpOf(2, Buffer.from('\x02\x01a\x01a', 'latin1'));
      const cases: readonly Words[] = [
        ['DUMP', 'nosuch'],
        ['RESTORE', 'there', 0, payload],
        ['RESTORE', 'there', 'x', broken],
        ['RESTORE', 'there', -1, broken, 'REPLACE'],
        ['RESTORE', 'new', 'x', payload],
        ['RESTORE', 'new', -1, payload],
        ['RESTORE', 'new', 0, broken],
        ['RESTORE', 'new', 0, ''],
        ['RESTORE', 'new', 0, 'short'],
        ['RESTORE', 'new', 0, dumpOf(0, Buffer.alloc(0))],
        ['RESTORE', 'new', 0, noElements],
        ['RESTORE', 'new', 0, twice],
        ['RESTORE', 'new', 0, dumpOf(99, Buffer.from([0]))],
        ['RESTORE', 'new', 0, payload, 'FOO'],
        ['RESTORE', 'new', 0, payload, 'IDLETIME'],
        ['RESTORE', 'new', 0, payload, 'IDLETIME', -1],
        ['RESTORE', 'new', 0, payload, 'IDLETIME', 'x'],
        ['RESTORE', 'new', 0, payload, 'FREQ', 256],
        ['RESTORE', 'new', 0, payload, 'FREQ', 'x'],
        ['RESTORE', 'new', 0, payload, 'IDLETIME', 1, 'FREQ', 1],
        ['RESTORE', 'new', 0, payload, 'REPLACE', 'FREQ', 1],
        ['GET', 'new'],
        ['RESTORE', 'new', '9223372036854775807', payload, 'REPLACE'],
        ['GET', 'new'],
      ];
      for (const words of cases) {
        const { mine, redis: other } = await both(session, ...words);
        expect(mine, words.join(' ')).toEqual(other);
      }
    });

    /** Bodies in forms that Redis 7.0 reads and does not write any more. */
    const OLD_FORMS: Readonly<Record<string, { readonly type: number; readonly body: string }>> = {
      'hash as a zipmap': { type: 9, body: '12 02 02 6b31 02 02 7631 0000 02 6b32 02 00 7632 ff' },
      'list as a ziplist': {
        type: 10,
        body: '2c 2c000000 29000000 0700 00 01 61 03 fe 64 03 c0 e803 04 f0 406b0f 05 d0 00000080 06 e0 0000000000000080 0a fd ff',
      },
      'sorted set as a ziplist': {
        type: 12,
        body: '28 28000000 22000000 0800 00 01 61 03 f2 02 01 62 03 fe 40 03 01 63 03 05 3165333030 07 01 64 03 03 696e66 ff',
      },
      'hash as a ziplist': { type: 13, body: '13 13000000 10000000 0200 00 04 6e616d65 06 f5 ff' },
      'list as a quicklist': {
        type: 14,
        body: '02 0e 0e000000 0a000000 0100 00 01 61 ff 0e 0e000000 0a000000 0100 00 01 62 ff',
      },
      'sorted set with scores as text': { type: 3, body: '03 01 61 03 312e35 01 62 fe 01 63 ff' },
    };
    it.each(Object.entries(OLD_FORMS))('%s', async (_name, { type, body }) => {
      const session = new SessionRunner();
      const payload = dumpOf(type, Buffer.from(body.replaceAll(' ', ''), 'hex'));
      await theirs('FLUSHALL');
      const replies = await both(session, 'RESTORE', 'k', 0, payload);
      expect(replies).toEqual({ mine: replies.redis, redis: '+OK' });
      expect(await content((...words) => ours(session, ...words))).toEqual(await content(theirs));
    });
  },
);

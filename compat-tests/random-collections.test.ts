import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ServerPairs } from './harness.ts';
import { type Comparison, exactly, inAnyOrder, inAnyOrderAtAllLevels, pairsInAnyOrder } from './support/comparisons.ts';
import { RawClient } from './support/raw-client.ts';
import { redisServerVersion } from './support/redis-server.ts';

/*
 * Random sequences of commands on a hash, on a list and on a set, on both servers. RANDOM_COMMANDS: about so many commands per
 * type instead of those of a quick run.
 */

interface Command {
  readonly words: readonly string[];
  readonly compare: Comparison;
}

const redis = redisServerVersion();
const title = redis.ok ? 'random commands' : `random commands (skipped: ${redis.reason})`;
const COMMANDS_PER_RUN = 60;
const runs = Math.ceil(Number(process.env['RANDOM_COMMANDS'] ?? '2400') / COMMANDS_PER_RUN);

/** Low, so that short sequences cross them. */
const SETTINGS = [
  'hash-max-listpack-entries',
  '6',
  'hash-max-listpack-value',
  '12',
  'set-max-intset-entries',
  '6',
  'zset-max-listpack-entries',
  '6',
  'zset-max-listpack-value',
  '21',
];

const key = fc.constantFrom('k', 'k', 'k', 'other');
const name = fc.oneof(
  { weight: 8, arbitrary: fc.nat(9).map((n) => `n${n}`) },
  { weight: 4, arbitrary: fc.integer({ min: -5, max: 5 }).map(String) },
  { weight: 1, arbitrary: fc.constantFrom('', '007', '9223372036854775807', 'a-name-longer-than-12', 'x'.repeat(600)) },
);
const integer = fc.oneof(
  fc.integer({ min: -5, max: 5 }).map(String),
  fc.constantFrom('9223372036854775807', '-9223372036854775808'),
);
const text = fc.oneof(
  { weight: 6, arbitrary: fc.string({ maxLength: 5, unit: 'binary-ascii' }) },
  { weight: 6, arbitrary: integer },
  { weight: 2, arbitrary: fc.constantFrom('1.5', 'abc', ' 1', 'a value longer than 12', 'v'.repeat(3_000)) },
);
/** Enough at once for a tree, and nearly all of them away again. */
const bulk = Array.from({ length: 250 }, (_, i) => `bulk-field-number-${i}`);

function line(compare: Comparison, ...words: fc.Arbitrary<string | readonly string[]>[]): fc.Arbitrary<Command> {
  return fc.tuple(...words).map((parts) => ({ words: parts.flat(), compare }));
}

function word(text: string): fc.Arbitrary<string> {
  return fc.constant(text);
}

const names = fc.array(name, { minLength: 1, maxLength: 4 });
const pairs = fc.array(fc.tuple(name, text), { minLength: 1, maxLength: 4 }).map((list) => list.flat());

const generic: fc.Arbitrary<Command>[] = [
  line(exactly, word('OBJECT'), word('ENCODING'), key),
  line(exactly, word('TYPE'), key),
  line(exactly, word('DEL'), key),
  line(exactly, word('SET'), word('other'), text),
  line(exactly, word('GET'), key),
  line(exactly, word('COPY'), word('k'), word('other'), word('REPLACE')),
  line(exactly, word('EXISTS'), key),
  line(exactly, word('PERSIST'), key),
];

const sortForm = fc.constantFrom(
  ['ALPHA'],
  ['ALPHA', 'DESC'],
  [],
  ['DESC', 'LIMIT', '1', '3'],
  ['ALPHA', 'GET', '#', 'LIMIT', '0', '4'],
);

const hashCommands = fc.oneof(
  { weight: 6, arbitrary: line(exactly, word('HSET'), key, pairs) },
  line(exactly, word('HSET'), key, word(''), text),
  line(exactly, word('HMSET'), key, pairs),
  line(exactly, word('HSETNX'), key, name, text),
  { weight: 3, arbitrary: line(exactly, word('HDEL'), key, names) },
  line(exactly, word('HGET'), key, name),
  line(exactly, word('HMGET'), key, names),
  line(exactly, word('HEXISTS'), key, name),
  line(exactly, word('HSTRLEN'), key, name),
  line(exactly, word('HLEN'), key),
  line(pairsInAnyOrder, word('HGETALL'), key),
  line(inAnyOrder, word('HKEYS'), key),
  line(inAnyOrder, word('HVALS'), key),
  { weight: 2, arbitrary: line(exactly, word('HINCRBY'), key, name, integer) },
  {
    weight: 2,
    arbitrary: line(exactly, word('HINCRBYFLOAT'), key, name, fc.constantFrom('0.1', '-2', '1e3', 'x', 'inf')),
  },
  line(inAnyOrderAtAllLevels, word('HRANDFIELD'), key, word('1000'), word('WITHVALUES')),
  line(exactly, word('HRANDFIELD'), key, word('0')),
  line(exactly, word('HSET'), key, word('only-half')),
  line(exactly, word('SADD'), key, names),
  line(
    exactly,
    word('HSET'),
    word('k'),
    fc.constant(bulk.flatMap((field, i) => [field, `the value of field number ${i}`])),
  ),
  line(exactly, word('HDEL'), word('k'), fc.constant(bulk.slice(5))),
  line(exactly, word('HMGET'), word('k'), fc.constant(bulk.slice(0, 30))),
  ...generic,
);

const index = fc.oneof(fc.integer({ min: -8, max: 8 }), fc.integer({ min: -300, max: 300 })).map(String);
const end = fc.constantFrom('LEFT', 'RIGHT');

const listCommands = fc.oneof(
  { weight: 4, arbitrary: line(exactly, word('RPUSH'), key, names) },
  { weight: 4, arbitrary: line(exactly, word('LPUSH'), key, names) },
  line(exactly, fc.constantFrom('RPUSHX', 'LPUSHX'), key, names),
  { weight: 2, arbitrary: line(exactly, fc.constantFrom('LPOP', 'RPOP'), key) },
  line(exactly, fc.constantFrom('LPOP', 'RPOP'), key, fc.nat(5).map(String)),
  line(exactly, word('LLEN'), key),
  line(exactly, word('LINDEX'), key, index),
  line(exactly, word('LSET'), key, index, text),
  { weight: 2, arbitrary: line(exactly, word('LINSERT'), key, fc.constantFrom('BEFORE', 'AFTER'), name, text) },
  { weight: 3, arbitrary: line(exactly, word('LRANGE'), key, index, index) },
  line(exactly, word('LRANGE'), key, word('0'), word('-1')),
  { weight: 2, arbitrary: line(exactly, word('LREM'), key, fc.integer({ min: -3, max: 3 }).map(String), name) },
  line(exactly, word('LTRIM'), key, index, index),
  line(exactly, word('LPOS'), key, name, word('RANK'), integer, word('COUNT'), fc.nat(3).map(String)),
  line(exactly, word('LPOS'), key, name, word('MAXLEN'), fc.nat(300).map(String)),
  line(exactly, word('LMOVE'), word('k'), word('k'), end, end),
  line(exactly, word('RPOPLPUSH'), word('k'), word('k')),
  line(exactly, fc.constantFrom('SORT', 'SORT_RO'), key, sortForm),
  line(exactly, word('SADD'), key, names),
  line(exactly, word('RPUSH'), word('k'), fc.constant(bulk.map((element) => `${element}: an element so long`))),
  line(exactly, word('LTRIM'), word('k'), word('-6'), word('-1')),
  ...generic,
);

const setCommands = fc.oneof(
  { weight: 6, arbitrary: line(exactly, word('SADD'), key, names) },
  { weight: 2, arbitrary: line(exactly, word('SADD'), key, fc.array(integer, { minLength: 1, maxLength: 5 })) },
  { weight: 4, arbitrary: line(exactly, word('SREM'), key, names) },
  line(exactly, word('SISMEMBER'), key, name),
  line(exactly, word('SMISMEMBER'), key, names),
  line(exactly, word('SCARD'), key),
  { weight: 3, arbitrary: line(inAnyOrder, word('SMEMBERS'), key) },
  line(inAnyOrder, word('SRANDMEMBER'), key, word('1000')),
  line(exactly, word('SPOP'), key, word('0')),
  line(exactly, word('SORT'), key, sortForm),
  line(inAnyOrder, word('SPOP'), key, word('1000')),
  line(exactly, word('HSET'), key, pairs),
  line(exactly, word('SADD'), word('k'), fc.constant(bulk.map((member) => `${member}: a member so long`))),
  line(exactly, word('SREM'), word('k'), fc.constant(bulk.slice(5).map((member) => `${member}: a member so long`))),
  ...generic,
);

const score = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: -4, max: 4 }).map(String) },
  { weight: 2, arbitrary: fc.constantFrom('0.1', '2.5', '-0', 'inf', '-inf', '1e17', '-1e-5', 'x') },
);
const scoredPairs = fc.array(fc.tuple(score, name), { minLength: 1, maxLength: 4 }).map((list) => list.flat());
const addOptions = fc.subarray(['NX', 'XX', 'GT', 'LT', 'CH', 'INCR'], { maxLength: 2 });
const scoreBound = fc.tuple(fc.constantFrom('', '', '('), score).map((parts) => parts.join(''));
const lexBound = fc.oneof(
  fc.constantFrom('-', '+'),
  fc.tuple(fc.constantFrom('[', '('), name).map((parts) => parts.join('')),
);
const rank = fc.integer({ min: -12, max: 12 }).map(String);
const limit = fc.tuple(rank, rank).map(([offset, count]) => ['LIMIT', offset, count]);
/** Enough for trees, several of one score; and nearly all of them away again. */
const scoredBulk = bulk.flatMap((member, i) => [String((i * 37) % 90), `${member}: a member so long`]);

const zsetCommands = fc.oneof(
  { weight: 6, arbitrary: line(exactly, word('ZADD'), key, scoredPairs) },
  { weight: 3, arbitrary: line(exactly, word('ZADD'), key, addOptions, scoredPairs) },
  { weight: 2, arbitrary: line(exactly, word('ZINCRBY'), key, score, name) },
  { weight: 3, arbitrary: line(exactly, word('ZREM'), key, names) },
  line(exactly, fc.constantFrom('ZSCORE', 'ZRANK', 'ZREVRANK'), key, name),
  line(exactly, word('ZMSCORE'), key, names),
  line(exactly, word('ZCARD'), key),
  { weight: 3, arbitrary: line(exactly, word('ZRANGE'), key, word('0'), word('-1'), word('WITHSCORES')) },
  line(exactly, fc.constantFrom('ZRANGE', 'ZREVRANGE'), key, rank, rank),
  { weight: 2, arbitrary: line(exactly, word('ZRANGEBYSCORE'), key, scoreBound, scoreBound) },
  { weight: 2, arbitrary: line(exactly, word('ZREVRANGEBYSCORE'), key, scoreBound, scoreBound, limit) },
  line(exactly, word('ZRANGE'), key, scoreBound, scoreBound, word('BYSCORE'), word('WITHSCORES'), limit),
  line(exactly, word('ZCOUNT'), key, scoreBound, scoreBound),
  { weight: 2, arbitrary: line(exactly, fc.constantFrom('ZPOPMIN', 'ZPOPMAX'), key) },
  line(exactly, fc.constantFrom('ZPOPMIN', 'ZPOPMAX'), key, fc.nat(4).map(String)),
  line(exactly, word('ZREMRANGEBYRANK'), key, rank, rank),
  line(exactly, word('ZREMRANGEBYSCORE'), key, scoreBound, scoreBound),
  line(inAnyOrderAtAllLevels, word('ZRANDMEMBER'), key, word('1000'), word('WITHSCORES')),
  line(exactly, word('SADD'), key, names),
  line(exactly, word('ZADD'), word('k'), fc.constant(scoredBulk)),
  line(exactly, word('ZREMRANGEBYRANK'), word('k'), word('4'), word('-3')),
  line(exactly, word('ZREMRANGEBYSCORE'), word('k'), word('10'), word('(60')),
  ...generic,
);

const lexCommands = fc.oneof(
  {
    weight: 6,
    arbitrary: line(
      exactly,
      word('ZADD'),
      key,
      names.map((list) => list.flatMap((one) => ['0', one])),
    ),
  },
  line(exactly, word('ZREM'), key, names),
  { weight: 2, arbitrary: line(exactly, word('ZRANGEBYLEX'), key, lexBound, lexBound) },
  { weight: 2, arbitrary: line(exactly, word('ZREVRANGEBYLEX'), key, lexBound, lexBound, limit) },
  line(exactly, word('ZRANGE'), key, lexBound, lexBound, word('BYLEX'), limit),
  { weight: 2, arbitrary: line(exactly, word('ZLEXCOUNT'), key, lexBound, lexBound) },
  line(exactly, word('ZREMRANGEBYLEX'), key, lexBound, lexBound),
  line(exactly, word('ZADD'), word('k'), fc.constant(scoredBulk.map((one, i) => (i % 2 === 0 ? '0' : one)))),
  ...generic,
);

const longitude = fc.integer({ min: -1800, max: 1800 }).map((tenths) => String(tenths / 10));
const latitude = fc.integer({ min: -850, max: 850 }).map((tenths) => String(tenths / 10));
const extent = fc.oneof(fc.nat(20_000), fc.nat(200)).map(String);
const searchForm = fc.oneof(
  fc.constantFrom([], ['ASC'], ['DESC', 'WITHDIST'], ['WITHCOORD', 'WITHHASH'], ['ASC', 'WITHDIST', 'WITHHASH']),
  fc.nat(4).map((count) => ['COUNT', String(count), 'ANY']),
);
const searchCentre = fc.oneof(
  name.map((one) => ['FROMMEMBER', one]),
  fc.tuple(longitude, latitude).map((place) => ['FROMLONLAT', ...place]),
);
const searchShape = fc.oneof(
  extent.map((one) => ['BYRADIUS', one, 'km']),
  fc.tuple(extent, extent).map((sides) => ['BYBOX', ...sides, 'mi']),
);
/** Enough places for trees. */
const placeBulk = bulk.flatMap((member, i) => [
  String(((i * 37) % 360) - 179.5),
  String(((i * 53) % 170) - 84.5),
  `${member}: a member so long`,
]);

const geoCommands = fc.oneof(
  { weight: 6, arbitrary: line(exactly, word('GEOADD'), key, longitude, latitude, name) },
  { weight: 6, arbitrary: line(exactly, word('GEOSEARCH'), key, searchCentre, searchShape, searchForm) },
  { weight: 2, arbitrary: line(exactly, word('GEORADIUS'), key, longitude, latitude, extent, word('km'), searchForm) },
  { weight: 2, arbitrary: line(exactly, word('GEORADIUSBYMEMBER_RO'), key, name, extent, word('mi'), searchForm) },
  line(exactly, word('GEOPOS'), key, names),
  line(exactly, word('GEOHASH'), key, names),
  line(exactly, word('GEODIST'), key, name, name, word('km')),
  line(exactly, word('GEOADD'), word('k'), fc.constant(placeBulk)),
  line(exactly, word('ZREMRANGEBYRANK'), word('k'), word('4'), word('-3')),
  line(exactly, word('ZREM'), key, names),
  ...generic,
);

describe.skipIf(!redis.ok)(title, () => {
  const servers = new ServerPairs();
  let theirs: RawClient;
  let ours: RawClient;

  beforeAll(async () => {
    const ports = await servers.ports('plain');
    theirs = await RawClient.connect(ports.redis);
    ours = await RawClient.connect(ports.junokv);
    for (const client of [theirs, ours]) {
      expect(String(await client.command(['CONFIG', 'SET', ...SETTINGS]))).toBe('+OK\r\n');
    }
  });
  afterAll(async () => {
    theirs.close();
    ours.close();
    await servers.stop();
  });

  async function compare(commands: readonly Command[]): Promise<void> {
    for (const client of [theirs, ours]) await client.command(['DEL', 'k', 'other']);
    for (const command of commands) {
      const words = command.words.map((one) => Buffer.from(one, 'latin1'));
      const [expected, answered] = await Promise.all([theirs.command(words), ours.command(words)]);
      if (expected.equals(answered)) continue;
      const shown = command.words.slice(0, 12).map((one) => JSON.stringify(one.slice(0, 60)));
      expect(`${shown.join(' ')}: ${command.compare.differ(expected, answered)}`).toBe(`${shown.join(' ')}: null`);
    }
  }

  it.each([
    ['hashes', hashCommands],
    ['lists', listCommands],
    ['sets', setCommands],
    ['sorted sets', zsetCommands],
    ['sorted sets of one score', lexCommands],
    ['places', geoCommands],
  ])(
    '%s answer the same',
    async (_, commands) => {
      const sequence = fc.array(commands, { minLength: COMMANDS_PER_RUN, maxLength: COMMANDS_PER_RUN });
      await fc.assert(fc.asyncProperty(sequence, compare), { numRuns: runs });
    },
    60_000 + runs * 1_000,
  );
});

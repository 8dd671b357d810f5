import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ServerPairs } from './harness.ts';
import { type Comparison, exactly, inAnyOrder } from './support/comparisons.ts';
import { RawClient } from './support/raw-client.ts';
import { redisServerVersion } from './support/redis-server.ts';

/*
 * Random sequences of commands over several keys, of all types mixed, and of MULTI blocks, on both servers. RANDOM_COMMANDS: about
 * so many commands instead of those of a quick run.
 */

interface Command {
  readonly words: readonly string[];
  readonly compare: Comparison;
}

const redis = redisServerVersion();
const title = redis.ok ? 'random commands over several keys' : `several keys (skipped: ${redis.reason})`;
const COMMANDS_PER_RUN = 60;
const runs = Math.ceil(Number(process.env['RANDOM_COMMANDS'] ?? '3000') / COMMANDS_PER_RUN);
const SETTINGS = ['set-max-intset-entries', '6', 'zset-max-listpack-entries', '6', 'zset-max-listpack-value', '21'];
const KEYS = ['k', 'l', 'm', 'n'];

/** Whether Redis calls a string raw or embstr depends on how it was made. */
const sameEncoding: Comparison = {
  ...exactly,
  differ: (theirs, ours) => (isString(theirs) && isString(ours) ? null : exactly.differ(theirs, ours)),
};

function isString(encoding: Buffer): boolean {
  return /^\$\d+\r\n(raw|embstr|int)\r\n$/.test(encoding.toString('latin1'));
}

const key = fc.constantFrom(...KEYS);
/** HyperLogLogs apart: their bytes differ. */
const counter = fc.constantFrom('p', 'q');
const keys = fc.array(key, { minLength: 1, maxLength: 4 });
const counted = keys.map((list) => [String(list.length), ...list]);
const name = fc.oneof(
  { weight: 8, arbitrary: fc.nat(7).map((n) => `n${n}`) },
  { weight: 4, arbitrary: fc.integer({ min: -4, max: 4 }).map(String) },
  { weight: 1, arbitrary: fc.constantFrom('', 'a-name-longer-than-21-bytes', 'x'.repeat(600)) },
);
const names = fc.array(name, { minLength: 1, maxLength: 4 });
const score = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: -4, max: 4 }).map(String) },
  { weight: 1, arbitrary: fc.constantFrom('0.5', 'inf', '-inf', '1e17') },
);
/** Enough for trees. */
const bulk = Array.from({ length: 250 }, (_, i) => `a-member-with-the-number-${i}`);

function line(compare: Comparison, ...words: fc.Arbitrary<string | readonly string[]>[]): fc.Arbitrary<Command> {
  return fc.tuple(...words).map((parts) => ({ words: parts.flat(), compare }));
}

const word = fc.constant<string>;

const weights = counted.chain((list) =>
  fc.tuple(
    fc.constant(list),
    fc.oneof(
      fc.constant<string[]>([]),
      fc
        .array(score, { minLength: list.length - 1, maxLength: list.length - 1 })
        .map((scores) => ['WEIGHTS', ...scores]),
    ),
    fc.constantFrom([], ['AGGREGATE', 'MIN'], ['AGGREGATE', 'MAX']),
  ),
);
const weighted = weights.map((parts) => parts.flat());
const end = fc.constantFrom('LEFT', 'RIGHT');

const fill = fc.oneof(
  { weight: 3, arbitrary: line(exactly, word('SADD'), key, names) },
  { weight: 3, arbitrary: line(exactly, word('RPUSH'), key, names) },
  {
    weight: 3,
    arbitrary: line(
      exactly,
      word('ZADD'),
      key,
      fc.array(fc.tuple(score, name), { minLength: 1, maxLength: 4 }).map((pairs) => pairs.flat()),
    ),
  },
  { weight: 2, arbitrary: line(exactly, word('SET'), key, fc.string({ maxLength: 6, unit: 'binary-ascii' })) },
  line(exactly, word('SADD'), key, word('1'), word('2'), word('3')),
  line(exactly, word('SADD'), key, fc.constant(bulk)),
  line(exactly, word('ZADD'), key, fc.constant(bulk.flatMap((member, i) => [String((i * 37) % 90), member]))),
  line(exactly, word('PFADD'), counter, names),
  // Apart: SORT changes the encoding of a sorted set in Redis.
  line(exactly, word('RPUSH'), word('s'), names),
  line(exactly, word('DEL'), keys),
);

const several = fc.oneof(
  line(inAnyOrder, fc.constantFrom('SINTER', 'SUNION', 'SDIFF'), keys),
  line(exactly, fc.constantFrom('SINTERSTORE', 'SUNIONSTORE', 'SDIFFSTORE'), key, keys),
  line(exactly, word('SINTERCARD'), counted, fc.constantFrom([], ['LIMIT', '2'])),
  line(exactly, word('SMOVE'), key, key, name),
  line(exactly, fc.constantFrom('ZUNION', 'ZINTER'), weighted, word('WITHSCORES')),
  line(exactly, fc.constantFrom('ZUNIONSTORE', 'ZINTERSTORE'), key, weighted),
  line(exactly, word('ZDIFF'), counted, word('WITHSCORES')),
  line(exactly, word('ZDIFFSTORE'), key, counted),
  line(exactly, word('ZINTERCARD'), counted),
  line(exactly, word('ZRANGESTORE'), key, key, word('0'), fc.integer({ min: -3, max: 9 }).map(String)),
  line(exactly, word('ZMPOP'), counted, fc.constantFrom('MIN', 'MAX'), word('COUNT'), word('2')),
  line(exactly, word('LMPOP'), counted, end, word('COUNT'), word('2')),
  line(exactly, word('LMOVE'), key, key, end, end),
  line(exactly, word('RPOPLPUSH'), key, key),
  line(exactly, word('MGET'), keys),
  line(
    exactly,
    fc.constantFrom('MSET', 'MSETNX'),
    fc.array(fc.tuple(key, name), { minLength: 1, maxLength: 3 }).map((pairs) => pairs.flat()),
  ),
  line(exactly, fc.constantFrom('RENAME', 'RENAMENX'), key, key),
  line(exactly, word('COPY'), key, key, fc.constantFrom([], ['REPLACE'])),
  line(exactly, word('BITOP'), fc.constantFrom('AND', 'OR', 'XOR'), key, keys),
  line(exactly, word('BITOP'), word('NOT'), key, key),
  line(exactly, word('PFCOUNT'), fc.array(counter, { minLength: 1, maxLength: 3 })),
  line(exactly, word('PFMERGE'), counter, fc.array(counter, { maxLength: 2 })),
  line(exactly, word('SORT'), word('s'), word('ALPHA'), word('STORE'), key),
  line(exactly, word('SORT'), word('s'), word('BY'), word('nosort'), word('GET'), word('#'), word('STORE'), key),
  line(exactly, word('EXISTS'), keys),
);

const look = fc.oneof(
  line(exactly, word('TYPE'), key),
  line(sameEncoding, word('OBJECT'), word('ENCODING'), key),
  line(inAnyOrder, word('SMEMBERS'), key),
  line(exactly, word('LRANGE'), key, word('0'), word('-1')),
  line(exactly, word('ZRANGE'), key, word('0'), word('-1'), word('WITHSCORES')),
  line(exactly, word('GET'), key),
  line(exactly, word('STRLEN'), key),
);

const single = fc.oneof(
  { weight: 3, arbitrary: fill },
  { weight: 5, arbitrary: several },
  { weight: 2, arbitrary: look },
);

/** Sets are listed in no order: inside EXEC their replies would have to be compared one by one. */
const insideMulti = single.filter(({ compare }) => compare === exactly);

const block = fc
  .tuple(fc.array(insideMulti, { minLength: 1, maxLength: 5 }), fc.constantFrom('EXEC', 'EXEC', 'EXEC', 'DISCARD'))
  .map(([commands, last]) => [plainly('MULTI'), ...commands, plainly(last)]);

const watched = fc
  .tuple(keys, fill, fc.array(insideMulti, { minLength: 1, maxLength: 3 }))
  .map(([list, change, commands]) => [
    plainly('WATCH', ...list),
    change,
    plainly('MULTI'),
    ...commands,
    plainly('EXEC'),
  ]);

function plainly(...words: string[]): Command {
  return { words, compare: exactly };
}

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
    for (const client of [theirs, ours]) await client.command(['DEL', ...KEYS, 'p', 'q', 's']);
    for (const command of commands) {
      const words = command.words.map((one) => Buffer.from(one, 'latin1'));
      const [expected, answered] = await Promise.all([theirs.command(words), ours.command(words)]);
      if (expected.equals(answered)) continue;
      const shown = command.words.slice(0, 12).map((one) => JSON.stringify(one.slice(0, 60)));
      expect(`${shown.join(' ')}: ${command.compare.differ(expected, answered)}`).toBe(`${shown.join(' ')}: null`);
    }
  }

  it.each([
    ['outside MULTI', fc.array(single, { minLength: COMMANDS_PER_RUN, maxLength: COMMANDS_PER_RUN })],
    [
      'within MULTI, watched and not',
      fc
        .array(
          fc.oneof(
            block,
            watched,
            fill.map((one) => [one]),
          ),
          { minLength: 12, maxLength: 12 },
        )
        .map((blocks) => blocks.flat()),
    ],
  ])(
    'answer the same %s',
    async (_, sequence) => {
      await fc.assert(fc.asyncProperty(sequence, compare), { numRuns: runs });
    },
    60_000 + runs * 1_000,
  );
});

import { inShape, pairsInAnyOrder } from '../support/comparisons.ts';
import { args, as, type Script, scanAll, script } from '../support/script.ts';

const LONG = 'x'.repeat(65);
const MANY = Array.from({ length: 129 }, (_, i) => [String(i % 7), `member-${i}`]).flat();
/** So many that they are kept in trees here; pairs of them have one score. */
const LARGE = Array.from({ length: 2_000 }, (_, i) => [String(((i * 7_919) % 1_000) / 8), `member-number-${i}`]).flat();
const MEMBERS = Array.from({ length: 2_000 }, (_, i) => `member-number-${i}`);
/** Of one score. */
const WORDS = Array.from({ length: 1_500 }, (_, i) => ['0', `word-${(i * 7_919) % 100_000}-of-some-length`]).flat();

const basics = script('zsets: members and scores', [
  'ZADD z 1 a 2 b 3 c',
  'ZADD z 4 a 2 b 5 d 6 d',
  'ZRANGE z 0 -1 WITHSCORES',
  'ZCARD z',
  'ZCARD nothing',
  'ZSCORE z a',
  'ZSCORE z x',
  'ZSCORE nothing x',
  'ZMSCORE z a x d a',
  'ZMSCORE nothing a b',
  'ZREM z a x a b',
  'ZREM nothing a',
  'ZRANGE z 0 -1',
  'ZADD z 0 "" 0 "\x00\xff" 0 "li\r\nne"',
  'ZSCORE z ""',
  'ZRANGE z 0 -1 WITHSCORES',
  'ZREM z "" "\x00\xff" "li\r\nne" c d',
  'EXISTS z',
  'ZADD r 1 a 1 b 2 c 3 d',
  ...['a', 'b', 'c', 'd', 'x'].flatMap((member) => [`ZRANK r ${member}`, `ZREVRANK r ${member}`]),
  'ZRANK nothing a',
  'ZREVRANK nothing a',
  'ZINCRBY r 5 a',
  'ZINCRBY r -0.5 new',
  'ZINCRBY r inf a',
  'ZINCRBY r -inf a',
  'ZINCRBY r nan a',
  'ZINCRBY r 1e308 big',
  'ZINCRBY r 1e308 big',
  'ZRANGE r 0 -1 WITHSCORES',
  'zAdd Z 1 Mixed',
  'zscore Z Mixed',
  'zscore Z mixed',
]);

const options = script('zsets: options of ZADD', [
  'ZADD z XX 1 a',
  'EXISTS z',
  'ZADD z XX INCR 1 a',
  'ZADD z NX 1 a 2 b',
  'ZADD z NX 5 a 3 c',
  'ZADD z NX CH 5 a 4 d',
  'ZADD z XX 5 a 9 x',
  'ZADD z XX CH 6 a 9 x 2 b',
  'ZADD z CH 7 a 9 y 2 b',
  'ZADD z GT 6 a 8 b 1 e',
  'ZADD z GT CH 6 a 9 b 0 e',
  'ZADD z LT 6 a 8 b 2 f',
  'ZADD z LT CH 5 a 8 b 2 f',
  'ZADD z GT XX CH 50 a 8 x',
  'ZADD z XX LT 1 a',
  'ZADD z INCR 5 a',
  'ZADD z INCR 5 new',
  'ZADD z NX INCR 5 a',
  'ZADD z NX INCR 5 newer',
  'ZADD z XX INCR 5 missing',
  'ZADD z XX INCR 5 a',
  'ZADD z GT INCR -5 a',
  'ZADD z GT INCR 5 a',
  'ZADD z LT INCR 5 a',
  'ZADD z LT INCR -5 a',
  'ZADD z CH INCR 0 a',
  'ZADD z nx ch 1 lower',
  'ZADD z XX XX CH CH 3 lower',
  'ZRANGE z 0 -1 WITHSCORES',
  ...['ZADD z NX XX 1 a', 'ZADD z GT LT 1 a', 'ZADD z GT NX 1 a', 'ZADD z LT NX 1 a', 'ZADD z INCR 1 a 2 b'],
  ...['ZADD z NX XX 1', 'ZADD z NX', 'ZADD z 1', 'ZADD z 1 a 2', 'ZADD z x a', 'ZADD z NX x a', 'ZADD z 1 a x b'],
  ...['ZADD z 1 nx', 'ZADD z nan a', 'ZADD z "" a', 'ZADD z " 1" a', 'ZADD z "1 " a', 'ZADD z 1,5 a', 'ZADD z 1e400 a'],
  ...['ZADD z 1e-400 a', 'ZADD z -1e400 a', 'ZADD z 0x a', 'ZADD z 1e a', 'ZADD z --1 a', 'ZADD z "1\x00" a'],
  ...[
    'ZINCRBY z x a',
    'ZINCRBY z nx a',
    'ZINCRBY z 1',
    'ZINCRBY z 1 a b',
    'ZINCRBY nothing nan a',
    'ZADD z',
    'ZADD z 1 a b',
  ],
  'ZRANGE z 0 -1 WITHSCORES',
]);

const NUMBERS = ['0', '-0', '1', '-1', '.5', '5.', '+7', '1e3', '1E-3', '0.1', '0.30000000000000004', '3.0e2', '1e15'];
const MORE_NUMBERS = [
  '1e16',
  '1e17',
  '123456789012345678',
  '1e21',
  '1e100',
  '1.7976931348623157e308',
  '5e-324',
  '1e-5',
];
const ODD_NUMBERS = ['0x10', '-0x1.8p1', 'inf', '-inf', '+inf', 'INFINITY', '-Infinity', '9007199254740993', '1e-320'];

const numbers = script('zsets: numbers', [
  ...[...NUMBERS, ...MORE_NUMBERS, ...ODD_NUMBERS].flatMap((text, i) => [`ZADD z ${text} m${i}`, `ZSCORE z m${i}`]),
  'ZRANGE z 0 -1 WITHSCORES',
  'ZSCAN z 0',
  'ZADD z 5 zero',
  'ZADD z -0 zero',
  'ZSCORE z zero',
  'ZINCRBY z -0 zero',
  args('a long member: a skip list', ['ZADD', 'z', '1.1', LONG]),
  'OBJECT ENCODING z',
  'ZRANGE z 0 -1 WITHSCORES',
  'ZADD z -0 m0 0 m1 -0 minus',
  'ZRANGE z 0 -1 WITHSCORES',
  'ZRANGEBYSCORE z 0 0 WITHSCORES',
  'ZINCRBY z -0 minus',
  'ZADD z CH 0 minus',
  'ZSCORE z minus',
  as(inShape, 'ZSCAN z 0 COUNT 1000'),
]);

const RANKS = ['0 -1', '0 0', '1 3', '-3 -2', '-100 100', '3 1', '5 9', '100 200', '-1 0', '0 -100'];
const SCORES = [
  '-inf +inf',
  '1 3',
  '(1 3',
  '1 (3',
  '(1 (3',
  '3 1',
  '2 2',
  '(2 2',
  '2 (2',
  '+inf -inf',
  '( 5',
  '(-inf (inf',
];
const MORE_SCORES = ['"" 2', '" 1" 2', '0x1 0x2', '1e400 2', '-1e400 1e400', '1.5 2.5', '"1\x00x" 3', '-0 0'];
const LEXES = [
  '- +',
  '[b [d',
  '(b [d',
  '[b (d',
  '(b (d',
  '[d [b',
  '+ -',
  '- -',
  '+ +',
  '[b [b',
  '(b [b',
  '[bb +',
  '- (c',
  '[ (',
  '( +',
];
const BAD_SCORES = ['x 1', '1 x', 'nan 1', '1 nan', '((1 2', '"1 " 2', '" " 2', '[1 2', '1x 2'];
const BAD_LEXES = ['a b', '[a b', 'a [b', '-a [b', '+a [b', '"" [b', '[a ""', '1 2'];

function limits(line: string): string[] {
  return [
    line,
    `${line} LIMIT 1 2`,
    `${line} LIMIT 0 0`,
    `${line} LIMIT 2 -1`,
    `${line} limit -1 2`,
    `${line} LIMIT 9 9`,
  ];
}

function swapped(range: string): string {
  const [first = '', last = ''] = range.match(/"[^"]*"|\S+/g) ?? [];
  return `${last} ${first}`;
}

function allRanges(key: string): string[] {
  const scores = [...SCORES, ...MORE_SCORES, ...BAD_SCORES];
  const lexes = [...LEXES, ...BAD_LEXES];
  return [
    ...RANKS.flatMap((range) => [
      `ZRANGE ${key} ${range}`,
      `ZRANGE ${key} ${range} REV WITHSCORES`,
      `ZREVRANGE ${key} ${range} WITHSCORES`,
    ]),
    ...scores.flatMap((range) => [
      `ZCOUNT ${key} ${range}`,
      ...limits(`ZRANGEBYSCORE ${key} ${range} WITHSCORES`),
      ...limits(`ZREVRANGEBYSCORE ${key} ${swapped(range)}`),
      `ZRANGE ${key} ${range} BYSCORE LIMIT 0 2`,
      `ZRANGE ${key} ${swapped(range)} BYSCORE REV WITHSCORES`,
    ]),
    ...lexes.flatMap((range) => [
      `ZLEXCOUNT ${key} ${range}`,
      `ZRANGEBYLEX ${key} ${range}`,
      `ZREVRANGEBYLEX ${key} ${swapped(range)}`,
      `ZRANGE ${key} ${range} BYLEX`,
      `ZRANGE ${key} ${swapped(range)} BYLEX REV`,
    ]),
  ];
}

const ranges = script('zsets: ranges', [
  'ZADD z -1 m 0 a 1 b 1 bb 1 c 2 d 2.5 e 3 f inf g -inf h',
  ...allRanges('z'),
  ...allRanges('nothing'),
  'ZADD lex 0 a 0 b 0 bb 0 c 0 d 0 e 0 ""',
  ...LEXES.flatMap((range) => [
    `ZLEXCOUNT lex ${range}`,
    ...limits(`ZRANGEBYLEX lex ${range}`),
    ...limits(`ZREVRANGEBYLEX lex ${swapped(range)}`),
  ]),
  ...[
    'ZRANGE z 0 -1 LIMIT 0 1',
    'ZRANGE z 0 -1 LIMIT 0 -1',
    'ZRANGE z - + BYLEX WITHSCORES',
    'ZRANGE z 0 1 BYSCORE BYLEX',
  ],
  ...['ZRANGE z 0 1 FOO', 'ZRANGE z 0 1 LIMIT', 'ZRANGE z 0 1 BYSCORE LIMIT 1', 'ZRANGE z 0 1 BYSCORE LIMIT x 1'],
  ...['ZRANGE z 0 1 REV REV', 'ZREVRANGE z 0 1 REV', 'ZRANGEBYSCORE z 0 1 REV', 'ZRANGEBYSCORE z 0 1 BYSCORE'],
  ...['ZRANGEBYLEX z - + WITHSCORES', 'ZREVRANGEBYLEX z + - WITHSCORES LIMIT 0 1', 'ZREVRANGE z 0 1 LIMIT 0 1'],
  ...['ZRANGE z a 1', 'ZRANGE z 0 1.5', 'ZRANGE z (0 1', 'ZRANGE z 0', 'ZRANGE z', 'ZCOUNT z 1', 'ZCOUNT z 1 2 3'],
  ...['ZLEXCOUNT z - + x', 'ZRANGE z 0 9223372036854775808', 'ZRANGE z -9223372036854775808 9223372036854775807'],
  'ZRANGEBYSCORE z -inf inf LIMIT 1 9223372036854775807 WITHSCORES',
  'ZRANGEBYSCORE z -inf inf WITHSCORES LIMIT 0 1 LIMIT 1 1',
]);

const FRESH = ['DEL z', 'ZADD z -1 m 0 a 1 b 1 bb 1 c 2 d 2.5 e 3 f inf g -inf h'];
const removals = script('zsets: removing ranges, popping', [
  ...RANKS.flatMap((range) => [...FRESH, `ZREMRANGEBYRANK z ${range}`, 'ZRANGE z 0 -1 WITHSCORES']),
  ...SCORES.flatMap((range) => [...FRESH, `ZREMRANGEBYSCORE z ${range}`, 'ZRANGE z 0 -1']),
  ...LEXES.flatMap((range) => ['DEL z', 'ZADD z 0 a 0 b 0 c 0 d', `ZREMRANGEBYLEX z ${range}`, 'ZRANGE z 0 -1']),
  ...['ZREMRANGEBYRANK nothing 0 1', 'ZREMRANGEBYSCORE nothing 0 1', 'ZREMRANGEBYLEX nothing - +'],
  ...[
    'ZREMRANGEBYRANK z a 1',
    'ZREMRANGEBYSCORE z a 1',
    'ZREMRANGEBYLEX z a b',
    'ZREMRANGEBYRANK z 1',
    'ZREMRANGEBYLEX z - + x',
  ],
  ...FRESH,
  ...[
    'ZPOPMIN z',
    'ZPOPMAX z',
    'ZPOPMIN z 2',
    'ZPOPMAX z 2',
    'ZPOPMIN z 0',
    'ZPOPMAX z 0',
    'ZPOPMIN z 100',
    'EXISTS z',
  ],
  ...[
    'ZPOPMIN z',
    'ZPOPMAX z',
    'ZPOPMIN z 2',
    'ZPOPMIN z 0',
    'ZPOPMIN z x',
    'ZPOPMIN z -1',
    'ZPOPMAX z 1 2',
    'ZPOPMIN',
  ],
  ...['ZPOPMIN nothing -1', 'ZPOPMIN nothing 1.5', 'ZPOPMIN z 9223372036854775808'],
]);

const random = script('zsets: ZRANDMEMBER and ZSCAN', [
  ...[
    'ZRANDMEMBER nothing',
    'ZRANDMEMBER nothing 3',
    'ZRANDMEMBER nothing -3 WITHSCORES',
    'ZADD one 1.5 a',
    'ZRANDMEMBER one',
  ],
  ...['ZRANDMEMBER one 5', 'ZRANDMEMBER one 5 WITHSCORES', 'ZRANDMEMBER one -3', 'ZRANDMEMBER one -2 withscores'],
  ...['ZRANDMEMBER one 0', 'ZRANDMEMBER one 0 WITHSCORES', 'ZRANDMEMBER one x', 'ZRANDMEMBER one 1 x', 'ZRANDMEMBER'],
  ...['ZRANDMEMBER one 1 WITHSCORES x', 'ZRANDMEMBER one 9223372036854775807 WITHSCORES', 'ZRANDMEMBER one WITHSCORES'],
  'ZRANDMEMBER one -9223372036854775808',
  'ZADD z 3 c 1.1 a 2 b',
  as(inShape, 'ZRANDMEMBER z'),
  as(inShape, 'ZRANDMEMBER z 2 WITHSCORES'),
  as(inShape, 'ZRANDMEMBER z -9'),
  ...[
    'ZSCAN z 0',
    'ZSCAN z 0 MATCH [ab]',
    'ZSCAN z 0 COUNT 1',
    'ZSCAN z 3 COUNT 1',
    'ZSCAN nothing 0',
    'ZSCAN nothing 0 FOO',
  ],
  ...['ZSCAN z', 'ZSCAN z x', 'ZSCAN z 0 FOO', 'ZSCAN z 0 COUNT 0', 'ZSCAN z 0 TYPE zset'],
  scanAll('COUNT 2', 'ZSCAN z'),
]);

const READS = ['ZSCORE', 'ZRANK', 'ZREVRANK'].map((name) => `${name} k a`);
const RANGES = [
  'ZRANGE',
  'ZREVRANGE',
  'ZRANGEBYSCORE',
  'ZREVRANGEBYSCORE',
  'ZCOUNT',
  'ZREMRANGEBYRANK',
  'ZREMRANGEBYSCORE',
];
const errors = script('zsets: errors', [
  'SET k text',
  'HSET h f v',
  'ZADD z 1 a',
  ...[
    ...READS,
    ...RANGES.map((name) => `${name} k 0 1`),
    'ZRANGEBYLEX k - +',
    'ZREVRANGEBYLEX k + -',
    'ZLEXCOUNT k - +',
  ],
  ...[
    'ZREMRANGEBYLEX k - +',
    'ZADD k 1 a',
    'ZADD k XX 1 a',
    'ZADD k INCR 1 a',
    'ZADD k x a',
    'ZINCRBY k 1 a',
    'ZREM k a',
  ],
  ...[
    'ZMSCORE k a',
    'ZCARD k',
    'ZPOPMIN k',
    'ZPOPMIN k 0',
    'ZPOPMAX k 2',
    'ZRANDMEMBER k',
    'ZRANDMEMBER k 2',
    'ZSCAN k 0',
  ],
  ...['ZADD h 1 a', 'ZSCORE h a', 'HGET z a', 'HSET z f v', 'SADD z a', 'GET z', 'INCR z', 'APPEND z x', 'SSCAN z 0'],
  ...[
    'ZSCORE',
    'ZSCORE z',
    'ZSCORE z a b',
    'ZMSCORE z',
    'ZCARD',
    'ZCARD z x',
    'ZRANK z',
    'ZREVRANK z',
    'ZREM z',
    'ZINCRBY z',
  ],
  'ZRANGE z 0 -1 WITHSCORES',
  'TYPE z',
]);

const encodings = script('zsets: encodings', [
  'ZADD z 1 a',
  'OBJECT ENCODING z',
  args('a longer member', ['ZADD', 'z', '1', LONG]),
  'OBJECT ENCODING z',
  args('and away', ['ZREM', 'z', LONG]),
  'OBJECT ENCODING z',
  args('longer at once', ['ZADD', 'y', '1', LONG]),
  'OBJECT ENCODING y',
  args('128 members', ['ZADD', 'most', ...MANY.slice(2)]),
  'OBJECT ENCODING most',
  'ZADD most 5 member-1',
  'OBJECT ENCODING most',
  'ZADD most 1 member-0',
  'OBJECT ENCODING most',
  'ZRANGE most 0 -1 WITHSCORES',
  as(pairsInAnyOrder, 'CONFIG GET zset-max-listpack-*'),
  as(pairsInAnyOrder, 'CONFIG GET zset-max-ziplist-*'),
  'CONFIG SET zset-max-listpack-entries 2 zset-max-listpack-value 3',
  'ZADD few 1 a 2 b',
  'OBJECT ENCODING few',
  'ZADD few 3 a',
  'OBJECT ENCODING few',
  'ZADD few 3 c',
  'OBJECT ENCODING few',
  'ZADD value 1 abcd',
  'OBJECT ENCODING value',
  'CONFIG SET zset-max-ziplist-entries 0 zset-max-ziplist-value 64',
  'ZADD none 1 a',
  'OBJECT ENCODING none',
  'CONFIG SET zset-max-listpack-entries 128',
  'CONFIG SET zset-max-listpack-entries -1',
]);

const large = script('zsets: large ones', [
  args('2000 members', ['ZADD', 'z', ...LARGE]),
  'ZCARD z',
  'OBJECT ENCODING z',
  'TYPE z',
  ...['member-number-0', 'member-number-1234', 'member-number-1999', 'member'].flatMap((member) => [
    `ZSCORE z ${member}`,
    `ZRANK z ${member}`,
    `ZREVRANK z ${member}`,
  ]),
  'ZRANGE z 0 -1 WITHSCORES',
  'ZREVRANGE z 0 -1',
  'ZRANGE z 900 1100 WITHSCORES',
  'ZREVRANGE z 17 35 WITHSCORES',
  'ZRANGEBYSCORE z 50 (60 WITHSCORES',
  'ZREVRANGEBYSCORE z (60 50 LIMIT 5 20',
  'ZCOUNT z (12.5 99',
  'ZCOUNT z -inf inf',
  'ZADD z XX CH 1000 member-number-7 0.125 member-number-8 3 none',
  'ZADD z GT 5 member-number-9 INF member-number-10',
  'ZINCRBY z 0.5 member-number-11',
  'ZADD z CH INCR -200 member-number-12',
  'ZMSCORE z member-number-7 none member-number-12',
  args('members a hash is put for', [
    'ZADD',
    'z',
    '5',
    'l'.repeat(504),
    '-5',
    'm'.repeat(3_000),
    '-0',
    'n'.repeat(503),
  ]),
  args('such a member', ['ZSCORE', 'z', 'm'.repeat(3_000)]),
  args('its rank', ['ZRANK', 'z', 'm'.repeat(3_000)]),
  'ZRANGEBYSCORE z -inf 0 WITHSCORES',
  'ZPOPMIN z 3',
  'ZPOPMAX z',
  scanAll('COUNT 100', 'ZSCAN z'),
  scanAll('MATCH *7 COUNT 1000', 'ZSCAN z'),
  'COPY z copy',
  'ZREMRANGEBYRANK z 100 150',
  'ZREMRANGEBYSCORE z 60 61',
  'ZCARD z',
  args('many away', ['ZREM', 'z', ...MEMBERS.slice(100, 700)]),
  'ZRANGE z 0 -1 WITHSCORES',
  'ZREMRANGEBYRANK z 3 -4',
  'ZRANGE z 0 -1 WITHSCORES',
  'OBJECT ENCODING z',
  'ZCARD copy',
  'ZRANGE copy 1000 1010 WITHSCORES',
  'ZREMRANGEBYSCORE copy -inf inf',
  'EXISTS copy',
  args('words of one score', ['ZADD', 'lex', ...WORDS]),
  ...[
    'ZLEXCOUNT lex - +',
    'ZLEXCOUNT lex [word-2 (word-3',
    'ZRANGEBYLEX lex [word-5 + LIMIT 10 20',
    'ZRANGEBYLEX lex - [word-12',
  ],
  ...[
    'ZREVRANGEBYLEX lex (word-9 - LIMIT 0 12',
    'ZRANGE lex + [word-99 BYLEX REV',
    'ZREMRANGEBYLEX lex (word-3 [word-8',
  ],
  'ZLEXCOUNT lex - +',
]);

const generic = script('zsets: generic commands', [
  'ZADD z 1 a 2 b',
  'EXPIRE z 1000',
  'ZADD z 3 c',
  'TTL z',
  'PERSIST z',
  'COPY z z2',
  'ZADD z2 4 d',
  'ZRANGE z 0 -1',
  'ZRANGE z2 0 -1',
  'TYPE z2',
  scanAll('TYPE zset'),
  scanAll('TYPE hash'),
  'DEL z',
  'TYPE z',
  'SET z2 now-a-string',
  'GET z2',
  'DEL z2',
  'ZADD z2 1 a',
  'PEXPIRE z2 0',
  'ZCARD z2',
]);

export const zsetScripts: readonly Script[] = [
  basics,
  options,
  numbers,
  ranges,
  removals,
  random,
  errors,
  encodings,
  large,
  generic,
];

import { inAnyOrder } from '../support/comparisons.ts';
import { as, type Script, script } from '../support/script.ts';

const FORMS = [
  '',
  'ASC',
  'DESC',
  'ALPHA',
  'ALPHA DESC',
  'GET #',
  'GET # GET constant GET #',
  'DESC ASC',
  'alpha limit 1 3',
];
const LIMITS = ['0 3', '2 2', '-3 2', '1 -1', '3 0', '100 1', '0 9223372036854775807', '0 -9223372036854775808'];

const kinds: readonly (readonly [string, string])[] = [
  ['numbers', 'RPUSH k 5 3 10 -1 2.5 1e2 inf -inf 3 03 " 7" 0x10 +4 ""'],
  ['texts', 'RPUSH k pear apple Zebra 10 9 apple_pie "" "a\\x00b"'],
  ['a set of integers', 'SADD k 5 3 10 -1 100 7'],
  ['a set', 'SADD k 5 3.0 10 -1 1e2 x7'],
  ['a sorted set', 'ZADD k 3 5 1 10 2 -1 2 100 9 7'],
];

const sorts = kinds.map(([name, fill]) =>
  script(`SORT of ${name}`, [
    fill,
    ...FORMS.flatMap((form) => [`SORT k ${form}`.trim(), `SORT_RO k ${form}`.trim()]),
    ...LIMITS.flatMap((limit) => [`SORT k LIMIT ${limit}`, `SORT k DESC ALPHA LIMIT ${limit}`]),
    as(inAnyOrder, 'SORT k BY nosort'),
    ...(fill.startsWith('SADD')
      ? []
      : LIMITS.flatMap((limit) => [`SORT k BY nosort LIMIT ${limit}`, `SORT k BY nosort DESC LIMIT ${limit} GET #`])),
  ]),
);

const errors = script('SORT: errors', [
  'SET s x',
  'HSET h a 1',
  'RPUSH k 1 2 x',
  ...[
    'SORT s',
    'SORT h ALPHA',
    'SORT_RO s',
    'SORT s FOO',
    'SORT k',
    'SORT k ALPHA',
    'SORT nothing',
    'SORT nothing DESC',
  ],
  ...[
    'SORT k LIMIT 1',
    'SORT k LIMIT x 1',
    'SORT k LIMIT 1 1.5',
    'SORT k BY',
    'SORT k GET',
    'SORT k STORE',
    'SORT_RO k STORE d',
  ],
  ...['SORT k FOO', 'SORT', 'SORT_RO', 'SORT k ALPHA x', 'SORT k LIMIT 0 9223372036854775808'],
  'COMMAND GETKEYS SORT k',
  'COMMAND GETKEYS SORT k BY store STORE d',
  'COMMAND GETKEYS SORT k LIMIT 0 STORE STORE d STORE e',
  'COMMAND GETKEYSANDFLAGS SORT k GET x STORE d',
  'COMMAND GETKEYSANDFLAGS SORT_RO k GET x',
]);

const cluster = script(
  'SORT of a Redis Cluster',
  ['RPUSH k 3 1 2', 'SORT k', 'SORT k BY w*', 'SORT k BY nosort', 'SORT k GET #', 'SORT_RO k GET v*'],
  { servers: 'cluster' },
);

export const sortScripts: readonly Script[] = [...sorts, errors, cluster];

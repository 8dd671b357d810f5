import type { ArgumentDoc, CommandRow } from '../command.ts';
import { KEY } from './keyed-row.ts';
import { parseZmpop, parseZrangestore, parseZsetAlgebra } from './zset-several.ts';

const IN_MEMORY = 'The pages of all sets that are gone through are in memory meanwhile.';
const NUMKEYS: ArgumentDoc = { name: 'numkeys', type: 'integer' };
const DESTINATION: ArgumentDoc = { name: 'destination', type: 'key', keySpecIndex: 0 };
const SECOND_KEYS: ArgumentDoc = { name: 'key', type: 'key', keySpecIndex: 1, multiple: true };
const WEIGHTED: readonly ArgumentDoc[] = [
  { name: 'weight', type: 'integer', token: 'WEIGHTS', optional: true, multiple: true },
  {
    name: 'aggregate',
    type: 'oneof',
    token: 'AGGREGATE',
    optional: true,
    arguments: [
      { name: 'sum', type: 'pure-token', token: 'SUM' },
      { name: 'min', type: 'pure-token', token: 'MIN' },
      { name: 'max', type: 'pure-token', token: 'MAX' },
    ],
  },
];
const WITHSCORES: ArgumentDoc = { name: 'withscores', type: 'pure-token', token: 'WITHSCORES', optional: true };

const READ = {
  group: 'sorted-set',
  since: '6.2.0',
  arity: -3,
  flags: ['readonly', 'movablekeys'],
  categories: ['@read', '@sortedset', '@slow'],
  keys: null,
  difference: IN_MEMORY,
} as const;

const STORE = {
  group: 'sorted-set',
  since: '2.0.0',
  arity: -4,
  flags: ['write', 'denyoom', 'movablekeys'],
  categories: ['@write', '@sortedset', '@slow'],
  keys: { first: 1, last: 1, step: 1 },
  difference: IN_MEMORY,
} as const;

const DIFFERENCE_COMPLEXITY =
  'O(L + (N-K)log(N)) worst case where L is the total number of elements in all the sets, N is the size of the first set, and K is the size of the result set.';
const INTERSECTION_COMPLEXITY =
  'O(N*K)+O(M*log(M)) worst case with N being the smallest input sorted set, K being the number of input sorted sets and M being the number of elements in the resulting sorted set.';

/** Redis's sorted set commands over several keys, without those that wait. */
export const severalZsetsCommands: readonly CommandRow[] = [
  {
    ...READ,
    name: 'zunion',
    summary: 'Add multiple sorted sets',
    complexity:
      'O(N)+O(M*log(M)) with N being the sum of the sizes of the input sorted sets, and M being the number of elements in the resulting sorted set.',
    docArguments: [NUMKEYS, { ...KEY, multiple: true }, ...WEIGHTED, WITHSCORES],
    handler: {
      kind: 'atomic',
      parse: parseZsetAlgebra({ command: 'zunion', algebra: 'union', stores: false, counts: false }),
    },
  },
  {
    ...READ,
    name: 'zinter',
    summary: 'Intersect multiple sorted sets',
    complexity: INTERSECTION_COMPLEXITY,
    docArguments: [NUMKEYS, { ...KEY, multiple: true }, ...WEIGHTED, WITHSCORES],
    handler: {
      kind: 'atomic',
      parse: parseZsetAlgebra({ command: 'zinter', algebra: 'inter', stores: false, counts: false }),
    },
  },
  {
    ...READ,
    name: 'zdiff',
    summary: 'Subtract multiple sorted sets',
    complexity: DIFFERENCE_COMPLEXITY,
    docArguments: [NUMKEYS, { ...KEY, multiple: true }, WITHSCORES],
    handler: {
      kind: 'atomic',
      parse: parseZsetAlgebra({ command: 'zdiff', algebra: 'diff', stores: false, counts: false }),
    },
  },
  {
    ...READ,
    name: 'zintercard',
    summary: 'Intersect multiple sorted sets and return the cardinality of the result',
    since: '7.0.0',
    complexity:
      'O(N*K) worst case with N being the smallest input sorted set, K being the number of input sorted sets.',
    docArguments: [
      NUMKEYS,
      { ...KEY, multiple: true },
      { name: 'limit', type: 'integer', token: 'LIMIT', optional: true },
    ],
    handler: {
      kind: 'atomic',
      parse: parseZsetAlgebra({ command: 'zintercard', algebra: 'inter', stores: false, counts: true }),
    },
  },
  {
    ...STORE,
    name: 'zunionstore',
    summary: 'Add multiple sorted sets and store the resulting sorted set in a new key',
    complexity:
      'O(N)+O(M log(M)) with N being the sum of the sizes of the input sorted sets, and M being the number of elements in the resulting sorted set.',
    docArguments: [DESTINATION, NUMKEYS, SECOND_KEYS, ...WEIGHTED],
    handler: {
      kind: 'atomic',
      parse: parseZsetAlgebra({ command: 'zunionstore', algebra: 'union', stores: true, counts: false }),
    },
  },
  {
    ...STORE,
    name: 'zinterstore',
    summary: 'Intersect multiple sorted sets and store the resulting sorted set in a new key',
    complexity: INTERSECTION_COMPLEXITY,
    docArguments: [DESTINATION, NUMKEYS, SECOND_KEYS, ...WEIGHTED],
    handler: {
      kind: 'atomic',
      parse: parseZsetAlgebra({ command: 'zinterstore', algebra: 'inter', stores: true, counts: false }),
    },
  },
  {
    ...STORE,
    name: 'zdiffstore',
    summary: 'Subtract multiple sorted sets and store the resulting sorted set in a new key',
    since: '6.2.0',
    complexity: DIFFERENCE_COMPLEXITY,
    docArguments: [DESTINATION, NUMKEYS, SECOND_KEYS],
    handler: {
      kind: 'atomic',
      parse: parseZsetAlgebra({ command: 'zdiffstore', algebra: 'diff', stores: true, counts: false }),
    },
  },
  {
    ...STORE,
    name: 'zrangestore',
    summary: 'Store a range of members from sorted set into another key',
    since: '6.2.0',
    complexity:
      'O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements stored into the destination key.',
    arity: -5,
    flags: ['write', 'denyoom'],
    keys: { first: 1, last: 2, step: 1 },
    docArguments: [
      { name: 'dst', type: 'key', keySpecIndex: 0 },
      { name: 'src', type: 'key', keySpecIndex: 1 },
      { name: 'min', type: 'string' },
      { name: 'max', type: 'string' },
      {
        name: 'sortby',
        type: 'oneof',
        optional: true,
        arguments: [
          { name: 'byscore', type: 'pure-token', token: 'BYSCORE' },
          { name: 'bylex', type: 'pure-token', token: 'BYLEX' },
        ],
      },
      { name: 'rev', type: 'pure-token', token: 'REV', optional: true },
      {
        name: 'offset_count',
        type: 'block',
        token: 'LIMIT',
        optional: true,
        arguments: [
          { name: 'offset', type: 'integer' },
          { name: 'count', type: 'integer' },
        ],
      },
    ],
    handler: { kind: 'atomic', parse: parseZrangestore },
  },
  {
    ...READ,
    name: 'zmpop',
    summary: 'Remove and return members with scores in a sorted set',
    since: '7.0.0',
    complexity:
      'O(K) + O(M*log(N)) where K is the number of provided keys, N being the number of elements in the sorted set, and M being the number of elements popped.',
    arity: -4,
    flags: ['write', 'movablekeys'],
    categories: ['@write', '@sortedset', '@slow'],
    docArguments: [
      NUMKEYS,
      { ...KEY, multiple: true },
      {
        name: 'where',
        type: 'oneof',
        arguments: [
          { name: 'min', type: 'pure-token', token: 'MIN' },
          { name: 'max', type: 'pure-token', token: 'MAX' },
        ],
      },
      { name: 'count', type: 'integer', token: 'COUNT', optional: true },
    ],
    handler: { kind: 'atomic', parse: parseZmpop },
  },
];

import type { ArgumentDoc, CommandRow } from '../command.ts';
import { KEY, keyOnly, ONE_KEY } from './keyed-row.ts';
import { parseLmove, parseLmpop, parseRpoplpush } from './list-several.ts';
import {
  ListReadStep,
  parseLindex,
  parseLinsert,
  parseLpos,
  parseLrange,
  parseLrem,
  parseLset,
  parseLtrim,
  parsePop,
  parsePush,
} from './list-steps.ts';

const LENGTH_STEP = new ListReadStep(0, (view) => view.count);
const ELEMENT: ArgumentDoc = { name: 'element', type: 'string' };
const ELEMENTS: ArgumentDoc = { ...ELEMENT, multiple: true };
const START_STOP: readonly ArgumentDoc[] = [
  { name: 'start', type: 'integer' },
  { name: 'stop', type: 'integer' },
];
const POP_COUNT: ArgumentDoc = { name: 'count', type: 'integer', optional: true, since: '6.2.0' };
const LEFT_RIGHT: readonly ArgumentDoc[] = [
  { name: 'left', type: 'pure-token', token: 'LEFT' },
  { name: 'right', type: 'pure-token', token: 'RIGHT' },
];
const PUSH_COMPLEXITY =
  'O(1) for each element added, so O(N) to add N elements when the command is called with multiple arguments.';
const POP_COMPLEXITY = 'O(N) where N is the number of elements returned';
const SOURCE_DESTINATION: readonly ArgumentDoc[] = [
  { name: 'source', type: 'key', keySpecIndex: 0 },
  { name: 'destination', type: 'key', keySpecIndex: 1 },
];
const FAST_WRITE: Pick<CommandRow, 'group' | 'flags' | 'categories' | 'keys'> = {
  group: 'list',
  flags: ['write', 'denyoom', 'fast'],
  categories: ['@write', '@list', '@fast'],
  keys: ONE_KEY,
};
const SLOW_WRITE: typeof FAST_WRITE = { ...FAST_WRITE, flags: ['write'], categories: ['@write', '@list', '@slow'] };
const SLOW_READ: typeof FAST_WRITE = { ...FAST_WRITE, flags: ['readonly'], categories: ['@read', '@list', '@slow'] };

const pushCommands: readonly CommandRow[] = [
  {
    ...FAST_WRITE,
    name: 'lpush',
    summary: 'Prepend one or multiple elements to a list',
    since: '1.0.0',
    complexity: PUSH_COMPLEXITY,
    arity: -3,
    docArguments: [KEY, ELEMENTS],
    handler: { kind: 'record', parse: parsePush('head', false) },
  },
  {
    ...FAST_WRITE,
    name: 'rpush',
    summary: 'Append one or multiple elements to a list',
    since: '1.0.0',
    complexity: PUSH_COMPLEXITY,
    arity: -3,
    docArguments: [KEY, ELEMENTS],
    handler: { kind: 'record', parse: parsePush('tail', false) },
  },
  {
    ...FAST_WRITE,
    name: 'lpushx',
    summary: 'Prepend an element to a list, only if the list exists',
    since: '2.2.0',
    complexity: PUSH_COMPLEXITY,
    arity: -3,
    docArguments: [KEY, ELEMENTS],
    handler: { kind: 'record', parse: parsePush('head', true) },
  },
  {
    ...FAST_WRITE,
    name: 'rpushx',
    summary: 'Append an element to a list, only if the list exists',
    since: '2.2.0',
    complexity: PUSH_COMPLEXITY,
    arity: -3,
    docArguments: [KEY, ELEMENTS],
    handler: { kind: 'record', parse: parsePush('tail', true) },
  },
];

const endCommands: readonly CommandRow[] = [
  {
    ...FAST_WRITE,
    name: 'lpop',
    summary: 'Remove and get the first elements in a list',
    since: '1.0.0',
    complexity: POP_COMPLEXITY,
    arity: -2,
    flags: ['write', 'fast'],
    docArguments: [KEY, POP_COUNT],
    handler: { kind: 'record', parse: parsePop('head') },
  },
  {
    ...FAST_WRITE,
    name: 'rpop',
    summary: 'Remove and get the last elements in a list',
    since: '1.0.0',
    complexity: POP_COMPLEXITY,
    arity: -2,
    flags: ['write', 'fast'],
    docArguments: [KEY, POP_COUNT],
    handler: { kind: 'record', parse: parsePop('tail') },
  },
  {
    ...SLOW_WRITE,
    name: 'lmove',
    summary: 'Pop an element from a list, push it to another list and return it',
    since: '6.2.0',
    complexity: 'O(1)',
    arity: 5,
    flags: ['write', 'denyoom'],
    keys: { first: 1, last: 2, step: 1 },
    docArguments: [
      ...SOURCE_DESTINATION,
      { name: 'wherefrom', type: 'oneof', arguments: LEFT_RIGHT },
      { name: 'whereto', type: 'oneof', arguments: LEFT_RIGHT },
    ],
    handler: { kind: 'atomic', parse: parseLmove },
  },
  {
    ...SLOW_WRITE,
    name: 'rpoplpush',
    summary: 'Remove the last element in a list, prepend it to another list and return it',
    since: '1.2.0',
    complexity: 'O(1)',
    arity: 3,
    flags: ['write', 'denyoom'],
    keys: { first: 1, last: 2, step: 1 },
    docArguments: SOURCE_DESTINATION,
    handler: { kind: 'atomic', parse: parseRpoplpush },
  },
];

const multiPop: CommandRow = {
  ...SLOW_WRITE,
  name: 'lmpop',
  summary: 'Pop elements from a list',
  since: '7.0.0',
  complexity: 'O(N+M) where N is the number of provided keys and M is the number of elements returned.',
  arity: -4,
  flags: ['write', 'movablekeys'],
  keys: null,
  docArguments: [
    { name: 'numkeys', type: 'integer' },
    { ...KEY, multiple: true },
    { name: 'where', type: 'oneof', arguments: LEFT_RIGHT },
    { name: 'count', type: 'integer', token: 'COUNT', optional: true },
  ],
  handler: { kind: 'atomic', parse: parseLmpop },
};

const readCommands: readonly CommandRow[] = [
  {
    ...SLOW_READ,
    name: 'llen',
    summary: 'Get the length of a list',
    since: '1.0.0',
    complexity: 'O(1)',
    arity: 2,
    flags: ['readonly', 'fast'],
    categories: ['@read', '@list', '@fast'],
    docArguments: [KEY],
    handler: keyOnly(LENGTH_STEP),
  },
  {
    ...SLOW_READ,
    name: 'lindex',
    summary: 'Get an element from a list by its index',
    since: '1.0.0',
    complexity:
      'O(N) where N is the number of elements to traverse to get to the element at index. This makes asking for the first or the last element of the list O(1).',
    arity: 3,
    docArguments: [KEY, { name: 'index', type: 'integer' }],
    handler: { kind: 'record', parse: parseLindex },
  },
  {
    ...SLOW_READ,
    name: 'lrange',
    summary: 'Get a range of elements from a list',
    since: '1.0.0',
    complexity:
      'O(S+N) where S is the distance of start offset from HEAD for small lists, from nearest end (HEAD or TAIL) for large lists; and N is the number of elements in the specified range.',
    arity: 4,
    docArguments: [KEY, ...START_STOP],
    handler: { kind: 'record', parse: parseLrange },
  },
  {
    ...SLOW_READ,
    name: 'lpos',
    summary: 'Return the index of matching elements on a list',
    since: '6.0.6',
    complexity:
      'O(N) where N is the number of elements in the list, for the average case. When searching for elements near the head or the tail of the list, or when the MAXLEN option is provided, the command may run in constant time.',
    arity: -3,
    docArguments: [
      KEY,
      ELEMENT,
      { name: 'rank', type: 'integer', token: 'RANK', optional: true },
      { name: 'num-matches', type: 'integer', token: 'COUNT', optional: true },
      { name: 'len', type: 'integer', token: 'MAXLEN', optional: true },
    ],
    handler: { kind: 'record', parse: parseLpos },
  },
];

const changeCommands: readonly CommandRow[] = [
  {
    ...SLOW_WRITE,
    name: 'lset',
    summary: 'Set the value of an element in a list by its index',
    since: '1.0.0',
    complexity:
      'O(N) where N is the length of the list. Setting either the first or the last element of the list is O(1).',
    arity: 4,
    flags: ['write', 'denyoom'],
    docArguments: [KEY, { name: 'index', type: 'integer' }, ELEMENT],
    handler: { kind: 'record', parse: parseLset },
  },
  {
    ...SLOW_WRITE,
    name: 'linsert',
    summary: 'Insert an element before or after another element in a list',
    since: '2.2.0',
    complexity:
      'O(N) where N is the number of elements to traverse before seeing the value pivot. This means that inserting somewhere on the left end on the list (head) can be considered O(1) and inserting somewhere on the right end (tail) is O(N).',
    arity: 5,
    flags: ['write', 'denyoom'],
    docArguments: [
      KEY,
      {
        name: 'where',
        type: 'oneof',
        arguments: [
          { name: 'before', type: 'pure-token', token: 'BEFORE' },
          { name: 'after', type: 'pure-token', token: 'AFTER' },
        ],
      },
      { name: 'pivot', type: 'string' },
      ELEMENT,
    ],
    handler: { kind: 'record', parse: parseLinsert },
  },
  {
    ...SLOW_WRITE,
    name: 'lrem',
    summary: 'Remove elements from a list',
    since: '1.0.0',
    complexity: 'O(N+M) where N is the length of the list and M is the number of elements removed.',
    arity: 4,
    docArguments: [KEY, { name: 'count', type: 'integer' }, ELEMENT],
    handler: { kind: 'record', parse: parseLrem },
  },
  {
    ...SLOW_WRITE,
    name: 'ltrim',
    summary: 'Trim a list to the specified range',
    since: '1.0.0',
    complexity: 'O(N) where N is the number of elements to be removed by the operation.',
    arity: 4,
    docArguments: [KEY, ...START_STOP],
    handler: { kind: 'record', parse: parseLtrim },
  },
];

/** Redis's list group, without the commands that wait. */
export const listCommands: readonly CommandRow[] = [
  ...pushCommands,
  ...endCommands,
  multiPop,
  ...readCommands,
  ...changeCommands,
];

import { args, type Script, scanAll, script } from '../support/script.ts';

/** So many that they are kept in a tree here. */
const LARGE = Array.from({ length: 3_000 }, (_, i) => `element-number-${i}`);

const ends = script('lists: both ends', [
  'RPUSH l a b c',
  'LPUSH l x y z',
  'LRANGE l 0 -1',
  'LLEN l',
  'LLEN nothing',
  'LPUSHX nothing a',
  'RPUSHX nothing a b',
  'EXISTS nothing',
  'LPUSHX l 1 2',
  'RPUSHX l 3 4',
  'LRANGE l 0 -1',
  ...['LPOP l', 'RPOP l', 'LPOP l 2', 'RPOP l 3', 'LPOP l 0', 'RPOP l 0', 'LPOP l 100', 'EXISTS l'],
  ...['LPOP l', 'RPOP l', 'LPOP l 2', 'RPOP l 2', 'LPOP l 0', 'RPOP l 0'],
  'RPUSH l "" "\x00\xff" "li\r\nne" 12 -7 9223372036854775807',
  'LRANGE l 0 -1',
  'RPOP l 9',
  'RPUSH l a b',
  'LPOP l 9223372036854775807',
]);

const positions = script('lists: positions', [
  'RPUSH l a b c d e f g',
  ...['LINDEX l 0', 'LINDEX l 6', 'LINDEX l 7', 'LINDEX l -1', 'LINDEX l -7', 'LINDEX l -8', 'LINDEX nothing 0'],
  ...['LINDEX l 9223372036854775807', 'LINDEX l -9223372036854775808', 'LINDEX nothing x', 'LINDEX l x'],
  ...['LSET l 0 A', 'LSET l -1 G', 'LSET l 3 ""', 'LSET l 7 x', 'LSET l -8 x', 'LSET nothing 0 x', 'LSET nothing x x'],
  ...[
    'LSET l x x',
    'LSET l 1.5 x',
    'LRANGE l 0 -1',
    'LRANGE l 1 3',
    'LRANGE l -3 -2',
    'LRANGE l -100 1',
    'LRANGE l 5 100',
  ],
  ...['LRANGE l 4 2', 'LRANGE l 7 9', 'LRANGE l -1 -3', 'LRANGE l 0 -8', 'LRANGE nothing 0 -1', 'LRANGE l -100 -50'],
  ...['LRANGE l -9223372036854775808 9223372036854775807', 'LRANGE l 0 9223372036854775808', 'LRANGE nothing a 1'],
  ...['LINSERT l BEFORE A first', 'LINSERT l AFTER G last', 'LINSERT l before c C1', 'LINSERT l After c C2'],
  ...['LINSERT l BEFORE nosuch x', 'LINSERT nothing BEFORE a x', 'LINSERT l AROUND a x', 'LINSERT nothing AROUND a x'],
  'LRANGE l 0 -1',
  ...['LTRIM l 1 -2', 'LRANGE l 0 -1', 'LTRIM l 2 100', 'LRANGE l 0 -1', 'LTRIM l -3 -2', 'LRANGE l 0 -1'],
  ...['LTRIM l 0 -1', 'LLEN l', 'LTRIM nothing 0 1', 'LTRIM l x 1', 'LTRIM nothing 1 x', 'LTRIM l 5 1', 'EXISTS l'],
]);

const search = script('lists: LREM and LPOS', [
  'RPUSH l a b a c a d a',
  ...['LREM l 2 a', 'LRANGE l 0 -1', 'LREM l -1 a', 'LRANGE l 0 -1', 'LREM l 0 a', 'LREM l 0 a', 'LRANGE l 0 -1'],
  ...['LREM l 0 b', 'LREM l 1 c', 'LREM l -5 d', 'EXISTS l', 'LREM nothing 0 a', 'LREM nothing x a', 'LREM l x a'],
  ...['LREM l 9223372036854775807 a', 'LREM l -9223372036854775807 a', 'LREM l -9223372036854775808 a'],
  'RPUSH p a b c 1 2 3 c c a',
  ...['LPOS p c', 'LPOS p x', 'LPOS p a RANK 2', 'LPOS p c RANK -1', 'LPOS p c RANK 4', 'LPOS p c RANK -4'],
  ...['LPOS p c COUNT 0', 'LPOS p c COUNT 2', 'LPOS p c COUNT 100', 'LPOS p c COUNT 2 RANK -1', 'LPOS p x COUNT 1'],
  ...['LPOS p c COUNT 0 RANK 2', 'LPOS p c COUNT 1 RANK 3 MAXLEN 8', 'LPOS p c COUNT 0 MAXLEN 7', 'LPOS p c MAXLEN 2'],
  ...['LPOS p c MAXLEN 3', 'LPOS p c RANK -1 MAXLEN 1', 'LPOS p c RANK -1 MAXLEN 2', 'LPOS p c MAXLEN 0', 'LPOS p 1'],
  ...['LPOS p c rank 1 count 0 maxlen 1000', 'LPOS p c RANK 1 RANK 2', 'LPOS nothing a', 'LPOS nothing a COUNT 1'],
  ...['LPOS p c RANK 0', 'LPOS p c RANK x', 'LPOS p c COUNT -1', 'LPOS p c COUNT x', 'LPOS p c MAXLEN -1'],
  ...['LPOS p c MAXLEN x', 'LPOS p c FOO 1', 'LPOS p c RANK', 'LPOS p c COUNT 1 RANK', 'LPOS nothing a RANK 0'],
  ...['LPOS p c RANK -9223372036854775808', 'LPOS p c RANK 9223372036854775807', 'LPOS p c RANK -9223372036854775807'],
]);

const moves = script('lists: from one end to another of one list', [
  'RPUSH l a b c d',
  ...['LMOVE l l LEFT RIGHT', 'LMOVE l l RIGHT LEFT', 'LMOVE l l LEFT LEFT', 'LMOVE l l right right'],
  ...['RPOPLPUSH l l', 'LRANGE l 0 -1', 'RPOPLPUSH nothing nothing', 'LMOVE nothing nothing LEFT RIGHT'],
  ...['LMOVE l l UP RIGHT', 'LMOVE l l LEFT DOWN', 'LMOVE l l LEFT', 'RPOPLPUSH l', 'EXISTS nothing'],
  'RPUSH one a',
  ...['RPOPLPUSH one one', 'LMOVE one one LEFT RIGHT', 'LRANGE one 0 -1'],
]);

const many = script('lists: LMPOP', [
  'RPUSH l a b c d e f',
  'SET k text',
  ...[
    'LMPOP 1 l LEFT',
    'LMPOP 1 l RIGHT COUNT 2',
    'LMPOP 1 l left count 1',
    'LMPOP 2 l l RIGHT',
    'LMPOP 1 nothing LEFT',
  ],
  ...['LMPOP 1 k LEFT', 'LMPOP 0 l LEFT', 'LMPOP x l LEFT', 'LMPOP -1 l LEFT', 'LMPOP 2 l LEFT', 'LMPOP 3 l l LEFT'],
  ...[
    'LMPOP 1 l UP',
    'LMPOP 1 l LEFT COUNT',
    'LMPOP 1 l LEFT COUNT 0',
    'LMPOP 1 l LEFT COUNT x',
    'LMPOP 1 l LEFT FOO 1',
  ],
  ...[
    'LMPOP 1 l LEFT COUNT 1 COUNT 2',
    'LMPOP 1 l LEFT COUNT 0 COUNT 2',
    'LMPOP 9223372036854775807 l LEFT',
    'LMPOP 1 l',
  ],
  ...['COMMAND GETKEYS LMPOP 2 a b LEFT', 'COMMAND GETKEYS LMPOP 1 a LEFT COUNT 2', 'COMMAND GETKEYS LMPOP 5 a LEFT'],
  ...['COMMAND GETKEYS LMPOP 0 a LEFT', 'COMMAND GETKEYS LMPOP x a LEFT', 'COMMAND GETKEYSANDFLAGS LMPOP 1 a LEFT'],
  ...['LMPOP 1 l RIGHT COUNT 100', 'EXISTS l'],
]);

const errors = script('lists: errors', [
  'SET k text',
  'SADD s a',
  'RPUSH l a',
  ...['LPUSH k a', 'RPUSH k a', 'LPUSHX k a', 'RPUSHX k a', 'LPOP k', 'RPOP k', 'LPOP k 1', 'LPOP k 0', 'LLEN k'],
  ...['LINDEX k 0', 'LINDEX k x', 'LSET k 0 a', 'LSET k x a', 'LINSERT k BEFORE a b', 'LRANGE k 0 1', 'LRANGE k x 1'],
  ...['LREM k 0 a', 'LTRIM k 0 1', 'LPOS k a', 'LMOVE k k LEFT RIGHT', 'RPOPLPUSH k k', 'LPUSH s a', 'LLEN s'],
  ...[
    'GET l',
    'INCR l',
    'SADD l a',
    'HSET l f v',
    'SMEMBERS l',
    'HGET l f',
    'APPEND l x',
    'SETRANGE l 0 x',
    'STRLEN l',
  ],
  ...['LPUSH', 'LPUSH l', 'RPUSHX l', 'LPOP', 'LPOP l 1 2', 'RPOP l 1 2', 'LPOP l x', 'LPOP l -1', 'RPOP l 1.5'],
  ...['LPOP nothing x', 'LPOP l 9223372036854775808', 'LLEN', 'LLEN l x', 'LINDEX l', 'LSET l 0', 'LINSERT l BEFORE a'],
  ...['LRANGE l 0', 'LREM l 0', 'LTRIM l 0', 'LPOS l', 'LMOVE k k x y', 'LSET l 5 x', 'LRANGE l 0 -1'],
]);

const large = script('lists: large ones', [
  args('RPUSH l, 3000 elements', ['RPUSH', 'l', ...LARGE]),
  args('LPUSH l, 1500 elements', ['LPUSH', 'l', ...LARGE.slice(0, 1_500)]),
  'OBJECT ENCODING l',
  'LLEN l',
  ...[
    'LINDEX l 0',
    'LINDEX l -1',
    'LINDEX l 1499',
    'LINDEX l 1500',
    'LINDEX l 4499',
    'LINDEX l 4500',
    'LINDEX l -4500',
  ],
  ...[
    'LRANGE l 0 -1',
    'LRANGE l 1490 1510',
    'LRANGE l -5 -1',
    'LSET l 2000 other',
    'LSET l -1 last',
    'LRANGE l 1999 2001',
  ],
  ...['LINSERT l BEFORE other before', 'LINSERT l AFTER last after', 'LINSERT l BEFORE nosuch x', 'LPOS l other'],
  ...['LPOS l element-number-700 COUNT 0', 'LPOS l element-number-700 RANK -1', 'LPOS l element-number-9 MAXLEN 1000'],
  ...[
    'LREM l 0 element-number-11',
    'LREM l -1 element-number-700',
    'LREM l 1 element-number-701',
    'LLEN l',
    'LRANGE l 0 -1',
  ],
  ...['LPOP l', 'RPOP l', 'LPOP l 700', 'RPOP l 700', 'LMOVE l l LEFT RIGHT', 'RPOPLPUSH l l', 'COPY l copy'],
  ...[
    'LTRIM l 100 -100',
    'LLEN l',
    'LRANGE l 0 20',
    'LTRIM l 5 9',
    'LRANGE l 0 -1',
    'LLEN copy',
    'LRANGE copy 500 600',
  ],
  args('the same element many times', ['RPUSH', 'same', ...LARGE.flatMap((element) => ['x', element])]),
  ...['LREM same 1000 x', 'LREM same -1000 x', 'LREM same 0 x', 'LLEN same', 'LRANGE same 1000 1010', 'DEL same'],
  args('an element of 100 KB', ['RPUSH', 'big', 'm'.repeat(100_000), 'n', 'o'.repeat(2_000)]),
  args('where it is', ['LPOS', 'big', 'm'.repeat(100_000)]),
  args('and another of its length', ['LPOS', 'big', 'p'.repeat(2_000)]),
  'LRANGE big 0 -1',
  args('in front of one of 2 KB', ['LINSERT', 'big', 'BEFORE', 'o'.repeat(2_000), 'q'.repeat(3_000)]),
  'RPOPLPUSH big big',
  args('it is removed', ['LREM', 'big', '0', 'm'.repeat(100_000)]),
  'LRANGE big 0 -1',
]);

const generic = script('lists: generic commands', [
  'RPUSH l a b',
  'TYPE l',
  'OBJECT ENCODING l',
  'EXPIRE l 100',
  ...['RPUSH l c', 'LPOP l', 'LSET l 0 x', 'PERSIST l', 'COPY l t', 'LRANGE t 0 -1'],
  scanAll('TYPE list'),
  ...['CONFIG GET list-max-listpack-size', 'CONFIG GET list-max-ziplist-size', 'CONFIG SET list-max-listpack-size 4'],
  ...['RPUSH m 1 2 3 4 5', 'OBJECT ENCODING m', 'LRANGE m 0 -1', 'CONFIG SET list-max-listpack-size -2'],
  ...['CONFIG SET list-max-listpack-size x', 'CONFIG GET list-compress-depth', 'SET l v', 'GET l', 'DEL t m', 'LLEN m'],
]);

export const listScripts: readonly Script[] = [ends, positions, search, moves, many, errors, large, generic];

import { inAnyOrder, inShape } from '../support/comparisons.ts';
import { after, as, on, type Script, scanAll, script } from '../support/script.ts';

const data = script('SWAPDB with data of all types', [
  ...['SET k zero', 'SET only0 v PX 100000', 'HSET h f v', 'RPUSH l a b', 'SADD s a', 'ZADD z 1 a'],
  ...[
    'SELECT 1',
    'SET k one',
    'HSET only1 f 1',
    'DBSIZE',
    'SWAPDB 0 1',
    'DBSIZE',
    'GET k',
    'HGETALL h',
    'LRANGE l 0 -1',
  ],
  ...['SMEMBERS s', 'ZRANGE z 0 -1 WITHSCORES', 'EXISTS only0', 'EXISTS only1', 'TTL only0', scanAll(), 'RANDOMKEY x'],
  ...[
    'SELECT 0',
    'DBSIZE',
    'GET k',
    'HGETALL only1',
    'EXISTS only0',
    scanAll(),
    as(inAnyOrder, 'KEYS *'),
    'TYPE only1',
  ],
  ...[
    as(inShape, 'RANDOMKEY'),
    'APPEND k !',
    'HINCRBY only1 f 4',
    'SWAPDB 1 0',
    'GET k',
    'GET only0',
    'SELECT 1',
    'GET k',
    'HGETALL only1',
  ],
]);

const chains = script('SWAPDB again and again', [
  ...['SET k 0', 'SELECT 1', 'SET k 1', 'SELECT 2', 'SET k 2', 'SWAPDB 0 1', 'SWAPDB 1 2', 'SWAPDB 2 0'],
  ...[0, 1, 2].flatMap((database) => [`SELECT ${database}`, 'GET k', 'DBSIZE']),
  ...['SWAPDB 0 1', 'SWAPDB 0 1', 'SELECT 0', 'GET k', 'SWAPDB 5 5', 'SWAPDB 0 15', 'SELECT 15', 'GET k', 'MOVE k 3'],
  ...['SWAPDB 3 4', 'SELECT 4', 'GET k', 'COPY k k2 DB 3', 'SELECT 3', 'GET k2', 'DBSIZE'],
]);

const flushes = script('FLUSHDB and FLUSHALL after SWAPDB', [
  ...['SET a 0', 'SELECT 1', 'SET b 1', 'SWAPDB 0 1', 'FLUSHDB', 'DBSIZE', 'GET a', 'SELECT 0', 'DBSIZE', 'GET b'],
  ...['SWAPDB 0 1', 'DBSIZE', 'SET c 0', 'SELECT 1', 'GET b', 'FLUSHALL', 'DBSIZE', 'SELECT 0', 'DBSIZE'],
]);

const others = script('SWAPDB by another client', [
  ...['SET k zero', on(1, 'SELECT 1'), on(1, 'SET k one'), on(2, 'SELECT 1'), on(2, 'GET k')],
  ...[on(2, 'SWAPDB 1 0'), 'GET k', on(1, 'GET k'), on(2, 'GET k'), on(1, 'INCR n'), 'EXISTS n', on(2, 'GET n')],
  ...['SWAPDB 0 1', 'GET n', on(1, 'EXISTS n'), on(2, 'GET k'), after(5, on(1, 'DBSIZE'))],
]);

/** WATCH of a key, a swap by another client, EXEC. */
function watched(before: readonly string[], ...swaps: readonly string[]): (string | ReturnType<typeof on>)[] {
  return [
    ...['FLUSHALL', 'SELECT 0', ...before, 'SELECT 0', 'WATCH k', ...swaps.map((line) => on(1, line))],
    ...['MULTI', 'SET done 1', 'EXEC', 'GET done', 'UNWATCH'],
  ];
}

const transactions = script('SWAPDB with WATCH and MULTI', [
  ...watched(['SET k v'], 'SWAPDB 0 1'),
  ...watched(['SELECT 1', 'SET k v'], 'SWAPDB 0 1'),
  ...watched(['SET k v', 'SELECT 1', 'SET k v'], 'SWAPDB 1 0'),
  ...watched(['SET k v'], 'SWAPDB 0 1', 'SWAPDB 0 1'),
  ...watched(['SET other v', 'SELECT 1', 'SET other v'], 'SWAPDB 0 1'),
  ...watched(['SET k v'], 'SWAPDB 1 2'),
  ...watched(['SET k v'], 'SWAPDB 0 0'),
  ...['FLUSHALL', 'SET k zero', 'MULTI', 'SET j zero', 'SWAPDB 0 1', 'GET k', 'SET k new', 'SWAPDB 1 a', 'EXEC'],
  ...['GET k', 'SELECT 1', 'MGET k j', 'MULTI', 'SWAPDB 0', 'SWAPDB 0 1', 'EXEC', 'GET k'],
]);

export const swapdbScripts: readonly Script[] = [data, chains, flushes, others, transactions];

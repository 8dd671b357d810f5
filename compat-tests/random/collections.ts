import fc from 'fast-check';
import { exactly, inAnyOrder, inAnyOrderAtAllLevels, pairsInAnyOrder } from '../support/comparisons.ts';
import {
  bulk,
  bytes,
  type Commands,
  countedListOf,
  exchange,
  formOf,
  index,
  integer,
  line,
  listOf,
  longBulk,
  name,
  names,
  often,
  oneOf,
  sameDump,
  smallInteger,
  text,
  wideBulk,
  word,
} from './random-command.ts';

export const key = oneOf('k', 'k', 'k', 'other');
const pairs = listOf(fc.tuple(name, text));

/** Of every type. */
export const ofAnyType: readonly Commands[] = [
  line(exactly, word('OBJECT'), word('ENCODING'), key),
  line(exactly, word('TYPE'), key),
  line(exactly, word('DEL'), key),
  line(exactly, word('SET'), word('other'), text),
  line(exactly, word('GET'), key),
  line(exactly, word('COPY'), word('k'), word('other'), word('REPLACE')),
  line(exactly, word('RENAME'), key, key),
  line(exactly, word('EXISTS'), key),
  line(exactly, word('PERSIST'), key),
  line(sameDump, word('DUMP'), key),
  exchange(key, key),
];

const float = oneOf('0.1', '-2', '1e3', 'x', 'inf', '3.14159265358979', '1e-9', '-0.333333333333', '12345678901234567');

export const hashCommands: Commands = fc.oneof(
  often(6, line(exactly, word('HSET'), key, pairs)),
  line(exactly, word('HSET'), key, word(''), text),
  line(exactly, word('HMSET'), key, pairs),
  line(exactly, word('HSET'), key, bytes, bytes),
  line(exactly, word('HSETNX'), key, name, text),
  often(3, line(exactly, word('HDEL'), key, names)),
  line(exactly, word('HGET'), key, name),
  line(exactly, word('HMGET'), key, names),
  line(exactly, oneOf('HEXISTS', 'HSTRLEN'), key, name),
  line(exactly, word('HLEN'), key),
  line(pairsInAnyOrder, word('HGETALL'), key),
  line(inAnyOrder, oneOf('HKEYS', 'HVALS'), key),
  often(2, line(exactly, word('HINCRBY'), key, name, integer)),
  often(2, line(exactly, word('HINCRBYFLOAT'), key, name, float)),
  line(inAnyOrderAtAllLevels, word('HRANDFIELD'), key, word('1000'), formOf('WITHVALUES', '')),
  line(exactly, word('HRANDFIELD'), key, word('0')),
  line(exactly, word('HSET'), key, word('only-half')),
  line(exactly, word('SADD'), key, names),
  line(exactly, word('HSET'), word('k'), fc.constant(bulk.flatMap((field, i) => [field, `the value of field ${i}`]))),
  line(exactly, word('HDEL'), word('k'), fc.constant(bulk.slice(5))),
  line(exactly, word('HMGET'), word('k'), fc.constant(bulk.slice(0, 30))),
  ...ofAnyType,
);

const end = oneOf('LEFT', 'RIGHT');
const sortForm = formOf('ALPHA', 'ALPHA DESC', '', 'DESC LIMIT 1 3', 'ALPHA GET # LIMIT 0 4');

const listText = text.map((one) => one.replaceAll('\0', '.'));

export const listCommands: Commands = fc.oneof(
  often(4, line(exactly, word('RPUSH'), key, names)),
  often(4, line(exactly, word('LPUSH'), key, names)),
  line(exactly, oneOf('RPUSHX', 'LPUSHX'), key, names),
  often(2, line(exactly, oneOf('LPOP', 'RPOP'), key)),
  line(exactly, oneOf('LPOP', 'RPOP'), key, fc.integer({ min: -1, max: 5 }).map(String)),
  line(exactly, word('LMPOP'), countedListOf(key), end, formOf('', 'COUNT 1', 'COUNT 3', 'COUNT 0')),
  line(exactly, word('LLEN'), key),
  line(exactly, word('LINDEX'), key, index),
  line(exactly, word('LSET'), key, index, listText),
  often(2, line(exactly, word('LINSERT'), key, oneOf('BEFORE', 'AFTER'), name, listText)),
  often(3, line(exactly, word('LRANGE'), key, index, index)),
  line(exactly, word('LRANGE'), key, word('0'), word('-1')),
  often(2, line(exactly, word('LREM'), key, fc.integer({ min: -3, max: 3 }).map(String), name)),
  line(exactly, word('LTRIM'), key, index, index),
  line(exactly, word('LPOS'), key, name, word('RANK'), integer, word('COUNT'), fc.nat(3).map(String)),
  line(exactly, word('LPOS'), key, name, word('MAXLEN'), fc.nat(300).map(String)),
  line(exactly, word('LMOVE'), key, key, end, end),
  line(exactly, word('RPOPLPUSH'), key, key),
  line(exactly, oneOf('SORT', 'SORT_RO'), key, sortForm),
  line(exactly, word('SADD'), key, names),
  line(exactly, oneOf('RPUSH', 'LPUSH'), word('k'), fc.constantFrom(longBulk, wideBulk)),
  line(exactly, word('LTRIM'), word('k'), word('-6'), word('-1')),
  ...ofAnyType,
);

export const setCommands: Commands = fc.oneof(
  often(6, line(exactly, word('SADD'), key, names)),
  often(2, line(exactly, word('SADD'), key, listOf(smallInteger, 1, 5))),
  often(4, line(exactly, word('SREM'), key, names)),
  line(exactly, word('SISMEMBER'), key, name),
  line(exactly, word('SMISMEMBER'), key, names),
  line(exactly, word('SCARD'), key),
  often(3, line(inAnyOrder, word('SMEMBERS'), key)),
  line(inAnyOrder, word('SRANDMEMBER'), key, word('1000')),
  line(exactly, word('SPOP'), key, word('0')),
  line(exactly, word('SORT'), key, sortForm),
  line(inAnyOrder, word('SPOP'), key, word('1000')),
  line(exactly, word('SMOVE'), key, key, name),
  line(exactly, word('HSET'), key, pairs),
  line(exactly, word('SADD'), word('k'), fc.constant(longBulk)),
  line(exactly, word('SREM'), word('k'), fc.constant(longBulk.slice(5))),
  ...ofAnyType,
);

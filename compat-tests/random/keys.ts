import fc from 'fast-check';
import { exactly, inAnyOrder, inShape, inType, sameEncodingAfterSort, within } from '../support/comparisons.ts';
import { TIME_TOLERANCE_MS } from './keyspace.ts';
import { payload } from './payloads.ts';
import {
  type Commands,
  exchange,
  formOf,
  line,
  listOf,
  millisecondsAhead,
  name,
  names,
  often,
  oneOf,
  sameDump,
  secondsAhead,
  smallInteger,
  text,
  unixMilliseconds,
  unixSeconds,
  word,
} from './random-command.ts';

/** Those whose weights and hashes SORT's patterns stand for. */
const elements = [...Array.from({ length: 10 }, (_, i) => `n${i}`), ...Array.from({ length: 6 }, (_, i) => `${i}`)];
export const NAMED_DATABASES = ['0', '1', '9'];
const key = oneOf('k', 'l', 'm', Buffer.from('clé').toString('latin1'));
const keys = listOf(key);
const database = oneOf('0', '0', '1', '9', '16', '-1', 'x', '99999999999999999999');
const selected = oneOf('0', '0', '1', '9');
const element = oneOf(...elements);
const condition = fc.oneof(
  { weight: 6, arbitrary: formOf('', '', 'NX', 'XX', 'GT', 'LT', 'gt', 'XX GT', 'NX XX', 'GT LT', 'X') },
  { weight: 1, arbitrary: formOf('NX\0', 'xx\0X', 'N\0X', '\0', 'A\0B') },
);

const sortGet = formOf('', '', 'GET #', 'GET w_*', 'GET # GET h_*->f', 'GET w_* GET no_*', 'GET h_*->none', 'GET x');
const sortLimit = formOf('', '', 'LIMIT 0 3', 'LIMIT 1 2', 'LIMIT -1 5', 'LIMIT 2 -1', 'LIMIT 0 0');
const sortStore = fc.oneof(
  fc.constant<string[]>([]),
  key.map((one) => ['STORE', one]),
);
const sort = oneOf('SORT', 'SORT_RO');
const unsorted = formOf('BY nosort', 'BY w_x');
/** Where elements weigh the same, or are in a set's order, their order is not promised. */
const sortCommands: readonly Commands[] = [
  line(
    exactly,
    word('SORT'),
    key,
    formOf('', 'BY w_*', 'BY h_*->f', 'ALPHA', 'BY h_*->'),
    sortLimit,
    sortGet,
    formOf('', 'DESC', 'ASC'),
    sortStore,
  ),
  line(exactly, word('SORT'), key, unsorted, sortLimit, sortGet, word('STORE'), key),
  line(inAnyOrder, sort, key, unsorted, sortGet),
  line(inAnyOrder, sort, key, word('BY'), oneOf('w_*', 'h_*->f'), oneOf('ALPHA', 'DESC'), word('ALPHA')),
  line(exactly, sort, key, formOf('BY', 'LIMIT 1', 'GET', 'X', 'ALPHA LIMIT 1 x', 'STORE', 'desc alpha limit 0 2')),
];

const restoreForm = fc.oneof(
  formOf('REPLACE', 'REPLACE', '', 'REPLACE ABSTTL', 'REPLACE IDLETIME 5', 'REPLACE FREQ 5', 'REPLACE X'),
  formOf('IDLETIME -1', 'FREQ 256', 'IDLETIME 1 FREQ 1', 'REPLACE IDLETIME x'),
);

export const nameCommands: Commands = fc.oneof(
  often(4, line(exactly, word('SELECT'), selected)),
  often(4, line(exactly, word('SET'), key, text)),
  often(2, line(exactly, word('SADD'), key, names)),
  often(2, line(exactly, word('RPUSH'), key, names)),
  often(2, line(exactly, word('RPUSH'), key, listOf(element))),
  often(2, line(exactly, word('ZADD'), key, smallInteger, name)),
  often(2, line(exactly, word('HSET'), key, name, text)),
  line(
    exactly,
    word('SET'),
    element.map((one) => `w_${one}`),
    smallInteger,
  ),
  line(
    exactly,
    word('HSET'),
    element.map((one) => `h_${one}`),
    word('f'),
    smallInteger,
  ),
  often(4, line(exactly, word('MOVE'), key, database)),
  often(2, line(exactly, word('COPY'), key, key, formOf('', 'REPLACE', 'replace REPLACE', 'X'))),
  often(3, line(exactly, word('COPY'), key, key, word('DB'), database, formOf('', 'REPLACE'))),
  often(3, line(exactly, oneOf('RENAME', 'RENAMENX'), key, key)),
  often(2, line(exactly, oneOf('DEL', 'UNLINK', 'EXISTS', 'TOUCH'), keys)),
  often(2, line(exactly, word('EXPIRE'), key, secondsAhead, condition)),
  often(2, line(exactly, word('PEXPIRE'), key, millisecondsAhead, condition)),
  often(3, line(exactly, word('EXPIREAT'), key, unixSeconds, condition)),
  often(3, line(exactly, word('PEXPIREAT'), key, unixMilliseconds, condition)),
  often(2, line(exactly, word('PERSIST'), key)),
  often(2, line(within(TIME_TOLERANCE_MS), oneOf('PTTL', 'PEXPIRETIME'), key)),
  often(2, line(within(TIME_TOLERANCE_MS / 1_000), oneOf('TTL', 'EXPIRETIME'), key)),
  line(exactly, oneOf('GETEX', 'SET'), key, formOf('', 'PERSIST', 'v KEEPTTL', 'EXAT 4102444800')),
  often(2, line(exactly, word('TYPE'), key)),
  often(2, line(sameEncodingAfterSort, word('OBJECT'), word('ENCODING'), key)),
  line(inType, word('OBJECT'), oneOf('FREQ', 'IDLETIME', 'REFCOUNT'), key),
  often(2, line(sameDump, word('DUMP'), key)),
  line(exactly, word('RESTORE'), key, oneOf('0', '-1', 'x', '4102444800000'), payload, restoreForm),
  often(2, exchange(key, key)),
  line(inAnyOrder, word('KEYS'), oneOf('*', 'k', '?', '[kl]', '[^k]', 'w_*', '\\k', '', 'x*')),
  line(exactly, word('DBSIZE')),
  fc.oneof(often(3, line(exactly, word('SWAPDB'), database, selected)), line(exactly, oneOf('FLUSHDB', 'FLUSHALL'))),
  line(inShape, word('RANDOMKEY')),
  ...sortCommands,
);

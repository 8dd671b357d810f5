import fc from 'fast-check';
import { exactly, sameEncoding, within } from '../support/comparisons.ts';
import { TIME_TOLERANCE_MS } from './keyspace.ts';
import {
  bytes,
  type Commands,
  exchange,
  expiry,
  formOf,
  index,
  integer,
  line,
  listOf,
  millisecondsAhead,
  name,
  names,
  often,
  oneOf,
  sameDump,
  secondsAhead,
  text,
  word,
} from './random-command.ts';

const key = oneOf('k', 'k', 'l', 'm');
/** Never of long ones: LCS takes the product of two lengths. */
const short = oneOf('a', 'b');
const anyKey = oneOf('k', 'k', 'k', 'l', 'm', 'a', 'b');
const keys = listOf(anyKey);
const pairs = listOf(fc.tuple(key, text));

const setOptions = fc
  .tuple(fc.shuffledSubarray(['NX', 'XX', 'GET', 'KEEPTTL', 'get'], { maxLength: 3 }), fc.option(expiry))
  .map(([flags, time]) => (time === null ? flags : [...flags.slice(0, 1), ...time, ...flags.slice(1)]));
const getOptions = fc.oneof(expiry, formOf('', 'PERSIST', 'PERSIST EX', 'EX', 'KEEPTTL'));
const number = fc.oneof(
  { weight: 6, arbitrary: integer },
  { weight: 1, arbitrary: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String) },
);
const float = fc.oneof(
  oneOf('0.1', '-0.1', '1e3', '3.0', '1.5e-5', 'inf', '-inf', 'nan', 'x', '', ' 1', '0x1p3', '1e400', '1e4932', '1e19'),
  fc.tuple(fc.integer({ min: -99_999, max: 99_999 }), fc.nat(12)).map(([n, places]) => `${n}e-${places}`),
  fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e15, max: 1e15 }).map(String),
);
const letters = fc.array(oneOf('a', 'b', 'c', '\xff'), { maxLength: 12 }).map((list) => list.join(''));
const lcsForm = fc
  .tuple(
    fc.shuffledSubarray(['LEN', 'IDX', 'WITHMATCHLEN']),
    fc.oneof(
      fc.constant([]),
      fc.integer({ min: -1, max: 3 }).map((n) => ['MINMATCHLEN', String(n)]),
    ),
  )
  .map((parts) => parts.flat());
/** More than is kept in one record. */
const long = fc.nat(3).map((n) => `${n}0123456789`.repeat(12_000 + n));
const offset = fc.oneof(
  { weight: 8, arbitrary: fc.nat(12).map(String) },
  { weight: 2, arbitrary: oneOf('-1', '65535', '70000', '150000', '536870912', 'x', '9223372036854775807') },
);
const range = fc.oneof(index, oneOf('0', '-1', '70000', '9223372036854775807', '-9223372036854775808', 'x'));

export const stringCommands: Commands = fc.oneof(
  often(6, line(exactly, word('SET'), anyKey, text)),
  often(6, line(exactly, word('SET'), key, text, setOptions)),
  often(3, line(exactly, word('SET'), short, letters)),
  line(exactly, word('SETEX'), key, secondsAhead, text),
  line(exactly, word('PSETEX'), key, millisecondsAhead, text),
  line(exactly, oneOf('SETNX', 'GETSET'), key, text),
  line(exactly, oneOf('MSET', 'MSETNX'), pairs),
  line(exactly, word('MSET'), key),
  line(exactly, oneOf('SET', 'APPEND'), key, long),
  often(3, line(exactly, word('APPEND'), key, text)),
  often(3, line(exactly, word('SETRANGE'), key, offset, text)),
  often(2, line(exactly, word('SETRANGE'), key, oneOf('0', '7', '65530', '131070'), bytes)),
  often(3, line(exactly, oneOf('GETRANGE', 'SUBSTR'), key, range, range)),
  line(exactly, word('GET'), anyKey),
  often(2, line(exactly, word('GETEX'), anyKey, getOptions)),
  line(exactly, oneOf('GETDEL', 'STRLEN'), key),
  line(exactly, word('MGET'), keys),
  often(2, line(exactly, oneOf('INCR', 'DECR'), key)),
  often(3, line(exactly, oneOf('INCRBY', 'DECRBY'), key, number)),
  line(exactly, word('SET'), key, number),
  often(3, line(exactly, word('INCRBYFLOAT'), key, float)),
  line(exactly, word('SET'), key, float),
  often(3, line(exactly, word('LCS'), short, short, lcsForm)),
  line(exactly, word('LCS'), short, oneOf('a', 'b', 'no-such-key', 'set'), lcsForm),
  line(within(TIME_TOLERANCE_MS), word('PEXPIRETIME'), anyKey),
  line(within(TIME_TOLERANCE_MS / 1_000), oneOf('TTL', 'EXPIRETIME'), anyKey),
  line(exactly, word('PERSIST'), key),
  line(sameEncoding, word('OBJECT'), word('ENCODING'), anyKey),
  line(exactly, word('SADD'), oneOf('k', 'set'), names),
  line(exactly, word('RPUSH'), key, name),
  line(exactly, oneOf('DEL', 'UNLINK', 'EXISTS', 'TOUCH'), keys),
  line(exactly, word('DEL'), keys),
  line(exactly, oneOf('RENAME', 'RENAMENX'), key, key),
  line(exactly, word('COPY'), key, key, formOf('', 'REPLACE')),
  line(exactly, word('TYPE'), anyKey),
  line(sameDump, word('DUMP'), anyKey),
  exchange(key, key),
);

const bitKey = oneOf('k', 'k', 'l', 'm');
const bitOffset = fc.oneof(
  { weight: 8, arbitrary: fc.nat(70).map(String) },
  { weight: 2, arbitrary: fc.nat(1_200_000).map(String) },
  { weight: 1, arbitrary: oneOf('-1', 'x', '4294967296', '9223372036854775807', '1.0', '') },
);
const bit = oneOf('0', '1', '1', '1', '0', '2', 'x');
const bitUnit = formOf('', '', 'BYTE', 'BIT', 'bit', 'X');
const bitRange = fc.oneof(
  fc.tuple(range, range, bitUnit).map((parts) => parts.flat()),
  fc.tuple(range, range, bitUnit).map((parts) => parts.flat()),
  fc.constant<string[]>([]),
  range.map((one) => [one]),
);
const fieldType = fc.oneof(
  { weight: 8, arbitrary: fc.tuple(oneOf('i', 'u'), fc.integer({ min: 1, max: 63 })).map((parts) => parts.join('')) },
  { weight: 2, arbitrary: oneOf('i64', 'u64', 'i0', 'u8', 'i8', 'U8', 'x', 'i65', '8') },
);
const fieldOffset = fc.oneof(
  { weight: 6, arbitrary: bitOffset },
  { weight: 2, arbitrary: fc.nat(12).map((n) => `#${n}`) },
  { weight: 1, arbitrary: oneOf('#-1', '#x', '#', '##1') },
);
const read = fc.tuple(word('GET'), fieldType, fieldOffset);
const fieldStep = fc.oneof(
  read,
  fc.tuple(oneOf('SET', 'INCRBY'), fieldType, fieldOffset, number),
  fc.tuple(word('INCRBY'), fieldType, fieldOffset, number),
  fc.tuple(word('OVERFLOW'), oneOf('WRAP', 'SAT', 'FAIL', 'wrap', 'X')),
);

export const bitmapCommands: Commands = fc.oneof(
  often(6, line(exactly, word('SETBIT'), bitKey, bitOffset, bit)),
  often(2, line(exactly, word('GETBIT'), bitKey, bitOffset)),
  often(3, line(exactly, word('SET'), bitKey, bytes)),
  line(exactly, word('SET'), bitKey, oneOf('\x00'.repeat(9), '\xff'.repeat(9), '\xff'.repeat(70_000), '12345', '-7')),
  often(3, line(exactly, word('BITCOUNT'), bitKey, bitRange)),
  often(3, line(exactly, word('BITPOS'), bitKey, bit, bitRange)),
  often(6, line(exactly, word('BITFIELD'), bitKey, listOf(fieldStep, 0, 5))),
  often(2, line(exactly, word('BITFIELD_RO'), bitKey, listOf(read, 0, 3))),
  line(exactly, word('BITFIELD_RO'), bitKey, listOf(fieldStep)),
  often(3, line(exactly, word('BITOP'), oneOf('AND', 'OR', 'XOR', 'NOT', 'and', 'X'), bitKey, listOf(bitKey, 1, 3))),
  line(exactly, word('BITOP'), word('NOT'), bitKey, bitKey),
  line(exactly, word('APPEND'), bitKey, bytes),
  line(exactly, word('SETRANGE'), bitKey, offset, bytes),
  line(exactly, word('GETRANGE'), bitKey, range, range),
  line(exactly, oneOf('GET', 'STRLEN', 'DEL', 'INCR'), bitKey),
  line(exactly, word('RPUSH'), bitKey, name),
  line(exactly, word('EXPIREAT'), bitKey, word('4102444800')),
  line(sameDump, word('DUMP'), bitKey),
  exchange(bitKey, bitKey),
);

/** Their bytes may differ, so what they hold is never copied to another name. */
const counter = oneOf('hll1', 'hll2', 'hll3');
const counters = listOf(counter, 1, 3);
/** A list, a broken counter, or nothing. */
const noCounter = word('s');
const elements = fc.oneof(names, listOf(fc.nat(100_000).map(String), 0, 30));
/** Enough to make it dense. */
const manyElements = fc.nat(5).map((n) => Array.from({ length: 2_500 }, (_, i) => `element ${n * 1_700 + i}`));

export const counterCommands: Commands = fc.oneof(
  often(24, line(exactly, word('PFADD'), counter, elements)),
  line(exactly, word('PFADD'), counter, manyElements),
  often(6, line(exactly, word('PFCOUNT'), counters)),
  often(4, line(exactly, word('PFMERGE'), counter, listOf(counter, 0, 3))),
  line(exactly, oneOf('PFMERGE', 'PFCOUNT'), counter, noCounter),
  line(exactly, word('PFCOUNT'), noCounter),
  line(exactly, word('SET'), noCounter, oneOf('HYLL', 'HYLL\x02', 'x', '', `HYLL\x00${'\x00'.repeat(11)}`)),
  line(exactly, word('RPUSH'), noCounter, name),
  line(exactly, word('DEL'), oneOf('hll1', 'hll2', 's', 's')),
  line(exactly, word('GETRANGE'), counter, word('0'), word('3')),
  line(exactly, oneOf('TYPE', 'INCR', 'LLEN'), counter),
  line(exactly, oneOf('COPY', 'RENAME', 'RENAMENX'), counter, counter),
  line(exactly, word('EXPIREAT'), counter, word('4102444800')),
  line(sameEncoding, word('OBJECT'), word('ENCODING'), counter),
  exchange(counter, counter),
);

import fc from 'fast-check';
import { exactly, inAnyOrder, sameEncodingAfterSort } from '../support/comparisons.ts';
import {
  type Commands,
  countedListOf,
  exchange,
  formOf,
  line,
  listOf,
  longBulk,
  name,
  names,
  often,
  oneOf,
  plainly,
  type RandomCommand,
  text,
  word,
} from './random-command.ts';

const key = oneOf('k', 'l', 'm', 'n');
const counter = oneOf('hll1', 'hll2');
const keys = listOf(key);
const counted = countedListOf(key);
const score = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: -4, max: 4 }).map(String) },
  { weight: 1, arbitrary: oneOf('0.5', 'inf', '-inf', '1e17', '0.1') },
);

const weighted = counted.chain(([count = '0', ...list]) =>
  fc
    .tuple(
      fc.constant([count, ...list]),
      fc.oneof(
        fc.constant<string[]>([]),
        fc.array(score, { minLength: list.length, maxLength: list.length }).map((scores) => ['WEIGHTS', ...scores]),
      ),
      formOf('', 'AGGREGATE MIN', 'AGGREGATE MAX', 'AGGREGATE SUM', 'aggregate sum'),
    )
    .map((parts) => parts.flat()),
);
const end = oneOf('LEFT', 'RIGHT');

const fill = fc.oneof(
  often(3, line(exactly, word('SADD'), key, names)),
  often(3, line(exactly, word('RPUSH'), key, names)),
  often(3, line(exactly, word('ZADD'), key, listOf(fc.tuple(score, name)))),
  often(2, line(exactly, word('SET'), key, text)),
  line(exactly, word('SADD'), key, word('1'), word('2'), word('3')),
  line(exactly, word('SADD'), key, fc.constant(longBulk)),
  line(exactly, word('ZADD'), key, fc.constant(longBulk.flatMap((member, i) => [String((i * 37) % 90), member]))),
  line(exactly, word('RPUSH'), key, fc.constant(longBulk)),
  line(exactly, word('HSET'), key, listOf(fc.tuple(name, text))),
  line(exactly, word('PFADD'), counter, names),
  line(exactly, oneOf('DEL', 'UNLINK'), keys),
  line(exactly, word('EXPIREAT'), key, oneOf('4102444800', '4102444801', '1')),
);

const several = fc.oneof(
  line(inAnyOrder, oneOf('SINTER', 'SUNION', 'SDIFF'), keys),
  line(exactly, oneOf('SINTERSTORE', 'SUNIONSTORE', 'SDIFFSTORE'), key, keys),
  line(exactly, word('SINTERCARD'), counted, formOf('', 'LIMIT 2', 'LIMIT 0', 'LIMIT -1')),
  line(exactly, word('SMOVE'), key, key, name),
  line(exactly, oneOf('ZUNION', 'ZINTER'), weighted, formOf('', 'WITHSCORES')),
  line(exactly, oneOf('ZUNIONSTORE', 'ZINTERSTORE'), key, weighted),
  line(exactly, word('ZDIFF'), counted, formOf('', 'WITHSCORES')),
  line(exactly, word('ZDIFFSTORE'), key, counted),
  line(exactly, word('ZINTERCARD'), counted, formOf('', 'LIMIT 2')),
  line(exactly, word('ZRANGESTORE'), key, key, word('0'), fc.integer({ min: -3, max: 9 }).map(String)),
  line(exactly, word('ZMPOP'), counted, oneOf('MIN', 'MAX'), word('COUNT'), word('2')),
  line(exactly, word('LMPOP'), counted, end, word('COUNT'), word('2')),
  line(exactly, word('LMOVE'), key, key, end, end),
  line(exactly, word('RPOPLPUSH'), key, key),
  line(exactly, word('MGET'), keys),
  line(exactly, oneOf('MSET', 'MSETNX'), listOf(fc.tuple(key, name))),
  line(exactly, oneOf('RENAME', 'RENAMENX'), key, key),
  line(exactly, word('COPY'), key, key, formOf('', 'REPLACE')),
  line(exactly, word('BITOP'), oneOf('AND', 'OR', 'XOR'), key, keys),
  line(exactly, word('BITOP'), word('NOT'), key, key),
  line(exactly, word('PFCOUNT'), listOf(counter)),
  line(exactly, word('PFMERGE'), counter, listOf(counter, 0, 2)),
  line(exactly, word('SORT'), key, word('ALPHA'), formOf('', 'DESC', 'LIMIT 0 3'), word('STORE'), key),
  line(exactly, word('SORT'), key, formOf('BY nosort GET #'), word('STORE'), key),
  line(exactly, oneOf('EXISTS', 'TOUCH'), keys),
  line(exactly, word('LCS'), word('k'), word('l'), formOf('', 'LEN')),
);

const look = fc.oneof(
  line(exactly, word('TYPE'), key),
  line(sameEncodingAfterSort, word('OBJECT'), word('ENCODING'), key),
  line(inAnyOrder, word('SMEMBERS'), key),
  line(exactly, word('LRANGE'), key, word('0'), word('-1')),
  line(exactly, word('ZRANGE'), key, word('0'), word('-1'), word('WITHSCORES')),
  line(exactly, oneOf('GET', 'STRLEN', 'EXPIRETIME'), key),
);

const single: Commands = fc.oneof(often(3, fill), often(5, several), often(2, look));
export const severalKeysCommands: Commands = fc.oneof(often(30, single), exchange(key, key));

const refused = fc.constantFrom(['GET'], ['NO-SUCH-COMMAND', 'x'], ['SET', 'k'], ['WATCH', 'k'], ['MULTI']);
const inside = fc.oneof(
  often(30, single),
  refused.map((words) => plainly(...words)),
);
const last = oneOf('EXEC', 'EXEC', 'EXEC', 'DISCARD');

/** A whole block, so that a shorter sequence does not lose the end of one. */
const block = fc.tuple(fc.array(inside, { minLength: 1, maxLength: 6 }), last);
/** Not those that may leave a list as it was, which is no write here: known-differences.ts. */
const between = single.filter(({ words }) => words[0] !== 'LMOVE' && words[0] !== 'RPOPLPUSH');
const watched = fc.tuple(keys, fc.array(between, { maxLength: 2 }), block);

/** MULTI blocks, behind WATCH and something that writes or does not, and commands between them. */
export const blocksOfCommands: fc.Arbitrary<RandomCommand[]> = fc
  .array(
    fc.oneof(
      block.map(([commands, end]) => [plainly('MULTI'), ...commands, plainly(end)]),
      watched.map(([list, done, [commands, end]]) => [
        plainly('WATCH', ...list),
        ...done,
        plainly('MULTI'),
        ...commands,
        plainly(end),
      ]),
      fill.map((one) => [one]),
      fc.constantFrom('EXEC', 'DISCARD', 'UNWATCH').map((one) => [plainly(one)]),
    ),
    { minLength: 1, maxLength: 30, size: 'max' },
  )
  .map((blocks) => blocks.flat());

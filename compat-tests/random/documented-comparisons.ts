import {
  type Comparison,
  exactly,
  inAnyOrder,
  inAnyOrderAtAllLevels,
  inShape,
  inType,
  pairsInAnyOrder,
  sameEncodingAfterSort,
  within,
} from '../support/comparisons.ts';
import { readReply } from '../support/resp-reply.ts';
import { TIME_TOLERANCE_MS } from './keyspace.ts';
import { sameDump } from './random-command.ts';

/** Cursors are of a server's own: elements are compared where both have told all. */
const sameElements: Comparison = {
  name: 'all elements, in any order',
  differ(redis, junokv) {
    const cursors = [redis, junokv].map((reply) => readReply(reply)?.items[0]?.bytes?.toString());
    if (cursors.includes(undefined)) return exactly.differ(redis, junokv);
    return cursors.every((cursor) => cursor === '0') ? inAnyOrderAtAllLevels.differ(redis, junokv) : null;
  },
};

/** From a cursor that no scan has given: a server answers which of the elements it likes. */
const someElements: Comparison = {
  name: 'a cursor and some elements',
  differ(redis, junokv) {
    const forms = [redis, junokv].map((reply) =>
      readReply(reply)
        ?.items.map(({ type }) => type)
        .join(''),
    );
    return forms[0] === forms[1] ? null : exactly.differ(redis, junokv);
  },
};

const SCANS: readonly string[] = ['hscan', 'sscan', 'zscan'];

const COMPARISONS: Readonly<Record<string, Comparison>> = {
  ...Object.fromEntries(
    ['sinter', 'sunion', 'sdiff', 'smembers', 'hkeys', 'hvals', 'spop'].map((name) => [name, inAnyOrder]),
  ),
  ...Object.fromEntries(SCANS.map((name) => [name, sameElements])),
  ...Object.fromEntries(['hrandfield', 'srandmember', 'zrandmember'].map((name) => [name, inShape])),
  ...Object.fromEntries(
    ['object|idletime', 'object|freq', 'object|refcount', 'memory|usage'].map((name) => [name, inType]),
  ),
  ...Object.fromEntries(['pttl', 'pexpiretime'].map((name) => [name, within(TIME_TOLERANCE_MS)])),
  ...Object.fromEntries(['ttl', 'expiretime'].map((name) => [name, within(TIME_TOLERANCE_MS / 1_000)])),
  hgetall: pairsInAnyOrder,
  dump: sameDump,
  'object|encoding': sameEncodingAfterSort,
};

/** Replies of the same bytes, but for what is not promised; errors always. `words`: the whole command. */
export function comparisonOf(name: string, words: readonly string[]): Comparison {
  const comparison = SCANS.includes(name) && words[2] !== '0' ? someElements : COMPARISONS[name];
  if (comparison === undefined) return exactly;
  return {
    ...comparison,
    differ: (redis, junokv) => (redis[0] === 0x2d || junokv[0] === 0x2d ? exactly : comparison).differ(redis, junokv),
  };
}

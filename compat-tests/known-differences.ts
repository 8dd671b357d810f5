import { args, type Step } from './support/script.ts';

/** A command that junokv answers otherwise than Redis 7.0, on purpose. The test shows that each still differs as said. */
export interface KnownDifference {
  readonly name: string;
  readonly reason: string;
  /** Done on both first. */
  readonly before: readonly (string | Step)[];
  readonly step: string | Step;
  /** What each answers, as `showReply` shows it. */
  readonly redis: RegExp;
  readonly junokv: RegExp;
}

const UNKNOWN = /^-ERR unknown command/;
const UNKNOWN_SUBCOMMAND = /^-ERR unknown subcommand/;

function notYet(line: string, redis: RegExp, group: string): KnownDifference {
  const reason = `The ${group} commands are not there yet; unknown commands are answered in Redis's wording.`;
  return { name: `${line}: not there yet`, reason, before: [], step: line, redis, junokv: UNKNOWN };
}

const values: readonly KnownDifference[] = [
  {
    name: 'OBJECT REFCOUNT of a small integer',
    reason: 'There are no shared objects.',
    before: ['SET n 5'],
    step: 'OBJECT REFCOUNT n',
    redis: /^:2147483647$/,
    junokv: /^:1$/,
  },
  {
    name: 'OBJECT ENCODING after APPEND',
    reason: 'An encoding is named after the value alone: how it was made is not kept.',
    before: ['APPEND text abc', 'APPEND text def'],
    step: 'OBJECT ENCODING text',
    redis: /^\$"raw"$/,
    junokv: /^\$"embstr"$/,
  },
  {
    name: 'an expiry beyond the year 287396',
    reason: 'Kept as the largest safe integer of milliseconds.',
    before: ['SET k v', 'PEXPIREAT k 9223372036854775000'],
    step: 'PEXPIRETIME k',
    redis: /^:9223372036854775000$/,
    junokv: /^:9007199254740991$/,
  },
  {
    name: 'the cursor of a SCAN that found all',
    reason: 'A SCAN looks at so many records of a shard, not of all: the loop ends with cursor 0, but not as soon.',
    before: ['SET k v'],
    step: 'SCAN 0 COUNT 10',
    redis: /^\*\[\$"0" /,
    junokv: /^\*\[\$"[1-9]\d*" /,
  },
];

const serving: readonly KnownDifference[] = [
  {
    name: 'WAIT',
    reason: 'A majority has what was acknowledged, and nobody waits for more.',
    before: ['SET k v'],
    step: 'WAIT 1 10',
    redis: /^:0$/,
    junokv: /^:[0-2]$/,
  },
  {
    name: 'WATCH and a write that changes nothing',
    reason: 'What leaves a list or a string as it was is a read here: LTRIM, LMOVE to where it was, APPEND of nothing.',
    before: ['RPUSH l a', 'WATCH l', 'LTRIM l 0 9', 'MULTI', 'PING'],
    step: 'EXEC',
    redis: /^\*null$/,
    junokv: /^\*\[\+PONG\]$/,
  },
  {
    name: 'WATCH and a BITFIELD that makes a string longer and then fails',
    reason:
      'Redis makes room before OVERFLOW FAIL refuses, and forgets to say so; here whatever is changed is a write.',
    before: ['WATCH k', 'BITFIELD k OVERFLOW FAIL INCRBY u2 10 9', 'MULTI', 'PING'],
    step: 'EXEC',
    redis: /^\*\[\+PONG\]$/,
    junokv: /^\*null$/,
  },
  {
    name: 'WATCH of a deleted key and SWAPDB',
    reason: 'What was deleted in the last minute cannot be told from what was written and deleted since WATCH.',
    before: ['SELECT 1', 'SET k v', 'DEL k', 'SELECT 0', 'WATCH k', 'SWAPDB 0 1', 'MULTI', 'PING'],
    step: 'EXEC',
    redis: /^\*\[\+PONG\]$/,
    junokv: /^\*null$/,
  },
  {
    name: 'SAVE',
    reason: 'A proxy has no place for backups unless it is given one.',
    before: [],
    step: 'SAVE',
    redis: /^\+OK$/,
    junokv: /^-ERR this proxy was given no directory for backups/,
  },
  {
    name: 'OBJECT ENCODING after SORT',
    reason: 'Redis makes a skip list of a sorted set that it sorts; a read changes nothing here.',
    before: ['ZADD z 1 a', 'SORT z ALPHA'],
    step: 'OBJECT ENCODING z',
    redis: /^\$"skiplist"$/,
    junokv: /^\$"listpack"$/,
  },
  {
    name: 'CLIENT INFO',
    reason: 'lib-name and lib-ver are shown, as by Redis 7.2, because clients of today send them.',
    before: [],
    step: 'CLIENT INFO',
    redis: / resp=[23]\\n"$/,
    junokv: / resp=[23] lib-name= lib-ver=\\n"$/,
  },
  {
    name: 'CLIENT SETINFO',
    reason: 'Of Redis 7.2, taken because clients of today send it on connecting.',
    before: [],
    step: 'CLIENT SETINFO LIB-NAME test',
    redis: UNKNOWN_SUBCOMMAND,
    junokv: /^\+OK$/,
  },
  {
    name: 'CLIENT NO-TOUCH',
    reason: 'Of Redis 7.2, taken for clients that send it.',
    before: [],
    step: 'CLIENT NO-TOUCH ON',
    redis: UNKNOWN_SUBCOMMAND,
    junokv: /^\+OK$/,
  },
  {
    name: 'CLIENT TRACKING ON',
    reason: 'Client-side caching comes later; pretending would serve stale values.',
    before: [],
    step: 'CLIENT TRACKING ON',
    redis: /^\+OK$|^-ERR Client tracking can be enabled only when/,
    junokv: /^-ERR CLIENT TRACKING is not supported here yet/,
  },
  {
    name: 'CONFIG GET client-output-buffer-limit',
    reason: 'A client that never reads is cut off at 1 GB: Redis would let it take all memory.',
    before: [],
    step: 'CONFIG GET client-output-buffer-limit',
    redis: /normal 0 0 0 slave/,
    junokv: /normal 1073741824 0 0 slave/,
  },
  {
    name: 'CONFIG SET port',
    reason: 'The port is decided at start.',
    before: [],
    // Not a port: on Redis it would become the port.
    step: 'CONFIG SET port x',
    redis: /couldn't be parsed into an integer$/,
    junokv: /^-ERR CONFIG SET failed \(possibly related to argument 'port'\) - can't set immutable config$/,
  },
  {
    name: 'CONFIG GET of what is not here',
    reason: 'Only parameters that mean something are listed.',
    before: [],
    step: 'CONFIG GET stream-node-max-entries',
    redis: /stream-node-max-entries/,
    junokv: /^[*%]\[\]$/,
  },
  {
    name: 'MEMORY MALLOC-STATS',
    reason: 'There is no allocator with statistics: the answer is that of a Redis without jemalloc.',
    before: [],
    step: 'MEMORY MALLOC-STATS',
    redis: /Begin jemalloc statistics/,
    junokv: /Stats not supported for the current allocator/,
  },
  {
    name: 'COMMAND COUNT',
    reason: 'There are fewer commands of Redis, and some of our own.',
    before: [],
    step: 'COMMAND COUNT',
    redis: /^:2\d\d$/,
    junokv: /^:[12]\d\d$/,
  },
];

const errors: readonly KnownDifference[] = [
  {
    name: 'an unknown command of bytes that are no UTF-8',
    reason: 'Texts of errors are UTF-8: other bytes are shown as the replacement character.',
    before: [],
    step: args('a name of one byte 255', [Buffer.from([255])]),
    redis: /^-ERR unknown command '\xff', with args beginning with: $/,
    junokv: /^-ERR unknown command '\xef\xbf\xbd', with args beginning with: $/,
  },
];

const missing: readonly KnownDifference[] = [
  notYet('BLPOP l 0.01', /^\*null$/, 'blocking list'),
  notYet('XADD x 1-1 f v', /^\$"1-1"$/, 'stream'),
  notYet('EVAL "return 1" 0', /^:1$/, 'scripting'),
  notYet('PUBLISH c m', /^:0$/, 'pub/sub'),
  notYet('ACL WHOAMI', /^\$"default"$/, 'ACL'),
];

export const knownDifferences: readonly KnownDifference[] = [...values, ...serving, ...errors, ...missing];

/** COMMAND DOCS and INFO: names whose texts differ, and why. All others are compared whole. */
export const metadataDifferences: Readonly<Record<string, string>> = {
  zrank: 'WITHSCORE, of Redis 7.2',
  zrevrank: 'WITHSCORE, of Redis 7.2',
  hscan: 'NOVALUES, of Redis 7.4',
  hexpire: 'of Redis 7.4',
  hexpireat: 'of Redis 7.4',
  hexpiretime: 'of Redis 7.4',
  hpersist: 'of Redis 7.4',
  hpexpire: 'of Redis 7.4',
  hpexpireat: 'of Redis 7.4',
  hpexpiretime: 'of Redis 7.4',
  hpttl: 'of Redis 7.4',
  httl: 'of Redis 7.4',
  hgetdel: 'of Redis 8.0',
  hgetex: 'of Redis 8.0',
  hsetex: 'of Redis 8.0',
  'client|no-touch': 'of Redis 7.2',
  'client|setinfo': 'of Redis 7.2',
  auth: 'complexity: there is one password',
  'client|kill': 'arguments as in Redis 7.2',
  'client|list': 'arguments as in Redis 7.2',
  'client|pause': 'since: 3.0.0, as in Redis 7.2',
  'client|reply': 'arguments as in Redis 7.2',
  'client|tracking': 'complexity: it is never on',
  'client|unblock': 'complexity: nothing blocks',
};

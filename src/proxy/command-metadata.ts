/**
 * What COMMAND INFO and COMMAND DOCS say beyond the rows of the command table: by full name, from Redis 7.0's own answers
 * where the command is Redis's.
 */

/** https://redis.io/docs/latest/develop/reference/command-tips/ */
export const commandTips: Readonly<Record<string, readonly string[]>> = {
  dump: ['nondeterministic_output'],
  migrate: ['nondeterministic_output'],
  hgetall: ['nondeterministic_output_order'],
  hkeys: ['nondeterministic_output_order'],
  hvals: ['nondeterministic_output_order'],
  hrandfield: ['nondeterministic_output'],
  hscan: ['nondeterministic_output'],
  smembers: ['nondeterministic_output_order'],
  spop: ['nondeterministic_output'],
  srandmember: ['nondeterministic_output'],
  sscan: ['nondeterministic_output'],
  zrandmember: ['nondeterministic_output'],
  zscan: ['nondeterministic_output'],
  'client|info': ['nondeterministic_output'],
  'client|list': ['nondeterministic_output'],
  'cluster|info': ['nondeterministic_output'],
  'cluster|links': ['nondeterministic_output'],
  'cluster|nodes': ['nondeterministic_output'],
  'cluster|shards': ['nondeterministic_output'],
  'cluster|slots': ['nondeterministic_output'],
  command: ['nondeterministic_output_order'],
  'command|docs': ['nondeterministic_output_order'],
  'command|info': ['nondeterministic_output_order'],
  'command|list': ['nondeterministic_output_order'],
  'config|set': ['request_policy:all_nodes', 'response_policy:all_succeeded'],
  dbsize: ['request_policy:all_shards', 'response_policy:agg_sum'],
  del: ['request_policy:multi_shard', 'response_policy:agg_sum'],
  exists: ['request_policy:multi_shard', 'response_policy:agg_sum'],
  flushall: ['request_policy:all_shards', 'response_policy:all_succeeded'],
  flushdb: ['request_policy:all_shards', 'response_policy:all_succeeded'],
  info: ['nondeterministic_output', 'request_policy:all_shards', 'response_policy:special'],
  keys: ['request_policy:all_shards', 'nondeterministic_output_order'],
  'latency|doctor': ['nondeterministic_output', 'request_policy:all_nodes', 'response_policy:special'],
  'latency|graph': ['nondeterministic_output', 'request_policy:all_nodes', 'response_policy:special'],
  'latency|histogram': ['nondeterministic_output', 'request_policy:all_nodes', 'response_policy:special'],
  'latency|history': ['nondeterministic_output', 'request_policy:all_nodes', 'response_policy:special'],
  'latency|latest': ['nondeterministic_output', 'request_policy:all_nodes', 'response_policy:special'],
  'latency|reset': ['request_policy:all_nodes', 'response_policy:all_succeeded'],
  'memory|doctor': ['nondeterministic_output', 'request_policy:all_shards', 'response_policy:special'],
  'memory|malloc-stats': ['nondeterministic_output', 'request_policy:all_shards', 'response_policy:special'],
  'memory|purge': ['request_policy:all_shards', 'response_policy:all_succeeded'],
  'memory|stats': ['nondeterministic_output', 'request_policy:all_shards', 'response_policy:special'],
  mget: ['request_policy:multi_shard'],
  mset: ['request_policy:multi_shard', 'response_policy:all_succeeded'],
  msetnx: ['request_policy:multi_shard', 'response_policy:agg_min'],
  'object|encoding': ['nondeterministic_output'],
  'object|freq': ['nondeterministic_output'],
  'object|idletime': ['nondeterministic_output'],
  'object|refcount': ['nondeterministic_output'],
  ping: ['request_policy:all_shards', 'response_policy:all_succeeded'],
  pttl: ['nondeterministic_output'],
  randomkey: ['request_policy:all_shards', 'nondeterministic_output'],
  scan: ['nondeterministic_output', 'request_policy:special'],
  'slowlog|get': ['request_policy:all_nodes', 'nondeterministic_output'],
  'slowlog|len': ['request_policy:all_nodes', 'response_policy:agg_sum', 'nondeterministic_output'],
  'slowlog|reset': ['request_policy:all_nodes', 'response_policy:all_succeeded'],
  time: ['nondeterministic_output'],
  touch: ['request_policy:multi_shard', 'response_policy:agg_sum'],
  lastsave: ['nondeterministic_output'],
  ttl: ['nondeterministic_output'],
  wait: ['request_policy:all_shards', 'response_policy:agg_min'],
  sinter: ['nondeterministic_output_order'],
  sunion: ['nondeterministic_output_order'],
  sdiff: ['nondeterministic_output_order'],
  unlink: ['request_policy:multi_shard', 'response_policy:agg_sum'],
};

/** Where the number of keys stands, which follow it, of commands whose arguments say how many keys they name. */
export const keyCountAt: Readonly<Record<string, number>> = {
  lmpop: 1,
  sintercard: 1,
  zunion: 1,
  zinter: 1,
  zdiff: 1,
  zintercard: 1,
  zmpop: 1,
};

/** A key specification beside those of the row's key positions. */
export interface FurtherKeySpec {
  readonly flags: readonly string[];
  readonly note?: string;
  /** The key stands after this word, sought from args[from] on; absent: only the command itself knows. */
  readonly keyword?: string;
  /** The number of keys stands here, and they follow. */
  readonly countAt?: number;
  readonly from?: number;
  /** All arguments from there on are keys. */
  readonly isToEnd?: true;
}

const SORTED_BY = {
  flags: ['RO', 'access'],
  note: "For the optional BY/GET keyword. It is marked 'unknown' because the key names derive from the content of the key we sort",
};
const STORED = ['OW', 'update'];

export const furtherKeySpecs: Readonly<Record<string, readonly FurtherKeySpec[]>> = {
  migrate: [{ flags: ['RW', 'access', 'delete', 'incomplete'], keyword: 'KEYS', from: -2, isToEnd: true }],
  georadius: [
    { flags: STORED, keyword: 'STORE', from: 6 },
    { flags: STORED, keyword: 'STOREDIST', from: 6 },
  ],
  georadiusbymember: [
    { flags: STORED, keyword: 'STORE', from: 5 },
    { flags: STORED, keyword: 'STOREDIST', from: 5 },
  ],
  sort: [
    SORTED_BY,
    {
      flags: STORED,
      note: "For the optional STORE keyword. It is marked 'unknown' because the keyword can appear anywhere in the argument array",
    },
  ],
  sort_ro: [SORTED_BY],
  zunionstore: [{ flags: ['RO', 'access'], countAt: 2 }],
  zinterstore: [{ flags: ['RO', 'access'], countAt: 2 }],
  zdiffstore: [{ flags: ['RO', 'access'], countAt: 2 }],
};

/** Notes of key specifications, in the same order. */
export const keySpecNotes: Readonly<Record<string, readonly string[]>> = {
  pfcount: ['RW because it may change the internal representation of the key, and propagate to replicas'],
  bitfield: ['This command allows both access and modification of the key'],
  getex: ['RW and UPDATE because it changes the TTL'],
  set: ['RW and ACCESS due to the optional `GET` argument'],
};

/** Not for applications. */
export const systemCommands: ReadonlySet<string> = new Set(['debug', 'replconf']);

export interface Deprecation {
  readonly since: string;
  readonly replacedBy: string;
}

export const commandDeprecations: Readonly<Record<string, Deprecation>> = {
  georadius: { since: '6.2.0', replacedBy: '`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` argument' },
  georadius_ro: { since: '6.2.0', replacedBy: '`GEOSEARCH` with the `BYRADIUS` argument' },
  georadiusbymember: {
    since: '6.2.0',
    replacedBy: '`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` and `FROMMEMBER` arguments',
  },
  georadiusbymember_ro: { since: '6.2.0', replacedBy: '`GEOSEARCH` with the `BYRADIUS` and `FROMMEMBER` arguments' },
  zrevrange: { since: '6.2.0', replacedBy: '`ZRANGE` with the `REV` argument' },
  zrangebyscore: { since: '6.2.0', replacedBy: '`ZRANGE` with the `BYSCORE` argument' },
  zrevrangebyscore: { since: '6.2.0', replacedBy: '`ZRANGE` with the `REV` and `BYSCORE` arguments' },
  zrangebylex: { since: '6.2.0', replacedBy: '`ZRANGE` with the `BYLEX` argument' },
  zrevrangebylex: { since: '6.2.0', replacedBy: '`ZRANGE` with the `REV` and `BYLEX` arguments' },
  hmset: { since: '4.0.0', replacedBy: '`HSET` with multiple field-value pairs' },
  'cluster|slots': { since: '7.0.0', replacedBy: '`CLUSTER SHARDS`' },
  rpoplpush: { since: '6.2.0', replacedBy: '`LMOVE` with the `RIGHT` and `LEFT` arguments' },
  getset: { since: '6.2.0', replacedBy: '`SET` with the `!GET` argument' },
  substr: { since: '2.0.0', replacedBy: '`GETRANGE`' },
};

/** Changes of a command: [Redis version, what changed]. */
export const commandHistory: Readonly<Record<string, readonly (readonly [string, string])[]>> = {
  renamenx: [['3.2.0', 'The command no longer returns an error when source and destination names are the same.']],
  bgsave: [['3.2.2', 'Added the `SCHEDULE` option.']],
  shutdown: [['7.0.0', 'Added the `NOW`, `FORCE` and `ABORT` modifiers.']],
  migrate: [
    ['3.0.0', 'Added the `COPY` and `REPLACE` options.'],
    ['3.0.6', 'Added the `KEYS` option.'],
    ['4.0.7', 'Added the `AUTH` option.'],
    ['6.0.0', 'Added the `AUTH2` option.'],
  ],
  restore: [
    ['3.0.0', 'Added the `REPLACE` modifier.'],
    ['5.0.0', 'Added the `ABSTTL` modifier.'],
    ['5.0.0', 'Added the `IDLETIME` and `FREQ` options.'],
  ],
  lpush: [['2.4.0', 'Accepts multiple `element` arguments.']],
  rpush: [['2.4.0', 'Accepts multiple `element` arguments.']],
  lpushx: [['4.0.0', 'Accepts multiple `element` arguments.']],
  rpushx: [['4.0.0', 'Accepts multiple `element` arguments.']],
  lpop: [['6.2.0', 'Added the `count` argument.']],
  rpop: [['6.2.0', 'Added the `count` argument.']],
  bitcount: [['7.0.0', 'Added the `BYTE|BIT` option.']],
  bitpos: [['7.0.0', 'Added the `BYTE|BIT` option.']],
  hset: [['4.0.0', 'Accepts multiple `field` and `value` arguments.']],
  hdel: [['2.4.0', 'Accepts multiple `field` arguments.']],
  sadd: [['2.4.0', 'Accepts multiple `member` arguments.']],
  srem: [['2.4.0', 'Accepts multiple `member` arguments.']],
  spop: [['3.2.0', 'Added the `count` argument.']],
  georadius: [
    ['6.2.0', 'Added the `ANY` option for `COUNT`.'],
    ['7.0.0', 'Added support for uppercase unit names.'],
  ],
  georadius_ro: [['6.2.0', 'Added the `ANY` option for `COUNT`.']],
  georadiusbymember: [['7.0.0', 'Added support for uppercase unit names.']],
  geosearch: [['7.0.0', 'Added support for uppercase unit names.']],
  geosearchstore: [['7.0.0', 'Added support for uppercase unit names.']],
  geoadd: [['6.2.0', 'Added the `CH`, `NX` and `XX` options.']],
  zadd: [
    ['2.4.0', 'Accepts multiple elements.'],
    ['3.0.2', 'Added the `XX`, `NX`, `CH` and `INCR` options.'],
    ['6.2.0', 'Added the `GT` and `LT` options.'],
  ],
  zrem: [['2.4.0', 'Accepts multiple elements.']],
  zrange: [['6.2.0', 'Added the `REV`, `BYSCORE`, `BYLEX` and `LIMIT` options.']],
  zrangebyscore: [['2.0.0', 'Added the `WITHSCORES` modifier.']],
  zrevrangebyscore: [['2.1.6', '`min` and `max` can be exclusive.']],
  srandmember: [['2.6.0', 'Added the optional `count` argument.']],
  auth: [['6.0.0', 'Added ACL style (username and password).']],
  'client|kill': [
    ['2.8.12', 'Added new filter format.'],
    ['2.8.12', '`ID` option.'],
    ['3.2.0', 'Added `master` type in for `TYPE` option.'],
    ['5.0.0', 'Replaced `slave` `TYPE` with `replica`. `slave` still supported for backward compatibility.'],
    ['6.2.0', '`LADDR` option.'],
  ],
  'client|list': [
    ['2.8.12', 'Added unique client `id` field.'],
    ['5.0.0', 'Added optional `TYPE` filter.'],
    ['6.0.0', 'Added `user` field.'],
    ['6.2.0', 'Added `argv-mem`, `tot-mem`, `laddr` and `redir` fields and the optional `ID` filter.'],
    ['7.0.0', 'Added `resp`, `multi-mem`, `rbs` and `rbp` fields.'],
    ['7.0.3', 'Added `ssub` field.'],
  ],
  'client|pause': [['6.2.0', '`CLIENT PAUSE WRITE` mode added along with the `mode` option.']],
  'cluster|slots': [
    ['4.0.0', 'Added node IDs.'],
    ['7.0.0', 'Added additional networking metadata field.'],
  ],
  'command|info': [['7.0.0', 'Allowed to be called with no argument to get info on all commands.']],
  'config|get': [['7.0.0', 'Added the ability to pass multiple pattern parameters in one call']],
  'config|set': [['7.0.0', 'Added the ability to set multiple parameters in one call.']],
  exists: [['3.0.3', 'Accepts multiple `key` arguments.']],
  expire: [['7.0.0', 'Added options: `NX`, `XX`, `GT` and `LT`.']],
  expireat: [['7.0.0', 'Added options: `NX`, `XX`, `GT` and `LT`.']],
  flushall: [
    ['4.0.0', 'Added the `ASYNC` flushing mode modifier.'],
    ['6.2.0', 'Added the `SYNC` flushing mode modifier.'],
  ],
  flushdb: [
    ['4.0.0', 'Added the `ASYNC` flushing mode modifier.'],
    ['6.2.0', 'Added the `SYNC` flushing mode modifier.'],
  ],
  hello: [
    [
      '6.2.0',
      "`protover` made optional; when called without arguments the command reports the current connection's context.",
    ],
  ],
  info: [['7.0.0', 'Added support for taking multiple section arguments.']],
  pexpire: [['7.0.0', 'Added options: `NX`, `XX`, `GT` and `LT`.']],
  pexpireat: [['7.0.0', 'Added options: `NX`, `XX`, `GT` and `LT`.']],
  pttl: [['2.8.0', 'Added the -2 reply.']],
  scan: [['6.0.0', 'Added the `TYPE` subcommand.']],
  set: [
    ['2.6.12', 'Added the `EX`, `PX`, `NX` and `XX` options.'],
    ['6.0.0', 'Added the `KEEPTTL` option.'],
    ['6.2.0', 'Added the `GET`, `EXAT` and `PXAT` option.'],
    ['7.0.0', 'Allowed the `NX` and `GET` options to be used together.'],
  ],
  'slowlog|get': [['4.0.0', 'Added client IP address, port and name to the reply.']],
  ttl: [['2.8.0', 'Added the -2 reply.']],
};

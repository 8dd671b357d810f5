/**
 * What COMMAND INFO and COMMAND DOCS say beyond the rows of the command table: by full name, from Redis 7.0's own answers
 * where the command is Redis's.
 */

/** https://redis.io/docs/latest/develop/reference/command-tips/ */
export const commandTips: Readonly<Record<string, readonly string[]>> = {
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
  ttl: ['nondeterministic_output'],
  unlink: ['request_policy:multi_shard', 'response_policy:agg_sum'],
};

/** Flags of each key specification. https://redis.io/docs/latest/develop/reference/key-specs/ */
export const keySpecFlags: Readonly<Record<string, readonly (readonly string[])[]>> = {
  append: [['RW', 'insert']],
  copy: [
    ['RO', 'access'],
    ['OW', 'update'],
  ],
  decr: [['RW', 'access', 'update']],
  decrby: [['RW', 'access', 'update']],
  del: [['RM', 'delete']],
  exists: [['RO']],
  expire: [['RW', 'update']],
  expireat: [['RW', 'update']],
  expiretime: [['RO', 'access']],
  get: [['RO', 'access']],
  getdel: [['RW', 'access', 'delete']],
  getex: [['RW', 'access', 'update']],
  getrange: [['RO', 'access']],
  getset: [['RW', 'access', 'update']],
  incr: [['RW', 'access', 'update']],
  incrby: [['RW', 'access', 'update']],
  incrbyfloat: [['RW', 'access', 'update']],
  'juno.create': [['RW', 'insert']],
  'juno.destroy': [['RM', 'delete']],
  'juno.get': [['RO', 'access']],
  'juno.inspect': [['RO', 'access']],
  'juno.locate': [['RO']],
  'juno.set': [['OW', 'update']],
  'juno.update': [['RW', 'update']],
  lcs: [['RO', 'access']],
  'memory|usage': [['RO']],
  mget: [['RO', 'access']],
  mset: [['OW', 'update']],
  msetnx: [['OW', 'insert']],
  'object|encoding': [['RO']],
  'object|freq': [['RO']],
  'object|idletime': [['RO']],
  'object|refcount': [['RO']],
  persist: [['RW', 'update']],
  pexpire: [['RW', 'update']],
  pexpireat: [['RW', 'update']],
  pexpiretime: [['RO', 'access']],
  psetex: [['OW', 'update']],
  pttl: [['RO', 'access']],
  set: [['RW', 'access', 'update', 'variable_flags']],
  setex: [['OW', 'update']],
  setnx: [['OW', 'insert']],
  setrange: [['RW', 'update']],
  strlen: [['RO']],
  substr: [['RO', 'access']],
  touch: [['RO']],
  ttl: [['RO', 'access']],
  type: [['RO']],
  unlink: [['RM', 'delete']],
};

/** Notes of key specifications, in the same order. */
export const keySpecNotes: Readonly<Record<string, readonly string[]>> = {
  getex: ['RW and UPDATE because it changes the TTL'],
  set: ['RW and ACCESS due to the optional `GET` argument'],
};

export interface Deprecation {
  readonly since: string;
  readonly replacedBy: string;
}

export const commandDeprecations: Readonly<Record<string, Deprecation>> = {
  'cluster|slots': { since: '7.0.0', replacedBy: '`CLUSTER SHARDS`' },
  getset: { since: '6.2.0', replacedBy: '`SET` with the `!GET` argument' },
  substr: { since: '2.0.0', replacedBy: '`GETRANGE`' },
};

/** Changes of a command: [Redis version, what changed]. */
export const commandHistory: Readonly<Record<string, readonly (readonly [string, string])[]>> = {
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

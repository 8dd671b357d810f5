import { limits } from '../base/limits.ts';
import type { ConfigValues, OutputBufferLimit, OutputBufferLimits } from './config-values.ts';

/** Null when the text was taken, else Redis's words for what is wrong with it. */
export type ConfigProblem = string | null;

/**
 * One parameter of CONFIG GET and CONFIG SET.
 * - mutable: `parse` checks the text and changes `values`.
 * - immutable: decided at start; Redis says so for every attempt.
 * - fixed: a thing of Redis that has one value here; setting that value is accepted, so that set-up scripts go on.
 */
export type ConfigParameter = {
  readonly name: string;
  read(values: ConfigValues): string;
} & (
  | { readonly change: 'mutable'; parse(text: string, values: ConfigValues): ConfigProblem }
  | { readonly change: 'immutable' }
  | { readonly change: 'fixed' }
);

/** Keys of ConfigValues whose value is a T. */
type KeysOf<T> = { [K in keyof ConfigValues]: ConfigValues[K] extends T ? K : never }[keyof ConfigValues];
type NumberKey = Exclude<KeysOf<number>, undefined>;

/** Redis's string2ll on a whole string: optional minus, no leading zeros, 64 bits. */
function parseLongLong(text: string): bigint | null {
  if (!/^(0|-?[1-9][0-9]{0,18})$/.test(text)) return null;
  const value = BigInt(text);
  return BigInt.asIntN(64, value) === value ? value : null;
}

const LONG_MAX = 9_223_372_036_854_775_807n;
const INT_MAX = 2_147_483_647n;
const INT_MIN = -2_147_483_648n;
const MEMORY_UNITS: Readonly<Record<string, bigint>> = {
  '': 1n,
  b: 1n,
  k: 1000n,
  kb: 1024n,
  m: 1000n * 1000n,
  mb: 1024n * 1024n,
  g: 1000n * 1000n * 1000n,
  gb: 1024n * 1024n * 1024n,
};

/** Redis's memtoull: digits, which may be missing, and a unit (b, k, kb, m, mb, g, gb; either case). Null when it is none. */
export function parseMemory(text: string): bigint | null {
  const match = /^([0-9]{0,19})([a-z]{0,2})$/.exec(text.toLowerCase());
  if (match === null) return null;
  const unit = MEMORY_UNITS[match[2] ?? ''];
  return unit === undefined ? null : BigInt(match[1] ?? '') * unit;
}

function outside(low: bigint, high: bigint): string {
  return `argument must be between ${low} and ${high} inclusive`;
}

/** Stored as a number: beyond 2^53 the exact figure no longer matters to any use of these parameters. */
function integer(name: string, key: NumberKey, low: bigint, high: bigint): ConfigParameter {
  return {
    name,
    change: 'mutable',
    read: (values) => String(values[key]),
    parse(text, values) {
      const parsed = parseLongLong(text);
      if (parsed === null) return "argument couldn't be parsed into an integer";
      if (parsed < low || parsed > high) return outside(low, high);
      values[key] = Number(parsed);
      return null;
    },
  };
}

function memory(name: string, key: NumberKey, low: bigint): ConfigParameter {
  return {
    name,
    change: 'mutable',
    read: (values) => String(values[key]),
    parse(text, values) {
      const parsed = parseMemory(text);
      if (parsed === null) return 'argument must be a memory value';
      if (parsed < low || parsed > LONG_MAX) return outside(low, LONG_MAX);
      values[key] = Number(parsed);
      return null;
    },
  };
}

function yesNo(name: string, key: 'protectedMode' | 'latencyTracking'): ConfigParameter {
  return {
    name,
    change: 'mutable',
    read: (values) => (values[key] ? 'yes' : 'no'),
    parse(text, values) {
      const lower = text.toLowerCase();
      if (lower !== 'yes' && lower !== 'no') return "argument must be 'yes' or 'no'";
      values[key] = lower === 'yes';
      return null;
    },
  };
}

function text(
  name: string,
  key: 'requirepass' | 'clusterAnnounceIp',
  check?: (text: string) => ConfigProblem,
): ConfigParameter {
  return {
    name,
    change: 'mutable',
    read: (values) => values[key],
    parse(given, values) {
      const problem = check === undefined ? null : check(given);
      if (problem === null) values[key] = given;
      return problem;
    },
  };
}

function immutable(name: string, read: (values: ConfigValues) => string): ConfigParameter {
  return { name, change: 'immutable', read };
}

function fixed(name: string, value: string): ConfigParameter {
  return { name, change: 'fixed', read: () => value };
}

const anyMaxClients = integer('maxclients', 'maxClients', 1n, 4_294_967_295n);
const maxClients: ConfigParameter = {
  ...anyMaxClients,
  change: 'mutable',
  parse(given, values) {
    const before = values.maxClients;
    const problem = anyMaxClients.change === 'mutable' ? anyMaxClients.parse(given, values) : null;
    if (problem !== null || values.maxClients <= before || values.maxClients <= values.maxClientsPossible)
      return problem;
    return `The operating system is not able to handle the specified number of clients, try with ${values.maxClientsPossible}`;
  },
};

const hostname: ConfigParameter = {
  name: 'cluster-announce-hostname',
  change: 'mutable',
  read: (values) => values.clusterAnnounceHostname,
  parse(given, values) {
    if (given.length >= 256) return 'Hostnames must be less than 256 characters';
    if (!/^[A-Za-z0-9.-]*$/.test(given)) {
      return 'Hostnames may only contain alphanumeric characters, hyphens or dots';
    }
    values.clusterAnnounceHostname = given;
    return null;
  },
};

const preferredEndpointType: ConfigParameter = {
  name: 'cluster-preferred-endpoint-type',
  change: 'mutable',
  read: (values) => values.clusterPreferredEndpointType,
  parse(given, values) {
    const lower = given.toLowerCase();
    if (lower !== 'ip' && lower !== 'hostname' && lower !== 'unknown-endpoint') {
      return 'argument(s) must be one of the following: ip, hostname, unknown-endpoint';
    }
    values.clusterPreferredEndpointType = lower;
    return null;
  },
};

/** In the order in which Redis names them. */
export const MAXMEMORY_POLICIES: readonly string[] = [
  'volatile-lru',
  'volatile-lfu',
  'volatile-random',
  'volatile-ttl',
  'allkeys-lru',
  'allkeys-lfu',
  'allkeys-random',
  'noeviction',
];

const anyMaxmemory = memory('maxmemory', 'maxmemoryBytes', 0n);
const maxmemory: ConfigParameter = {
  ...anyMaxmemory,
  change: 'mutable',
  parse(given, values) {
    const problem = anyMaxmemory.change === 'mutable' ? anyMaxmemory.parse(given, values) : null;
    if (problem !== null || values.maxmemoryBytes === 0 || values.storageEngine === 'memory') return problem;
    return values.storageEngine === 'rocksdb'
      ? 'the storage nodes keep their data on disks, which --disk-reserve keeps from filling up; a limit is for --engine memory'
      : 'no storage node has told yet whether it keeps its data in memory; try again';
  },
};

const maxmemoryPolicy: ConfigParameter = {
  name: 'maxmemory-policy',
  change: 'mutable',
  read: (values) => values.maxmemoryPolicy,
  parse(given, values) {
    const lower = given.toLowerCase();
    if (!MAXMEMORY_POLICIES.includes(lower))
      return `argument(s) must be one of the following: ${MAXMEMORY_POLICIES.join(', ')}`;
    values.maxmemoryPolicy = lower;
    return null;
  },
};

const percentiles: ConfigParameter = {
  name: 'latency-tracking-info-percentiles',
  change: 'mutable',
  read: (values) => values.latencyTrackingPercentiles.join(' '),
  parse(given, values) {
    const words = given.split(' ').filter((word) => word !== '');
    const parsed: number[] = [];
    for (const word of words) {
      if (!/^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)$/.test(word))
        return 'Invalid latency-tracking-info-percentiles parameters';
      const value = Number(word);
      if (value < 0 || value > 100) {
        return 'latency-tracking-info-percentiles parameters should sit between [0.0,100.0]';
      }
      parsed.push(value);
    }
    values.latencyTrackingPercentiles = parsed;
    return null;
  },
};

function limitText(name: string, limit: OutputBufferLimit): string {
  return `${name} ${limit.hardBytes} ${limit.softBytes} ${limit.softSeconds}`;
}

function clientClass(word: string): keyof OutputBufferLimits | null {
  const lower = word.toLowerCase();
  if (lower === 'normal' || lower === 'pubsub') return lower;
  return lower === 'slave' || lower === 'replica' ? 'slave' : null;
}

const outputBufferLimit: ConfigParameter = {
  name: 'client-output-buffer-limit',
  change: 'mutable',
  read: ({ outputBufferLimits }) =>
    (['normal', 'slave', 'pubsub'] as const).map((name) => limitText(name, outputBufferLimits[name])).join(' '),
  parse(given, values) {
    const words = given.split(' ').filter((word) => word !== '');
    if (words.length === 0 || words.length % 4 !== 0) return 'Wrong number of arguments in buffer limit configuration.';
    const next = { ...values.outputBufferLimits };
    for (let i = 0; i < words.length; i += 4) {
      const name = clientClass(words[i] ?? '');
      if (name === null) return 'Invalid client class specified in buffer limit configuration.';
      const hard = parseMemory(words[i + 1] ?? '');
      const soft = parseMemory(words[i + 2] ?? '');
      const seconds = words[i + 3] ?? '';
      if (hard === null || soft === null || !/^[0-9]{1,9}$/.test(seconds)) {
        return 'Error in hard, soft or soft_seconds setting in buffer limit configuration.';
      }
      next[name] = { hardBytes: Number(hard), softBytes: Number(soft), softSeconds: Number(seconds) };
    }
    values.outputBufferLimits = next;
    return null;
  },
};

const TLS_NAMES = [
  'tls-port',
  'tls-cert-file',
  'tls-key-file',
  'tls-ca-cert-file',
  'tls-auth-clients',
  'tls-auth-clients-user',
  'tls-protocols',
] as const;

/** All parameters, by Redis's names. What Redis has and is not here does not exist in this system. */
export const configParameters: readonly ConfigParameter[] = [
  immutable('bind', (values) => values.bind.join(' ')),
  immutable('port', (values) => String(values.port)),
  immutable('unixsocket', (values) => values.unixsocket),
  immutable('unixsocketperm', (values) => values.unixsocketMode.toString(8)),
  ...TLS_NAMES.map((name) => immutable(name, ({ tls }) => tls[name])),
  yesNo('protected-mode', 'protectedMode'),
  immutable('enable-debug-command', (values) => values.enableDebugCommand),
  text('requirepass', 'requirepass'),
  maxClients,
  integer('timeout', 'timeoutSeconds', 0n, INT_MAX),
  integer('tcp-keepalive', 'tcpKeepaliveSeconds', 0n, INT_MAX),
  immutable('tcp-backlog', () => String(limits.tcpBacklog)),
  integer('shutdown-timeout', 'shutdownTimeoutSeconds', 0n, INT_MAX),
  memory('proto-max-bulk-len', 'protoMaxBulkBytes', 1_048_576n),
  memory('client-query-buffer-limit', 'clientQueryBufferBytes', 1_048_576n),
  outputBufferLimit,
  immutable('databases', (values) => String(values.databases)),
  integer('slowlog-log-slower-than', 'slowlogLogSlowerThanUs', -1n, LONG_MAX),
  integer('slowlog-max-len', 'slowlogMaxLen', 0n, LONG_MAX),
  integer('latency-monitor-threshold', 'latencyMonitorThresholdMs', 0n, LONG_MAX),
  yesNo('latency-tracking', 'latencyTracking'),
  percentiles,
  integer('hash-max-listpack-entries', 'hashMaxListpackEntries', 0n, LONG_MAX),
  integer('hash-max-ziplist-entries', 'hashMaxListpackEntries', 0n, LONG_MAX),
  integer('hash-max-listpack-value', 'hashMaxListpackValue', 0n, LONG_MAX),
  integer('hash-max-ziplist-value', 'hashMaxListpackValue', 0n, LONG_MAX),
  integer('set-max-intset-entries', 'setMaxIntsetEntries', 0n, LONG_MAX),
  integer('zset-max-listpack-entries', 'zsetMaxListpackEntries', 0n, LONG_MAX),
  integer('zset-max-ziplist-entries', 'zsetMaxListpackEntries', 0n, LONG_MAX),
  integer('zset-max-listpack-value', 'zsetMaxListpackValue', 0n, LONG_MAX),
  integer('zset-max-ziplist-value', 'zsetMaxListpackValue', 0n, LONG_MAX),
  integer('list-max-listpack-size', 'listMaxListpackSize', INT_MIN, INT_MAX),
  integer('list-max-ziplist-size', 'listMaxListpackSize', INT_MIN, INT_MAX),
  integer('list-compress-depth', 'listCompressDepth', 0n, INT_MAX),
  immutable('cluster-enabled', (values) => (values.clusterEnabled ? 'yes' : 'no')),
  text('cluster-announce-ip', 'clusterAnnounceIp'),
  integer('cluster-announce-port', 'clusterAnnouncePort', 0n, 65_535n),
  integer('cluster-announce-tls-port', 'clusterAnnounceTlsPort', 0n, 65_535n),
  integer('cluster-announce-bus-port', 'clusterAnnounceBusPort', 0n, 65_535n),
  hostname,
  preferredEndpointType,
  immutable('appendfsync', (values) => values.appendfsync),
  fixed('appendonly', 'no'),
  fixed('save', ''),
  maxmemory,
  maxmemoryPolicy,
  integer('maxmemory-samples', 'maxmemorySamples', 1n, INT_MAX),
  integer('lfu-log-factor', 'lfuLogFactor', 0n, INT_MAX),
  integer('lfu-decay-time', 'lfuDecayMinutes', 0n, INT_MAX),
  fixed('notify-keyspace-events', ''),
];

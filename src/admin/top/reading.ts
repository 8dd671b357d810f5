/** Cumulative counts of LATENCY HISTOGRAM: microseconds, and how many took at most so long; rising. */
export type LatencyPairs = readonly (readonly [number, number])[];

/** A command as one proxy has counted it. */
export interface CommandReading {
  readonly calls: number;
  readonly totalUs: number;
  readonly failed: number;
  readonly rejected: number;
  readonly latency: LatencyPairs;
}

/** A storage node as one proxy hears of it and sees it. */
export interface NodeReading {
  readonly nodeId: number;
  readonly zone: string;
  readonly address: string;
  readonly up: boolean;
  /** Null where the node did not answer. */
  readonly dataBytes: number | null;
  readonly unsyncedMs: number | null;
  readonly corruptRecords: number | null;
  /** Null where the proxy has not met the node. */
  readonly seen: { readonly isSuspect: boolean; readonly latencyMs: number } | null;
}

/** What one proxy told at one moment. */
export interface ProxyReading {
  /** Monotonic milliseconds of the one who asks. */
  readonly atMs: number;
  readonly runId: string;
  readonly version: string;
  readonly uptimeS: number;
  readonly clients: number;
  readonly errors: number;
  readonly inBytes: number;
  readonly outBytes: number;
  readonly residentBytes: number;
  readonly cpuS: number;
  readonly waiting: number;
  readonly refused: number;
  readonly unavailable: number;
  readonly uncertain: number;
  readonly hedged: number;
  readonly commands: ReadonlyMap<string, CommandReading>;
  readonly clusterId: string;
  readonly mapEpoch: number;
  readonly zones: number;
  readonly shards: number;
  readonly movingShards: number;
  readonly shardsToMove: number;
  /** Null where no node sweeps, or a shard was never swept. */
  readonly sweepOldestMs: number | null;
  readonly nodes: readonly NodeReading[];
}

/** The sections of INFO that a reading is made of: not the count of keys, which asks all nodes for all of them. */
export const INFO_SECTIONS: readonly string[] = [
  'server',
  'clients',
  'memory',
  'stats',
  'cpu',
  'commandstats',
  'junokv',
];

/** Reads INFO's text and LATENCY HISTOGRAM's answer (RESP2). What is missing counts as 0. */
export function proxyReading(info: string, histogram: unknown, atMs: number): ProxyReading {
  const fields = new Map<string, string>();
  for (const line of info.split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon > 0 && !line.startsWith('#')) fields.set(line.slice(0, colon), line.slice(colon + 1));
  }
  const number = (name: string): number => numberOf(fields.get(name));
  const oldestMs = numberOf(fields.get('sweep_oldest_ms'), -1);
  return {
    atMs,
    runId: fields.get('run_id') ?? '',
    version: fields.get('junokv_version') ?? '',
    uptimeS: number('uptime_in_seconds'),
    clients: number('connected_clients'),
    errors: number('total_error_replies'),
    inBytes: number('total_net_input_bytes'),
    outBytes: number('total_net_output_bytes'),
    residentBytes: number('used_memory_rss'),
    cpuS: number('used_cpu_sys') + number('used_cpu_user'),
    waiting: number('commands_waiting'),
    refused: number('commands_refused'),
    unavailable: number('commands_unavailable'),
    uncertain: number('commands_uncertain'),
    hedged: number('rounds_hedged'),
    commands: commandsOf(fields, latenciesOf(histogram)),
    clusterId: fields.get('cluster_id') ?? '',
    mapEpoch: number('map_epoch'),
    zones: number('zones'),
    shards: number('shards'),
    movingShards: number('moving_shards'),
    shardsToMove: number('shards_to_move'),
    sweepOldestMs: oldestMs < 0 ? null : oldestMs,
    nodes: nodesOf(fields),
  };
}

function numberOf(text: string | undefined, missing = 0): number {
  const value = Number(text);
  return text !== undefined && text !== '' && Number.isFinite(value) ? value : missing;
}

/** `a=1,b=2` */
function partsOf(text: string): ReadonlyMap<string, string> {
  const parts = new Map<string, string>();
  for (const part of text.split(',')) {
    const equals = part.indexOf('=');
    if (equals > 0) parts.set(part.slice(0, equals), part.slice(equals + 1));
  }
  return parts;
}

const COMMAND = 'cmdstat_';

function commandsOf(fields: ReadonlyMap<string, string>, latencies: ReadonlyMap<string, LatencyPairs>) {
  const commands = new Map<string, CommandReading>();
  for (const [name, text] of fields) {
    if (!name.startsWith(COMMAND)) continue;
    const parts = partsOf(text);
    const command = name.slice(COMMAND.length);
    commands.set(command, {
      calls: numberOf(parts.get('calls')),
      totalUs: numberOf(parts.get('usec')),
      failed: numberOf(parts.get('failed_calls')),
      rejected: numberOf(parts.get('rejected_calls')),
      latency: latencies.get(command) ?? [],
    });
  }
  return commands;
}

function nodesOf(fields: ReadonlyMap<string, string>): NodeReading[] {
  const nodes: NodeReading[] = [];
  for (const [name, text] of fields) {
    const id = /^node(\d+)$/.exec(name)?.[1];
    if (id === undefined) continue;
    const parts = partsOf(text);
    const told = (part: string): number | null => (parts.has(part) ? numberOf(parts.get(part)) : null);
    const seen = fields.get(`seen_node${id}`);
    const seenParts = seen === undefined ? null : partsOf(seen);
    nodes.push({
      nodeId: Number(id),
      zone: parts.get('zone') ?? '',
      address: parts.get('address') ?? '',
      up: parts.get('up') === '1',
      dataBytes: told('data_bytes'),
      unsyncedMs: told('unsynced_ms'),
      corruptRecords: told('corrupt_records'),
      seen:
        seenParts === null
          ? null
          : { isSuspect: seenParts.get('suspect') === '1', latencyMs: numberOf(seenParts.get('latency_ms')) },
    });
  }
  return nodes.sort((a, b) => a.nodeId - b.nodeId);
}

/** [name, ['calls', n, 'histogram_usec', [us, count, ...]], ...] */
function latenciesOf(histogram: unknown): Map<string, LatencyPairs> {
  const latencies = new Map<string, LatencyPairs>();
  for (const [name, command] of pairsOf(histogram)) {
    for (const [field, value] of pairsOf(command)) {
      if (field !== 'histogram_usec') continue;
      latencies.set(
        String(name),
        pairsOf(value).map(([us, count]) => [Number(us), Number(count)] as const),
      );
    }
  }
  return latencies;
}

/** The pairs of a RESP2 map. */
function pairsOf(flat: unknown): [unknown, unknown][] {
  if (!Array.isArray(flat)) return [];
  const pairs: [unknown, unknown][] = [];
  for (let i = 0; i + 1 < flat.length; i += 2) pairs.push([flat[i], flat[i + 1]]);
  return pairs;
}

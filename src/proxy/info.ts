import { machine, release, totalmem, type } from 'node:os';
import { JUNOKV_VERSION } from '../base/junokv-version.ts';
import { DATABASES_PER_GROUP } from '../cluster/namespace-groups.ts';
import type { NodeStatus } from '../rpc/messages.ts';
import type { SweepFindings } from '../rpc/sweep-messages.ts';
import type { NodeHealth, ProposerFigures } from './cluster-port.ts';
import type { ProxyContext } from './proxy-context.ts';
import type { ClusterFacts } from './proxy-info.ts';
import { REDIS_VERSION } from './redis-version.ts';
import type { Session } from './session.ts';

type Field = readonly [name: string, value: string | number];

/** In the order in which they are printed; `byDefault`: INFO without arguments has it. */
const sections: readonly { readonly title: string; readonly byDefault: boolean; fields(source: Source): Field[] }[] = [
  { title: 'Server', byDefault: true, fields: serverFields },
  { title: 'Clients', byDefault: true, fields: clientFields },
  { title: 'Memory', byDefault: true, fields: memoryFields },
  { title: 'Persistence', byDefault: true, fields: persistenceFields },
  { title: 'Stats', byDefault: true, fields: statsFields },
  { title: 'Replication', byDefault: true, fields: replicationFields },
  { title: 'CPU', byDefault: true, fields: cpuFields },
  { title: 'Modules', byDefault: true, fields: () => [] },
  { title: 'Commandstats', byDefault: false, fields: commandStatsFields },
  { title: 'Errorstats', byDefault: true, fields: errorStatsFields },
  { title: 'Latencystats', byDefault: false, fields: latencyStatsFields },
  { title: 'Cluster', byDefault: true, fields: clusterFields },
  { title: 'Keyspace', byDefault: true, fields: keyspaceFields },
  { title: 'Junokv', byDefault: true, fields: junokvFields },
];

interface Source {
  readonly session: Session;
  readonly proxy: ProxyContext;
  readonly facts: ClusterFacts;
}

/**
 * The sections that INFO's arguments name, in lower case: section names, `default`, `all`, `everything`; none at all
 * means `default`. Unknown names are left out, as in Redis.
 */
export function wantedSections(names: readonly string[]): ReadonlySet<string> {
  const wanted = new Set<string>();
  for (const name of names.length === 0 ? ['default'] : names) {
    const lower = name.toLowerCase();
    for (const { title, byDefault } of sections) {
      const section = title.toLowerCase();
      const all = lower === 'all' || lower === 'everything';
      if (all || lower === section || (lower === 'default' && byDefault)) wanted.add(section);
    }
  }
  return wanted;
}

/** INFO's text. Every field is true or absent. https://redis.io/docs/latest/commands/info/ */
export function infoText(session: Session, wanted: ReadonlySet<string>, facts: ClusterFacts): string {
  const source: Source = { session, proxy: session.proxy, facts };
  const texts: string[] = [];
  for (const { title, fields } of sections) {
    if (!wanted.has(title.toLowerCase())) continue;
    const lines = fields(source).map(([name, value]) => `${name}:${value}\r\n`);
    texts.push(`# ${title}\r\n${lines.join('')}`);
  }
  return texts.join('\r\n');
}

/** Redis's bytesToHuman. */
export function humanBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes}B`;
  const units = ['K', 'M', 'G', 'T', 'P'];
  let value = bytes / 1024;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value.toFixed(2)}${units[unit]}`;
}

function serverFields({ proxy, session }: Source): Field[] {
  const uptime = proxy.info.uptimeSeconds();
  return [
    ['redis_version', REDIS_VERSION],
    ['junokv_version', JUNOKV_VERSION],
    ['node_version', process.versions.node],
    ['redis_mode', session.clusterEnabled ? 'cluster' : 'standalone'],
    ['os', `${type()} ${release()} ${machine()}`],
    ['arch_bits', process.arch === 'arm' || process.arch === 'ia32' ? 32 : 64],
    ['process_id', proxy.info.identity.processId],
    ['run_id', proxy.info.runId],
    ['tcp_port', proxy.config.port],
    ['server_time_usec', proxy.clock.wallUs()],
    ['uptime_in_seconds', uptime],
    ['uptime_in_days', Math.floor(uptime / 86_400)],
    ['executable', process.execPath],
    ['config_file', ''],
  ];
}

function clientFields({ proxy }: Source): Field[] {
  return [
    ['connected_clients', proxy.clients.size],
    ['cluster_connections', 0],
    ['maxclients', proxy.config.maxClients],
    ['client_recent_max_input_buffer', proxy.stats.maxQueryBufferBytes],
    ['client_recent_max_output_buffer', proxy.stats.maxOutputBufferBytes],
    ['blocked_clients', proxy.clients.blockedClients],
    ['tracking_clients', 0],
  ];
}

function memoryFields({ proxy }: Source): Field[] {
  const { memory } = proxy.info;
  const { maxmemoryBytes } = proxy.config;
  // Where there is a limit, what it limits: tools draw the one beside the other.
  const used = maxmemoryBytes === 0 ? memory.rssBytes : (proxy.memory.usedBytes ?? 0);
  const peak = memory.peakRssBytes;
  return [
    ['used_memory', used],
    ['used_memory_human', humanBytes(used)],
    ['used_memory_rss', memory.rssBytes],
    ['used_memory_rss_human', humanBytes(memory.rssBytes)],
    ['used_memory_peak', peak],
    ['used_memory_peak_human', humanBytes(peak)],
    ['used_memory_peak_perc', `${((memory.rssBytes / peak) * 100).toFixed(2)}%`],
    ['used_memory_heap', memory.heapBytes],
    ['used_memory_external', memory.externalBytes],
    ['total_system_memory', totalmem()],
    ['total_system_memory_human', humanBytes(totalmem())],
    ['maxmemory', maxmemoryBytes],
    ['maxmemory_human', humanBytes(maxmemoryBytes)],
    ['maxmemory_policy', proxy.config.maxmemoryPolicy],
    ['mem_clients_normal', proxy.clients.queryBufferBytes + proxy.clients.outputBufferBytes],
  ];
}

/** There is no snapshot and no append-only file: acknowledged writes are in the storage nodes' logs (section Junokv). */
function persistenceFields({ proxy }: Source): Field[] {
  const { backups } = proxy.process;
  return [
    ['loading', 0],
    ['async_loading', 0],
    ['rdb_bgsave_in_progress', backups?.isSaving ? 1 : 0],
    ['rdb_last_save_time', Math.floor((backups?.lastSaveMs ?? proxy.info.identity.startedAtMs) / 1000)],
    ['rdb_last_bgsave_status', backups?.lastProblem == null ? 'ok' : 'err'],
    ['aof_enabled', 0],
    ['aof_rewrite_in_progress', 0],
    ['aof_rewrite_scheduled', 0],
  ];
}

function statsFields({ proxy: { stats } }: Source): Field[] {
  return [
    ['total_connections_received', stats.totalConnections],
    ['total_commands_processed', stats.commandsProcessed],
    ['instantaneous_ops_per_sec', Math.round(stats.opsPerSecond())],
    ['total_net_input_bytes', stats.netInputBytes],
    ['total_net_output_bytes', stats.netOutputBytes],
    ['instantaneous_input_kbps', (stats.inputBytesPerSecond() / 1024).toFixed(2)],
    ['instantaneous_output_kbps', (stats.outputBytesPerSecond() / 1024).toFixed(2)],
    ['rejected_connections', stats.rejectedConnections],
    ['tls_handshakes_failed', stats.tlsHandshakesFailed],
    ['evicted_keys', stats.evictedKeys],
    ['keyspace_hits', stats.keyspaceHits],
    ['keyspace_misses', stats.keyspaceMisses],
    ['pubsub_channels', 0],
    ['pubsub_patterns', 0],
    ['pubsubshard_channels', 0],
    ['tracking_total_keys', 0],
    ['total_error_replies', stats.errorReplies],
    ['client_query_buffer_limit_disconnections', stats.queryLimitDisconnections],
    ['client_output_buffer_limit_disconnections', stats.outputLimitDisconnections],
  ];
}

function replicationFields(): Field[] {
  return [
    ['role', 'master'],
    ['connected_slaves', 0],
    ['master_failover_state', 'no-failover'],
    ['master_repl_offset', 0],
  ];
}

function cpuFields({ proxy }: Source): Field[] {
  const { systemUs, userUs } = proxy.info.processor;
  return [
    ['used_cpu_sys', (systemUs / 1_000_000).toFixed(6)],
    ['used_cpu_user', (userUs / 1_000_000).toFixed(6)],
  ];
}

function commandStatsFields({ proxy: { table, stats } }: Source): Field[] {
  const fields: Field[] = [];
  for (const entry of table.entries) {
    const { calls, totalUs, rejected, failed } = stats.of(entry);
    if (calls === 0 && rejected === 0 && failed === 0) continue;
    const usec = Math.round(totalUs);
    const perCall = calls === 0 ? 0 : totalUs / calls;
    const value = `calls=${calls},usec=${usec},usec_per_call=${perCall.toFixed(2)},rejected_calls=${rejected},failed_calls=${failed}`;
    fields.push([`cmdstat_${entry.row.name}`, value]);
  }
  return fields;
}

function errorStatsFields({ proxy: { stats } }: Source): Field[] {
  return Array.from(stats.errors(), ([prefix, count]) => [`errorstat_${prefix}`, `count=${count}`]);
}

function latencyStatsFields({ proxy: { latency, config } }: Source): Field[] {
  return Array.from(latency.histograms(), ([name, histogram]) => {
    const shown = config.latencyTrackingPercentiles.map((p) => `p${p}=${histogram.percentileUs(p).toFixed(3)}`);
    return [`latency_percentiles_usec_${name}`, shown.join(',')];
  });
}

function clusterFields({ session }: Source): Field[] {
  return [['cluster_enabled', session.clusterEnabled ? 1 : 0]];
}

/** The databases of the connection's namespace. */
function keyspaceFields({ facts }: Source): Field[] {
  return (facts.counts ?? []).map(({ namespace, keys, expires }) => [
    `db${namespace % DATABASES_PER_GROUP}`,
    `keys=${keys},expires=${expires},avg_ttl=0`,
  ]);
}

function distinct(nodes: readonly NodeHealth[], value: (node: NodeHealth) => string | undefined): string {
  return [...new Set(nodes.map(value).filter((text) => text !== undefined))].join(',');
}

function total(nodes: readonly NodeHealth[], value: 'corruptRecords' | 'dataBytes'): number {
  return nodes.reduce((sum, node) => sum + (node.status?.[value] ?? 0), 0);
}

/** What commands met on their way through this proxy, and what that says of each node. */
function proposerFields({ waiting, counters, nodes }: ProposerFigures): Field[] {
  return [
    ['commands_waiting', waiting],
    ['commands_refused', counters.get('busy')],
    ['commands_unavailable', counters.get('unavailable')],
    ['commands_uncertain', counters.get('uncertain')],
    ['rounds_hedged', counters.get('hedged')],
    ['epoch_refusals', counters.get('fenced')],
    ['node_suspicions', counters.get('node-suspected')],
    ['node_probes', counters.get('node-probed')],
    ...[...nodes]
      .sort((a, b) => a.nodeId - b.nodeId)
      .map(({ nodeId, isSuspect, meanMs, deviationMs, suspicions }): Field => {
        const seen = `latency_ms=${meanMs.toFixed(2)},deviation_ms=${deviationMs.toFixed(2)},suspicions=${suspicions}`;
        return [`seen_node${nodeId}`, `suspect=${isSuspect ? 1 : 0},${seen}`];
      }),
  ];
}

/** What the nodes' sweeps have found since each of them started; empty where none sweeps. */
function sweepFields(nodes: readonly NodeHealth[], shards: number): Field[] {
  const told = nodes.flatMap(({ sweep }) => sweep ?? []);
  if (told.length === 0) return [];
  // A shard that several nodes have swept was swept when the last of them did.
  const ages = new Map<number, number>();
  for (const { shards: swept } of told) {
    for (const { shard, ageMs } of swept) ages.set(shard, Math.min(ageMs, ages.get(shard) ?? ageMs));
  }
  const sum = (name: keyof SweepFindings): number => told.reduce((total, { findings }) => total + findings[name], 0);
  return [
    ['sweep_shards', ages.size],
    // Until every shard was swept once there is no such time.
    ['sweep_oldest_ms', ages.size < shards ? -1 : Math.max(...ages.values())],
    ['sweep_ranges', sum('ranges')],
    ['sweep_records', sum('records')],
    ['sweep_bytes', sum('bytes')],
    ['sweep_repaired', sum('repaired')],
    ['sweep_expired', sum('killed')],
    ['sweep_purged', sum('purged')],
    ['sweep_pages_purged', sum('pagesPurged')],
    ['sweep_unreadable', sum('unreadable')],
    ['sweep_unanswered', sum('unanswered')],
    ['sweep_expired_queued', sum('killedFromQueue')],
    ['sweep_purged_queued', sum('purgedFromQueue')],
    ['sweep_notes_dropped', sum('notesDropped')],
  ];
}

/** Of a node in memory: what maxmemory limits. */
function liveOf({ engine, liveBytes }: NodeStatus): string {
  return engine === 'memory' ? `,live_bytes=${liveBytes}` : '';
}

function nodeField(node: NodeHealth): Field {
  const { status } = node;
  const own =
    status === null
      ? ''
      : `,corrupt_records=${status.corruptRecords},data_bytes=${status.dataBytes},unsynced_ms=${Math.round(status.unsyncedMs)}${liveOf(status)}`;
  return [`node${node.nodeId}`, `zone=${node.zone},address=${node.host}:${node.port},up=${node.up ? 1 : 0}${own}`];
}

/** The cluster behind the proxies. Figures are sums over the nodes that have answered, so over all replicas. */
function junokvFields({ proxy, session, facts: { nodes } }: Source): Field[] {
  const map = proxy.cluster.map();
  const figures = proxy.info.proposer;
  const fields: Field[] = [
    ['cluster_id', map.clusterId],
    ['map_epoch', map.epoch],
    ['zones', map.zones.length],
    ['shards', map.shards],
    ['namespaces', map.namespaceGroups.length],
    ['namespace', proxy.namespaces.nameOf(session)],
    ['nodes', map.zones.reduce((sum, zone) => sum + zone.nodes.length, 0)],
    ['moving_shards', map.moves.length],
    ['shards_to_move', map.goals.length],
    ...(figures === undefined ? [] : proposerFields(figures)),
  ];
  if (nodes === null) return fields;
  return [
    ...fields,
    ['nodes_up', nodes.filter((node) => node.up).length],
    ['engine', distinct(nodes, (node) => node.status?.engine)],
    ['fsync', distinct(nodes, (node) => node.status?.fsync)],
    ['corrupt_records', total(nodes, 'corruptRecords')],
    ['stored_bytes', total(nodes, 'dataBytes')],
    ...sweepFields(nodes, map.shards),
    ...nodes.map(nodeField),
  ];
}

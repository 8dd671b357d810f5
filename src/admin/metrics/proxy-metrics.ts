import type { CommandCounters } from '../../proxy/proxy-stats.ts';
import { type Labels, type MetricGroup, type PlainMetric, type Sample, sample } from './metric.ts';
import { labelled, ofProxy } from './proxy-rows.ts';
import type { Snapshot } from './snapshot.ts';

/** Seconds. The histograms themselves end at one second (latency-histogram.ts). */
export const DURATION_BUCKETS: readonly number[] = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
];
const BUCKETS_US = DURATION_BUCKETS.map((seconds) => seconds * 1e6);

/** One of the counters of each command that was ever asked for. */
function byCommand({ proxies }: Snapshot, counter: keyof CommandCounters): Sample[] {
  return proxies.flatMap(({ context: { table, stats } }) =>
    table.entries.flatMap((entry) => {
      const counters = stats.of(entry);
      const isUsed = counters.calls + counters.rejected + counters.failed > 0;
      return isUsed ? [sample(counters[counter], commandLabels(entry.row.name))] : [];
    }),
  );
}

function commandLabels(command: string): Labels {
  return { command };
}

function ofCommand(name: string, help: string, counter: keyof CommandCounters): PlainMetric {
  return { type: 'counter', name, help, labels: ['command'], collect: (seen) => byCommand(seen, counter) };
}

export const commandMetrics: MetricGroup = {
  title: 'Commands',
  intro:
    'Of a proxy, and of one process. Only commands that were called are there, under the names of INFO commandstats. CONFIG RESETSTAT sets them to zero, as a restart does.',
  metrics: [
    ofCommand('junokv_commands_total', 'Commands carried out, with whatever reply.', 'calls'),
    ofCommand('junokv_command_errors_total', 'Commands that ran and answered an error.', 'failed'),
    ofCommand(
      'junokv_command_rejections_total',
      'Commands refused before they ran: arity, access, limits.',
      'rejected',
    ),
    {
      name: 'junokv_command_duration_seconds',
      type: 'histogram',
      help: 'From dispatch to reply, waiting for the cluster included; counted while latency-tracking is on, up to one second.',
      labels: ['command'],
      buckets: DURATION_BUCKETS,
      collect: ({ proxies }) =>
        proxies.flatMap(({ context }) =>
          Array.from(context.latency.histograms(), ([command, histogram]) => ({
            labels: commandLabels(command),
            atMost: histogram.atMost(BUCKETS_US),
            count: histogram.count,
            sum: histogram.sumUs / 1e6,
          })),
        ),
    },
    labelled(
      'counter',
      'junokv_error_replies_total',
      'Error replies by their first word, such as UNCERTAIN or WRONGTYPE; as in INFO errorstats.',
      'error',
      ({ context }) => context.stats.errors(),
    ),
    labelled(
      'counter',
      'junokv_keyspace_lookups_total',
      'Reads of keys that were there (hit) or not (miss).',
      'result',
      ({ context: { stats } }) => [
        ['hit', stats.keyspaceHits],
        ['miss', stats.keyspaceMisses],
      ],
    ),
    ofProxy(
      'gauge',
      'junokv_max_memory_bytes',
      'What each storage node with --engine memory may hold of live values (maxmemory); 0: no limit.',
      ({ context }) => context.config.maxmemoryBytes,
    ),
    ofProxy(
      'counter',
      'junokv_evicted_keys_total',
      'Keys that this proxy deleted to keep to maxmemory.',
      ({ context }) => context.stats.evictedKeys,
    ),
  ],
};

export const clientMetrics: MetricGroup = {
  title: 'Clients',
  intro: 'Of a proxy, and of one process.',
  metrics: [
    ofProxy('gauge', 'junokv_connected_clients', 'Client connections.', ({ context }) => context.clients.size),
    ofProxy(
      'gauge',
      'junokv_max_clients',
      'Client connections that are allowed.',
      ({ context }) => context.config.maxClientsHere,
    ),
    ofProxy(
      'gauge',
      'junokv_blocked_clients',
      'Connections that wait inside a blocking command.',
      ({ context }) => context.clients.blockedClients,
    ),
    ofProxy(
      'counter',
      'junokv_connections_total',
      'Connections accepted.',
      ({ context }) => context.stats.totalConnections,
    ),
    ofProxy(
      'counter',
      'junokv_rejected_connections_total',
      'Connections refused: too many clients, or protected mode.',
      ({ context }) => context.stats.rejectedConnections,
    ),
    ofProxy(
      'counter',
      'junokv_client_tls_failures_total',
      'TLS handshakes that came to nothing.',
      ({ context }) => context.stats.tlsHandshakesFailed,
    ),
    labelled(
      'counter',
      'junokv_client_disconnections_total',
      'Connections closed for what they sent (query: too large a request) or did not read (output).',
      'limit',
      ({ context: { stats } }) => [
        ['query', stats.queryLimitDisconnections],
        ['output', stats.outputLimitDisconnections],
      ],
    ),
    labelled(
      'counter',
      'junokv_client_bytes_total',
      'Bytes that came from clients and went to them.',
      'direction',
      ({ context: { stats } }) => [
        ['in', stats.netInputBytes],
        ['out', stats.netOutputBytes],
      ],
    ),
    labelled(
      'gauge',
      'junokv_client_buffer_bytes',
      'Requests that are not parsed yet (query) and replies that are not taken yet (output), of all clients.',
      'buffer',
      ({ context: { clients } }) => [
        ['query', clients.queryBufferBytes],
        ['output', clients.outputBufferBytes],
      ],
    ),
  ],
};

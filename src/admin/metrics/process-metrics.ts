import { getHeapStatistics } from 'node:v8';
import { processMemory } from '../../proxy/process-memory.ts';
import { type MetricGroup, sample, single } from './metric.ts';

export const processMetrics: MetricGroup = {
  title: 'The process',
  intro: 'Of every process that serves.',
  metrics: [
    {
      name: 'junokv_build_info',
      type: 'gauge',
      help: 'Always 1; the labels say what runs: its role is one-process, proxy or storage.',
      labels: ['version', 'node_version', 'role'],
      collect: ({ facts: { version, role } }) => [sample(1, { version, node_version: process.versions.node, role })],
    },
    single('gauge', 'junokv_ready', 'Whether /readyz says so: 1 or 0.', ({ isReady }) => (isReady ? 1 : 0)),
    single(
      'gauge',
      'junokv_start_time_seconds',
      'When the process started, Unix time.',
      ({ facts }) => facts.startedAtMs / 1000,
    ),
    {
      name: 'junokv_certificate_end_time_seconds',
      type: 'gauge',
      help: 'When the certificate in use ends, Unix time: that shown to clients, and that shown within the cluster; absent where connections are plain.',
      labels: ['connections'],
      collect: ({ certificates }) => certificates.map(([connections, endMs]) => sample(endMs / 1000, { connections })),
    },
    {
      name: 'junokv_cpu_seconds_total',
      type: 'counter',
      help: 'Processor time used.',
      labels: ['mode'],
      collect() {
        const { user, system } = process.cpuUsage();
        return [sample(user / 1e6, { mode: 'user' }), sample(system / 1e6, { mode: 'system' })];
      },
    },
    single('gauge', 'junokv_resident_memory_bytes', 'Memory of the process in RAM.', () => processMemory().rssBytes),
    single('gauge', 'junokv_heap_used_bytes', 'JavaScript heap in use.', () => processMemory().heapBytes),
    single(
      'gauge',
      'junokv_heap_limit_bytes',
      'JavaScript heap at which the process ends.',
      () => getHeapStatistics().heap_size_limit,
    ),
    single(
      'gauge',
      'junokv_external_memory_bytes',
      'Buffers, and what native code has reported.',
      () => processMemory().externalBytes,
    ),
    {
      name: 'junokv_event_loop_lag_seconds',
      type: 'gauge',
      help: 'How late the event loop was since the last collection: median, p99 and max.',
      labels: ['statistic'],
      collect: ({ lag }) => [
        sample(lag.medianS, { statistic: 'median' }),
        sample(lag.p99S, { statistic: 'p99' }),
        sample(lag.maxS, { statistic: 'max' }),
      ],
    },
  ],
};

export const mapMetrics: MetricGroup = {
  title: 'The cluster map',
  intro: 'Of the newest map that the process goes by. All processes of a cluster should soon agree on the epoch.',
  metrics: [
    single('gauge', 'junokv_map_epoch', 'Epoch of the map; each change raises it.', ({ map }) => map?.epoch ?? null),
    single(
      'gauge',
      'junokv_config_store_up',
      'Whether etcd answered last time: 1 or 0; absent where the map is in a file.',
      ({ isStoreUp }) => (isStoreUp === null ? null : isStoreUp ? 1 : 0),
    ),
    single('gauge', 'junokv_zones', 'Zones of the cluster.', ({ map }) => map?.zones.length ?? null),
    single('gauge', 'junokv_shards', 'Shards of the cluster.', ({ map }) => map?.shards ?? null),
    single('gauge', 'junokv_namespaces', 'Namespaces.', ({ map }) => map?.namespaceGroups.length ?? null),
    single('gauge', 'junokv_moving_shards', 'Shards on their way to another node, or learned again.', ({ map }) =>
      map === null ? null : map.moves.length,
    ),
    single('gauge', 'junokv_shards_to_move', 'Moves that were asked for and have not begun.', ({ map }) =>
      map === null ? null : map.goals.length,
    ),
    {
      name: 'junokv_zone_down',
      type: 'gauge',
      help: 'Whether the zone is under maintenance: 1 or 0.',
      labels: ['zone'],
      collect: ({ map }) => (map?.zones ?? []).map(({ name, down }) => sample(down ? 1 : 0, { zone: name })),
    },
  ],
};

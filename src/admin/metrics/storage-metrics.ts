import { findNode } from '../../cluster/cluster-map.ts';
import { kebabCase } from '../option-table.ts';
import { type MetricGroup, type PlainMetric, type Sample, sample } from './metric.ts';
import type { NodeSnapshot, Snapshot } from './snapshot.ts';

/** A value of each storage node of the process; null: it has none. */
function ofNode(
  type: PlainMetric['type'],
  name: string,
  help: string,
  value: (node: NodeSnapshot) => number | null | undefined,
): PlainMetric {
  return {
    type,
    name,
    help,
    labels: ['node'],
    collect: ({ nodes }) =>
      nodes.flatMap((node) => {
        const told = value(node) ?? null;
        return told === null ? [] : [sample(told, { node: node.nodeId })];
      }),
  };
}

/** What its engine tells under this name. */
function ofEngine(type: PlainMetric['type'], name: string, help: string, figure: string): PlainMetric {
  return ofNode(type, name, help, ({ engine }) => engine?.[figure]);
}

export const storageMetrics: MetricGroup = {
  title: 'Storage nodes',
  intro: 'Of a storage process, and of one process, where there are several. `node` is the id in the cluster map.',
  metrics: [
    {
      name: 'junokv_storage_info',
      type: 'gauge',
      help: 'Always 1; the labels say what the node is.',
      labels: ['node', 'zone', 'engine', 'fsync'],
      collect: nodeInfo,
    },
    ofNode(
      'gauge',
      'junokv_storage_map_epoch',
      'Epoch of the map that the node goes by.',
      ({ status }) => status?.mapEpoch,
    ),
    ofNode('gauge', 'junokv_storage_shards', 'Shards that the node holds.', ({ node, nodeId }) => {
      const placement = findNode(node.map, nodeId)?.zone.placement ?? [];
      return placement.reduce((count, id) => (id === nodeId ? count + 1 : count), 0);
    }),
    ofNode(
      'gauge',
      'junokv_storage_learning_shards',
      'Shards that the node learns, from another node or again.',
      ({ status }) => status?.learningShards,
    ),
    ofNode(
      'gauge',
      'junokv_storage_distrusted',
      'Whether the node does not vote, as its disk may lack acknowledged writes: 1 or 0.',
      ({ status }) => (status === null ? null : status.distrusted ? 1 : 0),
    ),
    ofNode(
      'counter',
      'junokv_storage_corrupt_records_total',
      'Records whose bytes were found damaged.',
      ({ status }) => status?.corruptRecords,
    ),
    ofNode(
      'gauge',
      'junokv_storage_data_bytes',
      'Size of the records on the disk, RocksDB and all.',
      ({ status }) => status?.dataBytes,
    ),
    ofNode(
      'gauge',
      'junokv_storage_live_bytes',
      'What the values that clients can see take on a node with --engine memory: what maxmemory limits. Absent on disks.',
      ({ status }) => (status?.engine === 'memory' ? status.liveBytes : null),
    ),
    ofNode(
      'gauge',
      'junokv_storage_unsynced_seconds',
      'How long the oldest acknowledged write has not been forced to the disk; 0: all is.',
      ({ status }) => (status === null ? null : status.unsyncedMs / 1000),
    ),
    ofNode(
      'gauge',
      'junokv_storage_disk_free_bytes',
      'Free room of the disk at the last look.',
      ({ space }) => space?.freeBytes,
    ),
    ofNode(
      'gauge',
      'junokv_storage_disk_reserve_bytes',
      'Room that is kept free (--disk-reserve).',
      ({ space }) => space?.reserveBytes,
    ),
    ofNode('gauge', 'junokv_storage_disk_full', 'Whether what would grow is refused: 1 or 0.', ({ space }) =>
      space === null ? null : space.isFull ? 1 : 0,
    ),
    ofNode(
      'gauge',
      'junokv_storage_cache_bytes',
      'Records kept in memory, roughly.',
      ({ figures }) => figures.cacheBytes,
    ),
    ofNode(
      'counter',
      'junokv_storage_cache_hits_total',
      'Records that a request found in memory.',
      ({ figures }) => figures.cacheHits,
    ),
    ofNode(
      'counter',
      'junokv_storage_record_loads_total',
      'Records that were read from the disk, whether they were there or not.',
      ({ figures }) => figures.recordLoads,
    ),
    ofNode('gauge', 'junokv_storage_promises', 'Promises kept one by one.', ({ figures }) => figures.promises),
    ofNode(
      'counter',
      'junokv_storage_write_batches_total',
      'Batches written to the log.',
      ({ figures }) => figures.batches,
    ),
    ofNode(
      'counter',
      'junokv_storage_written_changes_total',
      'Changes in these batches: records, pages, and what the node keeps for itself.',
      ({ figures }) => figures.changes,
    ),
    ofNode(
      'counter',
      'junokv_storage_failed_batches_total',
      'Batches that could not be written or synced.',
      ({ figures }) => figures.batchFailures,
    ),
  ],
};

function nodeInfo({ nodes }: Snapshot): Sample[] {
  return nodes.flatMap(({ node, nodeId, status }) => {
    if (status === null) return [];
    const zone = findNode(node.map, nodeId)?.zone.name ?? '';
    return [sample(1, { node: nodeId, zone, engine: status.engine, fsync: status.fsync })];
  });
}

export const engineMetrics: MetricGroup = {
  title: 'RocksDB and the journal',
  intro: "Of storage nodes with `--engine rocksdb`; the figures are RocksDB's own.",
  metrics: [
    ofEngine('gauge', 'junokv_journal_bytes', 'What is in the journal and not given back yet.', 'journalBytes'),
    ofEngine('gauge', 'junokv_journal_capacity_bytes', 'What the journal has room for.', 'journalCapacityBytes'),
    ofEngine('gauge', 'junokv_rocksdb_memory_table_bytes', 'Memory tables.', 'memoryTableBytes'),
    ofEngine(
      'gauge',
      'junokv_rocksdb_immutable_memory_tables',
      'Memory tables that wait to be written out.',
      'immutableMemoryTables',
    ),
    ofEngine('gauge', 'junokv_rocksdb_table_file_bytes', 'Table files on the disk.', 'tableFileBytes'),
    ofEngine(
      'gauge',
      'junokv_rocksdb_table_reader_bytes',
      'Memory for the indexes and filters of table files.',
      'tableReaderBytes',
    ),
    ofEngine('gauge', 'junokv_rocksdb_block_cache_bytes', 'Block cache in use.', 'blockCacheBytes'),
    ofEngine('gauge', 'junokv_rocksdb_estimated_keys', 'Entries, as RocksDB estimates them.', 'keys'),
    ofEngine(
      'gauge',
      'junokv_rocksdb_level0_files',
      'Table files of the first level: many of them slow reads.',
      'level0Files',
    ),
    ofEngine('gauge', 'junokv_rocksdb_running_flushes', 'Memory tables that are being written out.', 'runningFlushes'),
    ofEngine('gauge', 'junokv_rocksdb_running_compactions', 'Merges under way.', 'runningCompactions'),
    ofEngine(
      'gauge',
      'junokv_rocksdb_pending_compaction_bytes',
      'What RocksDB would have to rewrite to be in order.',
      'pendingCompactionBytes',
    ),
    ofEngine('counter', 'junokv_rocksdb_background_errors_total', 'Errors of its background work.', 'backgroundErrors'),
    ofEngine('gauge', 'junokv_rocksdb_write_stopped', 'Whether RocksDB lets writes wait: 1 or 0.', 'isWriteStopped'),
  ],
};

/** Findings that have a metric of their own. */
const SWEPT = new Set(['ranges', 'records', 'bytes']);

export const sweepMetrics: MetricGroup = {
  title: 'Sweep, repair and learning',
  intro: 'What storage nodes do by themselves, since each of them started (docs/protocol.md, "Sweeping").',
  metrics: [
    ofNode(
      'counter',
      'junokv_sweep_ranges_total',
      'Ranges whose digests were compared.',
      ({ sweep }) => sweep?.findings.ranges,
    ),
    ofNode('counter', 'junokv_sweep_records_total', 'Records in them.', ({ sweep }) => sweep?.findings.records),
    ofNode('counter', 'junokv_sweep_bytes_total', 'Bytes of these records.', ({ sweep }) => sweep?.findings.bytes),
    {
      name: 'junokv_sweep_found_total',
      type: 'counter',
      help: 'What came up, by kind: differing, repaired, killed (expired, written dead), purged (tombstones), pages-purged, unreadable, unanswered (ranges) and the like; those from-queue are of the expiry queues and part of the others.',
      labels: ['node', 'kind'],
      collect: ({ nodes }) =>
        nodes.flatMap(({ nodeId, sweep }) =>
          Object.entries(sweep?.findings ?? {})
            .filter(([kind]) => !SWEPT.has(kind))
            .map(([kind, count]) => sample(count, { node: nodeId, kind: kebabCase(kind) })),
        ),
    },
    ofNode(
      'gauge',
      'junokv_sweep_shards',
      'Shards that the node has swept to their end.',
      ({ sweep }) => sweep?.shards.length,
    ),
    ofNode(
      'gauge',
      'junokv_sweep_last_shard_seconds',
      'Time since the node last came to the end of a shard; absent before the first.',
      ({ sweep }) =>
        sweep === null || sweep.shards.length === 0
          ? null
          : sweep.shards.reduce((least, { ageMs }) => Math.min(least, ageMs), Number.POSITIVE_INFINITY) / 1000,
    ),
    ofNode(
      'gauge',
      'junokv_repairs_pending',
      'Records whose repair the node has under way or waiting.',
      ({ work }) => work?.repairer.pending,
    ),
    ofNode(
      'counter',
      'junokv_learned_ranges_total',
      'Ranges of shards that were learned.',
      ({ work }) => work?.learned.ranges,
    ),
    {
      name: 'junokv_learned_records_total',
      type: 'counter',
      help: 'Records that were learned: copied as they were, or repaired first.',
      labels: ['node', 'how'],
      collect: ({ nodes }) =>
        nodes.flatMap(({ nodeId, work }) =>
          work === null
            ? []
            : [
                sample(work.learned.recordsCopied, { node: nodeId, how: 'copied' }),
                sample(work.learned.recordsRepaired, { node: nodeId, how: 'repaired' }),
              ],
        ),
    },
    ofNode('counter', 'junokv_learned_bytes_total', 'Bytes that were learned.', ({ work }) => work?.learned.bytes),
  ],
};

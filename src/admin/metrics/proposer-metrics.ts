import type { ClusterMap } from '../../cluster/map.ts';
import { isPair } from '../../quorum/joint-transport.ts';
import type { NodeReport } from '../../quorum/node-health.ts';
import type { ProtocolBranch, ProtocolCounters } from '../../quorum/protocol-counters.ts';
import { type MetricGroup, type PlainMetric, type Sample, sample } from './metric.ts';
import type { ObservedProxy } from './observed.ts';
import { ofProxy } from './proxy-rows.ts';
import { unreachableShards } from './readiness.ts';

/** What each event of `junokv_protocol_events_total` means, for docs/metrics.md. */
export const PROTOCOL_EVENTS: Readonly<Record<ProtocolBranch, string>> = {
  'read-agreed': 'a read found a majority that agrees, in one round trip',
  'read-fetched-state': 'a read fetched the state that only its ballot was known of',
  'read-asked-more': 'a read asked further nodes, as the first ones differed',
  'read-again': 'a read began anew, as a write went on meanwhile',
  'read-repair': 'a read wrote back what a majority did not hold yet',
  'expired-written-dead': 'a record that had expired was written dead',
  prepared: 'PREPARE: a majority promised',
  'prepare-refused': 'PREPARE: a node had promised a higher ballot (conflict)',
  'promises-differed': 'PREPARE: the nodes that promised held different states',
  'base-fetched': 'a write fetched the state that it starts from',
  'final-without-commit': 'a command that changes nothing was answered without a COMMIT',
  'write-back': "a command wrote back another one's state before its own",
  'commit-chosen': 'COMMIT: a majority accepted',
  'commit-refused': 'COMMIT: a node had promised a higher ballot (conflict)',
  'settled-applied': 'after a refused COMMIT: the write was found to be done',
  'settled-not-applied': 'after a refused COMMIT: the write was found not to be done, and was repeated',
  'settled-unknown': 'after a refused COMMIT: it could not be told, so the reply was UNCERTAIN',
  'chain-started': 'a COMMIT brought the promise for the next write along',
  'chain-continued': 'a write began at COMMIT, without PREPARE',
  'chain-refused': 'a write that began at COMMIT was refused, and began anew with PREPARE',
  'chain-confirmed-by-read': 'what a proxy remembered was confirmed by a read',
  hedged: 'another node was asked, as one did not answer within the hedge delay',
  'shared-commit': 'several commands on one key shared a COMMIT',
  'clock-refused': 'CLOCK: a node refused a ballot too far ahead of its clock',
  'clock-too-far': "a node's ballots were too far ahead of this process's clock to be followed",
  'corrupt-replica': 'a replica was found damaged',
  'repair-written': 'a repair of a record was written to a majority',
  fenced: 'a node had another cluster map; the command went on under the newer one',
  resubmitted: 'a command was placed anew after a change of the map',
  'intent-met': 'a record with the intent of a transaction was met',
  'intent-read-committed': 'a read was answered by what a committed transaction proposes',
  'intent-read-present': 'a read was answered by what holds beside an undecided or aborted transaction',
  'transaction-committed': 'a transaction over several records was committed',
  'transaction-aborted': 'a transaction was aborted, and began anew or was given up',
  'transaction-refused': 'a part of a transaction was refused by too many nodes',
  'transaction-restarted': 'a transaction began anew',
  'transaction-decided-aborted': 'a transaction of this or another proxy was found undecided, and aborted',
  'transaction-resolved': 'a transaction was resolved on all of its records',
  'transaction-single': 'a transaction had one record, and was done as a plain command',
  'snapshot-read': 'several records were read as a snapshot',
  'snapshot-again': 'several records were read once more, for one was written meanwhile',
  'snapshot-by-intents': 'several records were not to be had as a snapshot by reading, and were taken by a transaction',
  'snapshot-after-prepare': 'a transaction changed nothing, and what it saw was confirmed by reading',
  'express-read': 'a read was done on the express lane, many to a message',
  'express-write': 'a write was done on the express lane, many to a message',
  'express-left': 'a command left the express lane for a round of its own',
  unavailable: 'a command failed: no majority answered; nothing was changed',
  uncertain: 'a command failed: it may or may not have been carried out',
  busy: 'a command was refused: too many were waiting; nothing was changed',
  'pages-stale': 'a node lacked the base that new pages build on',
  'pages-caught-up': 'a node was brought the pages that it lacked',
  'pages-loaded': 'pages of a large value were loaded',
  'pages-repaired': 'pages of a large value were copied to nodes that lacked them',
  'node-suspected': 'a node became suspect',
  'node-probed': 'a suspect node was probed',
  'node-taken-back': 'a suspect node was taken back',
};

export const proposerMetrics: MetricGroup = {
  title: 'Quorums',
  intro:
    'Of a proxy, and of one process, but for `junokv_protocol_events_total`, which storage nodes have as well: they repair records themselves. `node` is an id of the cluster map. The figures of different proxies differ, as their ways to the nodes do.',
  metrics: [
    {
      name: 'junokv_protocol_events_total',
      type: 'counter',
      help: 'Turns that the protocol took, by event; the proposer is proxy, or node and its id.',
      labels: ['proposer', 'event'],
      collect: ({ proxies, nodes }) => [
        ...proxies.flatMap(({ coordinator }) => events('proxy', coordinator.counters)),
        ...nodes.flatMap(({ nodeId, work }) => (work === null ? [] : events(`node${nodeId}`, work.repairer.counters))),
      ],
    },
    ofProxy(
      'gauge',
      'junokv_commands_waiting',
      'Commands that wait to be let in: a proxy works on a bounded number at a time.',
      ({ context }) => context.cluster.figures?.().waiting ?? 0,
    ),
    ofProxy(
      'gauge',
      'junokv_commands_under_way',
      'Commands that were let in and wait for the cluster.',
      ({ coordinator }) => coordinator.operations,
    ),
    ofProxy(
      'gauge',
      'junokv_unreachable_shards',
      'Shards of which no majority of the zones can be reached: their commands fail.',
      ({ context, transport }) => unreachableShards(context.cluster.map(), (node) => transport.isUp(node)),
    ),
    ofProxy(
      'gauge',
      'junokv_record_table_bytes',
      'Opened records that the proxy remembers, roughly.',
      ({ coordinator }) => coordinator.recordTableBytes,
    ),
    ofProxy(
      'gauge',
      'junokv_page_cache_bytes',
      'Pages of large values that the proxy keeps (--page-cache).',
      ({ coordinator }) => coordinator.pageTransfer.cache.sizeBytes,
    ),
    ofProxy(
      'counter',
      'junokv_page_cache_hits_total',
      'Pages that a command found there.',
      ({ coordinator }) => coordinator.pageTransfer.cache.hits,
    ),
    ofProxy(
      'counter',
      'junokv_page_cache_misses_total',
      'Pages that a command did not find there.',
      ({ coordinator }) => coordinator.pageTransfer.cache.misses,
    ),
    ofProxy(
      'counter',
      'junokv_pages_fetched_total',
      'Pages that the proxy asked of storage nodes.',
      ({ coordinator }) => coordinator.pageTransfer.fetched,
    ),
    ofProxy(
      'counter',
      'junokv_pages_written_total',
      'Pages that the proxy wrote, each counted once for all nodes.',
      ({ coordinator }) => coordinator.pageTransfer.written,
    ),
    ofProxy(
      'gauge',
      'junokv_streams',
      'Replies that are sent while they are made.',
      ({ context }) => context.clients.streams.open,
    ),
    ofProxy(
      'counter',
      'junokv_streams_cut_total',
      'Such replies that were cut off, and their connections closed, as their pages were not to be had.',
      ({ context }) => context.clients.streams.cut,
    ),
    ofProxy(
      'gauge',
      'junokv_hedge_delay_seconds',
      'After this a node is not waited for alone any more.',
      ({ coordinator }) => coordinator.rounds.health.hedgeDelayMs / 1000,
    ),
    {
      name: 'junokv_node_up',
      type: 'gauge',
      help: 'Whether the proxy has a connection to the storage node: 1 or 0.',
      labels: ['node', 'zone'],
      collect: ({ proxies }) =>
        proxies.flatMap(({ context, transport }) =>
          context.cluster
            .map()
            .zones.flatMap((zone) =>
              zone.nodes.map(({ id }) => sample(transport.isUp(id) ? 1 : 0, { node: id, zone: zone.name })),
            ),
        ),
    },
    ofNode(
      'gauge',
      'junokv_node_suspect',
      'Whether the node is asked last, as it failed or is slow: 1 or 0.',
      (node) => (node.isSuspect ? 1 : 0),
    ),
    ofNode(
      'counter',
      'junokv_node_suspicions_total',
      'How often the node was found slow or failed while it was trusted.',
      (node) => node.suspicions,
    ),
    ofNode(
      'gauge',
      'junokv_node_latency_seconds',
      'Moving mean of what the node takes for READ and PREPARE.',
      (node) => (node.meanMs === 0 ? null : node.meanMs / 1000),
    ),
    ofNode('gauge', 'junokv_node_latency_deviation_seconds', 'Moving deviation of the same.', (node) =>
      node.meanMs === 0 ? null : node.deviationMs / 1000,
    ),
    ofNode(
      'gauge',
      'junokv_node_clock_ahead_seconds',
      "How far the node's wall clock was ahead of the proxy's when they connected last, its answer's way included.",
      (node) => (node.clockAheadMs === undefined ? null : node.clockAheadMs / 1000),
    ),
    ofNode(
      'gauge',
      'junokv_node_disk_full',
      'Whether the node said lately that its disk is full: 1 or 0.',
      (node, proxy) => (proxy.coordinator.rounds.health.full.isFull(node.nodeId) ? 1 : 0),
    ),
  ],
};

function events(proposer: string, counters: ProtocolCounters): Sample[] {
  return counters.entries().map(([event, count]) => sample(count, { proposer, event }));
}

/** A value of each node that a proxy has met. */
function ofNode(
  type: PlainMetric['type'],
  name: string,
  help: string,
  value: (node: NodeReport, proxy: ObservedProxy) => number | null,
): PlainMetric {
  return {
    type,
    name,
    help,
    labels: ['node', 'zone'],
    collect: ({ proxies }) =>
      proxies.flatMap((proxy) => {
        const zones = zonesOf(proxy.context.cluster.map());
        return proxy.coordinator.rounds.health.reports().flatMap((node) => {
          const told = isPair(node.nodeId) ? null : value(node, proxy);
          return told === null ? [] : [sample(told, { node: node.nodeId, zone: zones.get(node.nodeId) ?? '' })];
        });
      }),
  };
}

function zonesOf(map: ClusterMap): Map<number, string> {
  return new Map(map.zones.flatMap(({ name, nodes }) => nodes.map(({ id }) => [id, name] as const)));
}

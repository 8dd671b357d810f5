import type { ClusterMap, NodeEntry } from '../../cluster/map.ts';
import type { NodeStatus } from '../../rpc/messages.ts';
import type { SweepFindings } from '../../rpc/sweep-messages.ts';
import type { NodeReports } from './member-cluster.ts';

export type NodeState = 'up' | 'learning' | 'distrusted' | 'waiting' | 'not started' | 'no answer';

export interface NodeReport {
  readonly id: number;
  readonly zone: string;
  readonly host: string;
  readonly port: number;
  readonly state: NodeState;
  readonly leaving: boolean;
  /** That it votes for. */
  readonly shards: number;
  /** Under way to it, those that it learns again included. */
  readonly learning: number;
  /** That are to come after these. */
  readonly waiting: number;
  /** What it said of itself; null: it did not answer. */
  readonly status: NodeStatus | null;
}

/** How far the sweeps of all nodes have come, together. */
export interface SweepReport {
  /** Shards that some node has swept to their end since its start. */
  readonly swept: number;
  /** Time since the shard that was not swept for longest was; null while there is one that never was. */
  readonly oldestMs: number | null;
  readonly findings: SweepFindings;
}

export interface ClusterReport {
  readonly clusterId: string;
  readonly epoch: number;
  readonly shards: number;
  readonly zones: readonly { readonly name: string; readonly down: boolean }[];
  readonly nodes: readonly NodeReport[];
  /** Shards under way; `alone`: those of them whose old node does not vote, so that their zone does not count. */
  readonly moves: number;
  readonly alone: number;
  readonly goals: number;
  readonly moveRate: number;
  /** Null: no node told of a sweep. */
  readonly sweep: SweepReport | null;
  /** What needs an operator, in words. */
  readonly problems: readonly string[];
}

/** What a map and the answers of its nodes say about a cluster. */
export function clusterReport(map: ClusterMap, reports: NodeReports): ClusterReport {
  const nodes = map.zones.flatMap((zone) => {
    const shards = countsOf(zone.placement);
    return zone.nodes.map((node) => nodeReport(map, zone.name, node, shards.get(node.id) ?? 0, reports));
  });
  return {
    clusterId: map.clusterId,
    epoch: map.epoch,
    shards: map.shards,
    zones: map.zones.map(({ name, down }) => ({ name, down })),
    nodes,
    moves: map.moves.length,
    alone: map.moves.filter((move) => !move.oldVotes).length,
    goals: map.goals.length,
    moveRate: map.moveRate,
    sweep: sweepReport(map, reports),
    problems: nodes.flatMap((node) => problemsOf(node)),
  };
}

function countsOf(placement: readonly number[]): Map<number, number> {
  const counts = new Map<number, number>();
  for (const id of placement) counts.set(id, (counts.get(id) ?? 0) + 1);
  return counts;
}

function nodeReport(map: ClusterMap, zone: string, node: NodeEntry, shards: number, reports: NodeReports): NodeReport {
  const { id, host, port, leaving } = node;
  const status = reports.status.get(id) ?? null;
  const learning = map.moves.filter((move) => move.learner === id).length;
  const waiting = map.goals.filter((goal) => goal.to === id).length;
  return { id, zone, host, port, leaving, shards, learning, waiting, status, state: stateOf(node, status, learning) };
}

function stateOf(node: NodeEntry, status: NodeStatus | null, learning: number): NodeState {
  if (status === null) return node.incarnation === '' ? 'not started' : 'no answer';
  if (status.distrusted) return 'distrusted';
  // It lost its disk, and cannot enter itself into the map while another zone of its shards learns, too.
  if (status.incarnation !== node.incarnation) return 'waiting';
  return learning > 0 ? 'learning' : 'up';
}

function problemsOf({ id, state, status, leaving, shards, learning, waiting }: NodeReport): string[] {
  const problems: string[] = [];
  if (state === 'no answer') problems.push(`node ${id} does not answer`);
  if (state === 'not started' && learning + waiting > 0) {
    problems.push(`node ${id} is to get shards, and has not been started yet`);
  }
  if (state === 'distrusted') {
    problems.push(
      `node ${id} does not trust its disk after a loss of power; it learns from the other zones if a majority of them can answer, else see 'junokv cluster trust-disks'`,
    );
  }
  if (state === 'waiting') {
    problems.push(
      `node ${id} lost its disk, and waits until nodes of another zone have learned the shards that it shares`,
    );
  }
  if (status !== null && status.corruptRecords > 0) {
    problems.push(`node ${id} found ${status.corruptRecords} records on its disk damaged`);
  }
  if (leaving && shards === 0 && learning === 0) problems.push(`node ${id} is leaving and goes as soon as a node runs`);
  return problems;
}

function sweepReport(map: ClusterMap, { sweep }: NodeReports): SweepReport | null {
  const told = [...sweep.values()];
  if (told.length === 0) return null;
  const ages = new Map<number, number>();
  for (const { shards } of told) {
    for (const { shard, ageMs } of shards) ages.set(shard, Math.min(ageMs, ages.get(shard) ?? ageMs));
  }
  const sum = (name: keyof SweepFindings) => told.reduce((total, { findings }) => total + findings[name], 0);
  return {
    swept: ages.size,
    oldestMs: ages.size < map.shards ? null : [...ages.values()].reduce((oldest, age) => Math.max(oldest, age), 0),
    findings: {
      ranges: sum('ranges'),
      records: sum('records'),
      bytes: sum('bytes'),
      differing: sum('differing'),
      repaired: sum('repaired'),
      killed: sum('killed'),
      purged: sum('purged'),
      pagesPurged: sum('pagesPurged'),
      unreadable: sum('unreadable'),
      unanswered: sum('unanswered'),
      killedFromQueue: sum('killedFromQueue'),
      purgedFromQueue: sum('purgedFromQueue'),
      notesDropped: sum('notesDropped'),
    },
  };
}

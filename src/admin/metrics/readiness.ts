import { findNode } from '../../cluster/cluster-map.ts';
import type { ClusterMap } from '../../cluster/map.ts';
import { seatsOf } from '../../cluster/seats.ts';
import { majority } from '../../quorum/majority.ts';
import { statusOf } from './node-status.ts';
import type { Observed, ObservedProxy } from './observed.ts';

/** Why this process is not ready, in words; empty: it is. */
export function notReady(observed: Observed): string[] {
  if (observed.isStopping) return ['it is stopping'];
  if (!observed.isStarted) return ['it is starting'];
  if (observed.workers !== null) return observed.workers.figures.ready > 0 ? [] : ['no worker serves'];
  const problems = [...observed.proxies].flatMap(proxyProblems);
  // In one process a node that is not ready is what the zones are for.
  if (observed.proxies.size > 0) return problems;
  for (const { node } of observed.nodes.values()) problems.push(...nodeProblems(observed, node.nodeId));
  return observed.nodes.size === 0 ? ['no storage node runs'] : problems;
}

function proxyProblems(proxy: ObservedProxy): string[] {
  const problems: string[] = [];
  if (!proxy.isListening) problems.push('the proxy does not listen');
  const count = unreachableShards(proxy.context.cluster.map(), (node) => proxy.transport.isUp(node));
  if (count > 0) problems.push(`the proxy reaches no majority of the zones for ${count} shards`);
  return problems;
}

/** Shards of which so few zones can be reached that no command on them can be carried out now. */
export function unreachableShards(map: ClusterMap, isUp: (nodeId: number) => boolean): number {
  const up = new Set<number>();
  for (const { nodes } of map.zones) for (const { id } of nodes) if (isUp(id)) up.add(id);
  const isWhole = map.zones.every(({ nodes }) => nodes.every(({ id }) => up.has(id)));
  if (isWhole && map.moves.length === 0) return 0;
  const needed = majority(map.zones.length);
  let count = 0;
  for (let shard = 0; shard < map.shards; shard++) {
    let reached = 0;
    for (const { node, learner, oldVotes } of seatsOf(map, shard)) {
      if (oldVotes && up.has(node) && (learner === 0 || up.has(learner))) reached++;
    }
    if (reached < needed) count++;
  }
  return count;
}

function nodeProblems(observed: Observed, nodeId: number): string[] {
  const node = observed.nodes.get(nodeId)?.node;
  const status = node === undefined ? null : statusOf(node);
  if (node === undefined || status === null) return [`node ${nodeId} does not answer`];
  if (status.distrusted) return [`node ${nodeId} does not trust its disk`];
  const entry = findNode(node.map, nodeId)?.node;
  if (entry === undefined) return [`node ${nodeId} is not in the cluster map`];
  if (entry.incarnation !== status.incarnation) return [`node ${nodeId} is in the cluster map as another incarnation`];
  const again = node.map.moves.filter((move) => move.learner === nodeId && !move.oldVotes).length;
  return again === 0 ? [] : [`node ${nodeId} learns ${again} shards again before it votes`];
}

import { assert } from '../base/assert.ts';
import { databasesProblems, storedAs } from './databases.ts';
import type { ClusterMap, NamespaceEntry, NodeEntry, ShardMove, ZoneEntry } from './map.ts';
import { DATABASES_PER_GROUP, DEFAULT_GROUP, namespaceGroupsProblems } from './namespace-groups.ts';
import { placeShards } from './placement.ts';
import { isShardCount, SLOT_COUNT } from './slot.ts';

/** A node as it is named when a cluster is made; its incarnation comes with its first start. */
export interface NewNode {
  readonly id: number;
  readonly host: string;
  readonly port: number;
}

export interface NewZone {
  readonly name: string;
  readonly nodes: readonly NewNode[];
}

export interface NewCluster {
  readonly clusterId: string;
  readonly shards: number;
  readonly zones: readonly NewZone[];
}

/** The first map of a cluster: epoch 1, shards spread evenly, every incarnation '' (never started). Asserts that it is valid. */
export function createClusterMap(cluster: NewCluster): ClusterMap {
  assert(isShardCount(cluster.shards), `shards must be a power of two up to ${SLOT_COUNT}`);
  const map: ClusterMap = {
    formatVersion: 1,
    clusterId: cluster.clusterId,
    epoch: 1,
    shards: cluster.shards,
    zones: cluster.zones.map((zone) => ({
      name: zone.name,
      nodes: zone.nodes.map((node) => ({ ...node, incarnation: '', leaving: false })),
      placement: placeShards(
        cluster.shards,
        zone.nodes.map((node) => node.id),
        null,
      ),
      down: false,
    })),
    moves: [],
    goals: [],
    moveRate: 0,
    lastNodeId: Math.max(0, ...cluster.zones.flatMap((zone) => zone.nodes.map((node) => node.id))),
    shardEpochs: new Array<number>(cluster.shards).fill(1),
    namespaceGroups: [DEFAULT_GROUP],
    namespaces: Array.from({ length: DATABASES_PER_GROUP }, () => ({ generation: 1, epoch: 1 })),
    databases: [],
  };
  const problems = validateClusterMap(map);
  assert(problems.length === 0, `invalid cluster: ${problems.join('; ')}`);
  return map;
}

/** Everything that is wrong with a map, in words for its operator; empty if it may be used. */
export function validateClusterMap(map: ClusterMap): string[] {
  const problems: string[] = [];
  if (map.clusterId === '') problems.push('clusterId is empty');
  if (!isCount(map.epoch)) problems.push(`epoch must be a positive integer, not ${map.epoch}`);
  if (!isShardCount(map.shards))
    problems.push(`shards must be a power of two from 1 to ${SLOT_COUNT}, not ${map.shards}`);
  if (![1, 3, 5].includes(map.zones.length)) problems.push(`a cluster has 1, 3 or 5 zones, not ${map.zones.length}`);
  const nodeIds = new Set<number>();
  const zoneNames = new Set<string>();
  for (const zone of map.zones) {
    if (zone.name === '' || zoneNames.has(zone.name)) problems.push(`zone name '${zone.name}' is empty or used twice`);
    zoneNames.add(zone.name);
    validateZone(zone, map.shards, nodeIds, problems);
  }
  if (map.shardEpochs.length !== map.shards) {
    problems.push(`shardEpochs has ${map.shardEpochs.length} entries for ${map.shards} shards`);
  }
  if (map.shardEpochs.some((epoch) => !isCount(epoch) || epoch > map.epoch)) {
    problems.push("a shard changed at an epoch that is not from 1 to the map's");
  }
  validateMembers(map, nodeIds, problems);
  problems.push(...namespaceGroupsProblems(map.namespaceGroups));
  const namespaces = DATABASES_PER_GROUP * map.namespaceGroups.length;
  if (map.namespaces.length !== namespaces) {
    problems.push(`a map has ${namespaces} namespaces, not ${map.namespaces.length}`);
  }
  map.namespaces.forEach((namespace, number) => {
    if (!isCount(namespace.generation)) problems.push(`namespace ${number}: generation must be a positive integer`);
    if (!isCount(namespace.epoch) || namespace.epoch > map.epoch) {
      problems.push(`namespace ${number} changed at an epoch that is not from 1 to the map's`);
    }
  });
  problems.push(...databasesProblems(map));
  return problems;
}

function validateZone(zone: ZoneEntry, shards: number, seen: Set<number>, problems: string[]): void {
  if (zone.nodes.length === 0) problems.push(`zone ${zone.name} has no nodes`);
  const own = new Set<number>();
  for (const node of zone.nodes) {
    if (!isCount(node.id) || node.id > 0xffff_ffff)
      problems.push(`node id ${node.id} is not an integer from 1 to 2^32-1`);
    if (seen.has(node.id)) problems.push(`node ${node.id} stands twice in the map`);
    if (node.host === '') problems.push(`node ${node.id} has no host`);
    if (!Number.isInteger(node.port) || node.port < 0 || node.port > 65_535) {
      problems.push(`node ${node.id}: port ${node.port} is not from 0 to 65535`);
    }
    seen.add(node.id);
    own.add(node.id);
  }
  if (zone.placement.length !== shards) {
    problems.push(`zone ${zone.name} places ${zone.placement.length} shards of ${shards}`);
  }
  const stray = zone.placement.find((id) => !own.has(id));
  if (stray !== undefined)
    problems.push(`zone ${zone.name} places a shard on node ${stray}, which is not of this zone`);
}

function validateMembers(map: ClusterMap, nodeIds: ReadonlySet<number>, problems: string[]): void {
  if (!Number.isSafeInteger(map.moveRate) || map.moveRate < 0) problems.push('moveRate must be an integer from 0 on');
  for (const id of nodeIds) {
    if (id > map.lastNodeId) problems.push(`lastNodeId is ${map.lastNodeId}, but there is a node ${id}`);
  }
  const nodesOfZones = map.zones.map((zone) => new Map(zone.nodes.map((node) => [node.id, node])));
  const moving = new Map<number, ShardMove>();
  let last = -1;
  for (const move of map.moves) {
    const { shard, zone, learner, oldVotes } = move;
    const holder = map.zones[zone]?.placement[shard];
    if (holder === undefined) problems.push(`shard ${shard} of zone ${zone} moves, but there is none`);
    if (shard <= last) problems.push(`moves must be in the order of their shards, one of each: ${shard} after ${last}`);
    if (!nodesOfZones[zone]?.has(learner)) problems.push(`node ${learner} learns shard ${shard} of another zone`);
    if (oldVotes && holder === learner) problems.push(`shard ${shard} moves to node ${learner}, which has it`);
    last = shard;
    moving.set(shard, move);
  }
  const seen = new Set<number>();
  for (const { shard, zone, to } of map.goals) {
    const holder = map.zones[zone]?.placement[shard];
    if (holder === undefined) problems.push(`shard ${shard} of zone ${zone} is to move, but there is none`);
    const node = nodesOfZones[zone]?.get(to);
    if (node === undefined) problems.push(`shard ${shard} is to move to node ${to}, which is of another zone`);
    if (node?.leaving) problems.push(`shard ${shard} is to move to node ${to}, which is leaving`);
    const move = moving.get(shard);
    const destination = move?.zone === zone ? move.learner : holder;
    if (destination === to) problems.push(`shard ${shard} is to move to node ${to}, where it is or is going`);
    const name = shard * map.zones.length + zone;
    if (seen.has(name)) problems.push(`shard ${shard} is to move twice in one zone`);
    seen.add(name);
  }
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 1;
}

/** All nodes, zone by zone. */
export function nodesOf(map: ClusterMap): NodeEntry[] {
  return map.zones.flatMap((zone) => zone.nodes);
}

/** The node with this id and its zone, or null. */
export function findNode(
  map: ClusterMap,
  nodeId: number,
): { readonly node: NodeEntry; readonly zone: ZoneEntry } | null {
  for (const zone of map.zones) {
    const node = zone.nodes.find((candidate) => candidate.id === nodeId);
    if (node !== undefined) return { node, zone };
  }
  return null;
}

/** The nodes that hold a shard: one of each zone, in the map's order of zones. */
export function replicaSet(map: ClusterMap, shard: number): number[] {
  assert(shard >= 0 && shard < map.shards, 'no such shard');
  return map.zones.map((zone) => zone.placement[shard] as number);
}

/** Replica sets of all shards at once, for a proxy's table; equal sets share one array. */
export function replicaSets(map: ClusterMap): (readonly number[])[] {
  const known = new Map<string, readonly number[]>();
  return map.shardEpochs.map((_, shard) => {
    const set = replicaSet(map, shard);
    const name = set.join(',');
    const same = known.get(name);
    if (same !== undefined) return same;
    known.set(name, set);
    return set;
  });
}

export function shardEpoch(map: ClusterMap, shard: number): number {
  const epoch = map.shardEpochs[shard];
  assert(epoch !== undefined, 'no such shard');
  return epoch;
}

export function namespaceOf(map: ClusterMap, namespace: number): NamespaceEntry {
  const entry = map.namespaces[namespace];
  assert(entry !== undefined, 'no such namespace');
  return entry;
}

export function namespaceEpoch(map: ClusterMap, namespace: number): number {
  return namespaceOf(map, namespace).epoch;
}

/** The map after a flush of these databases, as clients name them: next epoch, their generations raised (protocol §8). */
export function withRaisedGenerations(map: ClusterMap, databases: readonly number[]): ClusterMap {
  const epoch = map.epoch + 1;
  const flushed = new Set(databases.map((database) => storedAs(map, database)));
  return {
    ...map,
    epoch,
    namespaces: map.namespaces.map((entry, number) =>
      flushed.has(number) ? { generation: entry.generation + 1, epoch } : entry,
    ),
  };
}

/**
 * The map once a node has told its incarnation (and where it really listens): next epoch. No shard's epoch changes, as
 * nobody's answers depended on it before; only a node's first start may be entered so; another incarnation after that is `withRelearning`.
 */
export function withStartedNode(map: ClusterMap, started: NodeEntry): ClusterMap {
  const found = findNode(map, started.id);
  assert(found !== null, 'no such node');
  assert(found.node.incarnation === '' || found.node.incarnation === started.incarnation, 'a disk was lost: relearn');
  return {
    ...map,
    epoch: map.epoch + 1,
    zones: map.zones.map((zone) => ({
      ...zone,
      nodes: zone.nodes.map((node) => (node.id === started.id ? started : node)),
    })),
  };
}

import type { ClusterMap, NodeEntry } from '../../cluster/map.ts';
import { DEFAULT_GROUP } from '../../cluster/namespace-groups.ts';
import { shardOf, slotOf } from '../../cluster/slot.ts';
import type { ReplicaState } from '../../quorum/inspect.ts';
import { ballotRow } from '../../record/ballot-row.ts';
import { type LiveRecord, type RecordPast, type StateHeader, StateKind } from '../../record/state.ts';
import type { KeyLocation, KeyReplica, NodeHealth } from '../cluster-port.ts';

const ZONES = 3;
const SHARDS = 1024;
const FIRST_PORT = 7001;

/** A plausible map for tests: three zones with one node each, 1024 shards, epoch 1. */
export function localMap(namespaces: number): ClusterMap {
  return {
    formatVersion: 1,
    clusterId: 'local-cluster',
    epoch: 1,
    shards: SHARDS,
    zones: Array.from({ length: ZONES }, (_, zone) => ({
      name: `zone${zone + 1}`,
      nodes: [nodeOf(zone)],
      placement: new Array<number>(SHARDS).fill(zone + 1),
      down: false,
    })),
    moves: [],
    moveRate: 0,
    lastNodeId: 1_000,
    goals: [],
    shardEpochs: new Array<number>(SHARDS).fill(1),
    namespaceGroups: [DEFAULT_GROUP],
    namespaces: Array.from({ length: namespaces }, () => ({ generation: 0, epoch: 1 })),
    databases: [],
  };
}

function nodeOf(zone: number): NodeEntry {
  const id = zone + 1;
  return { id, incarnation: `incarnation-${id}`, host: '127.0.0.1', port: FIRST_PORT + zone, leaving: false };
}

/** Every node of the map, up. */
export function localNodes(map: ClusterMap): NodeHealth[] {
  return map.zones.flatMap((zone) =>
    zone.nodes.map((node) => ({
      nodeId: node.id,
      zone: zone.name,
      host: node.host,
      port: node.port,
      up: true,
      status: {
        nodeId: node.id,
        mapEpoch: map.epoch,
        engine: 'memory',
        fsync: 'no',
        dataBytes: 0,
        corruptRecords: 0,
        unsyncedMs: 0,
        incarnation: node.incarnation,
        ceilingUs: 0,
        learningShards: 0,
        distrusted: false,
        liveBytes: 0,
        expiringRecords: 0,
      },
    })),
  );
}

/** Where a key is: every node holds every shard. */
export function localLocation(map: ClusterMap, key: Buffer): KeyLocation {
  const slot = slotOf(key);
  const shard = shardOf(slot, map.shards);
  const nodes = localNodes(map).map(({ nodeId, zone, host, port, up }) => ({ nodeId, zone, host, port, up }));
  return { slot, shard, shardEpoch: map.shardEpochs[shard] ?? 0, mapEpoch: map.epoch, nodes };
}

/** The same record on every node, or what is left of it; under the ballot 1.1. */
export function localReplicas(map: ClusterMap, live: LiveRecord | null, past: RecordPast | undefined): KeyReplica[] {
  let replica: ReplicaState = { kind: 'absent' };
  if (past !== undefined) {
    const ballot = { time: 1, proposer: 1 };
    const header: StateHeader = {
      kind: live === null ? StateKind.dead : StateKind.live,
      origin: ballot,
      lineage: ballotRow([ballot]),
      birth: true,
      expiresAtMs: live?.expiresAtMs ?? 0,
      sizeBytes: live?.sizeBytes ?? 0,
      namespace: 0,
      generation: 0,
      paged: live?.value.paged ?? false,
      remembers: false,
    };
    const content = { ...past, key: live?.key ?? Buffer.alloc(0), value: live?.value ?? null };
    replica = { kind: live === null ? 'dead' : 'live', accepted: ballot, header, content };
  }
  return localNodes(map).map(({ zone, nodeId }) => ({ zone, nodeId, replica }));
}

/** Of entries by namespace and key: those of two namespaces change places. */
export function swapNames<T>(byName: Map<string, T>, one: number, other: number): void {
  const moved = new Map<string, T>();
  for (const [name, value] of byName) {
    const [from, to] = name.startsWith(`${one} `) ? [one, other] : [other, one];
    if (!name.startsWith(`${from} `)) continue;
    moved.set(`${to}${name.slice(String(from).length)}`, value);
    byName.delete(name);
  }
  for (const [name, value] of moved) byName.set(name, value);
}

import { assert } from '../base/assert.ts';
import { storedAs, swapEpoch } from '../cluster/databases.ts';
import type { ClusterMap } from '../cluster/map.ts';
import { type Seat, seatsOf } from '../cluster/seats.ts';
import { shardOf, slotOf } from '../cluster/slot.ts';
import type { RecordAddress } from '../rpc/messages.ts';
import type { NodeId } from '../rpc/transport.ts';
import type { JointTransport } from './joint-transport.ts';
import { NO_NODES } from './replica-order.ts';
import type { Placement, RecordIds } from './task-context.ts';
import type { TransactionKey } from './transaction.ts';

/** Whom to ask about the records of a shard. */
export interface ShardReplicas {
  /**
   * The zones' nodes, or pairs, in the order in which they are asked: once for each zone that may come first. Plain nodes,
   * then pairs, then zones marked down, and last those that do not count.
   */
  readonly orders: readonly (readonly NodeId[])[];
  /** One zone is moving. */
  readonly joint: boolean;
}

interface Place {
  readonly node: NodeId;
  readonly rank: number;
}

/** All shards of a map; equal ones share one entry. */
export function shardTable(map: ClusterMap, transport: JointTransport): readonly ShardReplicas[] {
  const known = new Map<string, ShardReplicas>();
  return map.shardEpochs.map((_, shard) => {
    const seats = seatsOf(map, shard);
    const name = seats.map(({ node, learner, oldVotes }) => `${node} ${learner} ${oldVotes}`).join();
    const same = known.get(name);
    if (same !== undefined) return same;
    const replicas = replicasOf(map, seats, transport);
    known.set(name, replicas);
    return replicas;
  });
}

/** Where a record is, under this map and its table. */
export function placeRecord(
  map: ClusterMap,
  shards: readonly ShardReplicas[],
  ids: RecordIds,
  { namespace: database, key }: TransactionKey,
): Placement {
  const namespace = storedAs(map, database);
  const generation = map.namespaces[namespace]?.generation ?? 0;
  const id = ids.recordId(namespace, generation, key);
  const shard = shardOf(slotOf(key), map.shards);
  const address: RecordAddress = {
    id,
    shard,
    shardEpoch: map.shardEpochs[shard] ?? 0,
    namespace,
    namespaceEpoch: map.namespaces[namespace]?.epoch ?? 0,
    memo0: undefined,
    memo1: undefined,
    memo2: undefined,
    memo3: undefined,
    memo4: undefined,
  };
  // Which replica is asked first depends on the record: reads spread over the zones, and each record has one warm cache.
  const first = id.charCodeAt(0) % map.zones.length;
  const replicas = shards[shard];
  assert(replicas !== undefined, 'every shard has its nodes');
  const { orders, joint } = replicas;
  const isSwapped = swapEpoch(map, database) !== 0;
  return { address, generation, isSwapped, nodes: orders[first] ?? NO_NODES, joint, mapEpoch: map.epoch };
}

/** All nodes and pairs of a table. */
export function placesOf(shards: readonly ShardReplicas[]): ReadonlySet<NodeId> {
  return new Set([...new Set(shards)].flatMap(({ orders }) => orders[0] ?? []));
}

function replicasOf(map: ClusterMap, seats: readonly Seat[], transport: JointTransport): ShardReplicas {
  const places = seats.map((seat) => placeOf(seat, map.zones[seat.zone]?.down === true, transport));
  const orders = places.map((_, first) => {
    const turned = places.slice(first).concat(places.slice(0, first));
    // Sorting is stable: within a rank the turn decides.
    return turned.sort((a, b) => a.rank - b.rank).map(({ node }) => node);
  });
  return { orders, joint: seats.some(({ learner }) => learner !== 0) };
}

function placeOf({ node, learner, oldVotes }: Seat, down: boolean, transport: JointTransport): Place {
  if (learner === 0) return { node, rank: down ? 2 : 0 };
  const pair = transport.numberOf({ old: node, learner, oldVotes });
  return { node: pair, rank: !oldVotes ? 3 : down ? 2 : 1 };
}

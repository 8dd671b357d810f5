import type { ClusterMap } from '../cluster/map.ts';
import { seatsOf } from '../cluster/seats.ts';
import type { NodeId } from '../rpc/transport.ts';

/** Which node looks after which shards, by one map. */
export interface SweptShards {
  readonly map: ClusterMap;
  /** By shard 1 where this node is the first to sweep. */
  readonly mine: Uint8Array;
  /** By shard the number of its replicas in `replicas`. */
  readonly groups: Uint16Array;
  /** Different sets of nodes that hold shards; of a moving zone the old one. */
  readonly replicas: readonly (readonly NodeId[])[];
}

/** The nodes of a shard in the order in which it is theirs to sweep it: the first is the one in zone shard mod N. */
export function sweepOrder(map: ClusterMap, shard: number): NodeId[] {
  const seats = seatsOf(map, shard);
  return seats.map((_, i) => seats[(shard + i) % seats.length]?.node ?? 0);
}

export function sweptShards(map: ClusterMap, nodeId: NodeId): SweptShards {
  const mine = new Uint8Array(map.shards);
  const groups = new Uint16Array(map.shards);
  const replicas: NodeId[][] = [];
  const known = new Map<string, number>();
  for (let shard = 0; shard < map.shards; shard++) {
    const order = sweepOrder(map, shard);
    if (order[0] === nodeId) mine[shard] = 1;
    const nodes = order.toSorted((a, b) => a - b);
    const name = nodes.join();
    let group = known.get(name);
    if (group === undefined) {
      group = replicas.length;
      known.set(name, group);
      replicas.push(nodes);
    }
    groups[shard] = group;
  }
  return { map, mine, groups, replicas };
}

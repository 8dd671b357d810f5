import type { ClusterMap } from '../cluster/map.ts';
import { type Seat, seatsOf } from '../cluster/seats.ts';
import type { NodeId } from '../rpc/transport.ts';
import { majority } from './majority.ts';

/**
 * Whether, in every shard, Q zones have adopted the map: of a moving shard both nodes of the pair, and never where the old
 * one does not vote (protocol §8).
 */
export function adoptedByQuorum(map: ClusterMap, adopted: ReadonlySet<NodeId>): boolean {
  const quorum = majority(map.zones.length);
  for (let shard = 0; shard < map.shards; shard++) {
    let zones = 0;
    for (const seat of seatsOf(map, shard)) if (hasAdopted(seat, adopted)) zones++;
    if (zones < quorum) return false;
  }
  return true;
}

function hasAdopted(seat: Seat, adopted: ReadonlySet<NodeId>): boolean {
  return seat.oldVotes && adopted.has(seat.node) && (seat.learner === 0 || adopted.has(seat.learner));
}

import { assert } from '../base/assert.ts';
import type { ClusterMap, ShardMove } from './map.ts';

/** Who stands for one zone in a shard (protocol §8). */
export interface Seat {
  /** Index into the map's zones. */
  readonly zone: number;
  /** The node that holds the shard; of a moving shard the one that it moves from. */
  readonly node: number;
  /** The node that learns the shard beside it, or 0; the same as `node` where a node that lost its disk learns again. */
  readonly learner: number;
  /** With a learner: whether the zone counts, when both answer. Without one always true. */
  readonly oldVotes: boolean;
}

/** The seats of a shard, one of each zone in the map's order; at most one has a learner. */
export function seatsOf(map: ClusterMap, shard: number): Seat[] {
  const move = moveOf(map, shard);
  return map.zones.map((zone, index) => {
    const node = zone.placement[shard];
    assert(node !== undefined, 'no such shard');
    if (move === null || move.zone !== index) return { zone: index, node, learner: 0, oldVotes: true };
    return { zone: index, node, learner: move.learner, oldVotes: move.oldVotes };
  });
}

/** The move of a shard, or null while it stays. */
export function moveOf(map: ClusterMap, shard: number): ShardMove | null {
  // Moves are sorted by shard, and may be as many as there are shards.
  let from = 0;
  let to = map.moves.length;
  while (from < to) {
    const middle = (from + to) >>> 1;
    const move = map.moves[middle];
    if (move === undefined || move.shard === shard) return move ?? null;
    if (move.shard < shard) from = middle + 1;
    else to = middle;
  }
  return null;
}

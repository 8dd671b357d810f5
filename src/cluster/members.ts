import { assert } from '../base/assert.ts';
import { findNode, nodesOf, validateClusterMap } from './cluster-map.ts';
import type { ClusterMap, NodeEntry, ShardGoal, ShardMove, ZoneEntry } from './map.ts';
import { moveOf } from './seats.ts';

/**
 * Changes of members as changes of the map (protocol §8): pure functions for `updateClusterMap`. Each answers a valid map
 * of the next epoch, in which the shards whose seats changed carry that epoch, or null where nothing is to be changed.
 * All but the planned ones forgive what another writer did in between: a move that is gone is passed over.
 */

/** A node that joins: it holds nothing until goals name it, and enters its incarnation when it starts. */
export interface JoiningNode {
  /** Index into the map's zones. */
  readonly zone: number;
  readonly id: number;
  readonly host: string;
  readonly port: number;
}

/** What of a map a change sets, beside the epochs that follow from it. */
interface Changes {
  readonly zones?: readonly ZoneEntry[];
  readonly moves?: readonly ShardMove[];
  readonly goals?: readonly ShardGoal[];
  readonly moveRate?: number;
  readonly lastNodeId?: number;
}

/** The next map: goals that are met are gone, shards whose seats changed (or that are named) carry the new epoch. */
export function nextMap(map: ClusterMap, changes: Changes, fenced: Iterable<number> = []): ClusterMap {
  const epoch = map.epoch + 1;
  const changed = { ...map, ...changes, epoch };
  const shardEpochs = [...map.shardEpochs];
  for (const shard of fenced) shardEpochs[shard] = epoch;
  const next = { ...changed, goals: openGoals(changed), shardEpochs };
  const problems = validateClusterMap(next);
  assert(problems.length === 0, `a change of members made an invalid map: ${problems.join('; ')}`);
  return next;
}

/** Goals that are not met yet, where they stand, each shard and zone's last one only, none to a leaving node. */
function openGoals(map: ClusterMap): ShardGoal[] {
  if (map.goals.length === 0) return [];
  const leaving = new Set(nodesOf(map).flatMap((node) => (node.leaving ? [node.id] : [])));
  const last = new Map(map.goals.map((goal) => [goal.shard * map.zones.length + goal.zone, goal]));
  return map.goals.filter((goal) => {
    if (leaving.has(goal.to) || last.get(goal.shard * map.zones.length + goal.zone) !== goal) return false;
    const move = moveOf(map, goal.shard);
    const destination = move?.zone === goal.zone ? move.learner : map.zones[goal.zone]?.placement[goal.shard];
    return goal.to !== destination;
  });
}

/**
 * A learner's goals become moves, until it has `atMost` moves under way. A shard moves in one zone at a time, so a goal
 * whose shard is moving stays a goal; only where the learner is leaving and the old node does not vote, which is where
 * nobody could end or take back the move, does the new learner take the old one's place. Null: nothing to begin.
 */
export function withMovesBegun(map: ClusterMap, learner: number, atMost: number): ClusterMap | null {
  let room = atMost - map.moves.filter((move) => move.learner === learner).length;
  const begun = new Map<number, ShardMove>();
  for (const { shard, zone, to } of map.goals) {
    if (room <= 0) break;
    if (to !== learner || begun.has(shard)) continue;
    const under = moveOf(map, shard);
    if (under !== null && (under.zone !== zone || under.oldVotes || !isLeaving(map, under.learner))) continue;
    begun.set(shard, { shard, zone, learner, oldVotes: under === null });
    room--;
  }
  if (begun.size === 0) return null;
  const moves = [...map.moves.filter((move) => !begun.has(move.shard)), ...begun.values()];
  return nextMap(map, { moves: sortedMoves(moves) }, begun.keys());
}

/**
 * The learner is the voter of these shards now, and the old node has nothing to do with them any more. The caller makes
 * sure that what it learned, it learned at the epoch that the shard has in `map`. Null: it learns none of them.
 */
export function withShardsLearned(map: ClusterMap, learner: number, shards: readonly number[]): ClusterMap | null {
  const asked = new Set(shards);
  const done = map.moves.filter((move) => move.learner === learner && asked.has(move.shard));
  if (done.length === 0) return null;
  const ended = new Set(done.map((move) => move.shard));
  const zones = map.zones.map((zone, index) => {
    const own = done.filter((move) => move.zone === index);
    if (own.length === 0) return zone;
    const placement = [...zone.placement];
    for (const { shard } of own) placement[shard] = learner;
    return { ...zone, placement };
  });
  return nextMap(map, { zones, moves: map.moves.filter((move) => !ended.has(move.shard)) }, ended);
}

/**
 * The old nodes of these shards vote alone again, and the moves become the last goals, unless others have been set in
 * their place. Moves whose old node does not vote cannot be taken back and stay. Null: there is none to take back.
 */
export function withMoveTakenBack(map: ClusterMap, shards: readonly number[]): ClusterMap | null {
  const asked = new Set(shards);
  const back = map.moves.filter((move) => move.oldVotes && asked.has(move.shard));
  return back.length === 0 ? null : nextMap(map, takenBack(map, back), shardsOf(back));
}

function takenBack(map: ClusterMap, back: readonly ShardMove[]): Required<Pick<Changes, 'moves' | 'goals'>> {
  const gone = new Set(back);
  const again = back.map(({ shard, zone, learner }) => ({ shard, zone, to: learner }));
  const nameOf = ({ shard, zone }: ShardGoal) => shard * map.zones.length + zone;
  const set = new Set(map.goals.map(nameOf));
  return {
    moves: map.moves.filter((move) => !gone.has(move)),
    goals: [...map.goals, ...again.filter((goal) => !set.has(nameOf(goal)))],
  };
}

/** These goals in place of those there were; those that are met already are left out. */
export function withGoals(map: ClusterMap, goals: readonly ShardGoal[]): ClusterMap {
  return nextMap(map, { goals });
}

/**
 * A change called off: no goals, what can be taken back is, and nodes that were leaving stay with the shards that they
 * still have. Null: nothing was going on.
 */
export function withoutGoals(map: ClusterMap): ClusterMap | null {
  const back = map.moves.filter((move) => move.oldVotes);
  if (back.length === 0 && map.goals.length === 0 && nodesOf(map).every((node) => !node.leaving)) return null;
  const zones = map.zones.map((zone) => ({ ...zone, nodes: zone.nodes.map((node) => ({ ...node, leaving: false })) }));
  return nextMap(map, { zones, moves: map.moves.filter((move) => !move.oldVotes), goals: [] }, shardsOf(back));
}

/** New nodes, without shards. Their ids must never have been in the map. */
export function withNodesAdded(map: ClusterMap, nodes: readonly JoiningNode[]): ClusterMap {
  assert(
    nodes.every(({ id, zone }) => id > map.lastNodeId && map.zones[zone] !== undefined),
    'a new node has a new id and a zone of the map',
  );
  return nextMap(map, {
    zones: map.zones.map((zone, index) => {
      const own = nodes.filter((node) => node.zone === index);
      const added = own.map(({ id, host, port }) => ({ id, incarnation: '', host, port, leaving: false }));
      return { ...zone, nodes: [...zone.nodes, ...added] };
    }),
    lastNodeId: nodes.reduce((highest, { id }) => Math.max(highest, id), map.lastNodeId),
  });
}

/** Nodes that are to have no shards. Goals to them are dropped; where their own shards go, other goals say. */
export function withNodesLeaving(map: ClusterMap, ids: readonly number[]): ClusterMap {
  const asked = new Set(ids);
  return nextMap(map, { zones: mapNodes(map, (node) => (asked.has(node.id) ? { ...node, leaving: true } : node)) });
}

/** The leaving nodes that nothing holds any more: no shard, no move, no goal. */
export function nodesToGo(map: ClusterMap): number[] {
  const needed = new Set<number>(map.moves.map((move) => move.learner));
  for (const zone of map.zones) for (const id of zone.placement) needed.add(id);
  for (const goal of map.goals) needed.add(goal.to);
  return nodesOf(map).flatMap((node) => (node.leaving && !needed.has(node.id) ? [node.id] : []));
}

/** The map without these nodes, as far as they are among `nodesToGo`. Null: none of them is. */
export function withNodesGone(map: ClusterMap, ids: readonly number[]): ClusterMap | null {
  const going = new Set(nodesToGo(map).filter((id) => ids.includes(id)));
  if (going.size === 0) return null;
  return nextMap(map, {
    zones: map.zones.map((zone) => ({ ...zone, nodes: zone.nodes.filter((node) => !going.has(node.id)) })),
  });
}

/**
 * A node that lost its disk, or does not trust it, is back: each shard that it holds becomes a move to itself in which
 * its zone does not count, and what it was learning it learns from the start. Moves of these shards that can be taken
 * back are, and wait as goals. Null: of one of its shards another zone has lost its old node, too, so this one must wait.
 */
export function withRelearning(map: ClusterMap, started: NodeEntry): ClusterMap | null {
  const zone = map.zones.findIndex((entry) => entry.nodes.some((node) => node.id === started.id));
  const placement = map.zones[zone]?.placement;
  assert(placement !== undefined, 'no such node');
  const others: ShardMove[] = [];
  const relearned = new Map<number, ShardMove>();
  for (let shard = 0; shard < map.shards; shard++) {
    if (placement[shard] !== started.id) continue;
    const move = moveOf(map, shard);
    if (move !== null && !move.oldVotes) {
      if (move.zone !== zone) return null;
      // Its place has been taken already; that learner goes on.
      if (move.learner !== started.id) continue;
    }
    if (move?.oldVotes) others.push(move);
    relearned.set(shard, { shard, zone, learner: started.id, oldVotes: false });
  }
  const { moves, goals } = takenBack(map, others);
  const learning = map.moves.filter((move) => move.learner === started.id);
  return nextMap(
    map,
    {
      zones: mapNodes(map, (node) => (node.id === started.id ? { ...started, leaving: node.leaving } : node)),
      moves: sortedMoves([...moves.filter((move) => !relearned.has(move.shard)), ...relearned.values()]),
      goals,
    },
    [...relearned.keys(), ...shardsOf(learning)],
  );
}

/**
 * The operator trusts a node's disk: it votes again with what it holds, under this incarnation. Only for a node that has
 * not begun to delete what it holds. Null: the map says so already.
 */
export function withTrusted(map: ClusterMap, nodeId: number, incarnation: string): ClusterMap | null {
  const found = findNode(map, nodeId);
  assert(found !== null, 'no such node');
  const isOwn = ({ shard, learner, oldVotes }: ShardMove) =>
    !oldVotes && learner === nodeId && found.zone.placement[shard] === nodeId;
  const ended = map.moves.filter(isOwn);
  if (ended.length === 0 && found.node.incarnation === incarnation) return null;
  // What it may have answered under another incarnation must not count with what it answers now.
  const held = found.zone.placement.flatMap((id, shard) => (id === nodeId ? [shard] : []));
  return nextMap(
    map,
    {
      zones: mapNodes(map, (node) => (node.id === nodeId ? { ...node, incarnation } : node)),
      moves: map.moves.filter((move) => !isOwn(move)),
    },
    held,
  );
}

/** A zone under maintenance, or back from it: nobody's answers count otherwise for it. Null: it is so already. */
export function withZoneDown(map: ClusterMap, zoneName: string, down: boolean): ClusterMap | null {
  const found = map.zones.find((zone) => zone.name === zoneName);
  assert(found !== undefined, 'no such zone');
  if (found.down === down) return null;
  return nextMap(map, { zones: map.zones.map((zone) => (zone === found ? { ...zone, down } : zone)) });
}

/** Bytes per second that each learner takes in; 0: what it takes by itself. Null: it is so already. */
export function withMoveRate(map: ClusterMap, bytesPerSecond: number): ClusterMap | null {
  return map.moveRate === bytesPerSecond ? null : nextMap(map, { moveRate: bytesPerSecond });
}

export function sortedMoves(moves: readonly ShardMove[]): ShardMove[] {
  return [...moves].sort((a, b) => a.shard - b.shard);
}

function shardsOf(moves: readonly ShardMove[]): number[] {
  return moves.map((move) => move.shard);
}

function isLeaving(map: ClusterMap, nodeId: number): boolean {
  return findNode(map, nodeId)?.node.leaving === true;
}

function mapNodes(map: ClusterMap, change: (node: NodeEntry) => NodeEntry): ZoneEntry[] {
  return map.zones.map((zone) => ({ ...zone, nodes: zone.nodes.map(change) }));
}

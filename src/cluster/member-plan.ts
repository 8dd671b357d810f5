import { assert } from '../base/assert.ts';
import { findNode, nodesOf } from './cluster-map.ts';
import type { ClusterMap, NodeEntry, ShardGoal, ShardMove, ZoneEntry } from './map.ts';
import { type JoiningNode, nextMap } from './members.ts';
import { placeShards } from './placement.ts';
import { moveOf } from './seats.ts';

/** What an operator asks for; the ids of new nodes are given out by `changeOfMembers`. */
export interface AskedMembers {
  readonly add: readonly { readonly zone: string; readonly host: string; readonly port: number }[];
  readonly remove: readonly number[];
  readonly replace: readonly { readonly id: number; readonly host: string; readonly port: number }[];
}

/** A change of members; with none, the shards of each zone are spread evenly over its nodes again. */
export interface MemberChange {
  readonly add: readonly JoiningNode[];
  readonly remove: readonly number[];
  readonly replace: readonly { readonly id: number; readonly by: JoiningNode }[];
}

export interface PlannedNode {
  readonly id: number;
  readonly host: string;
  readonly port: number;
  readonly fate: 'stays' | 'joins' | 'leaves';
  /** Shards that it has, those that it is learning included. */
  readonly shardsBefore: number;
  readonly shardsAfter: number;
}

export interface PlannedZone {
  readonly name: string;
  readonly nodes: readonly PlannedNode[];
  /** Shards that go to another node than the one that has or learns them. */
  readonly moved: number;
  /** Fewer cannot move: counted from the loads alone. */
  readonly leastMoves: number;
  /** Shards moved from node to node, in the order of their ids. */
  readonly transfers: readonly { readonly from: number; readonly to: number; readonly shards: number }[];
}

/** What a change will do. It is of one map: `withMemberPlan` carries it out on that map only. */
export interface MemberPlan {
  readonly epoch: number;
  readonly change: MemberChange;
  readonly goals: readonly ShardGoal[];
  /** Moves under way that lead elsewhere now. */
  readonly takenBack: readonly ShardMove[];
  readonly zones: readonly PlannedZone[];
  readonly moved: number;
  readonly leastMoves: number;
}

export type PlannedMembers =
  | { readonly ok: true; readonly plan: MemberPlan }
  /** In words for the operator. */
  | { readonly ok: false; readonly problem: string };

/** Gives new nodes their ids, above all that the cluster ever had, or says what is wrong with what was asked. */
export function changeOfMembers(
  map: ClusterMap,
  asked: AskedMembers,
): { readonly ok: true; readonly change: MemberChange } | { readonly ok: false; readonly problem: string } {
  let id = map.lastNodeId;
  const add: JoiningNode[] = [];
  for (const { zone: name, host, port } of asked.add) {
    const zone = map.zones.findIndex((entry) => entry.name === name);
    const names = map.zones.map((entry) => entry.name).join(', ');
    if (zone < 0) return { ok: false, problem: `there is no zone '${name}'; the zones are ${names}` };
    add.push({ zone, id: ++id, host, port });
  }
  const replace: { id: number; by: JoiningNode }[] = [];
  for (const { id: old, host, port } of asked.replace) {
    const zone = map.zones.findIndex((entry) => entry.nodes.some((node) => node.id === old));
    if (zone < 0) return { ok: false, problem: `there is no node ${old}` };
    replace.push({ id: old, by: { zone, id: ++id, host, port } });
  }
  const change = { add, remove: asked.remove, replace };
  const problem = changeProblem(map, change);
  return problem === null ? { ok: true, change } : { ok: false, problem };
}

/**
 * The fewest moves of shards that leave each zone's loads within one of each other, over the nodes that stay and join. A
 * node that replaces another gets just what that one has, where this costs no more moves.
 */
export function planMembers(map: ClusterMap, change: MemberChange): PlannedMembers {
  const problem = changeProblem(map, change);
  if (problem !== null) return { ok: false, problem };
  const goals: ShardGoal[] = [];
  const takenBack: ShardMove[] = [];
  const zones = map.zones.map((zone, index) => {
    const now = zone.placement.map((id, shard) => {
      const move = moveOf(map, shard);
      return move?.zone === index ? move.learner : id;
    });
    const after = placeZone(zone, index, now, change);
    after.forEach((to, shard) => {
      if (to === now[shard]) return;
      const move = moveOf(map, shard);
      const under = move?.zone === index ? move : null;
      if (under?.oldVotes) takenBack.push(under);
      if (!under?.oldVotes || to !== zone.placement[shard]) goals.push({ shard, zone: index, to });
    });
    return plannedZone(zone, index, now, after, change);
  });
  const sum = (count: (zone: PlannedZone) => number) => zones.reduce((total, zone) => total + count(zone), 0);
  const plan = { epoch: map.epoch, change, goals: takingTurns(goals, map.zones.length), takenBack, zones };
  return {
    ok: true,
    plan: { ...plan, moved: sum((zone) => zone.moved), leastMoves: sum((zone) => zone.leastMoves) },
  };
}

/**
 * The map that begins a plan: nodes added and marked as leaving, moves that lead elsewhere taken back, and the plan's
 * goals in place of all there were. Null: the map has changed since; plan again.
 */
export function withMemberPlan(map: ClusterMap, plan: MemberPlan): ClusterMap | null {
  if (map.epoch !== plan.epoch) return null;
  const joining = joiningNodes(plan.change);
  const leaving = new Set([...plan.change.remove, ...plan.change.replace.map(({ id }) => id)]);
  const back = new Set(plan.takenBack);
  return nextMap(
    map,
    {
      zones: map.zones.map((zone, index) => ({
        ...zone,
        nodes: [
          ...zone.nodes.map((node) => (leaving.has(node.id) ? { ...node, leaving: true } : node)),
          ...joining.filter((node) => node.zone === index).map(entryOf),
        ],
      })),
      moves: map.moves.filter((move) => !back.has(move)),
      goals: plan.goals,
      lastNodeId: joining.reduce((highest, { id }) => Math.max(highest, id), map.lastNodeId),
    },
    plan.takenBack.map((move) => move.shard),
  );
}

/**
 * The fewest shards that must move so that the loads of `after` differ by at most one: all but those that can stay where
 * they are, a node keeping up to its share and the larger shares going to those that have most.
 */
export function leastMoves(placement: readonly number[], after: readonly number[]): number {
  const loads = after.map((id) => placement.reduce((count, holder) => (holder === id ? count + 1 : count), 0));
  const small = Math.floor(placement.length / after.length);
  const large = placement.length % after.length;
  loads.sort((a, b) => b - a);
  const staying = loads.reduce((sum, load, index) => sum + Math.min(load, index < large ? small + 1 : small), 0);
  return placement.length - staying;
}

/** What is wrong with a change, in words for the operator, or null. */
function changeProblem(map: ClusterMap, { add, remove, replace }: MemberChange): string | null {
  const out = [...remove, ...replace.map(({ id }) => id)];
  for (const [position, id] of out.entries()) {
    const found = findNode(map, id);
    if (found === null) return `there is no node ${id}`;
    if (found.node.leaving && remove.includes(id)) return `node ${id} is leaving already`;
    if (out.indexOf(id) !== position) return `node ${id} is named twice`;
  }
  const addresses = new Set(nodesOf(map).map(addressOf));
  for (const node of [...add, ...replace.map(({ by }) => by)]) {
    if (addresses.has(addressOf(node))) return `there is a node at ${addressOf(node)} already`;
    addresses.add(addressOf(node));
  }
  for (const [index, zone] of map.zones.entries()) {
    if (nodesAfter(zone, index, { add, remove, replace }).length === 0) return `zone ${zone.name} would have no node`;
  }
  return null;
}

function addressOf({ host, port }: { readonly host: string; readonly port: number }): string {
  return `${host}:${port}`;
}

function joiningNodes({ add, replace }: MemberChange): JoiningNode[] {
  return [...add, ...replace.map(({ by }) => by)];
}

function entryOf({ id, host, port }: JoiningNode): NodeEntry {
  return { id, incarnation: '', host, port, leaving: false };
}

/** Ids of the nodes among which the zone's shards are to be. */
function nodesAfter(zone: ZoneEntry, index: number, change: MemberChange): number[] {
  const out = new Set([...change.remove, ...change.replace.map(({ id }) => id)]);
  const staying = zone.nodes.filter((node) => !node.leaving && !out.has(node.id)).map((node) => node.id);
  return [...staying, ...joiningNodes(change).flatMap((node) => (node.zone === index ? [node.id] : []))];
}

function placeZone(zone: ZoneEntry, index: number, now: readonly number[], change: MemberChange): number[] {
  const nodes = nodesAfter(zone, index, change);
  const heirs = new Map(change.replace.map(({ id, by }) => [id, by.id]));
  const inherited = placeShards(
    now.length,
    nodes,
    now.map((id) => heirs.get(id) ?? id),
  );
  if (movedShards(now, inherited) <= leastMoves(now, nodes)) return inherited;
  return placeShards(now.length, nodes, now);
}

function movedShards(now: readonly number[], after: readonly number[]): number {
  return now.reduce((count, id, shard) => (id === after[shard] ? count : count + 1), 0);
}

function plannedZone(
  zone: ZoneEntry,
  index: number,
  now: readonly number[],
  after: readonly number[],
  change: MemberChange,
): PlannedZone {
  const staying = nodesAfter(zone, index, change);
  const count = (placement: readonly number[], id: number) => placement.filter((holder) => holder === id).length;
  const joining = joiningNodes(change).filter((node) => node.zone === index);
  const transfers = new Map<string, { from: number; to: number; shards: number }>();
  now.forEach((from, shard) => {
    const to = after[shard];
    assert(to !== undefined, 'a placement names a node for each shard');
    if (to === from) return;
    const transfer = transfers.get(`${from} ${to}`) ?? { from, to, shards: 0 };
    transfer.shards++;
    transfers.set(`${from} ${to}`, transfer);
  });
  return {
    name: zone.name,
    nodes: [...zone.nodes, ...joining].map(({ id, host, port }) => ({
      id,
      host,
      port,
      fate: joining.some((node) => node.id === id) ? 'joins' : staying.includes(id) ? 'stays' : 'leaves',
      shardsBefore: count(now, id),
      shardsAfter: count(after, id),
    })),
    moved: movedShards(now, after),
    leastMoves: leastMoves(now, staying),
    transfers: [...transfers.values()].sort((a, b) => a.from - b.from || a.to - b.to),
  };
}

/** Each zone's goals begin a part further on than the zone before: learners of different zones then want different shards. */
function takingTurns(goals: readonly ShardGoal[], zones: number): ShardGoal[] {
  return Array.from({ length: zones }, (_, zone) => {
    const own = goals.filter((goal) => goal.zone === zone);
    const first = Math.floor((own.length * zone) / zones);
    return [...own.slice(first), ...own.slice(0, first)];
  }).flat();
}

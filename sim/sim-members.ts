import { assert } from '../src/base/assert.ts';
import { nodesOf } from '../src/cluster/cluster-map.ts';
import type { ClusterMap } from '../src/cluster/map.ts';
import { type MemberChange, planMembers, withMemberPlan } from '../src/cluster/member-plan.ts';
import {
  type JoiningNode,
  withGoals,
  withMovesBegun,
  withNodesAdded,
  withoutGoals,
  withZoneDown,
} from '../src/cluster/members.ts';
import type { SimNode } from './machines.ts';
import type { MemberChangeKind } from './plan-faults.ts';
import type { World } from './world.ts';

const NOBODY: MemberChange = { add: [], remove: [], replace: [] };

/** Changes the members as an operator does; nothing happens where the cluster as it is leaves nothing to be done. */
export function changeMembers(world: World, change: MemberChangeKind, pick: number): void {
  const { map } = world.config;
  const zone = pick % map.zones.length;
  const staying = (map.zones[zone]?.nodes ?? []).filter((node) => !node.leaving);
  const chosen = staying[Math.floor(pick / 8) % Math.max(1, staying.length)]?.id ?? 0;
  switch (change) {
    case 'add':
      apply(world, { ...NOBODY, add: joining(world, [zone]) });
      break;
    case 'add-everywhere':
      apply(world, { ...NOBODY, add: joining(world, [...map.zones.keys()]) });
      break;
    case 'remove':
      if (staying.length > 1) apply(world, { ...NOBODY, remove: [chosen] });
      break;
    case 'replace': {
      const [by] = joining(world, [zone]);
      if (by !== undefined && chosen !== 0) apply(world, { ...NOBODY, replace: [{ id: chosen, by }] });
      break;
    }
    case 'spread':
      apply(world, NOBODY);
      break;
    case 'move':
      moveSome(world, zone, Math.floor(pick / 8));
      break;
    case 'cancel': {
      const back = withoutGoals(map);
      if (back !== null) world.config.set(back);
      break;
    }
  }
}

/** The map in which this spare machine has joined its zone, and all shards of the zone are on their way to it. */
export function withLearner({ config: { map } }: World, { nodeId, zone, name }: SimNode): ClusterMap {
  const added = withNodesAdded(map, [{ zone, id: nodeId, host: name, port: 0 }]);
  const goals = Array.from({ length: map.shards }, (_, shard) => ({ shard, zone, to: nodeId }));
  const moving = withMovesBegun(withGoals(added, goals), nodeId, map.shards);
  assert(moving !== null, 'a new node has shards to learn');
  return moving;
}

export function markZone(world: World, zone: number, down: boolean): void {
  const { map } = world.config;
  const name = map.zones[zone]?.name;
  const changed = name === undefined ? null : withZoneDown(map, name, down);
  if (changed !== null) world.config.set(changed);
}

/** Nothing is asked for, or under way. */
export function membersAtRest(map: ClusterMap): boolean {
  return map.goals.length === 0 && map.moves.length === 0;
}

function joining(world: World, zones: readonly number[]): JoiningNode[] {
  return zones.flatMap((zone) => {
    const spare = world.spare(zone);
    return spare === null ? [] : [{ zone, id: spare.nodeId, host: spare.name, port: 0 }];
  });
}

function apply(world: World, change: MemberChange): void {
  const { map } = world.config;
  const planned = planMembers(map, change);
  const changed = planned.ok ? withMemberPlan(map, planned.plan) : null;
  if (changed === null) return;
  world.config.set(changed);
  const known = new Set(nodesOf(map).map((node) => node.id));
  for (const { id } of nodesOf(changed)) if (!known.has(id)) world.startNode(world.node(id));
}

/** Some shards to another node of their zone, wherever they are wanted. */
function moveSome(world: World, zone: number, pick: number): void {
  const { map } = world.config;
  const entry = map.zones[zone];
  const targets = entry?.nodes.filter((node) => !node.leaving) ?? [];
  if (entry === undefined || targets.length < 2) return;
  const goals = entry.placement.flatMap((from, shard) => {
    const to = targets[(pick + shard) % targets.length]?.id ?? from;
    return to === from || (pick >> (shard % 16)) % 2 === 0 ? [] : [{ shard, zone, to }];
  });
  if (goals.length > 0) world.config.set(withGoals(map, [...map.goals, ...goals]));
}

/** A node that may lose its disk now: fewer than Q of a replica set may have lost theirs at any time. */
export function mayLoseDisk(world: World, sim: SimNode): boolean {
  const weak = world.weakZones();
  weak.add(sim.zone);
  return weak.size <= Math.floor((world.config.map.zones.length - 1) / 2);
}

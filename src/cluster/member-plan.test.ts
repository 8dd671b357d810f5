import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createClusterMap, findNode, nodesOf, validateClusterMap } from './cluster-map.ts';
import type { ClusterMap } from './map.ts';
import {
  type AskedMembers,
  changeOfMembers,
  leastMoves,
  type MemberPlan,
  planMembers,
  withMemberPlan,
} from './member-plan.ts';
import {
  nodesToGo,
  withMovesBegun,
  withNodesGone,
  withoutGoals,
  withRelearning,
  withShardsLearned,
} from './members.ts';

function cluster(nodesPerZone: number, shards: number): ClusterMap {
  let id = 0;
  return createClusterMap({
    clusterId: 'c1',
    shards,
    zones: ['a', 'b', 'c'].map((name) => ({
      name,
      nodes: Array.from({ length: nodesPerZone }, () => ({ id: ++id, host: 'h', port: 7000 + id })),
    })),
  });
}

const NOTHING: AskedMembers = { add: [], remove: [], replace: [] };

function planned(map: ClusterMap, asked: Partial<AskedMembers>): MemberPlan {
  const changed = changeOfMembers(map, { ...NOTHING, ...asked });
  const change = changed.ok ? changed.change : expect.fail(changed.problem);
  const plan = planMembers(map, change);
  return plan.ok ? plan.plan : expect.fail(plan.problem);
}

function problemOf(map: ClusterMap, asked: Partial<AskedMembers>): string {
  const changed = changeOfMembers(map, { ...NOTHING, ...asked });
  return changed.ok ? 'none' : changed.problem;
}

function begun(map: ClusterMap, plan: MemberPlan): ClusterMap {
  return withMemberPlan(map, plan) ?? expect.fail('the plan is of another map');
}

/** Learners take turns until nothing is left to do; the shards that changed hands, counted. */
function carriedOut(map: ClusterMap, atOnce = 3): { map: ClusterMap; moved: number } {
  let moved = 0;
  for (let turn = 0; turn < 1_000; turn++) {
    const before = map;
    for (const { id } of nodesOf(map)) {
      map = withMovesBegun(map, id, atOnce) ?? map;
      const mine = map.moves.filter((move) => move.learner === id).map((move) => move.shard);
      moved += mine.length;
      map = withShardsLearned(map, id, mine) ?? map;
    }
    map = withNodesGone(map, nodesToGo(map)) ?? map;
    if (map === before) return { map, moved };
  }
  return expect.fail('it never ends');
}

function loads(map: ClusterMap): number[][] {
  return map.zones.map((zone) => zone.nodes.map(({ id }) => zone.placement.filter((holder) => holder === id).length));
}

function isEven(map: ClusterMap): boolean {
  return loads(map).every((counts) => Math.max(...counts) - Math.min(...counts) <= 1);
}

function oneForEachZone(port: number): AskedMembers['add'] {
  return ['a', 'b', 'c'].map((zone, index) => ({ zone, host: 'new', port: port + index }));
}

describe('planMembers', () => {
  it('grows and shrinks by the fewest moves, and comes back', () => {
    let map = cluster(1, 1024);
    for (const [nodes, moves] of [
      [2, 3 * 512],
      [3, 3 * 341],
    ] as const) {
      const plan = planned(map, { add: oneForEachZone(8000 + nodes * 10) });
      expect(plan).toMatchObject({ moved: moves, leastMoves: moves, takenBack: [] });
      const done = carriedOut(begun(map, plan));
      expect(done.moved).toBe(moves);
      expect(isEven(done.map)).toBe(true);
      map = done.map;
    }
    for (const remove of [
      [7, 8, 9],
      [4, 5, 6],
    ]) {
      const plan = planned(map, { remove });
      expect(plan.moved).toBe(plan.leastMoves);
      map = carriedOut(begun(map, plan)).map;
      expect(isEven(map)).toBe(true);
    }
    expect(map.zones).toEqual(cluster(1, 1024).zones);
    expect(map.lastNodeId).toBe(9);
  });

  it('a node that replaces another gets its shards, and nobody else moves', () => {
    const map = cluster(3, 64);
    const plan = planned(map, { replace: [{ id: 2, host: 'new', port: 1 }] });
    expect(plan.zones[0]).toMatchObject({ moved: 21, leastMoves: 21, transfers: [{ from: 2, to: 10, shards: 21 }] });
    expect(plan.zones[0]?.nodes.map((node) => node.fate)).toEqual(['stays', 'leaves', 'stays', 'joins']);
    expect(plan.zones[1]?.moved).toBe(0);
    expect(findNode(carriedOut(begun(map, plan)).map, 2)).toBeNull();
  });

  it('starts the zones at different shards, so that they do not wait for each other', () => {
    const plan = planned(cluster(1, 8), { add: oneForEachZone(1) });
    const firsts = [0, 1, 2].map((zone) => plan.goals.find((goal) => goal.zone === zone)?.shard);
    expect(new Set(firsts).size).toBe(3);
  });

  it('amid another change goes on from where that one is', () => {
    const map = cluster(1, 16);
    const growing = begun(map, planned(map, { add: oneForEachZone(1) }));
    const joint = withMovesBegun(growing, 4, 3) ?? expect.fail('nothing begun');
    // The new node of zone a is dead: what it was learning goes back, and to the one that comes in its place.
    const plan = planned(joint, { replace: [{ id: 4, host: 'other', port: 1 }] });
    expect(plan.takenBack).toEqual(joint.moves);
    const done = carriedOut(begun(joint, plan)).map;
    expect(loads(done)).toEqual([
      [8, 8],
      [8, 8],
      [8, 8],
    ]);
    expect(findNode(done, 4)).toBeNull();
    // Or not at all: only what is under way is given up.
    const given = carriedOut(begun(joint, planned(joint, { remove: [4, 5, 6] })));
    expect(given.moved).toBe(0);
    expect(given.map.zones).toEqual(map.zones);
  });

  it('gives the place of a learner that died beside a dead node to another', () => {
    const map = cluster(1, 4);
    const lost = withRelearning(map, { id: 1, incarnation: 'i2', host: 'h', port: 7001, leaving: false });
    const before = lost ?? expect.fail('it should relearn');
    const done = carriedOut(begun(before, planned(before, { replace: [{ id: 1, host: 'x', port: 1 }] })));
    expect(done.map.zones[0]?.placement).toEqual([4, 4, 4, 4]);
    expect(done.map.moves).toEqual([]);
  });

  it('is of one map only', () => {
    const map = cluster(1, 4);
    const plan = planned(map, { add: oneForEachZone(1) });
    expect(withMemberPlan(begun(map, plan), plan)).toBeNull();
  });

  it('says what cannot be', () => {
    const map = cluster(2, 4);
    expect(problemOf(map, { add: [{ zone: 'x', host: 'h', port: 1 }] })).toBe(
      "there is no zone 'x'; the zones are a, b, c",
    );
    expect(problemOf(map, { remove: [9] })).toBe('there is no node 9');
    expect(problemOf(map, { replace: [{ id: 9, host: 'h', port: 1 }] })).toBe('there is no node 9');
    expect(problemOf(map, { remove: [1, 2] })).toBe('zone a would have no node');
    expect(problemOf(map, { remove: [1, 1] })).toBe('node 1 is named twice');
    expect(problemOf(map, { remove: [1], replace: [{ id: 1, host: 'h', port: 1 }] })).toBe('node 1 is named twice');
    expect(problemOf(map, { add: [{ zone: 'a', host: 'h', port: 7002 }] })).toBe('there is a node at h:7002 already');
    const leaving = begun(map, planned(map, { remove: [1] }));
    expect(problemOf(leaving, { remove: [1] })).toBe('node 1 is leaving already');
  });
});

describe('leastMoves', () => {
  it('counts by loads alone', () => {
    expect(leastMoves([1, 1, 1, 1], [1])).toBe(0);
    expect(leastMoves([1, 1, 1, 1], [1, 2])).toBe(2);
    expect(leastMoves([1, 1, 1, 1, 1], [1, 2])).toBe(2);
    expect(leastMoves([1, 1, 2, 3], [2, 3])).toBe(2);
    expect(leastMoves([1, 1, 1, 3], [2, 3])).toBe(3);
  });
});

/** Changes that an operator might ask for, one after the other, some called off halfway. */
const changes = fc.array(
  fc.record({
    add: fc.nat(2),
    remove: fc.nat(2),
    replace: fc.nat(1),
    pick: fc.nat(1_000),
    stopAfter: fc.option(fc.nat(20), { nil: null }),
  }),
  { maxLength: 6 },
);

describe('every sequence of plans', () => {
  it('moves as few shards as can be, spreads them evenly and ends', () => {
    fc.assert(
      fc.property(changes, fc.constantFrom(1, 8, 32), (wanted, shards) => {
        let map = cluster(2, shards);
        let port = 1;
        for (const { add, remove, replace, pick, stopAfter } of wanted) {
          const nodes = nodesOf(map).filter((node) => !node.leaving);
          const picked = (index: number) => nodes[(pick + 7 * index) % nodes.length]?.id ?? 0;
          const asked: AskedMembers = {
            add: Array.from({ length: add }, (_, i) => ({
              zone: 'abc'[(pick + i) % 3] ?? 'a',
              host: 'n',
              port: ++port,
            })),
            remove: Array.from({ length: remove }, (_, i) => picked(i)),
            replace: Array.from({ length: replace }, () => ({ id: picked(remove), host: 'n', port: ++port })),
          };
          const changed = changeOfMembers(map, asked);
          if (!changed.ok) continue;
          const plan = planned(map, asked);
          expect(plan.moved).toBe(plan.leastMoves);
          expect(plan.zones.map((zone) => zone.nodes.map((node) => node.shardsAfter))).toSatisfy((counts: number[][]) =>
            counts.every((zone) => zone.reduce((a, b) => a + b, 0) === shards),
          );
          map = begun(map, plan);
          expect(validateClusterMap(map)).toEqual([]);
          if (stopAfter === null) {
            const done = carriedOut(map);
            map = done.map;
            expect(isEven(map)).toBe(true);
            expect({ moves: map.moves, goals: map.goals }).toEqual({ moves: [], goals: [] });
            expect(nodesOf(map).some((node) => node.leaving)).toBe(false);
          } else {
            for (let i = 0; i < stopAfter; i++) {
              const id = nodesOf(map)[(pick + i) % nodesOf(map).length]?.id ?? 0;
              map = withMovesBegun(map, id, 3) ?? map;
              if (i % 2 === 1)
                map =
                  withShardsLearned(
                    map,
                    id,
                    map.moves.map((move) => move.shard),
                  ) ?? map;
            }
            if (pick % 2 === 0) map = withoutGoals(map) ?? map;
          }
        }
      }),
      { numRuns: 150 },
    );
  });
});

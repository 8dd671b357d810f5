import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createClusterMap, findNode, nodesOf, validateClusterMap, withStartedNode } from './cluster-map.ts';
import { decodeClusterMap, encodeClusterMap } from './cluster-map-text.ts';
import type { ClusterMap, NodeEntry, ShardGoal } from './map.ts';
import {
  nodesToGo,
  withGoals,
  withMoveRate,
  withMovesBegun,
  withMoveTakenBack,
  withNodesAdded,
  withNodesGone,
  withNodesLeaving,
  withoutGoals,
  withRelearning,
  withShardsLearned,
  withTrusted,
  withZoneDown,
} from './members.ts';
import { seatsOf } from './seats.ts';

/** Zones a, b and c with the nodes 1 2, 3 4 and 5 6; eight shards, four to a node. */
function sixNodes(): ClusterMap {
  return createClusterMap({
    clusterId: 'c1',
    shards: 8,
    zones: ['a', 'b', 'c'].map((name, zone) => ({
      name,
      nodes: [1, 2].map((number) => ({ id: 2 * zone + number, host: 'h', port: 7000 + 2 * zone + number })),
    })),
  });
}

function must(map: ClusterMap | null): ClusterMap {
  return map ?? expect.fail('the map should have changed');
}

function goals(zone: number, to: number, shards: readonly number[]): ShardGoal[] {
  return shards.map((shard) => ({ shard, zone, to }));
}

function started(map: ClusterMap, id: number, incarnation: string): NodeEntry {
  const found = findNode(map, id) ?? expect.fail('no such node');
  return { ...found.node, incarnation };
}

/** Epochs of shards that differ between two maps must be the later one's own. */
function fencedShards(before: ClusterMap, after: ClusterMap): number[] {
  const changed = after.shardEpochs.flatMap((epoch, shard) => (epoch === before.shardEpochs[shard] ? [] : [shard]));
  for (const shard of changed) expect(after.shardEpochs[shard]).toBe(after.epoch);
  return changed;
}

describe('a move', () => {
  const planned = withGoals(sixNodes(), [...goals(0, 2, [0, 1, 2]), ...goals(1, 4, [0, 1])]);

  it('begins with its learner, at most so many at once, and a shard in one zone at a time', () => {
    expect(fencedShards(sixNodes(), planned)).toEqual([]);
    const begun = must(withMovesBegun(planned, 2, 2));
    expect(begun.moves).toEqual([0, 1].map((shard) => ({ shard, zone: 0, learner: 2, oldVotes: true })));
    expect(begun.goals).toEqual([...goals(0, 2, [2]), ...goals(1, 4, [0, 1])]);
    expect(fencedShards(planned, begun)).toEqual([0, 1]);
    expect(withMovesBegun(begun, 2, 2)).toBeNull();
    expect(withMovesBegun(begun, 4, 2)).toBeNull();
    expect(withMovesBegun(begun, 6, 2)).toBeNull();
    expect(seatsOf(begun, 1)).toEqual([
      { zone: 0, node: 1, learner: 2, oldVotes: true },
      { zone: 1, node: 3, learner: 0, oldVotes: true },
      { zone: 2, node: 5, learner: 0, oldVotes: true },
    ]);
    expect(seatsOf(begun, 2)[0]).toEqual({ zone: 0, node: 1, learner: 0, oldVotes: true });
  });

  it('ends with the learner as the voter; what is no move of its is passed over', () => {
    const begun = must(withMovesBegun(planned, 2, 2));
    expect(withShardsLearned(begun, 4, [0, 1])).toBeNull();
    expect(withShardsLearned(begun, 2, [7])).toBeNull();
    const ended = must(withShardsLearned(begun, 2, [1, 7]));
    expect(ended.moves).toEqual([{ shard: 0, zone: 0, learner: 2, oldVotes: true }]);
    expect(ended.zones[0]?.placement).toEqual([1, 2, 1, 1, 2, 2, 2, 2]);
    expect(fencedShards(begun, ended)).toEqual([1]);
    expect(withMovesBegun(ended, 4, 9)?.moves.map((move) => move.shard)).toEqual([0, 1]);
  });

  it('taken back leaves the old node alone, and is the last goal', () => {
    const begun = must(withMovesBegun(planned, 2, 2));
    const back = must(withMoveTakenBack(begun, [0, 5]));
    expect(back.moves.map((move) => move.shard)).toEqual([1]);
    expect(back.goals.at(-1)).toEqual({ shard: 0, zone: 0, to: 2 });
    expect(back.zones).toEqual(begun.zones);
    expect(fencedShards(begun, back)).toEqual([0]);
    const elsewhere = withGoals(withNodesAdded(begun, [{ zone: 0, id: 7, host: 'h', port: 1 }]), goals(0, 7, [0]));
    expect(withMoveTakenBack(elsewhere, [0])?.goals).toEqual(goals(0, 7, [0]));
  });

  it('is called off with all others, and nodes that were leaving stay', () => {
    const begun = must(withMovesBegun(withNodesLeaving(planned, [1]), 2, 2));
    const off = must(withoutGoals(begun));
    expect(off).toMatchObject({ moves: [], goals: [], zones: sixNodes().zones });
    expect(fencedShards(begun, off)).toEqual([0, 1]);
    expect(withoutGoals(off)).toBeNull();
  });

  it('is not asked for twice, nor to where the shard is', () => {
    const twice = withGoals(sixNodes(), [...goals(0, 2, [0, 7]), ...goals(0, 2, [0])]);
    expect(twice.goals).toEqual(goals(0, 2, [0]));
  });
});

describe('nodes', () => {
  it('join without shards, and never under an id that was used before', () => {
    const added = withNodesAdded(sixNodes(), [{ zone: 1, id: 9, host: 'x', port: 1 }]);
    expect(findNode(added, 9)?.zone.name).toBe('b');
    expect(added.lastNodeId).toBe(9);
    const gone = must(withNodesGone(withNodesLeaving(added, [9]), [9]));
    expect(findNode(gone, 9)).toBeNull();
    expect(gone.lastNodeId).toBe(9);
    expect(() => withNodesAdded(gone, [{ zone: 1, id: 9, host: 'x', port: 1 }])).toThrow('a new id');
  });

  it('go once nothing of theirs is left', () => {
    let map = withNodesLeaving(withGoals(sixNodes(), goals(0, 2, [0, 1, 2, 3])), [1]);
    for (const shard of [0, 1, 2, 3]) {
      expect(nodesToGo(map)).toEqual([]);
      expect(withNodesGone(map, [1])).toBeNull();
      map = must(withShardsLearned(must(withMovesBegun(map, 2, 1)), 2, [shard]));
    }
    expect(nodesToGo(map)).toEqual([1]);
    expect(nodesOf(must(withNodesGone(map, [1]))).map((node) => node.id)).toEqual([2, 3, 4, 5, 6]);
  });

  it('that are leaving get no shards any more', () => {
    expect(withNodesLeaving(withGoals(sixNodes(), goals(0, 2, [0])), [2]).goals).toEqual([]);
  });
});

describe('a node that lost its disk', () => {
  it('learns every shard of its own again, and its zone does not count there', () => {
    const before = sixNodes();
    const again = must(withRelearning(before, started(before, 3, 'i2')));
    expect(again.moves).toEqual([0, 1, 2, 3].map((shard) => ({ shard, zone: 1, learner: 3, oldVotes: false })));
    expect(findNode(again, 3)?.node.incarnation).toBe('i2');
    expect(fencedShards(before, again)).toEqual([0, 1, 2, 3]);
    expect(withMoveTakenBack(again, [0])).toBeNull();
    const learned = must(withShardsLearned(again, 3, [0, 1, 2, 3]));
    expect(learned.moves).toEqual([]);
    expect(learned.zones[1]?.placement).toEqual(before.zones[1]?.placement);
  });

  it('comes before planned moves of its shards, and waits for one that lost its disk like it', () => {
    const joint = must(withMovesBegun(withGoals(sixNodes(), goals(0, 2, [0, 1])), 2, 1));
    const again = must(withRelearning(joint, started(joint, 3, 'i2')));
    expect(again.moves.map((move) => move.zone)).toEqual([1, 1, 1, 1]);
    expect(again.goals).toEqual([...goals(0, 2, [1]), ...goals(0, 2, [0])]);
    expect(withRelearning(again, started(again, 5, 'i2'))).toBeNull();
    expect(withRelearning(again, started(again, 6, 'i2'))).not.toBeNull();
  });

  it('begins what it was learning from the start', () => {
    const joint = must(withMovesBegun(withGoals(sixNodes(), goals(0, 2, [0])), 2, 1));
    const again = must(withRelearning(joint, started(joint, 2, 'i2')));
    expect(fencedShards(joint, again)).toEqual([0, 4, 5, 6, 7]);
    expect(again.moves[0]).toEqual({ shard: 0, zone: 0, learner: 2, oldVotes: true });
  });

  it('for good: another takes its place as a learner', () => {
    const lost = must(withRelearning(sixNodes(), started(sixNodes(), 1, 'i2')));
    const replaced = withNodesAdded(lost, [{ zone: 0, id: 7, host: 'h', port: 1 }]);
    const asked = withGoals(replaced, goals(0, 7, [0, 1, 2, 3]));
    expect(withMovesBegun(asked, 7, 9)).toBeNull();
    const begun = must(withMovesBegun(withNodesLeaving(asked, [1]), 7, 9));
    expect(begun.moves).toEqual([0, 1, 2, 3].map((shard) => ({ shard, zone: 0, learner: 7, oldVotes: false })));
    const ended = must(withShardsLearned(begun, 7, [0, 1, 2, 3]));
    expect(nodesToGo(ended)).toEqual([1]);
  });

  it('that is trusted all the same votes at once', () => {
    const lost = must(withRelearning(sixNodes(), started(sixNodes(), 1, 'i2')));
    const trusted = must(withTrusted(lost, 1, 'i2'));
    expect(trusted.moves).toEqual([]);
    expect(fencedShards(lost, trusted)).toEqual([0, 1, 2, 3]);
    expect(withTrusted(trusted, 1, 'i2')).toBeNull();
    const waiting = must(withTrusted(lost, 3, 'i9'));
    expect(findNode(waiting, 3)?.node.incarnation).toBe('i9');
    expect(waiting.moves).toEqual(lost.moves);
  });
});

describe('settings', () => {
  it('of zones and rates change no shard', () => {
    const before = sixNodes();
    const down = must(withZoneDown(before, 'b', true));
    expect(down.zones.map((zone) => zone.down)).toEqual([false, true, false]);
    expect(withZoneDown(down, 'b', true)).toBeNull();
    const slow = must(withMoveRate(down, 5_000));
    expect(slow.moveRate).toBe(5_000);
    expect(withMoveRate(slow, 5_000)).toBeNull();
    expect(fencedShards(before, slow)).toEqual([]);
  });
});

/** One step of whoever may change the map: what it is, and numbers that pick its nodes and shards. */
const steps = fc.array(
  fc.record({
    kind: fc.constantFrom(
      'goals',
      'begin',
      'learned',
      'back',
      'off',
      'add',
      'leave',
      'gone',
      'relearn',
      'trust',
      'down',
      'start',
    ),
    pick: fc.nat(1_000),
    shards: fc.uniqueArray(fc.nat(7), { minLength: 1 }),
  }),
  { maxLength: 40 },
);

type Step = { readonly kind: string; readonly pick: number; readonly shards: readonly number[] };

function stepped(map: ClusterMap, { kind, pick, shards }: Step): ClusterMap | null {
  const nodes = nodesOf(map);
  const node = nodes[pick % nodes.length] ?? expect.fail('no nodes');
  const zone = map.zones.findIndex((entry) => entry.nodes.includes(node));
  switch (kind) {
    case 'goals':
      return withGoals(map, [...map.goals, ...goals(zone, node.id, shards)]);
    case 'begin':
      return withMovesBegun(map, node.id, 3);
    case 'learned':
      return withShardsLearned(map, node.id, shards);
    case 'back':
      return withMoveTakenBack(map, shards);
    case 'off':
      return withoutGoals(map);
    case 'add':
      return withNodesAdded(map, [{ zone, id: map.lastNodeId + 1, host: 'h', port: 1 }]);
    case 'leave':
      return withNodesLeaving(map, [node.id]);
    case 'gone':
      return withNodesGone(map, nodesToGo(map));
    case 'relearn':
      return withRelearning(map, { ...node, incarnation: `i${map.epoch}` });
    case 'trust':
      return withTrusted(map, node.id, node.incarnation);
    case 'start':
      return node.incarnation === '' ? withStartedNode(map, { ...node, incarnation: 'first' }) : null;
    default:
      return withZoneDown(map, map.zones[zone]?.name ?? '', pick % 2 === 0);
  }
}

describe('every sequence of changes', () => {
  it('makes valid maps, that come back from their text, in which seats change under new epochs only', () => {
    fc.assert(
      fc.property(steps, (taken) => {
        let map = sixNodes();
        for (const step of taken) {
          const next = stepped(map, step);
          if (next === null) continue;
          expect(validateClusterMap(next)).toEqual([]);
          expect(next.epoch).toBe(map.epoch + 1);
          const fenced = new Set(fencedShards(map, next));
          for (let shard = 0; shard < map.shards; shard++) {
            const same = JSON.stringify(seatsOf(map, shard)) === JSON.stringify(seatsOf(next, shard));
            expect(same || fenced.has(shard)).toBe(true);
          }
          expect(decodeClusterMap(encodeClusterMap(next))).toEqual({ ok: true, map: next });
          map = next;
        }
      }),
      { numRuns: 300 },
    );
  });
});

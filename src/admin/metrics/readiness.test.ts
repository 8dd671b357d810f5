import { describe, expect, it } from 'vitest';
import { createClusterMap } from '../../cluster/cluster-map.ts';
import type { ClusterMap, ShardMove } from '../../cluster/map.ts';
import { Observed } from './observed.ts';
import { notReady, unreachableShards } from './readiness.ts';

/** Nodes 1 and 2 in the first zone, 3 and 4 in the second, 5 and 6 in the third. */
function map(): ClusterMap {
  const zones = [0, 1, 2].map((zone) => ({
    name: `zone${zone + 1}`,
    nodes: [1, 2].map((node) => ({ id: 2 * zone + node, host: '127.0.0.1', port: 7000 })),
  }));
  return createClusterMap({ clusterId: '0'.repeat(32), shards: 16, zones });
}

const up =
  (...down: number[]) =>
  (node: number): boolean =>
    !down.includes(node);

describe('unreachableShards', () => {
  it('is none while a majority of the zones is there for each', () => {
    expect(unreachableShards(map(), up())).toBe(0);
    expect(unreachableShards(map(), up(1, 2))).toBe(0);
  });

  it('counts the shards that two zones hold on nodes that are down', () => {
    expect(unreachableShards(map(), up(1, 2, 3, 4))).toBe(16);
    const one = map().zones[0]?.placement ?? [];
    const three = map().zones[1]?.placement ?? [];
    const both = one.filter((node, shard) => node === 1 && three[shard] === 3).length;
    expect(both).toBeGreaterThan(0);
    expect(unreachableShards(map(), up(1, 3))).toBe(both);
  });

  it('does not count a zone that learns a shard again, nor a pair of which one is down', () => {
    const shard = 5;
    const old = map().zones[0]?.placement[shard] ?? 0;
    const learner = old === 1 ? 2 : 1;
    const second = map().zones[1]?.placement[shard] ?? 0;
    const moving = (move: Partial<ShardMove>): ClusterMap => ({
      ...map(),
      moves: [{ shard, zone: 0, learner, oldVotes: true, ...move }],
    });
    expect(unreachableShards(moving({}), up())).toBe(0);
    expect(unreachableShards(moving({ learner: old, oldVotes: false }), up())).toBe(0);
    expect(unreachableShards(moving({ learner: old, oldVotes: false }), up(second))).toBe(1);
    const withoutLearner = unreachableShards(moving({}), up(second, learner));
    expect(withoutLearner).toBe(unreachableShards(map(), up(second, learner)) + 1);
  });
});

describe('notReady', () => {
  it('says so while the process starts and stops, and where nothing runs', () => {
    const observed = new Observed();
    expect(notReady(observed)).toEqual(['it is starting']);
    observed.isStarted = true;
    expect(notReady(observed)).toEqual(['no storage node runs']);
    observed.isStopping = true;
    expect(notReady(observed)).toEqual(['it is stopping']);
  });
});

import { describe, expect, it } from 'vitest';
import {
  createClusterMap,
  findNode,
  namespaceEpoch,
  nodesOf,
  replicaSet,
  replicaSets,
  shardEpoch,
  validateClusterMap,
  withRaisedGenerations,
  withStartedNode,
} from './cluster-map.ts';
import type { ClusterMap } from './map.ts';

function threeZones(nodesPerZone = 1, shards = 1024): ClusterMap {
  let id = 0;
  return createClusterMap({
    clusterId: 'c1',
    shards,
    zones: ['a', 'b', 'c'].map((name) => ({
      name,
      nodes: Array.from({ length: nodesPerZone }, () => ({ id: ++id, host: '127.0.0.1', port: 7000 + id })),
    })),
  });
}

describe('createClusterMap', () => {
  it('places every shard once in each zone, evenly', () => {
    const map = threeZones(2);
    expect(validateClusterMap(map)).toEqual([]);
    expect(nodesOf(map).map((node) => node.id)).toEqual([1, 2, 3, 4, 5, 6]);
    for (const zone of map.zones) {
      for (const node of zone.nodes) expect(zone.placement.filter((id) => id === node.id)).toHaveLength(512);
    }
    expect(replicaSet(map, 0)).toEqual([1, 3, 5]);
    expect(replicaSet(map, 1023)).toEqual([2, 4, 6]);
    expect(findNode(map, 4)?.zone.name).toBe('b');
    expect(findNode(map, 7)).toBeNull();
  });

  it('gives shards with the same replicas one shared array', () => {
    const sets = replicaSets(threeZones(2));
    expect(sets).toHaveLength(1024);
    expect(new Set(sets).size).toBe(2);
  });

  it('refuses what could not work', () => {
    expect(() => createClusterMap({ clusterId: 'c', shards: 1000, zones: [] })).toThrow('power of two');
    expect(() => createClusterMap({ clusterId: 'c', shards: 16, zones: [] })).toThrow('1, 3 or 5 zones');
  });
});

describe('validateClusterMap', () => {
  const good = threeZones(1, 4);
  const [a, b, c] = good.zones;
  const cases: [string, Partial<ClusterMap>, string][] = [
    ['two zones', { zones: good.zones.slice(0, 2) }, 'a cluster has 1, 3 or 5 zones, not 2'],
    ['a zone twice', { zones: a && b ? [a, b, b] : [] }, "zone name 'b' is empty or used twice"],
    ['a node twice', { zones: a && b ? [a, b, { ...b, name: 'x' }] : [] }, 'node 2 stands twice in the map'],
    ['no shards', { shards: 0 }, 'shards must be a power of two'],
    [
      'a short placement',
      { zones: a && b && c ? [a, b, { ...c, placement: [3] }] : [] },
      'zone c places 1 shards of 4',
    ],
    ['a stray placement', { zones: a && b && c ? [a, b, { ...c, placement: [3, 3, 3, 1] }] : [] }, 'on node 1'],
    ['a future shard', { shardEpochs: [1, 1, 1, 2] }, 'a shard changed at an epoch'],
    ['too few namespaces', { namespaces: [] }, 'a map has 16 namespaces, not 0'],
    ['epoch 0', { epoch: 0 }, 'epoch must be a positive integer'],
    ['a move to where it is', { moves: [{ shard: 0, zone: 0, learner: 1, oldVotes: true }] }, 'which has it'],
    ['a move to a stranger', { moves: [{ shard: 0, zone: 0, learner: 2, oldVotes: true }] }, 'of another zone'],
    ['a move of nothing', { moves: [{ shard: 4, zone: 0, learner: 1, oldVotes: false }] }, 'shard 4 of zone 0 moves'],
    [
      'two moves of a shard',
      { moves: [0, 1].map((zone) => ({ shard: 0, zone, learner: zone + 1, oldVotes: false })) },
      'one of each',
    ],
    ['a goal where it is', { goals: [{ shard: 0, zone: 0, to: 1 }] }, 'where it is or is going'],
    ['a goal to a stranger', { goals: [{ shard: 0, zone: 0, to: 2 }] }, 'of another zone'],
    ['a goal in no zone', { goals: [{ shard: 0, zone: 3, to: 2 }] }, 'shard 0 of zone 3 is to move'],
    ['a negative rate', { moveRate: -1 }, 'moveRate must be'],
    ['an id above the last', { lastNodeId: 2 }, 'there is a node 3'],
    ['no cluster id', { clusterId: '' }, 'clusterId is empty'],
  ];
  it.each(cases)('finds %s', (_, change, problem) => {
    expect(validateClusterMap({ ...good, ...change }).join('\n')).toContain(problem);
  });
});

describe('changes of a map', () => {
  it('a flush raises the generations of its namespaces, under a new epoch, and nothing else', () => {
    const before = threeZones();
    const after = withRaisedGenerations(before, [0, 3, 3]);
    expect(after.epoch).toBe(2);
    expect(after.namespaces.map((namespace) => namespace.generation).slice(0, 5)).toEqual([2, 1, 1, 2, 1]);
    expect(namespaceEpoch(after, 3)).toBe(2);
    expect(namespaceEpoch(after, 1)).toBe(1);
    expect(shardEpoch(after, 0)).toBe(1);
    expect(validateClusterMap(after)).toEqual([]);
    expect(before.epoch).toBe(1);
  });

  it('a first start enters the incarnation; another incarnation is never entered over it', () => {
    const started = { id: 2, incarnation: 'i1', host: '127.0.0.1', port: 7002, leaving: false };
    const after = withStartedNode(threeZones(), started);
    expect(findNode(after, 2)?.node).toEqual(started);
    expect(after.epoch).toBe(2);
    expect(() => withStartedNode(after, { ...started, incarnation: 'i2' })).toThrow('a disk was lost');
  });
});

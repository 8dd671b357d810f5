import { describe, expect, it } from 'vitest';
import { createClusterMap, validateClusterMap, withRaisedGenerations } from './cluster-map.ts';
import { databaseOf, storedAs, swapEpoch, withSwappedDatabases } from './databases.ts';
import type { ClusterMap } from './map.ts';
import { withNamespaceGroup } from './namespace-groups.ts';

function oneNode(): ClusterMap {
  const nodes = [{ id: 1, host: 'h', port: 1 }];
  return createClusterMap({ clusterId: 'c', shards: 4, zones: [{ name: 'z', nodes }] });
}

describe('a swap of two databases', () => {
  it('exchanges what they are stored as, under a new epoch of both, and nothing else', () => {
    const before = oneNode();
    const after = withSwappedDatabases(before, 3, 1);
    expect(after.epoch).toBe(2);
    expect([1, 2, 3, 4].map((database) => storedAs(after, database))).toEqual([3, 2, 1, 4]);
    expect([1, 2, 3, 4].map((stored) => databaseOf(after, stored))).toEqual([3, 2, 1, 4]);
    expect([0, 1, 2, 3].map((number) => after.namespaces[number])).toEqual([
      { generation: 1, epoch: 1 },
      { generation: 1, epoch: 2 },
      { generation: 1, epoch: 1 },
      { generation: 1, epoch: 2 },
    ]);
    expect(after.shardEpochs).toEqual(before.shardEpochs);
    expect(validateClusterMap(after)).toEqual([]);
    expect(before.databases).toEqual([]);
  });

  it('goes on from the one before: three databases in turn, and back', () => {
    const turned = withSwappedDatabases(withSwappedDatabases(oneNode(), 0, 1), 1, 2);
    expect([0, 1, 2].map((database) => storedAs(turned, database))).toEqual([1, 2, 0]);
    for (const database of [0, 1, 2, 3]) expect(databaseOf(turned, storedAs(turned, database))).toBe(database);
    expect([0, 1, 2, 3].map((database) => swapEpoch(turned, database))).toEqual([2, 3, 3, 0]);
    const back = withSwappedDatabases(withSwappedDatabases(turned, 1, 2), 0, 1);
    expect([0, 1, 2].map((database) => storedAs(back, database))).toEqual([0, 1, 2]);
    // That there were swaps stays known.
    expect([0, 1, 2].map((database) => swapEpoch(back, database))).toEqual([5, 5, 4]);
    expect(validateClusterMap(back)).toEqual([]);
  });

  it('a flush behind it is of what the database is stored as', () => {
    const flushed = withRaisedGenerations(withSwappedDatabases(oneNode(), 0, 1), [0]);
    expect(flushed.namespaces.slice(0, 2)).toEqual([
      { generation: 1, epoch: 2 },
      { generation: 2, epoch: 3 },
    ]);
  });

  it('keeps to its group, also one that was added later', () => {
    const grown = withNamespaceGroup(withSwappedDatabases(oneNode(), 0, 1), 'orders');
    const map = grown.ok ? withSwappedDatabases(grown.map, 16, 31) : expect.fail('the group could not be made');
    expect([0, 1, 2, 16, 31].map((database) => storedAs(map, database))).toEqual([1, 0, 2, 31, 16]);
    expect(validateClusterMap(map)).toEqual([]);
    expect(() => withSwappedDatabases(map, 0, 16)).toThrow('two databases of one group');
    expect(() => withSwappedDatabases(map, 4, 4)).toThrow('two databases of one group');
    expect(() => withSwappedDatabases(map, 31, 32)).toThrow('two databases of one group');
  });
});

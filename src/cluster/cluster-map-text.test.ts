import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createClusterMap, withRaisedGenerations } from './cluster-map.ts';
import { decodeClusterMap, encodeClusterMap } from './cluster-map-text.ts';
import { withSwappedDatabases } from './databases.ts';
import type { ClusterMap } from './map.ts';
import { decodeRuns, encodeRuns } from './map-fields.ts';
import { withNamespaceGroup, withNamespaceLimits } from './namespace-groups.ts';
import { SLOT_COUNT } from './slot.ts';

function cluster(zones: number, nodesPerZone: number, shards: number): ClusterMap {
  let id = 0;
  return createClusterMap({
    clusterId: 'c1',
    shards,
    zones: Array.from({ length: zones }, (_, zone) => ({
      name: `zone${zone + 1}`,
      nodes: Array.from({ length: nodesPerZone }, () => ({ id: ++id, host: `host${id}`, port: 7000 })),
    })),
  });
}

function problemsOf(text: string): string {
  const decoded = decodeClusterMap(text);
  return decoded.ok ? 'none' : decoded.problems.join('\n');
}

describe('the text of a cluster map', () => {
  it('comes back as it went, and is the same for equal maps', () => {
    for (const map of [cluster(1, 1, 1), cluster(3, 2, 1024), withRaisedGenerations(cluster(5, 3, 16_384), [7])]) {
      const text = encodeClusterMap(map);
      const decoded = decodeClusterMap(text);
      expect(decoded).toEqual({ ok: true, map });
      expect(decoded.ok && encodeClusterMap(decoded.map)).toBe(text);
    }
  });

  it('keeps namespace groups and their limits', () => {
    const grown = withNamespaceGroup(cluster(3, 1, 4), 'orders');
    const limited = grown.ok && withNamespaceLimits(grown.map, 'orders', { maxTtlMs: 60_000, requestsPerSecond: 5 });
    const map = limited !== false && limited.ok ? limited.map : expect.fail('the group could not be made');
    const text = encodeClusterMap(map);
    expect(decodeClusterMap(text)).toEqual({ ok: true, map });
    expect(text.replaceAll(/\s/g, '')).toContain('{"name":"orders","limits":{"maxTtlMs":60000,"requestsPerSecond":5}}');
    expect(problemsOf(text.replace('"maxTtlMs": 60000', '"maxTtlMs": -1'))).toContain(
      'maxTtlMs must be a whole number',
    );
    expect(problemsOf(text.replace('"maxTtlMs"', '"maxTtl"'))).toContain(
      'namespace group 2, limits: unknown field maxTtl',
    );
  });

  it('of before there were namespace groups is one of the default group alone', () => {
    const map = cluster(3, 1, 4);
    const old = encodeClusterMap(map).replace(/"namespaceGroups": \[[^\]]*\],/, '');
    expect(old).not.toContain('default');
    expect(decodeClusterMap(old)).toEqual({ ok: true, map });
  });

  it('keeps what databases are stored as, under a number of its own that older programs refuse', () => {
    const swapped = withSwappedDatabases(withSwappedDatabases(cluster(3, 1, 4), 2, 5), 0, 2);
    const text = encodeClusterMap(swapped);
    expect(text).toContain('"formatVersion": 2');
    expect(text).toContain('"databases": "0>5@3 2>0@3 5>2@2"');
    expect(decodeClusterMap(text)).toEqual({ ok: true, map: swapped });
    const back = withSwappedDatabases(withSwappedDatabases(cluster(3, 1, 4), 0, 1), 0, 1);
    expect(decodeClusterMap(encodeClusterMap(back))).toEqual({ ok: true, map: back });
    expect(encodeClusterMap(cluster(3, 1, 4))).not.toContain('databases');
    for (const wrong of ['0>5@3 5>0@3 2>2@2', '0>5', '', '0>5@0 5>0@3', '05>5@1']) {
      expect(problemsOf(text.replace('0>5@3 2>0@3 5>2@2', wrong))).toContain('databases must be such as');
    }
    expect(problemsOf(text.replace('0>5@3', '0>17@3'))).toContain('database 0 is stored in another group');
    expect(problemsOf(text.replace('0>5@3', '0>0@3'))).toContain('two databases are stored as 0');
    expect(problemsOf(text.replace('0>5@3 2>0@3 5>2@2', '0>1@3'))).toContain('two databases are stored as one');
    expect(problemsOf(text.replace('5>2@2', '5>2@4'))).toContain('database 5 was swapped at an epoch');
    expect(problemsOf(text.replace('"formatVersion": 2', '"formatVersion": 1'))).toContain('formatVersion 2 is for');
  });

  it('keeps moves and goals, those that belong together in one text', () => {
    const map: ClusterMap = {
      ...cluster(3, 2, 16),
      moves: [
        { shard: 0, zone: 0, learner: 2, oldVotes: true },
        { shard: 1, zone: 0, learner: 2, oldVotes: true },
        { shard: 3, zone: 2, learner: 5, oldVotes: false },
      ],
      goals: [
        { shard: 9, zone: 1, to: 3 },
        { shard: 4, zone: 1, to: 4 },
        { shard: 5, zone: 1, to: 4 },
        { shard: 2, zone: 1, to: 4 },
      ],
      moveRate: 1_000_000,
      lastNodeId: 9,
    };
    const text = encodeClusterMap(map);
    expect(decodeClusterMap(text)).toEqual({ ok: true, map });
    expect(text.replaceAll(/\s+/g, ' ')).toContain(
      '"moves": [ "0 2: 0-1", "2 5 alone: 3" ], "goals": [ "1 3: 9", "1 4: 4-5 2" ], "moveRate": 1000000, "lastNodeId": 9,',
    );
    for (const wrong of ['"0 2: 1-0"', '"0 2: 0-99999"', '"0 2:"', '"0 2: 01"', '7', '"7 2: 0"']) {
      expect(problemsOf(text.replace('"0 2: 0-1"', wrong))).toContain('moves must be texts');
    }
    expect(problemsOf(text.replace('"1 3: 9"', '"1 3 alone: 9"'))).toContain('the goal of shard 9 cannot be alone');
    expect(problemsOf(text.replace('"lastNodeId": 9', '"lastNodeId": 5'))).toContain('there is a node 6');
  });

  it('stays small', () => {
    expect(encodeClusterMap(cluster(3, 4, 1024)).length).toBeLessThan(4096);
  });

  it('stays within its limit where everything of the largest cluster moves, in the worst order', () => {
    const shards = SLOT_COUNT;
    const map = cluster(5, 64, shards);
    const holder = (zone: number, shard: number): number => 64 * zone + 1 + ((7 * shard) % 64);
    const next = (zone: number, shard: number): number => 64 * zone + 1 + ((7 * shard + 1) % 64);
    const moving: ClusterMap = {
      ...map,
      epoch: 10_000_000,
      zones: map.zones.map((zone, index) => ({
        ...zone,
        placement: zone.placement.map((_, shard) => holder(index, shard)),
      })),
      shardEpochs: map.shardEpochs.map((_, shard) => 9_000_000 + shard),
      moves: map.shardEpochs.map((_, shard) => ({ shard, zone: 0, learner: next(0, shard), oldVotes: true })),
      goals: map.shardEpochs.flatMap((_, shard) =>
        [1, 2, 3, 4].map((zone) => ({ shard, zone, to: next(zone, shard) })),
      ),
    };
    const text = encodeClusterMap(moving);
    const decoded = decodeClusterMap(text);
    expect(decoded.ok && encodeClusterMap(decoded.map) === text).toBe(true);
  });

  it('has this form', () => {
    expect(encodeClusterMap(cluster(1, 2, 4))).toMatchInlineSnapshot(`
      "{
        "formatVersion": 1,
        "clusterId": "c1",
        "epoch": 1,
        "shards": 4,
        "zones": [
          {
            "name": "zone1",
            "nodes": [
              {
                "id": 1,
                "incarnation": "",
                "host": "host1",
                "port": 7000
              },
              {
                "id": 2,
                "incarnation": "",
                "host": "host2",
                "port": 7000
              }
            ],
            "placement": "1*2 2*2"
          }
        ],
        "shardEpochs": "1*4",
        "namespaceGroups": [
          {
            "name": "default",
            "limits": {}
          }
        ],
        "generations": "1*16",
        "namespaceEpochs": "1*16"
      }
      "
    `);
  });

  it('names every problem of a text that is no map', () => {
    const good = encodeClusterMap(cluster(3, 1, 4));
    expect(problemsOf(good)).toBe('none');
    expect(problemsOf('{')).toContain('not JSON');
    expect(problemsOf('[]')).toContain('formatVersion');
    expect(problemsOf(good.replace('"formatVersion": 1', '"formatVersion": 3'))).toContain('formatVersion 3');
    expect(problemsOf(good.replace('"epoch": 1', '"epoch": "1"'))).toContain(
      'the cluster map: epoch must be an integer',
    );
    expect(problemsOf(good.replace('"port": 7000', '"port": 70000'))).toContain('node 1: port 70000');
    expect(problemsOf(good.replace('"host": "host2"', '"hots": "host2"'))).toBe(
      'zone 2, node 1: host must be a text\nzone 2, node 1: unknown field hots',
    );
    expect(problemsOf(good.replace('"1*4"', '"1*99999"'))).toContain('must be runs of numbers');
    expect(problemsOf(' '.repeat(5_000_000))).toContain('longer than');
  });

  it('is decoded or refused, whatever is changed in it', () => {
    const good = encodeClusterMap(cluster(3, 1, 4));
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.string({ maxLength: 3 }), (at, inserted) => {
        const decoded = decodeClusterMap(good.slice(0, at) + inserted + good.slice(at + inserted.length));
        expect(decoded.ok || decoded.problems.length > 0).toBe(true);
      }),
    );
  });
});

describe('runs', () => {
  it('come back as they went', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.constant(1), fc.nat(3), fc.maxSafeNat())), (numbers) => {
        expect(decodeRuns(encodeRuns(numbers))).toEqual(numbers);
      }),
    );
  });

  it('have one form only', () => {
    expect(encodeRuns([1, 1, 2])).toBe('1*2 2');
    for (const text of ['1 1', '1*1', '01', '1*2 1', ' 1', '1 ', '-1', '1*0', '1.5', '99999999999999999', 5, null]) {
      expect(decodeRuns(text)).toBeNull();
    }
  });
});

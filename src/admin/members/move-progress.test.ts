import { describe, expect, it } from 'vitest';
import { createClusterMap } from '../../cluster/cluster-map.ts';
import type { ClusterMap } from '../../cluster/map.ts';
import {
  withGoals,
  withMovesBegun,
  withNodesAdded,
  withNodesLeaving,
  withShardsLearned,
} from '../../cluster/members.ts';
import { MoveProgress, shardsToMove } from './move-progress.ts';
import { bytesText, spanText } from './units.ts';
import { whatHoldsUp } from './watch-moves.ts';

function growing(shards: number): ClusterMap {
  const zones = [{ name: 'a', nodes: [{ id: 1, host: 'h', port: 1 }] }];
  const made = createClusterMap({ clusterId: 'c', shards, zones });
  const grown = withNodesAdded(made, [{ zone: 0, id: 2, host: 'h', port: 2 }]);
  return withGoals(
    grown,
    Array.from({ length: shards / 2 }, (_, shard) => ({ shard, zone: 0, to: 2 })),
  );
}

function learned(map: ClusterMap, shards: number): ClusterMap {
  const begun = withMovesBegun(map, 2, shards) ?? expect.fail('nothing begun');
  return (
    withShardsLearned(
      begun,
      2,
      begun.moves.map((move) => move.shard),
    ) ?? expect.fail('nothing learned')
  );
}

describe('MoveProgress', () => {
  it('shows a bar and the time left at the pace of the last while', () => {
    let map = growing(64);
    const progress = new MoveProgress(map, 0);
    expect(progress.line(0)).toBe('[........................] 0 of 32 shards, 0 moving, time left unknown');
    map = learned(map, 8);
    progress.onMap(map, 4_000);
    expect(progress.line(4_000)).toBe('[######..................] 8 of 32 shards, 0 moving, 12 s left');
    // Told by the last half minute and what was seen last before it: the fast start is forgotten.
    map = learned(map, 1);
    progress.onMap(map, 60_000);
    progress.onMap(learned(map, 1), 80_000);
    expect(progress.leftMs(80_000)).toBe((22 * 76_000) / 2);
    expect(progress.isDone).toBe(false);
    expect(progress.idleMs(95_000)).toBe(15_000);
  });

  it('counts what is asked for meanwhile, and ends when nothing is left', () => {
    const small = withGoals(growing(64), [{ shard: 0, zone: 0, to: 2 }]);
    const progress = new MoveProgress(small, 0);
    progress.onMap(growing(64), 1_000);
    expect(progress.line(1_000)).toContain('0 of 32 shards');
    const done = learned(small, 1);
    expect(shardsToMove(done)).toBe(0);
    progress.onMap(done, 2_000);
    expect(progress.isDone).toBe(true);
    expect(progress.line(2_000)).toBe('[########################] 32 of 32 shards, 0 moving');
    progress.onMap(withNodesLeaving(done, [1]), 3_000);
    expect(progress.isDone).toBe(false);
  });
});

describe('whatHoldsUp', () => {
  it('names learners that were not started or do not answer', () => {
    const map = growing(4);
    const none = { status: new Map(), sweep: new Map() };
    expect(whatHoldsUp(map, none)).toEqual(['node 2 is to get shards, but has not been started yet']);
    expect(whatHoldsUp(withGoals(map, []), none)).toEqual([]);
  });
});

describe('units', () => {
  it('are those of people', () => {
    expect([0, 1_023, 1_536, 20 * 1_048_576, 5 * 2 ** 40].map(bytesText)).toEqual([
      '0 B',
      '1023 B',
      '1.5 KB',
      '20 MB',
      '5.0 TB',
    ]);
    expect([900, 59_000, 600_000, 3_600_000, 12_000_000].map(spanText)).toEqual([
      '1 s',
      '59 s',
      '10 min',
      '1 h',
      '3 h 20 min',
    ]);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { countMoves, placeShards } from './placement.ts';

function loads(placement: readonly number[], nodeIds: readonly number[]): number[] {
  return nodeIds.map((id) => placement.filter((node) => node === id).length);
}

function spread(counts: readonly number[]): number {
  return Math.max(...counts) - Math.min(...counts);
}

/** The dumb twin: tries every placement there is and returns the fewest moves of a balanced one. */
function fewestMoves(shards: number, nodeIds: readonly number[], previous: readonly number[]): number {
  let best = Number.POSITIVE_INFINITY;
  const placement: number[] = [];
  const tryAll = (): void => {
    if (placement.length === shards) {
      if (spread(loads(placement, nodeIds)) <= 1) best = Math.min(best, countMoves(previous, placement));
      return;
    }
    for (const id of nodeIds) {
      placement.push(id);
      tryAll();
      placement.pop();
    }
  };
  tryAll();
  return best;
}

const nodeSet = (maxLength: number) => fc.uniqueArray(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength });

describe('placeShards', () => {
  it('moves no more shards than the best of all placements, from any placement to any nodes', () => {
    const inputs = fc
      .record({ before: nodeSet(4), after: nodeSet(3), shards: fc.integer({ min: 1, max: 6 }) })
      .chain(({ before, after, shards }) =>
        fc.record({
          after: fc.constant(after),
          previous: fc.array(fc.constantFrom(...before), { minLength: shards, maxLength: shards }),
        }),
      );
    fc.assert(
      fc.property(inputs, ({ after, previous }) => {
        const placed = placeShards(previous.length, after, previous);
        expect(spread(loads(placed, after))).toBeLessThanOrEqual(1);
        expect(countMoves(previous, placed)).toBe(fewestMoves(previous.length, after, previous));
      }),
      { numRuns: 200 },
    );
  });

  it('keeps loads within one of each other, and names only the nodes given', () => {
    fc.assert(
      fc.property(nodeSet(9), fc.integer({ min: 0, max: 300 }), (nodeIds, shards) => {
        const placed = placeShards(shards, nodeIds, null);
        expect(placed).toHaveLength(shards);
        expect(placed.every((id) => nodeIds.includes(id))).toBe(true);
        expect(spread(loads(placed, nodeIds))).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('adding a node moves at most ceil(S / (n + 1)) shards, all of them to it, through any chain of additions', () => {
    const order = fc.shuffledSubarray([1, 2, 3, 4, 5, 6, 7, 8, 9], { minLength: 2 });
    fc.assert(
      fc.property(order, fc.integer({ min: 1, max: 1024 }), (nodeIds, shards) => {
        let placed = placeShards(shards, nodeIds.slice(0, 1), null);
        for (let n = 1; n < nodeIds.length; n++) {
          const added = nodeIds[n];
          const next = placeShards(shards, nodeIds.slice(0, n + 1), placed);
          expect(countMoves(placed, next)).toBeLessThanOrEqual(Math.ceil(shards / (n + 1)));
          const before = placed;
          expect(next.every((id, shard) => id === before[shard] || id === added)).toBe(true);
          placed = next;
        }
      }),
      { numRuns: 50 },
    );
  });

  it('changes nothing when the nodes stay, and is the same for any order of them', () => {
    const placed = placeShards(1024, [1, 2, 3], null);
    expect(placeShards(1024, [3, 1, 2], placed)).toEqual(placed);
    expect(placeShards(1024, [3, 1, 2], null)).toEqual(placed);
  });

  it('removing a node moves its shards only', () => {
    const placed = placeShards(1024, [1, 2, 3, 4], null);
    const next = placeShards(1024, [1, 2, 4], placed);
    expect(next.every((id, shard) => id === placed[shard] || placed[shard] === 3)).toBe(true);
  });
});

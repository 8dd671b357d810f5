import { assert } from '../base/assert.ts';

/**
 * Spreads `shards` shards over the nodes of one zone so that loads differ by at most one, moving as few shards as can be
 * from `previous` (shard -> node id; null for a first placement). Pure and deterministic. Adding a node to n balanced ones
 * moves at most ceil(shards / (n + 1)) shards, all of them to it.
 */
export function placeShards(shards: number, nodeIds: readonly number[], previous: readonly number[] | null): number[] {
  assert(
    nodeIds.length > 0 && new Set(nodeIds).size === nodeIds.length,
    'nodes of a zone must be distinct, at least one',
  );
  assert(previous === null || previous.length === shards, 'a placement names a node for each shard');
  const held = new Map<number, number[]>(nodeIds.map((id) => [id, []]));
  const homeless: number[] = [];
  for (let shard = 0; shard < shards; shard++) {
    const node = previous === null ? undefined : previous[shard];
    const list = node === undefined ? undefined : held.get(node);
    (list ?? homeless).push(shard);
  }

  // The nodes that hold most get the larger share, so that they give away least.
  const byLoad = [...held.entries()].sort((a, b) => b[1].length - a[1].length || a[0] - b[0]);
  const smallShare = Math.floor(shards / nodeIds.length);
  const largeShares = shards % nodeIds.length;
  const shares = new Map(byLoad.map(([id], index) => [id, index < largeShares ? smallShare + 1 : smallShare]));

  for (const [id, list] of byLoad) homeless.push(...list.splice(shares.get(id) ?? 0));
  // In order of shard and node, so that neighbours stay together and the map's text stays short.
  homeless.sort((a, b) => a - b);
  let next = 0;
  for (const id of [...nodeIds].sort((a, b) => a - b)) {
    const list = held.get(id) ?? [];
    while (list.length < (shares.get(id) ?? 0)) list.push(homeless[next++] as number);
  }

  const placement = new Array<number>(shards).fill(0);
  for (const [id, list] of held) for (const shard of list) placement[shard] = id;
  return placement;
}

/** How many shards have another node in `after` than in `before`. */
export function countMoves(before: readonly number[], after: readonly number[]): number {
  let moves = 0;
  for (let shard = 0; shard < before.length; shard++) if (before[shard] !== after[shard]) moves++;
  return moves;
}

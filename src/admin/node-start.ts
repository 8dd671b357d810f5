import { limits } from '../base/limits.ts';
import { usableMemoryBytes } from '../base/system-memory.ts';
import { findNode, withStartedNode } from '../cluster/cluster-map.ts';
import { type ConfigStore, readOrLast, type StoreResult, updateClusterMap } from '../cluster/config-store.ts';
import type { ClusterMap, NodeEntry } from '../cluster/map.ts';

/**
 * Enters the incarnations of nodes that start for the first time into the cluster map; resolves to the newest map. Without such
 * nodes the store may be away.
 */
export async function enterNodes(store: ConfigStore, started: readonly NodeEntry[]): Promise<StoreResult<ClusterMap>> {
  const known = await readOrLast(store);
  if (!known.ok) return known;
  if (known.value !== null && newNodes(known.value, started).length === 0) return { ok: true, value: known.value };
  return updateClusterMap(store, (map) => {
    const unknown = newNodes(map, started);
    return unknown.length === 0 ? null : unknown.reduce(withStartedNode, map);
  });
}

function newNodes(map: ClusterMap, started: readonly NodeEntry[]): NodeEntry[] {
  return started.filter((node) => findNode(map, node.id)?.node.incarnation === '');
}

/** All journals of the process get a sixteenth of what it may use, on small machines. */
export function journalSegments(nodes: number): number {
  const affordable = Math.floor(usableMemoryBytes() / 16 / nodes / limits.journalSegmentBytes);
  return Math.max(limits.journalSegmentsMin, Math.min(limits.journalSegments, affordable));
}

/** An eighth of what the process may use, on small machines. */
export function recordCacheBytes(): number {
  return Math.min(limits.recordCacheBytes, Math.floor(usableMemoryBytes() / 8));
}

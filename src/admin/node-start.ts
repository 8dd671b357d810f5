import { limits } from '../base/limits.ts';
import { usableMemoryBytes } from '../base/system-memory.ts';
import { findNode, withStartedNode } from '../cluster/cluster-map.ts';
import { type ConfigStore, type StoreResult, updateClusterMap } from '../cluster/config-store.ts';
import type { ClusterMap, NodeEntry } from '../cluster/map.ts';

/** Enters the incarnations of nodes that start for the first time into the cluster map; resolves to the newest map. */
export function enterNodes(store: ConfigStore, started: readonly NodeEntry[]): Promise<StoreResult<ClusterMap>> {
  return updateClusterMap(store, (map) => {
    const unknown = started.filter((node) => findNode(map, node.id)?.node.incarnation === '');
    return unknown.length === 0 ? null : unknown.reduce(withStartedNode, map);
  });
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

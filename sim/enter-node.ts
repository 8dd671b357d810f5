import type { Clock } from '../src/base/clock.ts';
import { limits } from '../src/base/limits.ts';
import { findNode, withStartedNode } from '../src/cluster/cluster-map.ts';
import { type ConfigStore, updateClusterMap } from '../src/cluster/config-store.ts';
import type { ClusterMap } from '../src/cluster/map.ts';
import { withRelearning } from '../src/cluster/members.ts';

/**
 * Enters a node's incarnation into the cluster map, as a storage process does before it answers: at its first start, or as
 * one that lost its disk. Tries until it stands there; never calls `done` for a node that the map does not name.
 */
export function enterNode(
  store: ConfigStore,
  clock: Clock,
  nodeId: number,
  incarnation: string,
  done: (map: ClusterMap) => void,
): void {
  const change = (map: ClusterMap): ClusterMap | null => {
    const node = findNode(map, nodeId)?.node;
    if (node === undefined || node.incarnation === incarnation) return null;
    return node.incarnation === ''
      ? withStartedNode(map, { ...node, incarnation })
      : withRelearning(map, { ...node, incarnation });
  };
  void updateClusterMap(store, change).then((result) => {
    if (result.ok && findNode(result.value, nodeId)?.node.incarnation === incarnation) done(result.value);
    else clock.after(limits.proposerRetryMs, () => enterNode(store, clock, nodeId, incarnation, done));
  });
}

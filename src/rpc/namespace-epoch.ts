import type { ClusterMap } from '../cluster/map.ts';
import { NO_NAMESPACE } from '../record/state.ts';

/** As addresses carry it; undefined if the map has no such namespace. NO_NAMESPACE is never flushed: its epoch is 0. */
export function namespaceEpochOf(map: ClusterMap, namespace: number): number | undefined {
  return namespace === NO_NAMESPACE ? 0 : map.namespaces[namespace]?.epoch;
}

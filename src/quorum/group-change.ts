import { type Failure, unavailable } from '../base/failure.ts';
import { updateClusterMap } from '../cluster/config-store.ts';
import type { ClusterMap } from '../cluster/map.ts';
import type { GroupsChange } from '../cluster/namespace-groups.ts';
import type { MapHolder } from './map-holder.ts';

export type GroupsChangeResult =
  | { readonly kind: 'changed' }
  /** The change makes no sense; `problem` says why in words for whoever asked. */
  | { readonly kind: 'refused'; readonly problem: string }
  | { readonly kind: 'failed'; readonly failure: Failure };

/**
 * Changes the namespace groups of the stored cluster map. Once it is stored it holds; this process takes it over at once,
 * others as their config stores tell them. Storage nodes hear of a new group with the first operation in it, which they
 * refuse, and which is tried again once they have the map.
 */
export async function changeNamespaceGroups(
  holder: MapHolder,
  change: (map: ClusterMap) => GroupsChange,
): Promise<GroupsChangeResult> {
  const refusal: { problem: string | null } = { problem: null };
  const stored = await updateClusterMap(holder.store, (map) => {
    const changed = change(map);
    refusal.problem = changed.ok ? null : changed.problem;
    return changed.ok && changed.map !== map ? changed.map : null;
  });
  if (!stored.ok) {
    return { kind: 'failed', failure: unavailable(`the cluster map could not be changed: ${stored.problem}`) };
  }
  holder.adopt(stored.value);
  const { problem } = refusal;
  return problem === null ? { kind: 'changed' } : { kind: 'refused', problem };
}

import type { ClusterMap } from './map.ts';
import type { UserStore } from './user-store.ts';

/**
 * What a config store answers; `problem` says in words for the operator why it could not. `uncertain`: what was asked for may
 * have happened all the same.
 */
export type StoreResult<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problem: string; readonly uncertain?: true };

/** `swapped` false: somebody was faster; `map` is what the store holds now (null: nothing yet). */
export interface SwapResult {
  readonly swapped: boolean;
  readonly map: ClusterMap | null;
}

export interface MapWatch {
  stop(): void;
}

/**
 * Where a cluster's one agreed map lives (protocol §1, §8), and where proposer ids come from. Not on the data path: a
 * cluster goes on serving while its store is away.
 */
export interface ConfigStore {
  /** The map, or null if none was stored yet. */
  read(): Promise<StoreResult<ClusterMap | null>>;
  /** Stores `map`, durably, if the stored epoch is `expectedEpoch` (0: nothing stored yet); `map.epoch` must be higher. */
  compareAndSet(expectedEpoch: number, map: ClusterMap): Promise<StoreResult<SwapResult>>;
  /** Calls `listener` with each map of an epoch above `afterEpoch` that is seen; epochs rise, some may be left out. */
  watch(afterEpoch: number, listener: (map: ClusterMap) => void): MapWatch;
  /** A number from 1 to 2^32-1 that no call on this store ever got or will get; durable before it is answered. */
  nextProposerId(): Promise<StoreResult<number>>;
  /** The newest map that this process has seen, of a store that may be away; null: none yet. */
  lastMap?(): ClusterMap | null;
  /** The users of the cluster; absent where the store has no place for them. */
  readonly users?: UserStore;
  /** Stops all watches but those of users. */
  close(): void;
}

/** The map, or where the store does not answer the newest one that this process knows. */
export async function readOrLast(store: ConfigStore): Promise<StoreResult<ClusterMap | null>> {
  const read = await store.read();
  if (read.ok) return read;
  const last = store.lastMap?.() ?? null;
  return last === null ? read : { ok: true, value: last };
}

/** Applies `change` to the stored map until no other writer comes between; null from `change` leaves the map as it is. */
export async function updateClusterMap(
  store: ConfigStore,
  change: (map: ClusterMap) => ClusterMap | null,
): Promise<StoreResult<ClusterMap>> {
  const read = await store.read();
  if (!read.ok) return read;
  let current = read.value;
  // Each turn that is lost means that another writer got on, so this ends as soon as the others pause.
  for (;;) {
    if (current === null) return { ok: false, problem: 'there is no cluster map yet' };
    const changed = change(current);
    if (changed === null) return { ok: true, value: current };
    const swap = await store.compareAndSet(current.epoch, changed);
    if (!swap.ok) return { ...swap, uncertain: true };
    if (swap.value.swapped) return { ok: true, value: changed };
    current = swap.value.map;
  }
}

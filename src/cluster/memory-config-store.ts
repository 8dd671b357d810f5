import { assert } from '../base/assert.ts';
import type { ConfigStore, MapWatch, StoreResult, SwapResult } from './config-store.ts';
import type { ClusterMap } from './map.ts';

interface Watcher {
  epoch: number;
  readonly listener: (map: ClusterMap) => void;
}

/** A config store that lives and dies with its process: for a cluster in memory, the simulator and tests. */
export class MemoryConfigStore implements ConfigStore {
  #map: ClusterMap | null;
  #lastProposerId = 0;
  readonly #watchers = new Set<Watcher>();

  constructor(map: ClusterMap | null = null) {
    this.#map = map;
  }

  read(): Promise<StoreResult<ClusterMap | null>> {
    return Promise.resolve({ ok: true, value: this.#map });
  }

  compareAndSet(expectedEpoch: number, map: ClusterMap): Promise<StoreResult<SwapResult>> {
    assert(map.epoch > expectedEpoch, 'a new map has a higher epoch');
    const swapped = (this.#map?.epoch ?? 0) === expectedEpoch;
    if (swapped) {
      this.#map = map;
      for (const watcher of [...this.#watchers]) this.#tell(watcher);
    }
    return Promise.resolve({ ok: true, value: { swapped, map: this.#map } });
  }

  watch(afterEpoch: number, listener: (map: ClusterMap) => void): MapWatch {
    const watcher = { epoch: afterEpoch, listener };
    this.#watchers.add(watcher);
    this.#tell(watcher);
    return { stop: () => this.#watchers.delete(watcher) };
  }

  nextProposerId(): Promise<StoreResult<number>> {
    this.#lastProposerId++;
    return Promise.resolve({ ok: true, value: this.#lastProposerId });
  }

  close(): void {
    this.#watchers.clear();
  }

  #tell(watcher: Watcher): void {
    const map = this.#map;
    if (map === null || map.epoch <= watcher.epoch || !this.#watchers.has(watcher)) return;
    watcher.epoch = map.epoch;
    watcher.listener(map);
  }
}

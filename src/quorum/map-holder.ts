import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { encodeClusterMap } from '../cluster/cluster-map-text.ts';
import type { ConfigStore } from '../cluster/config-store.ts';
import type { ClusterMap } from '../cluster/map.ts';

/** How long a refused proposer waits before it asks the store again. */
const REFRESH_PAUSE_MS = 20;

/** The newest cluster map that this process has seen; epochs only rise. */
export class MapHolder {
  readonly #store: ConfigStore;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #listeners: ((map: ClusterMap) => void)[] = [];
  #map: ClusterMap;
  #refreshing = false;
  /** It was said that the store does not answer. */
  #isTold = false;

  constructor(store: ConfigStore, map: ClusterMap, clock: Clock, log: Log) {
    this.#store = store;
    this.#map = map;
    this.#clock = clock;
    this.#log = log;
  }

  get current(): ClusterMap {
    return this.#map;
  }

  get store(): ConfigStore {
    return this.#store;
  }

  /** The current map as nodes store it. */
  text(): string {
    return encodeClusterMap(this.#map);
  }

  onChange(listener: (map: ClusterMap) => void): void {
    this.#listeners.push(listener);
  }

  /** Takes over a map if it is newer. */
  adopt(map: ClusterMap): void {
    if (map.epoch <= this.#map.epoch) return;
    this.#map = map;
    for (const listener of this.#listeners) listener(map);
  }

  /** Asks the store for a newer map; one question at a time. */
  refresh(): void {
    if (this.#refreshing) return;
    this.#refreshing = true;
    const finish = (): void => {
      this.#clock.after(REFRESH_PAUSE_MS, () => {
        this.#refreshing = false;
      });
    };
    this.#store.read().then(
      (result) => {
        if (!result.ok && !this.#isTold) {
          this.#log.warn({ problem: result.problem }, 'the cluster map could not be read');
        }
        this.#isTold = !result.ok;
        if (result.ok && result.value !== null) this.adopt(result.value);
        finish();
      },
      (error: unknown) => {
        this.#log.error({ error: String(error) }, 'the cluster map could not be read');
        finish();
      },
    );
  }
}

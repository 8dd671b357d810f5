import type { ConfigStore, MapWatch, StoreResult, SwapResult } from '../src/cluster/config-store.ts';
import type { ClusterMap } from '../src/cluster/map.ts';
import type { SimScheduler } from './sim-clock.ts';

/** A promise whose followers run as an event of the simulated time, not by the machine's own queue. */
class ScheduledPromise<T> implements PromiseLike<T> {
  readonly #scheduler: SimScheduler;
  readonly #delayUs: number;
  readonly #value: () => T;

  constructor(scheduler: SimScheduler, delayUs: number, value: () => T) {
    this.#scheduler = scheduler;
    this.#delayUs = delayUs;
    this.#value = value;
  }

  // biome-ignore lint/suspicious/noThenProperty: it stands in for a promise, on purpose
  then<A = T, B = never>(
    onValue?: ((value: T) => A | PromiseLike<A>) | null,
    _onError?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): PromiseLike<A | B> {
    this.#scheduler.after(this.#delayUs, null, () => onValue?.(this.#value()));
    // Nobody here waits for what a follower returns.
    return new Promise<A | B>(() => {});
  }
}

/** The cluster's map for all simulated proxies; reading takes some simulated time. */
export class SimConfigStore implements ConfigStore {
  readonly #scheduler: SimScheduler;
  readonly #delayUs: number;
  map: ClusterMap;

  constructor(scheduler: SimScheduler, map: ClusterMap, delayUs: number) {
    this.#scheduler = scheduler;
    this.map = map;
    this.#delayUs = delayUs;
  }

  read(): Promise<StoreResult<ClusterMap | null>> {
    const read = new ScheduledPromise(this.#scheduler, this.#delayUs, () => ({ ok: true, value: this.map }) as const);
    // A map holder follows it with `then` only.
    return read as unknown as Promise<StoreResult<ClusterMap | null>>;
  }

  compareAndSet(expectedEpoch: number, map: ClusterMap): Promise<StoreResult<SwapResult>> {
    const swapped = this.map.epoch === expectedEpoch;
    if (swapped) this.map = map;
    return Promise.resolve({ ok: true, value: { swapped, map: this.map } });
  }

  watch(): MapWatch {
    return { stop: () => {} };
  }

  nextProposerId(): Promise<StoreResult<number>> {
    return Promise.resolve({ ok: false, problem: 'the world gives them out' });
  }

  close(): void {}
}

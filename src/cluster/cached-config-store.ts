import { join } from 'node:path';
import { limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import type { ConfigStore, MapWatch, StoreResult, SwapResult } from './config-store.ts';
import { KeptUserStore } from './kept-user-store.ts';
import type { ClusterMap } from './map.ts';
import type { ProposerIds, StateDirectory } from './state-directory.ts';
import type { UserStore } from './user-store.ts';

/** A store that gives several proposer ids at once. */
export interface ReservingStore extends ConfigStore {
  takeProposerIds(count: number): Promise<StoreResult<ProposerIds>>;
}

export interface CachedConfigStoreOptions {
  /** Closed with this one. */
  readonly store: ReservingStore;
  /** Released when this is closed. */
  readonly state: StateDirectory;
  readonly log: Log;
}

/**
 * A config store that may be away: what was read of it is kept on this process's disk, with some proposer ids, so that the
 * process can start without it. Reads and changes still go to the store, and fail while it is away.
 */
export class CachedConfigStore implements ConfigStore {
  readonly users?: UserStore;
  readonly #store: ReservingStore;
  readonly #state: StateDirectory;
  readonly #log: Log;
  #newest: ClusterMap | null;
  #reserve: ProposerIds;
  #lastTake: Promise<unknown> = Promise.resolve();
  /** The newest map on its way to the disk. */
  #lastKeep: Promise<void> = Promise.resolve();
  #toldOldEpoch = 0;
  #toldSaveProblem = '';

  constructor({ store, state, log }: CachedConfigStoreOptions) {
    this.#store = store;
    this.#state = state;
    this.#log = log;
    this.#newest = state.map;
    if (store.users !== undefined) this.users = new KeptUserStore(store.users, join(state.path, 'users'), log);
    this.#reserve = state.ids;
  }

  lastMap(): ClusterMap | null {
    return this.#newest;
  }

  /** Resolves once the newest map is on the disk, or could not be written there: that is logged. */
  kept(): Promise<void> {
    return this.#lastKeep;
  }

  async read(): Promise<StoreResult<ClusterMap | null>> {
    const before = this.#newest;
    const result = await this.#store.read();
    if (!result.ok || result.value === null) return result;
    if (before !== null && result.value.epoch < before.epoch) this.#tellOld(result.value, before);
    this.#keep(result.value);
    return result;
  }

  async compareAndSet(expectedEpoch: number, map: ClusterMap): Promise<StoreResult<SwapResult>> {
    const result = await this.#store.compareAndSet(expectedEpoch, map);
    if (result.ok && result.value.map !== null) this.#keep(result.value.map);
    return result;
  }

  watch(afterEpoch: number, listener: (map: ClusterMap) => void): MapWatch {
    return this.#store.watch(afterEpoch, (map) => {
      this.#keep(map);
      listener(map);
    });
  }

  nextProposerId(): Promise<StoreResult<number>> {
    const mine = this.#lastTake.then(() => this.#nextProposerId());
    this.#lastTake = mine;
    return mine;
  }

  close(): void {
    this.#store.close();
    this.#state.release();
  }

  /** One of the store's, which also fills the reserve; one of the reserve where the store is away. */
  async #nextProposerId(): Promise<StoreResult<number>> {
    const missing = this.#reserve.count < limits.proposerReserve ? limits.proposerReserve : 0;
    const taken = await this.#store.takeProposerIds(1 + missing);
    if (!taken.ok) return this.#fromReserve(taken);
    const { first, count } = taken.value;
    if (count > 1) await this.#saveReserve({ first: first + 1, count: count - 1 });
    return { ok: true, value: first };
  }

  async #fromReserve(away: StoreResult<ProposerIds> & { readonly ok: false }): Promise<StoreResult<number>> {
    const { first, count } = this.#reserve;
    if (count === 0) return away;
    // Durable before it is used: never again, whatever happens.
    const isSaved = await this.#saveReserve({ first: first + 1, count: count - 1 });
    return isSaved ? { ok: true, value: first } : away;
  }

  async #saveReserve(ids: ProposerIds): Promise<boolean> {
    const problem = await this.#state.saveIds(ids);
    if (problem === null) this.#reserve = ids;
    else this.#tellSaveProblem(problem);
    return problem === null;
  }

  #keep(map: ClusterMap): void {
    if (map.epoch <= (this.#newest?.epoch ?? 0)) return;
    this.#newest = map;
    this.#lastKeep = this.#state.saveMap(map).then((problem) => {
      if (problem !== null) this.#tellSaveProblem(problem);
    });
  }

  #tellOld(map: ClusterMap, newest: ClusterMap): void {
    if (this.#toldOldEpoch === newest.epoch) return;
    this.#toldOldEpoch = newest.epoch;
    this.#log.warn(
      { epoch: map.epoch, newestEpoch: newest.epoch },
      'the config store answered with an older cluster map than this process has seen; was it restored from a backup?',
    );
  }

  #tellSaveProblem(problem: string): void {
    if (problem === this.#toldSaveProblem) return;
    this.#toldSaveProblem = problem;
    this.#log.error({ problem }, `cannot write to the state directory ${this.#state.path}`);
  }
}

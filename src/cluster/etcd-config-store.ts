import { assert } from '../base/assert.ts';
import type { Clock, Timer } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import { clusterMapFromJson, clusterMapToJson } from './cluster-map-text.ts';
import type { ConfigStore, MapWatch, StoreResult, SwapResult } from './config-store.ts';
import type { EtcdClient, EtcdEntry, EtcdWatch } from './etcd-client.ts';
import type { ClusterMap } from './map.ts';
import type { ProposerIds } from './state-directory.ts';
import { EtcdUserCell } from './user-cells.ts';
import { CellUserStore, type UserStore } from './user-store.ts';

const MAX_PROPOSER_ID = 0xffff_ffff;
const MAP_KEY = 'map';
const PROPOSERS_KEY = 'proposers';
const FINGERPRINT_KEY = 'keystore-fingerprint';
const NEVER = '0';
const STAMP_BYTES = 16;

export interface EtcdConfigStoreOptions {
  /** Closed with the store. */
  readonly client: EtcdClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** A cluster as it comes into etcd. */
export interface EtcdCluster {
  readonly map: ClusterMap;
  /** Of the keystore that the data are encrypted with. */
  readonly keystoreFingerprint: string;
  readonly lastProposerId: number;
}

/** The map as it stands in etcd, with the revision that a change must name. */
interface StoredMap {
  readonly map: ClusterMap;
  /** Random, of the writer: tells whether a change whose answer was lost was made. */
  readonly stamp: string;
  readonly modRevision: string;
}

interface Watcher {
  epoch: number;
  readonly listener: (map: ClusterMap) => void;
}

/**
 * A config store in etcd, for processes on many machines. Changes are transactions on etcd's own revision of the map, so one whose
 * answer was lost is asked again and told apart by its stamp. Watches are hints; the map is read when one comes, when a watch
 * begins again, and every few seconds.
 */
export class EtcdConfigStore implements ConfigStore {
  readonly users: UserStore;
  readonly #options: EtcdConfigStoreOptions;
  readonly #watchers = new Set<Watcher>();
  /** Ids are taken one after the other, so that one instance does not race with itself. */
  #lastTake: Promise<unknown> = Promise.resolve();
  #stored: StoredMap | null = null;
  #watch: EtcdWatch | null = null;
  #pollTimer: Timer | null = null;
  #isLooking = false;
  #mustLookAgain = false;
  #lastProblem = '';
  #isClosed = false;

  constructor(options: EtcdConfigStoreOptions) {
    this.#options = options;
    this.users = new CellUserStore({ cell: new EtcdUserCell(options.client), ...options });
  }

  /** What else lives in etcd under the cluster's prefix. */
  get client(): EtcdClient {
    return this.#options.client;
  }

  async read(): Promise<StoreResult<ClusterMap | null>> {
    const result = await this.#readStored();
    return result.ok ? { ok: true, value: result.value?.map ?? null } : result;
  }

  async compareAndSet(expectedEpoch: number, map: ClusterMap): Promise<StoreResult<SwapResult>> {
    assert(map.epoch > expectedEpoch, 'a new map has a higher epoch');
    let current = this.#stored;
    if (current?.map.epoch !== expectedEpoch) {
      const read = await this.#readStored();
      if (!read.ok) return read;
      current = read.value;
      if ((current?.map.epoch ?? 0) !== expectedEpoch) {
        return { ok: true, value: { swapped: false, map: current?.map ?? null } };
      }
    }
    const result = await this.#swap(current?.modRevision ?? NEVER, map, []);
    if (result.ok && result.value.swapped) this.#tellAll(map);
    return result;
  }

  watch(afterEpoch: number, listener: (map: ClusterMap) => void): MapWatch {
    const watcher = { epoch: afterEpoch, listener };
    this.#watchers.add(watcher);
    this.#watch ??= this.client.watch(MAP_KEY, () => this.#look());
    this.#look();
    return { stop: () => this.#watchers.delete(watcher) };
  }

  async nextProposerId(): Promise<StoreResult<number>> {
    const result = await this.takeProposerIds(1);
    return result.ok ? { ok: true, value: result.value.first } : result;
  }

  /** As many ids as are left, at most `count`, as `nextProposerId` gives one. */
  takeProposerIds(count: number): Promise<StoreResult<ProposerIds>> {
    const mine = this.#lastTake.then(() => this.#takeProposerIds(count));
    this.#lastTake = mine;
    return mine;
  }

  /** Puts a whole cluster where none is; `swapped` false: there is one already. */
  create({ map, keystoreFingerprint, lastProposerId }: EtcdCluster): Promise<StoreResult<SwapResult>> {
    return this.#swap(NEVER, map, [
      { key: FINGERPRINT_KEY, text: keystoreFingerprint },
      { key: PROPOSERS_KEY, text: String(Math.min(lastProposerId, MAX_PROPOSER_ID)) },
    ]);
  }

  /** Of the keystore that the cluster's data are encrypted with; null: there is no cluster. */
  async keystoreFingerprint(): Promise<StoreResult<string | null>> {
    const result = await this.client.get(FINGERPRINT_KEY);
    return result.ok ? { ok: true, value: result.value?.text ?? null } : result;
  }

  close(): void {
    this.#isClosed = true;
    this.#watchers.clear();
    this.#pollTimer?.cancel();
    this.#watch?.stop();
    this.client.close();
  }

  async #readStored(): Promise<StoreResult<StoredMap | null>> {
    const got = await this.client.get(MAP_KEY);
    return got.ok ? this.#take(got.value) : got;
  }

  #take(entry: EtcdEntry | null): StoreResult<StoredMap | null> {
    if (entry === null) {
      this.#stored = null;
      return { ok: true, value: null };
    }
    const decoded = storedMapOf(entry);
    if (decoded.ok) this.#stored = decoded.value;
    return decoded;
  }

  async #swap(
    modRevision: string,
    map: ClusterMap,
    alongside: readonly Pick<EtcdEntry, 'key' | 'text'>[],
  ): Promise<StoreResult<SwapResult>> {
    const bytes = Buffer.alloc(STAMP_BYTES);
    this.#options.random.fill(bytes);
    const stamp = bytes.toString('hex');
    const text = JSON.stringify({ stamp, map: clusterMapToJson(map) });
    if (Buffer.byteLength(text) > limits.etcdMapBytes) {
      return { ok: false, problem: `the cluster map is longer than the ${limits.etcdMapBytes} bytes that etcd takes` };
    }
    const puts = [{ key: MAP_KEY, text }, ...alongside];
    const result = await this.client.putIf([{ key: MAP_KEY, modRevision }], puts);
    if (!result.ok) {
      this.#stored = null;
      return result;
    }
    if (result.value.done) {
      // Its revision is not known here; the next change reads it.
      this.#stored = null;
      return { ok: true, value: { swapped: true, map } };
    }
    const current = this.#take(result.value.found[0] ?? null);
    if (!current.ok) return current;
    // An earlier try of this very call was done, and only its answer was lost.
    const swapped = current.value?.stamp === stamp;
    return { ok: true, value: { swapped, map: current.value?.map ?? null } };
  }

  async #takeProposerIds(count: number): Promise<StoreResult<ProposerIds>> {
    const { client } = this;
    const got = await client.get(PROPOSERS_KEY);
    if (!got.ok) return got;
    let entry = got.value;
    // Each turn that is lost means that another process got its ids.
    for (;;) {
      const last = entry === null ? 0 : lastIdOf(entry.text);
      if (last === null)
        return { ok: false, problem: `what etcd has under ${PROPOSERS_KEY} is no number of proposers` };
      const taken = Math.min(count, MAX_PROPOSER_ID - last);
      if (taken < 1) return { ok: false, problem: 'all 2^32-1 proposer ids are used up' };
      const condition = { key: PROPOSERS_KEY, modRevision: entry?.modRevision ?? NEVER };
      const put = await client.putIf([condition], [{ key: PROPOSERS_KEY, text: String(last + taken) }]);
      if (!put.ok) return put;
      if (put.value.done) return { ok: true, value: { first: last + 1, count: taken } };
      entry = put.value.found[0] ?? null;
    }
  }

  /** Reads the map and tells of it; hints that come meanwhile let it read once more. */
  #look(): void {
    if (this.#isClosed) return;
    this.#mustLookAgain = this.#isLooking;
    if (this.#isLooking) return;
    this.#isLooking = true;
    this.#pollTimer?.cancel();
    void this.read().then((result) => {
      this.#isLooking = false;
      if (this.#isClosed) return;
      if (result.ok) {
        this.#lastProblem = '';
        if (result.value !== null) this.#tellAll(result.value);
      } else if (!this.client.isDown && result.problem !== this.#lastProblem) {
        this.#lastProblem = result.problem;
        this.#options.log.error({}, result.problem);
      }
      if (this.#mustLookAgain) {
        this.#look();
        return;
      }
      const delayMs = this.client.isDown ? limits.etcdDownPollMs : limits.etcdPollMs;
      this.#pollTimer = this.#options.clock.after(delayMs, () => this.#look());
    });
  }

  #tellAll(map: ClusterMap): void {
    for (const watcher of [...this.#watchers]) {
      if (map.epoch <= watcher.epoch || !this.#watchers.has(watcher)) continue;
      watcher.epoch = map.epoch;
      watcher.listener(map);
    }
  }
}

function storedMapOf({ text, modRevision }: EtcdEntry): StoreResult<StoredMap> {
  const damaged = (problem: string): StoreResult<never> => ({
    ok: false,
    problem: `the cluster map in etcd cannot be used: ${problem}`,
  });
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return damaged(`not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (typeof json !== 'object' || json === null || !('map' in json) || !('stamp' in json)) {
    return damaged('it must hold stamp and map');
  }
  const decoded = clusterMapFromJson(json.map);
  if (!decoded.ok) return damaged(decoded.problems.join('; '));
  return { ok: true, value: { map: decoded.map, stamp: String(json.stamp), modRevision } };
}

function lastIdOf(text: string): number | null {
  const id = /^\d{1,10}$/.test(text) ? Number(text) : MAX_PROPOSER_ID + 1;
  return id <= MAX_PROPOSER_ID ? id : null;
}

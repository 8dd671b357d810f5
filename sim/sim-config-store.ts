import { nodesOf } from '../src/cluster/cluster-map.ts';
import type { ConfigStore, MapWatch, StoreResult, SwapResult } from '../src/cluster/config-store.ts';
import type { ClusterMap } from '../src/cluster/map.ts';
import type { SimProcess, SimScheduler } from './sim-clock.ts';
import type { SimRandom } from './sim-random.ts';

/** A process that is cut off looks again after so long. */
const RETRY_US = 100_000;
/** ... and is told that the store does not answer after so long. */
const TIMEOUT_US = 50_000;

/** The cluster's map, for all simulated processes; what it answers and what it tells them takes time. */
export class SimConfigStore {
  readonly scheduler: SimScheduler;
  readonly random: SimRandom;
  readonly delayUs: number;
  /** Mean time until a change is seen by those who watch; 0: nobody is told. */
  readonly watchDelayUs: number;
  /** Names of the processes that cannot reach it. */
  readonly cutOff = new Set<string>();
  /** How often the map was changed in which way. */
  readonly changes = new Map<string, number>();
  readonly #sessions = new Set<StoreSession>();
  #map: ClusterMap;
  #nextProposer = 1;
  #nextNodeProposer = 10_001;

  constructor(scheduler: SimScheduler, random: SimRandom, map: ClusterMap, delayUs: number, watchDelayUs: number) {
    this.scheduler = scheduler;
    this.random = random;
    this.#map = map;
    this.delayUs = delayUs;
    this.watchDelayUs = watchDelayUs;
  }

  get map(): ClusterMap {
    return this.#map;
  }

  open(process: SimProcess): ConfigStore {
    const session = new StoreSession(this, process);
    this.#sessions.add(session);
    return session;
  }

  closed(session: StoreSession): void {
    this.#sessions.delete(session);
  }

  /** Proxies get the low numbers, which a person can read. */
  nextProposer(): number {
    return this.#nextProposer++;
  }

  nextNodeProposer(): number {
    return this.#nextNodeProposer++;
  }

  set(map: ClusterMap): void {
    for (const change of changesOf(this.#map, map)) this.changes.set(change, (this.changes.get(change) ?? 0) + 1);
    this.#map = map;
    for (const session of this.#sessions) session.onMap();
  }
}

/** One process's view of the store: what it had asked is never answered once the process has ended. */
class StoreSession implements ConfigStore {
  readonly #store: SimConfigStore;
  readonly #process: SimProcess;
  readonly #watchers = new Set<{ afterEpoch: number; readonly listener: (map: ClusterMap) => void }>();

  constructor(store: SimConfigStore, process: SimProcess) {
    this.#store = store;
    this.#process = process;
  }

  read(): Promise<StoreResult<ClusterMap | null>> {
    return this.#ask(() => this.#store.map);
  }

  compareAndSet(expectedEpoch: number, map: ClusterMap): Promise<StoreResult<SwapResult>> {
    return this.#ask(() => {
      const swapped = this.#store.map.epoch === expectedEpoch;
      if (swapped) this.#store.set(map);
      return { swapped, map: this.#store.map };
    });
  }

  watch(afterEpoch: number, listener: (map: ClusterMap) => void): MapWatch {
    const watcher = { afterEpoch, listener };
    this.#watchers.add(watcher);
    this.onMap();
    return { stop: () => this.#watchers.delete(watcher) };
  }

  nextProposerId(): Promise<StoreResult<number>> {
    return this.#ask(() => this.#store.nextNodeProposer());
  }

  close(): void {
    this.#watchers.clear();
    this.#store.closed(this);
  }

  /** The map has changed, or may have. */
  onMap(): void {
    const { watchDelayUs, random } = this.#store;
    if (this.#watchers.size === 0 || watchDelayUs === 0) return;
    this.#look(random.exponential(watchDelayUs));
  }

  #look(delayUs: number): void {
    const store = this.#store;
    store.scheduler.after(delayUs, this.#process, () => {
      if (store.cutOff.has(this.#process.name)) {
        this.#look(RETRY_US);
        return;
      }
      for (const watcher of [...this.#watchers]) {
        if (store.map.epoch <= watcher.afterEpoch) continue;
        watcher.afterEpoch = store.map.epoch;
        watcher.listener(store.map);
      }
    });
  }

  /** What is asked happens half way through; the answer may be lost, or the process be gone when it comes. */
  #ask<T>(run: () => T): Promise<StoreResult<T>> {
    const { scheduler, delayUs, cutOff } = this.#store;
    return new Promise((resolve) => {
      const fail = (): void => {
        scheduler.after(TIMEOUT_US, this.#process, () => resolve({ ok: false, problem: 'the store does not answer' }));
      };
      if (cutOff.has(this.#process.name)) {
        fail();
        return;
      }
      scheduler.after(delayUs / 2, null, () => {
        const value = run();
        if (cutOff.has(this.#process.name)) fail();
        else scheduler.after(delayUs / 2, this.#process, () => resolve({ ok: true, value }));
      });
    });
  }
}

/** What happened between two maps, each as often as it did. */
function* changesOf(before: ClusterMap, after: ClusterMap): Iterable<string> {
  const wasMoving = new Map(before.moves.map((move) => [move.shard, move]));
  for (const move of after.moves) {
    const was = wasMoving.get(move.shard);
    wasMoving.delete(move.shard);
    if (was?.learner === move.learner && was.oldVotes === move.oldVotes) continue;
    yield move.oldVotes ? 'map move-begun' : 'map move-without-old-node';
  }
  for (const { shard, zone, learner } of wasMoving.values()) {
    yield after.zones[zone]?.placement[shard] === learner ? 'map shard-learned' : 'map move-taken-back';
  }
  const nodes = new Map(nodesOf(before).map((node) => [node.id, node]));
  for (const node of nodesOf(after)) {
    const was = nodes.get(node.id);
    nodes.delete(node.id);
    if (was === undefined) yield 'map node-added';
    else if (was.incarnation !== node.incarnation) yield 'map node-entered';
  }
  for (const _ of nodes) yield 'map node-gone';
  for (const [index, zone] of after.zones.entries()) if (zone.down && !before.zones[index]?.down) yield 'map zone-down';
  if (after.namespaces.some(({ epoch }, number) => epoch !== before.namespaces[number]?.epoch)) yield 'map flushed';
}

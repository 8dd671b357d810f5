import { startNodeProposer, startNodeWork } from '../src/admin/node-proposer.ts';
import { assert } from '../src/base/assert.ts';
import { silentLog } from '../src/base/log.ts';
import { createClusterMap, findNode, nodesOf } from '../src/cluster/cluster-map.ts';
import { decodeClusterMap, encodeClusterMap } from '../src/cluster/cluster-map-text.ts';
import type { ConfigStore } from '../src/cluster/config-store.ts';
import type { ClusterMap } from '../src/cluster/map.ts';
import { shardOf, slotOf } from '../src/cluster/slot.ts';
import { Coordinator } from '../src/quorum/coordinator.ts';
import { MapHolder } from '../src/quorum/map-holder.ts';
import { ProtocolCounters } from '../src/quorum/protocol-counters.ts';
import { ProposerRules } from '../src/quorum/rules.ts';
import type { SealPort } from '../src/quorum/seal-port.ts';
import { recordKey } from '../src/record/record-id.ts';
import type { Reply } from '../src/resp/reply.ts';
import { InProcessTransport } from '../src/rpc/in-process-transport.ts';
import { MessageType } from '../src/rpc/messages.ts';
import { OwnNodeTransport } from '../src/rpc/own-node-transport.ts';
import type { CallHandler, Transport } from '../src/rpc/transport.ts';
import { Acceptor } from '../src/storage/acceptor.ts';
import type { NodePeerParts, NodeWork } from '../src/storage/node-peer-parts.ts';
import { StorageNode, type StorageNodeOptions } from '../src/storage/storage-node.ts';
import type { Fsync } from '../src/storage/write-pipeline.ts';
import { countsOf, SimNode, SimProxy } from './machines.ts';
import { assertPromisesSettle } from './promises.ts';
import { MachineTime, SimClock, SimProcess, SimScheduler } from './sim-clock.ts';
import { SimConfigStore } from './sim-config-store.ts';
import { type DiskProfile, type Kept, SimDisk, SimEngine, SimNodeStore } from './sim-disk.ts';
import type { SimLimits } from './sim-limits.ts';
import { type NetworkPolicy, type NetworkWatcher, SimNetwork } from './sim-network.ts';
import { SimRandom } from './sim-random.ts';
import { SimSeal, simIds } from './sim-seal.ts';

/** How the code that runs here is made; the deliberate defects replace parts. */
export interface Parts {
  rules(): ProposerRules;
  acceptor(durableCeilingUs: number, promiseCapacity: number): Acceptor;
  seal(): SealPort;
  /** What a proxy sends by, and what a node receives by. */
  transport(link: Transport, map: MapHolder): Transport;
  handler(node: StorageNode): CallHandler;
  nodeOptions(): Partial<Pick<StorageNodeOptions, 'sweepRules'>>;
  /** A node that has lost its disk comes back as the one that it was. */
  readonly keepsIdentity: boolean;
  /** What a node does by itself. */
  work(parts: NodePeerParts): readonly NodeWork[];
}

export const SOUND_PARTS: Parts = {
  rules: () => new ProposerRules(),
  acceptor: (durableCeilingUs, promiseCapacity) => new Acceptor(durableCeilingUs, promiseCapacity),
  seal: () => new SimSeal(),
  transport: (link) => link,
  handler: (node) => node,
  nodeOptions: () => ({}),
  keepsIdentity: false,
  work: (parts) => startNodeWork(parts),
};

export interface WorldSetup {
  readonly seed: number;
  /** Replicas of a record: 1, 3 or 5. */
  readonly zones: number;
  /** With which the cluster begins; shards are spread over them. */
  readonly nodesPerZone: number;
  /** Machines in each zone that are not of the cluster at first. */
  readonly sparesPerZone: number;
  readonly proxies: number;
  readonly shards: number;
  /** Wall clocks differ by at most so much from the true time; microseconds, one for each node and then each proxy. */
  readonly clockOffsetsUs: readonly number[];
  /** Parts per million, for each node and then each proxy. */
  readonly clockDriftPpm: readonly number[];
  readonly disk: DiskProfile;
  readonly fsync: Fsync;
  readonly cacheBytes: number;
  readonly promiseCapacity: number;
  /** Proxies use their express lane; else every operation is a task of its record. */
  readonly express: boolean;
  /** Messages pass through the real codec. */
  readonly encoded: boolean;
  readonly framed: boolean;
  /** Mean time until a new cluster map is seen by those who watch the store; 0: proxies do not watch. */
  readonly watchDelayUs: number;
  /** Set for the time of the run. */
  readonly limits: SimLimits;
}

/** A process that cannot start without the config store tries again after so long. */
const STORE_RETRY_MS = 100;

/** Real coordinators and real storage nodes, and all that is around them simulated. */
export class World {
  readonly scheduler = new SimScheduler();
  readonly network: SimNetwork;
  /** Also those that are not of the cluster: node 1 of each zone, then node 2 of each, and so on. */
  readonly nodes: readonly SimNode[];
  readonly proxies: readonly SimProxy[];
  readonly config: SimConfigStore;
  /** Planned, and not carried out: they would have left too little to recover from, or there was nothing to be hit. */
  skippedFaults = 0;
  readonly #setup: WorldSetup;
  readonly #parts: Parts;
  readonly #firstMap: ClusterMap;
  readonly #ended = new Map<string, number>();
  /** Zones in which a record was damaged; nothing tells when it is repaired. */
  readonly #damaged = new Set<number>();
  #starts = 0;

  constructor(setup: WorldSetup, parts: Parts, policy: NetworkPolicy, watcher: NetworkWatcher) {
    assertPromisesSettle();
    this.#setup = setup;
    this.#parts = parts;
    this.network = new SimNetwork(this.scheduler, policy, watcher, setup.encoded, setup.framed);
    const machines = setup.zones * (setup.nodesPerZone + setup.sparesPerZone);
    this.nodes = Array.from({ length: machines }, (_, i) => {
      return new SimNode(i + 1, i % setup.zones, this.#newDisk(`disk${i + 1}`), this.#machine(i));
    });
    this.proxies = Array.from(
      { length: setup.proxies },
      (_, i) => new SimProxy(`P${i + 1}`, this.#machine(machines + i)),
    );
    this.#firstMap = this.#makeMap();
    const storeRandom = new SimRandom(setup.seed, 'store');
    this.config = new SimConfigStore(this.scheduler, storeRandom, this.#firstMap, 3_000, setup.watchDelayUs);
    for (const node of this.nodes.slice(0, setup.zones * setup.nodesPerZone)) this.startNode(node);
    for (const proxy of this.proxies) this.startProxy(proxy);
  }

  startNode(sim: SimNode): void {
    if (sim.process !== null) return;
    const process = new SimProcess(sim.name);
    const clock = new SimClock(this.scheduler, sim.machine, process);
    const store = this.config.open(process);
    sim.process = process;
    const saved = sim.disk.map === null ? null : decodeClusterMap(sim.disk.map);
    if (saved?.ok) this.#run(sim, process, clock, store, saved.map);
    else this.#startAnew(sim, process, clock, store);
  }

  /** On an empty disk: the store has to be asked for the map first. */
  #startAnew(sim: SimNode, process: SimProcess, clock: SimClock, store: ConfigStore): void {
    // At the beginning of all the store has only the map that everybody knows.
    if (this.scheduler.nowUs === 0) {
      this.#run(sim, process, clock, store, this.#firstMap);
      return;
    }
    void store.read().then((result) => {
      if (result.ok && result.value !== null) this.#run(sim, process, clock, store, result.value);
      else clock.after(STORE_RETRY_MS, () => this.#startAnew(sim, process, clock, store));
    });
  }

  #run(sim: SimNode, process: SimProcess, clock: SimClock, store: ConfigStore, map: ClusterMap): void {
    const node = new StorageNode({
      nodeId: sim.nodeId,
      incarnation: sim.incarnation,
      engine: new SimEngine(sim.disk, process),
      store: new SimNodeStore(sim.disk, process),
      acceptor: this.#parts.acceptor(sim.disk.ceilingUs, this.#setup.promiseCapacity),
      map,
      clock,
      log: silentLog,
      fsync: this.#setup.fsync,
      cacheBytes: this.#setup.cacheBytes,
      isDistrusted: sim.isDistrusted,
      ...this.#parts.nodeOptions(),
    });
    sim.node = node;
    node.start(() => {
      this.network.addNode(sim.nodeId, this.#parts.handler(node), process);
      this.#startProposer(sim, node, process, clock, store);
    });
  }

  /** As the product does it (startStorage of src/admin/assemble.ts). */
  #startProposer(sim: SimNode, node: StorageNode, process: SimProcess, clock: SimClock, store: ConfigStore): void {
    const link = this.network.connect(process);
    const own = new InProcessTransport(clock);
    own.addNode(node);
    const network = {
      transport: new OwnNodeTransport(sim.nodeId, own, link),
      onMap: (map: ClusterMap) => link.setNodes(nodesOf(map).filter(({ id }) => id !== sim.nodeId)),
      close: () => {},
    };
    const random = new SimRandom(this.#setup.seed, `${sim.incarnation}.${this.#starts++}`);
    const startWork = (parts: NodePeerParts): readonly NodeWork[] => {
      sim.counters = new ProtocolCounters();
      sim.work = this.#parts.work({ ...parts, counters: sim.counters });
      return sim.work;
    };
    sim.link = link;
    sim.proposer = startNodeProposer({ node, store, network, startWork }, { clock, random, log: silentLog });
  }

  /** `kept`: what a loss of power leaves of what was not synced; null: only the process ends. */
  crashNode(sim: SimNode, kept: Kept | null): void {
    if (sim.process === null) return;
    addCounts(this.#ended, countsOf(sim));
    sim.process.alive = false;
    sim.process = null;
    sim.node = null;
    sim.counters = null;
    sim.work = [];
    if (sim.link !== null) this.network.disconnect(sim.link);
    sim.link = null;
    sim.proposer = null;
    sim.disk.crash(kept);
    this.network.removeNode(sim.nodeId);
  }

  /** A machine of this zone that was never of the cluster: its id is higher than all that ever were. Null: there is none. */
  spare(zone: number): SimNode | null {
    return this.nodes.find((sim) => sim.zone === zone && sim.nodeId > this.config.map.lastNodeId) ?? null;
  }

  /** Zones (by index) in which a node has lost its disk, or does not trust it, and has not learned all again. */
  weakZones(): Set<number> {
    const { map } = this.config;
    const weak = new Set(this.#damaged);
    for (const move of map.moves) if (!move.oldVotes) weak.add(move.zone);
    for (const sim of this.nodes) {
      const known = findNode(map, sim.nodeId)?.node.incarnation;
      if (known !== undefined && known !== '' && known !== sim.incarnation) weak.add(sim.zone);
    }
    return weak;
  }

  /** The process ends, and its disk is gone with all that was on it. */
  wipeNode(sim: SimNode): void {
    this.crashNode(sim, null);
    if (!this.#parts.keepsIdentity) sim.lives++;
    sim.isDistrusted = false;
    sim.disk = this.#newDisk(`disk${sim.incarnation}`);
  }

  /** Power is lost; without fsync at every write the disk is not trusted from then on. */
  losePower(sim: SimNode, kept: Kept = 'some'): void {
    this.crashNode(sim, kept);
    if (!this.distrustsPowerLoss) return;
    sim.lives++;
    sim.isDistrusted = true;
  }

  get distrustsPowerLoss(): boolean {
    return this.#setup.fsync !== 'always';
  }

  startProxy(proxy: SimProxy): void {
    if (proxy.process !== null) return;
    const process = new SimProcess(proxy.name);
    const clock = new SimClock(this.scheduler, proxy.machine, process);
    const store = this.config.open(process);
    const { map } = this.config;
    const holder = new MapHolder(store, map, clock, silentLog);
    const link = this.network.connect(process);
    link.setNodes(nodesOf(map));
    holder.onChange((newer) => link.setNodes(nodesOf(newer)));
    store.watch(map.epoch, (newer) => holder.adopt(newer));
    const proposer = this.config.nextProposer();
    proxy.process = process;
    proxy.store = store;
    proxy.map = holder;
    proxy.link = link;
    proxy.coordinator = new Coordinator<Reply>({
      clock,
      random: new SimRandom(this.#setup.seed, `proxy${proposer}`),
      log: silentLog,
      transport: this.#parts.transport(link, holder),
      seal: this.#parts.seal(),
      ids: simIds,
      map: holder,
      proposer,
      nextProposer: (done) => clock.after(1, () => done(this.config.nextProposer())),
      rules: this.#parts.rules(),
      express: this.#setup.express,
    });
  }

  crashProxy(proxy: SimProxy): void {
    if (proxy.process === null || proxy.link === null) return;
    addCounts(this.#ended, proxy.coordinator?.counters.entries());
    proxy.process.alive = false;
    proxy.process = null;
    this.network.disconnect(proxy.link);
    proxy.link = null;
    proxy.coordinator = null;
    proxy.map = null;
    proxy.store = null;
    proxy.onCrash();
  }

  /** The operator changes the map; one node, if any, hears of it first. `change` null: all shards have changed, as far as epochs tell. */
  changeMap(first: SimNode | null, change: ((map: ClusterMap) => ClusterMap) | null): void {
    const old = this.config.map;
    const epoch = old.epoch + 1;
    const map = change === null ? { ...old, epoch, shardEpochs: old.shardEpochs.map(() => epoch) } : change(old);
    this.config.set(map);
    const request = { type: MessageType.adoptMap, map: encodeClusterMap(map) } as const;
    first?.node?.receive([{ request, respond: () => {} }]);
  }

  /** A byte of a stored record turns, and the node restarts: nothing in memory hides it. */
  corruptRecord(sim: SimNode, key: string): void {
    this.crashNode(sim, null);
    this.#damaged.add(sim.zone);
    const bytes = Buffer.from(key, 'latin1');
    const shard = shardOf(slotOf(bytes), this.#setup.shards);
    const generation = this.config.map.namespaces[0]?.generation ?? 1;
    sim.disk.corrupt(recordKey(shard, simIds.recordId(0, generation, bytes)));
  }

  /** How often each branch was taken, by all processes that there were. */
  branches(): Map<string, number> {
    const total = new Map(new ProtocolCounters().entries().map(([branch]): [string, number] => [branch, 0]));
    addCounts(total, this.#ended);
    for (const proxy of this.proxies) addCounts(total, proxy.coordinator?.counters.entries());
    for (const node of this.nodes) addCounts(total, countsOf(node));
    addCounts(total, this.config.changes);
    return total;
  }

  node(nodeId: number): SimNode {
    const node = this.nodes[nodeId - 1];
    assert(node !== undefined, 'no such node');
    return node;
  }

  /** True if the current map names this node. */
  isMember(sim: SimNode): boolean {
    return findNode(this.config.map, sim.nodeId) !== null;
  }

  #makeMap(): ClusterMap {
    const { zones, nodesPerZone, shards } = this.#setup;
    const newZones = Array.from({ length: zones }, (_, zone) => ({
      name: `zone${zone + 1}`,
      nodes: this.nodes
        .slice(0, zones * nodesPerZone)
        .filter((sim) => sim.zone === zone)
        .map((sim) => ({ id: sim.nodeId, host: sim.name, port: 0 })),
    }));
    const map = createClusterMap({ clusterId: 'simulated', shards, zones: newZones });
    // Entered before the first client comes.
    const entered = map.zones.map((zone) => ({
      ...zone,
      nodes: zone.nodes.map((node) => ({ ...node, incarnation: this.node(node.id).incarnation })),
    }));
    return { ...map, zones: entered };
  }

  #newDisk(label: string): SimDisk {
    return new SimDisk(this.scheduler, new SimRandom(this.#setup.seed, label), this.#setup.disk);
  }

  #machine(index: number): MachineTime {
    const { clockOffsetsUs, clockDriftPpm } = this.#setup;
    return new MachineTime(this.scheduler, clockOffsetsUs[index] ?? 0, clockDriftPpm[index] ?? 0);
  }
}

function addCounts(total: Map<string, number>, counts: Iterable<readonly [string, number]> | undefined): void {
  for (const [branch, count] of counts ?? []) total.set(branch, (total.get(branch) ?? 0) + count);
}

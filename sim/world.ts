import { assert } from '../src/base/assert.ts';
import { silentLog } from '../src/base/log.ts';
import { createClusterMap } from '../src/cluster/cluster-map.ts';
import { decodeClusterMap, encodeClusterMap } from '../src/cluster/cluster-map-text.ts';
import type { ClusterMap } from '../src/cluster/map.ts';
import { shardOf, slotOf } from '../src/cluster/slot.ts';
import { Coordinator } from '../src/quorum/coordinator.ts';
import { MapHolder } from '../src/quorum/map-holder.ts';
import { type ProtocolBranch, ProtocolCounters } from '../src/quorum/protocol-counters.ts';
import { ProposerRules } from '../src/quorum/rules.ts';
import type { SealPort } from '../src/quorum/seal-port.ts';
import { recordKey } from '../src/record/record-id.ts';
import type { Reply } from '../src/resp/reply.ts';
import { MessageType } from '../src/rpc/messages.ts';
import { Acceptor } from '../src/storage/acceptor.ts';
import { StorageNode } from '../src/storage/storage-node.ts';
import type { Fsync } from '../src/storage/write-pipeline.ts';
import { MachineTime, SimClock, SimProcess, SimScheduler } from './sim-clock.ts';
import { SimConfigStore } from './sim-config-store.ts';
import { type DiskProfile, SimDisk, SimEngine, SimNodeStore } from './sim-disk.ts';
import { type NetworkPolicy, type NetworkWatcher, nodeName, type ProxyLink, SimNetwork } from './sim-network.ts';
import { SimRandom } from './sim-random.ts';
import { SimSeal, simIds } from './sim-seal.ts';

/** How the code that runs here is made; the deliberate defects replace parts. */
export interface Parts {
  rules(): ProposerRules;
  acceptor(durableCeilingUs: number, promiseCapacity: number): Acceptor;
  seal(): SealPort;
}

export const SOUND_PARTS: Parts = {
  rules: () => new ProposerRules(),
  acceptor: (durableCeilingUs, promiseCapacity) => new Acceptor(durableCeilingUs, promiseCapacity),
  seal: () => new SimSeal(),
};

export interface WorldSetup {
  readonly seed: number;
  readonly nodes: number;
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
}

/** A storage node's machine: its disk and clock stay when its process ends. */
export class SimNode {
  readonly nodeId: number;
  readonly disk: SimDisk;
  readonly machine: MachineTime;
  process: SimProcess | null = null;
  node: StorageNode | null = null;

  constructor(nodeId: number, disk: SimDisk, machine: MachineTime) {
    this.nodeId = nodeId;
    this.disk = disk;
    this.machine = machine;
  }
}

export class SimProxy {
  readonly name: string;
  readonly machine: MachineTime;
  process: SimProcess | null = null;
  coordinator: Coordinator<Reply> | null = null;
  link: ProxyLink | null = null;
  /** Told when the process ends: its clients never hear from it again. */
  onCrash: () => void = () => {};

  constructor(name: string, machine: MachineTime) {
    this.name = name;
    this.machine = machine;
  }
}

/** Real coordinators and real storage nodes, and all that is around them simulated. */
export class World {
  readonly scheduler = new SimScheduler();
  readonly network: SimNetwork;
  readonly nodes: readonly SimNode[];
  readonly proxies: readonly SimProxy[];
  readonly #setup: WorldSetup;
  readonly #parts: Parts;
  readonly #firstMap: ClusterMap;
  readonly #config: SimConfigStore;
  readonly #ended = new Map<ProtocolBranch, number>();
  #nextProposer = 1;

  constructor(setup: WorldSetup, parts: Parts, policy: NetworkPolicy, watcher: NetworkWatcher) {
    this.#setup = setup;
    this.#parts = parts;
    this.network = new SimNetwork(this.scheduler, policy, watcher, setup.encoded, setup.framed);
    const zones = Array.from({ length: setup.nodes }, (_, i) => ({
      name: `zone${i + 1}`,
      nodes: [{ id: i + 1, host: nodeName(i + 1), port: 0 }],
    }));
    const map = createClusterMap({ clusterId: 'simulated', shards: setup.shards, zones });
    this.#firstMap = map;
    this.#config = new SimConfigStore(this.scheduler, map, 3_000);
    this.nodes = Array.from({ length: setup.nodes }, (_, i) => {
      const disk = new SimDisk(this.scheduler, new SimRandom(setup.seed, `disk${i + 1}`), setup.disk);
      return new SimNode(i + 1, disk, this.#machine(i));
    });
    this.proxies = Array.from(
      { length: setup.proxies },
      (_, i) => new SimProxy(`P${i + 1}`, this.#machine(setup.nodes + i)),
    );
    for (const node of this.nodes) this.startNode(node);
    for (const proxy of this.proxies) this.startProxy(proxy);
  }

  startNode(sim: SimNode): void {
    if (sim.process !== null) return;
    const process = new SimProcess(nodeName(sim.nodeId));
    const adopted = sim.disk.map === null ? null : decodeClusterMap(sim.disk.map);
    const node = new StorageNode({
      nodeId: sim.nodeId,
      incarnation: `i${sim.nodeId}`,
      engine: new SimEngine(sim.disk, process),
      store: new SimNodeStore(sim.disk, process),
      acceptor: this.#parts.acceptor(sim.disk.ceilingUs, this.#setup.promiseCapacity),
      map: adopted?.ok ? adopted.map : this.#firstMap,
      clock: new SimClock(this.scheduler, sim.machine, process),
      log: silentLog,
      fsync: this.#setup.fsync,
      cacheBytes: this.#setup.cacheBytes,
    });
    sim.process = process;
    sim.node = node;
    node.start(() => this.network.addNode(sim.nodeId, node, process));
  }

  crashNode(sim: SimNode, powerLost: boolean): void {
    if (sim.process === null) return;
    sim.process.alive = false;
    sim.process = null;
    sim.node = null;
    sim.disk.crash(powerLost);
    this.network.removeNode(sim.nodeId);
  }

  startProxy(proxy: SimProxy): void {
    if (proxy.process !== null) return;
    const process = new SimProcess(proxy.name);
    const clock = new SimClock(this.scheduler, proxy.machine, process);
    const link = this.network.connect(process);
    const proposer = this.#nextProposer++;
    proxy.process = process;
    proxy.link = link;
    proxy.coordinator = new Coordinator<Reply>({
      clock,
      random: new SimRandom(this.#setup.seed, `proxy${proposer}`),
      log: silentLog,
      transport: link,
      seal: this.#parts.seal(),
      ids: simIds,
      map: new MapHolder(this.#config, this.#config.map, clock, silentLog),
      proposer,
      nextProposer: (done) => clock.after(1, () => done(this.#nextProposer++)),
      rules: this.#parts.rules(),
      express: this.#setup.express,
    });
  }

  crashProxy(proxy: SimProxy): void {
    if (proxy.process === null || proxy.link === null) return;
    this.#keepCounts(proxy);
    proxy.process.alive = false;
    proxy.process = null;
    this.network.disconnect(proxy.link);
    proxy.link = null;
    proxy.coordinator = null;
    proxy.onCrash();
  }

  /** A new map: the shard of each key has changed, as far as epochs tell. One node hears of it first. */
  changeMap(first: SimNode): void {
    const old = this.#config.map;
    const epoch = old.epoch + 1;
    this.#config.map = { ...old, epoch, shardEpochs: old.shardEpochs.map(() => epoch) };
    const request = { type: MessageType.adoptMap, map: encodeClusterMap(this.#config.map) } as const;
    first.node?.receive([{ request, respond: () => {} }]);
  }

  /** A byte of a stored record turns, and the node restarts: nothing in memory hides it. */
  corruptRecord(sim: SimNode, key: string): void {
    this.crashNode(sim, false);
    const bytes = Buffer.from(key, 'latin1');
    const shard = shardOf(slotOf(bytes), this.#setup.shards);
    sim.disk.corrupt(recordKey(shard, simIds.recordId(0, 1, bytes)));
  }

  /** How often each branch was taken, by all coordinators that there were. */
  branches(): [ProtocolBranch, number][] {
    const total = new Map(this.#ended);
    for (const proxy of this.proxies) addCounts(total, proxy.coordinator?.counters);
    return new ProtocolCounters().entries().map(([branch]) => [branch, total.get(branch) ?? 0]);
  }

  node(nodeId: number): SimNode {
    const node = this.nodes[nodeId - 1];
    assert(node !== undefined, 'no such node');
    return node;
  }

  #keepCounts(proxy: SimProxy): void {
    addCounts(this.#ended, proxy.coordinator?.counters);
  }

  #machine(index: number): MachineTime {
    const { clockOffsetsUs, clockDriftPpm } = this.#setup;
    return new MachineTime(this.scheduler, clockOffsetsUs[index] ?? 0, clockDriftPpm[index] ?? 0);
  }
}

function addCounts(total: Map<ProtocolBranch, number>, counters: ProtocolCounters | undefined): void {
  for (const [branch, count] of counters?.entries() ?? []) total.set(branch, (total.get(branch) ?? 0) + count);
}

import { assert } from '../../base/assert.ts';
import type { FreeSpace } from '../../base/free-space.ts';
import { silentLog } from '../../base/log.ts';
import { SystemRandom } from '../../base/system-random.ts';
import { ManualClock } from '../../base/testing/manual-clock.ts';
import { createClusterMap } from '../../cluster/cluster-map.ts';
import { decodeClusterMap } from '../../cluster/cluster-map-text.ts';
import type { ClusterMap } from '../../cluster/map.ts';
import { withNodesAdded } from '../../cluster/members.ts';
import { MemoryConfigStore } from '../../cluster/memory-config-store.ts';
import { shardOf, slotOf } from '../../cluster/slot.ts';
import { type KeyRing, keyRingOf } from '../../crypto/key-ring.ts';
import { RecordIdHasher } from '../../crypto/record-id.ts';
import { RecordSealer } from '../../crypto/record-sealer.ts';
import { Coordinator } from '../../quorum/coordinator.ts';
import { MapHolder } from '../../quorum/map-holder.ts';
import type { Outcome, Step } from '../../quorum/operation.ts';
import type { ProtocolBranch } from '../../quorum/protocol-counters.ts';
import { FilteredTransport } from '../../quorum/testing/filtered-transport.ts';
import type { TestReply } from '../../quorum/testing/steps.ts';
import { recordKey } from '../../record/record-id.ts';
import { decodeStored, type StoredRecord } from '../../record/state-codec.ts';
import { InProcessTransport } from '../../rpc/in-process-transport.ts';
import { MessageType, type Request } from '../../rpc/messages.ts';
import { Acceptor } from '../acceptor.ts';
import { DiskSpace } from '../disk-space.ts';
import { StorageNode } from '../storage-node.ts';
import { HeldEngine } from './held-engine.ts';
import { TestStore } from './node-kit.ts';

const NAMESPACE = 0;
/** What each node keeps free. */
export const RESERVE_BYTES = 1_000_000;

export interface LocalQuorumOptions {
  readonly nodes?: 1 | 3 | 5;
  /** More nodes in the first zone, numbered on, without shards; default 0. */
  readonly spares?: number;
  readonly shards?: number;
  /** Default false: tests of the long way name the messages that each record sends alone. */
  readonly express?: boolean;
  /** Of each node's records in memory; default 1 MB. */
  readonly cacheBytes?: number;
  /** Default: one version. */
  readonly keys?: KeyRing;
}

/** One node's disk, and the node on it while its process lives. */
interface Machine {
  readonly engine: HeldEngine;
  readonly store: TestStore;
  node: StorageNode;
}

/** Real coordinators over real storage nodes in one process, on a clock that a test moves. */
export class LocalQuorum {
  readonly clock = new ManualClock();
  readonly map: ClusterMap;
  readonly express: boolean;
  readonly config: MemoryConfigStore;
  readonly seal: RecordSealer;
  readonly ids = new RecordIdHasher(Buffer.alloc(32, 2));
  readonly #cacheBytes: number;
  readonly #freeBytes = new Map<number, number>();
  readonly #machines: Machine[] = [];
  readonly #proxies: { readonly network: InProcessTransport }[] = [];

  constructor(options: LocalQuorumOptions = {}) {
    this.express = options.express ?? false;
    this.seal = new RecordSealer(options.keys ?? keyRingOf(1, new Map([[1, Buffer.alloc(32, 1)]])), new SystemRandom());
    this.#cacheBytes = options.cacheBytes ?? 1_000_000;
    const zones = Array.from({ length: options.nodes ?? 3 }, (_, i) => ({
      name: `z${i + 1}`,
      nodes: [{ id: i + 1, host: 'h', port: i + 1 }],
    }));
    const first = createClusterMap({ clusterId: 'local', shards: options.shards ?? 4, zones });
    const spares = Array.from({ length: options.spares ?? 0 }, (_, i) => zones.length + i + 1);
    const added = spares.map((id) => ({ zone: 0, id, host: 'h', port: id }));
    this.map = added.length === 0 ? first : withNodesAdded(first, added);
    this.config = new MemoryConfigStore(this.map);
    for (const id of zones.map((zone) => zone.nodes[0]?.id ?? 0).concat(spares)) {
      const disk = { engine: new HeldEngine(), store: new TestStore() };
      this.#machines.push({ ...disk, node: this.#startNode(id, disk.engine, disk.store) });
    }
  }

  proxy<R = TestReply>(): LocalProxy<R> {
    const proxy = new LocalProxy<R>(this, this.#proxies.length + 1);
    for (const { node } of this.#machines) proxy.network.addNode(node);
    this.#proxies.push(proxy);
    return proxy;
  }

  engine(nodeId: number): HeldEngine {
    return this.#machine(nodeId).engine;
  }

  takeDown(nodeId: number): void {
    for (const proxy of this.#proxies) proxy.network.takeDown(nodeId);
  }

  takeUp(nodeId: number): void {
    for (const proxy of this.#proxies) proxy.network.takeUp(nodeId);
  }

  /** The process ends at once and starts again on the same disk. */
  restart(nodeId: number): void {
    const machine = this.#machine(nodeId);
    for (const proxy of this.#proxies) proxy.network.removeNode(nodeId);
    machine.node = this.#startNode(nodeId, machine.engine, machine.store);
    for (const proxy of this.#proxies) proxy.network.addNode(machine.node);
  }

  node(nodeId: number): StorageNode {
    return this.#machine(nodeId).node;
  }

  /** The config store has this map; of the nodes only these hear of it. Proxies hear of it from them. */
  async change(map: ClusterMap, nodes: readonly number[]): Promise<void> {
    const stored = await this.config.compareAndSet(map.epoch - 1, map);
    assert(stored.ok && stored.value.swapped, 'the map is the next one');
    for (const nodeId of nodes) this.node(nodeId).adoptMap(map);
    await this.pass(2);
  }

  /** The learner of shards deletes what it holds of them, and takes part from then on; it learns nothing. */
  async open(nodeId: number, shards: readonly number[]): Promise<void> {
    const node = this.node(nodeId);
    let isOpen = false;
    node.shards.empty(new Map(shards.map((shard) => [shard, node.map.shardEpochs[shard] ?? 0])), () => {
      isOpen = true;
    });
    await this.pass(1_000, () => isOpen);
    assert(isOpen, 'a shard is emptied soon');
  }

  /** A key whose reads ask this node first. */
  keyAskedAt(nodeId: number): string {
    for (let i = 0; ; i++) {
      const id = this.ids.recordId(NAMESPACE, 1, Buffer.from(`k${i}`));
      if (id.charCodeAt(0) % this.map.zones.length === nodeId - 1) return `k${i}`;
    }
  }

  recordKeyOf(key: string, generation = 1): Buffer {
    const bytes = Buffer.from(key);
    return recordKey(shardOf(slotOf(bytes), this.map.shards), this.ids.recordId(NAMESPACE, generation, bytes));
  }

  /** What a node's disk holds of a key; null if it is absent there. */
  stored(nodeId: number, key: string): StoredRecord | null {
    const bytes = this.engine(nodeId).stored(this.recordKeyOf(key));
    return bytes === null ? null : decodeStored(bytes);
  }

  /** Lets time pass until `done`, or for so long. */
  async pass(durationMs: number, done: () => boolean = () => false): Promise<void> {
    for (let passedMs = 0; passedMs <= durationMs; passedMs++) {
      for (let i = 0; i < 10; i++) {
        this.clock.flushTurn();
        await Promise.resolve();
      }
      if (done()) return;
      this.clock.advance(1);
    }
  }

  #machine(nodeId: number): Machine {
    const machine = this.#machines[nodeId - 1];
    assert(machine !== undefined, 'no such node');
    return machine;
  }

  /** From its next look on the node finds so much free on its disk; `RESERVE_BYTES` are to be kept. */
  setFree(nodeId: number, freeBytes: number): void {
    this.#freeBytes.set(nodeId, freeBytes);
  }

  #spaceOf(nodeId: number): DiskSpace {
    const free: FreeSpace = {
      freeBytes: (callback) =>
        this.clock.endOfTurn(() => callback(null, this.#freeBytes.get(nodeId) ?? 10 * RESERVE_BYTES)),
    };
    const space = new DiskSpace({ free, reserveBytes: RESERVE_BYTES, clock: this.clock, log: silentLog });
    space.start(() => {});
    return space;
  }

  #startNode(nodeId: number, engine: HeldEngine, store: TestStore): StorageNode {
    const adopted = store.map === null ? null : decodeClusterMap(store.map);
    const node = new StorageNode({
      nodeId,
      incarnation: `i${nodeId}`,
      engine,
      store,
      acceptor: new Acceptor(store.ceilingUs),
      map: adopted?.ok === true ? adopted.map : this.map,
      clock: this.clock,
      log: silentLog,
      fsync: 'no',
      cacheBytes: this.#cacheBytes,
      space: this.#spaceOf(nodeId),
    });
    node.start(() => {});
    return node;
  }
}

/** One proxy's coordinator, with a network of its own that a test can disturb. */
export class LocalProxy<R = TestReply> {
  readonly network: InProcessTransport;
  readonly transport: FilteredTransport;
  readonly holder: MapHolder;
  readonly coordinator: Coordinator<R>;
  /** Requests by type since the start. */
  readonly sent = new Map<Request['type'], number>();
  readonly #quorum: LocalQuorum;

  constructor(quorum: LocalQuorum, proposer: number) {
    const { clock, seal, ids, config } = quorum;
    this.#quorum = quorum;
    this.network = new InProcessTransport(clock);
    this.transport = new FilteredTransport(this.network, clock);
    this.holder = new MapHolder(config, quorum.map, clock, silentLog);
    const { transport, sent } = this;
    const counting = {
      send: (...[nodeId, request, receiver, tag]: Parameters<FilteredTransport['send']>): void => {
        sent.set(request.type, (sent.get(request.type) ?? 0) + 1);
        transport.send(nodeId, request, receiver, tag);
      },
      isUp: (nodeId: number): boolean => transport.isUp(nodeId),
      setListener: (listener: Parameters<FilteredTransport['setListener']>[0]): void => transport.setListener(listener),
    };
    this.coordinator = new Coordinator<R>({
      clock,
      random: new SystemRandom(),
      log: silentLog,
      transport: counting,
      seal,
      ids,
      map: this.holder,
      proposer,
      nextProposer: (done) => clock.after(1, () => done(proposer + 100)),
      express: quorum.express,
    });
  }

  counter(branch: ProtocolBranch): number {
    return this.coordinator.counters.get(branch);
  }

  commitsSent(): number {
    return this.sent.get(MessageType.commit) ?? 0;
  }

  /** Puts an operation on its way. */
  start(key: string, step: Step<R>): { outcome: Outcome<R> | null } {
    const running: { outcome: Outcome<R> | null } = { outcome: null };
    const done = (outcome: Outcome<R>): void => {
      assert(running.outcome === null, 'an operation is answered once');
      running.outcome = outcome;
    };
    this.coordinator.submit({ namespace: NAMESPACE, key: Buffer.from(key), step, done });
    return running;
  }

  /** Runs an operation to its end; lets time pass as needed. */
  async outcome(key: string, step: Step<R>, withinMs = 10_000): Promise<Outcome<R>> {
    const running = this.start(key, step);
    await this.#quorum.pass(withinMs, () => running.outcome !== null);
    assert(running.outcome !== null, `an operation is answered within ${withinMs} ms`);
    return running.outcome;
  }

  /** The reply; a failure is the test's failure. */
  async do(key: string, step: Step<R>, withinMs?: number): Promise<R> {
    const outcome = await this.outcome(key, step, withinMs);
    assert(outcome.ok, `answered: ${outcome.ok ? '' : outcome.failure.detail}`);
    return outcome.reply;
  }

  /** The failure, `kind: detail`; a reply is the test's failure. */
  async fails(key: string, step: Step<R>): Promise<string> {
    const outcome = await this.outcome(key, step);
    assert(!outcome.ok, 'the operation fails');
    return `${outcome.failure.kind}: ${outcome.failure.detail}`;
  }

  /** All at once; in the order given. */
  async all(key: string, steps: readonly Step<R>[]): Promise<Outcome<R>[]> {
    const running = steps.map((step) => this.start(key, step));
    await this.#quorum.pass(10_000, () => running.every(({ outcome }) => outcome !== null));
    return running.map(({ outcome }) => {
      assert(outcome !== null, 'every operation is answered');
      return outcome;
    });
  }
}

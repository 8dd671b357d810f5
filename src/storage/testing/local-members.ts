import { assert } from '../../base/assert.ts';
import { silentLog } from '../../base/log.ts';
import { SystemRandom } from '../../base/system-random.ts';
import { ManualClock } from '../../base/testing/manual-clock.ts';
import { createClusterMap, findNode, nodesOf } from '../../cluster/cluster-map.ts';
import { decodeClusterMap } from '../../cluster/cluster-map-text.ts';
import { updateClusterMap } from '../../cluster/config-store.ts';
import type { ClusterMap } from '../../cluster/map.ts';
import { MemoryConfigStore } from '../../cluster/memory-config-store.ts';
import { shardOf, slotOf } from '../../cluster/slot.ts';
import { keyRingOf } from '../../crypto/key-ring.ts';
import { RecordIdHasher } from '../../crypto/record-id.ts';
import { RecordSealer } from '../../crypto/record-sealer.ts';
import { Coordinator } from '../../quorum/coordinator.ts';
import { MapHolder } from '../../quorum/map-holder.ts';
import type { Outcome, Step } from '../../quorum/operation.ts';
import { Repairer } from '../../quorum/repairer.ts';
import { FilteredTransport } from '../../quorum/testing/filtered-transport.ts';
import type { TestReply } from '../../quorum/testing/steps.ts';
import { recordKey } from '../../record/record-id.ts';
import { decodeStored, type StoredRecord } from '../../record/state-codec.ts';
import { InProcessTransport } from '../../rpc/in-process-transport.ts';
import { Acceptor } from '../acceptor.ts';
import { Learner } from '../learner.ts';
import { LearnerRules } from '../learner-rules.ts';
import { MoveManager } from '../move-manager.ts';
import type { NodeWork } from '../node-peer-parts.ts';
import { ShardJanitor } from '../shard-janitor.ts';
import { StorageNode } from '../storage-node.ts';
import { HeldEngine } from './held-engine.ts';
import { TestStore } from './node-kit.ts';

/** One node's machine: its disk, and the process on it while it lives. */
export class Member {
  readonly id: number;
  engine = new HeldEngine();
  store = new TestStore();
  incarnation: string;
  isDistrusted = false;
  node: StorageNode | null = null;
  /** To its peers. */
  transport: FilteredTransport | null = null;
  learner: Learner | null = null;
  work: NodeWork[] = [];
  lives = 1;

  constructor(id: number) {
    this.id = id;
    this.incarnation = `i${id}.1`;
  }
}

/** Storage nodes that do by themselves what nodes do about members, and a proxy, in one process, on a clock that a test moves. */
export class LocalMembers {
  readonly clock = new ManualClock();
  readonly config: MemoryConfigStore;
  readonly seal = new RecordSealer(keyRingOf(1, new Map([[1, Buffer.alloc(32, 1)]])), new SystemRandom());
  readonly ids = new RecordIdHasher(Buffer.alloc(32, 2));
  readonly members = new Map<number, Member>();
  readonly rules: LearnerRules;
  readonly holder: MapHolder;
  readonly network: InProcessTransport;
  readonly transport: FilteredTransport;
  readonly coordinator: Coordinator<TestReply>;
  readonly #networks: InProcessTransport[] = [];
  readonly #firstMap: ClusterMap;
  #proposers = 100;

  constructor(options: { readonly zones?: number; readonly shards?: number; readonly rules?: LearnerRules } = {}) {
    this.rules = options.rules ?? new LearnerRules();
    const zones = Array.from({ length: options.zones ?? 3 }, (_, i) => ({
      name: `z${i + 1}`,
      nodes: [{ id: i + 1, host: 'h', port: i + 1 }],
    }));
    const made = createClusterMap({ clusterId: 'local', shards: options.shards ?? 4, zones });
    this.#firstMap = {
      ...made,
      zones: made.zones.map((zone) => ({
        ...zone,
        nodes: zone.nodes.map((node) => ({ ...node, incarnation: `i${node.id}.1` })),
      })),
    };
    this.config = new MemoryConfigStore(this.#firstMap);
    this.network = new InProcessTransport(this.clock);
    this.#networks.push(this.network);
    this.transport = new FilteredTransport(this.network, this.clock);
    this.holder = new MapHolder(this.config, this.#firstMap, this.clock, silentLog);
    this.config.watch(this.#firstMap.epoch, (map) => this.holder.adopt(map));
    for (const { id } of nodesOf(this.#firstMap)) this.start(id);
    this.coordinator = new Coordinator<TestReply>({
      clock: this.clock,
      random: new SystemRandom(),
      log: silentLog,
      transport: this.transport,
      seal: this.seal,
      ids: this.ids,
      map: this.holder,
      proposer: 1,
      nextProposer: (done) => this.clock.after(1, () => done(this.#proposers++)),
    });
  }

  get map(): ClusterMap {
    return this.holder.current;
  }

  member(id: number): Member {
    let member = this.members.get(id);
    if (member === undefined) {
      member = new Member(id);
      this.members.set(id, member);
    }
    return member;
  }

  node(id: number): StorageNode {
    const { node } = this.member(id);
    assert(node !== null, 'the node runs');
    return node;
  }

  /** Starts a node's process on its machine, as it is. */
  start(id: number): void {
    const member = this.member(id);
    const adopted = member.store.map === null ? null : decodeClusterMap(member.store.map);
    const node = new StorageNode({
      nodeId: id,
      incarnation: member.incarnation,
      engine: member.engine,
      store: member.store,
      acceptor: new Acceptor(member.store.ceilingUs),
      map: adopted?.ok === true ? adopted.map : this.map,
      clock: this.clock,
      log: silentLog,
      fsync: 'no',
      cacheBytes: 1_000_000,
      isDistrusted: member.isDistrusted,
    });
    member.node = node;
    node.start(() => {});
    for (const network of this.#networks) network.addNode(node);
    const peers = new InProcessTransport(this.clock);
    for (const other of this.members.values()) if (other.node !== null) peers.addNode(other.node);
    this.#networks.push(peers);
    const transport = new FilteredTransport(peers, this.clock);
    member.transport = transport;
    const holder = new MapHolder(this.config, node.map, this.clock, silentLog);
    holder.onChange((map) => {
      if (member.node === node) node.adoptMap(map);
    });
    node.onMap((map) => holder.adopt(map));
    this.config.watch(node.map.epoch, (map) => holder.adopt(map));
    const base = { node, clock: this.clock, random: new SystemRandom(), log: silentLog, map: holder, transport };
    const proposer = this.#proposers++;
    const nextProposer = (done: (id: number) => void): void => done(this.#proposers++);
    const parts = { ...base, proposer, nextProposer };
    const repairer = new Repairer(parts);
    const learner = new Learner({ ...parts, repairer, rules: this.rules });
    const work = [new MoveManager({ ...parts, repairer }), learner, new ShardJanitor(parts)];
    for (const each of work) each.start();
    member.learner = learner;
    member.work = work;
  }

  /** The process ends at once; its disk stays. */
  kill(id: number): void {
    const member = this.member(id);
    for (const each of member.work) each.stop();
    member.node?.stop(() => {});
    member.node = null;
    for (const network of this.#networks) network.removeNode(id);
  }

  /** The process ends, and its disk is lost. */
  wipe(id: number): void {
    this.kill(id);
    const member = this.member(id);
    member.engine = new HeldEngine();
    member.store = new TestStore();
    member.lives++;
    member.incarnation = `i${id}.${member.lives}`;
  }

  /** The process ends, and its disk is kept but not trusted. */
  distrust(id: number): void {
    this.kill(id);
    const member = this.member(id);
    member.lives++;
    member.incarnation = `i${id}.${member.lives}`;
    member.isDistrusted = true;
  }

  async change(change: (map: ClusterMap) => ClusterMap | null): Promise<void> {
    const result = await updateClusterMap(this.config, change);
    assert(result.ok, 'the store is there');
  }

  /** What a node's disk holds of a key; null if it is absent there. */
  stored(nodeId: number, key: string): StoredRecord | null {
    const bytes = Buffer.from(key);
    const at = recordKey(shardOf(slotOf(bytes), this.map.shards), this.ids.recordId(0, 1, bytes));
    const found = this.member(nodeId).engine.stored(at);
    return found === null ? null : decodeStored(found);
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

  /** Lets time pass until this holds. */
  async until(done: () => boolean, withinMs = 60_000): Promise<void> {
    await this.pass(withinMs, done);
    assert(done(), `it happens within ${withinMs} ms`);
  }

  /** No moves and no goals are left. */
  get isSettled(): boolean {
    return this.map.moves.length === 0 && this.map.goals.length === 0;
  }

  incarnationOf(id: number): string {
    return findNode(this.map, id)?.node.incarnation ?? '';
  }

  async outcome(key: string, step: Step<TestReply>): Promise<Outcome<TestReply>> {
    let outcome: Outcome<TestReply> | null = null;
    const done = (result: Outcome<TestReply>): void => {
      outcome = result;
    };
    this.coordinator.submit({ namespace: 0, key: Buffer.from(key), step, done });
    await this.pass(10_000, () => outcome !== null);
    assert(outcome !== null, 'an operation is answered');
    return outcome;
  }

  /** The reply; a failure is the test's failure. */
  async do(key: string, step: Step<TestReply>): Promise<TestReply> {
    const outcome = await this.outcome(key, step);
    assert(outcome.ok, `answered: ${outcome.ok ? '' : outcome.failure.detail}`);
    return outcome.reply;
  }
}

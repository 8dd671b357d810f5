import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { RecordAddress } from '../rpc/messages.ts';
import { namespaceEpochOf } from '../rpc/namespace-epoch.ts';
import type { NodeHello, NodeId, NodeListener, Transport } from '../rpc/transport.ts';
import { BallotClock } from './ballot-clock.ts';
import { BrokenClock } from './broken-clock.ts';
import { JointTransport } from './joint-transport.ts';
import { MapCourier } from './map-courier.ts';
import type { MapHolder } from './map-holder.ts';
import { NodeCaller } from './node-caller.ts';
import { NodeHealth } from './node-health.ts';
import { NodeProber } from './node-prober.ts';
import { PageCache } from './page-cache.ts';
import { PageTransfer } from './page-transfer.ts';
import { ProtocolCounters } from './protocol-counters.ts';
import type { RecordChange } from './record-change.ts';
import type { RepairOutcome, RepairOwner } from './repair.ts';
import { RepairQueue } from './repair-queue.ts';
import { NO_NODES } from './replica-order.ts';
import type { RoundContext } from './round.ts';
import { ProposerRules } from './rules.ts';
import { placesOf, type ShardReplicas, shardTable } from './shard-table.ts';
import { TransactionSettler } from './transaction-settler.ts';

export interface RepairerOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** To all nodes of the cluster, the own one among them. The repairer listens to it. */
  readonly transport: Transport;
  readonly map: MapHolder;
  /** This process's number for its ballots, given out once. */
  readonly proposer: number;
  /** Another one, should this proposer's clock be found broken. */
  nextProposer(done: (proposer: number) => void): void;
  readonly counters?: ProtocolCounters;
  readonly rules?: ProposerRules;
}

/** The seal of a page holds or not, whoever copies it: a node without keys leaves that to those who read it. */
const UNOPENED = {
  openPage: (_id: unknown, _pageId: unknown, sealed: Buffer): Buffer => sealed,
  sealPage: (_id: unknown, _pageId: unknown, bytes: Buffer): Buffer => bytes,
};

/** Writes records back without knowing any key (protocol §5, §6): a proposer for storage nodes. */
export class Repairer implements RepairOwner, NodeListener {
  readonly clock: Clock;
  readonly random: Random;
  readonly rounds: RoundContext;
  readonly counters: ProtocolCounters;
  readonly caller: NodeCaller;
  readonly pageTransfer: PageTransfer;
  readonly #options: RepairerOptions;
  #shards: readonly ShardReplicas[];
  readonly #repairs: RepairQueue;
  /** Ends what coordinators have left undone. */
  readonly transactions: TransactionSettler;
  /** How often each node was lost. */
  readonly #losses = new Map<NodeId, number>();
  readonly #brokenClock: BrokenClock;

  constructor(options: RepairerOptions) {
    this.#options = options;
    this.clock = options.clock;
    this.random = options.random;
    this.counters = options.counters ?? new ProtocolCounters();
    const { map } = options;
    const rules = options.rules ?? new ProposerRules();
    const joint = new JointTransport(options.transport, options.clock, rules);
    this.caller = new NodeCaller(options.clock, joint);
    const health = new NodeHealth(options.clock, this.counters, options.log);
    this.pageTransfer = new PageTransfer(options.clock, this.caller, UNOPENED, this.counters, health, new PageCache(0));
    this.#shards = shardTable(map.current, joint);
    map.onChange((newest) => {
      this.#shards = shardTable(newest, joint);
      const known = placesOf(this.#shards);
      health.retain((node) => known.has(node));
    });
    const epochs = new MapCourier({ ...options, caller: this.caller, nodesOf: (nodeId) => joint.nodesOf(nodeId) });
    joint.epochs = epochs;
    this.rounds = {
      clock: options.clock,
      transport: joint,
      ballots: new BallotClock(options.clock, options.proposer),
      rules,
      health,
      counters: this.counters,
      manifests: this.pageTransfer.manifests,
      epochs,
    };
    this.#brokenClock = new BrokenClock(options, this.rounds.ballots, 'node');
    this.#repairs = new RepairQueue(this, limits.repairsAtOnce);
    this.transactions = new TransactionSettler(this, this.#repairs);
    new NodeProber(options.clock, options.random, joint, health, this.counters);
    options.transport.setListener(this);
  }

  get map(): MapHolder {
    return this.#options.map;
  }

  /** Repairs under way and waiting. */
  get pending(): number {
    return this.#repairs.pending;
  }

  /** One round of PREPARE and COMMIT, in its turn (`RepairQueue`). */
  repair(address: RecordAddress, change: RecordChange, done: (outcome: RepairOutcome) => void): void {
    this.#repairs.run(address, change, done);
  }

  /** Nodes and pairs to ask about a record, first those that are well; empty if the address is not the map's. */
  nodesOf(address: RecordAddress): readonly NodeId[] {
    const { shard, shardEpoch, namespace, namespaceEpoch } = address;
    const map = this.#options.map.current;
    if (map.shardEpochs[shard] !== shardEpoch || namespaceEpochOf(map, namespace) !== namespaceEpoch) return NO_NODES;
    const orders = this.#shards[shard]?.orders ?? [];
    return this.rounds.health.prefer(orders[address.id.charCodeAt(0) % orders.length] ?? NO_NODES);
  }

  /** How often the connection to one of these nodes was lost since the start: what one said before may not hold after that. */
  lossesOf(nodes: readonly NodeId[]): number {
    let losses = 0;
    for (const node of nodes) losses += this.#losses.get(node) ?? 0;
    return losses;
  }

  /** Whether one zone of the shard is moving: then only whole rounds about single records know how to count. */
  isMoving(shard: number): boolean {
    return this.#shards[shard]?.joint ?? true;
  }

  /** RepairOwner */
  onClockBroken(): void {
    this.#brokenClock.replaceProposer();
  }

  onNodeUp(hello: NodeHello): void {
    this.rounds.health.noteClock(hello.nodeId, hello.clockUs);
    this.rounds.health.cameUp(hello.nodeId);
    if (!this.rounds.ballots.observe(hello.floor.time)) this.counters.add('clock-too-far');
    if (hello.mapEpoch > this.#options.map.current.epoch) this.#options.map.refresh();
  }

  onNodeDown(nodeId: NodeId): void {
    this.#losses.set(nodeId, (this.#losses.get(nodeId) ?? 0) + 1);
    this.rounds.health.failed(nodeId);
  }
}

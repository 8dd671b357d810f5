import { ChurningMap } from '../base/churning-map.ts';
import type { Clock } from '../base/clock.ts';
import { busy, uncertain } from '../base/failure.ts';
import { limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { ClusterMap } from '../cluster/map.ts';
import type { RecordId } from '../record/state.ts';
import type { RecordAddress } from '../rpc/messages.ts';
import type { NodeHello, NodeId, NodeListener, Transport } from '../rpc/transport.ts';
import { Arrivals, type ArrivalsOwner } from './arrivals.ts';
import type { OpenedBase } from './attempt.ts';
import { BallotClock } from './ballot-clock.ts';
import { BrokenClock } from './broken-clock.ts';
import { type ExpressHost, ExpressLane } from './express-lane.ts';
import { JointTransport } from './joint-transport.ts';
import { KeptTasks } from './kept-tasks.ts';
import { MapCourier } from './map-courier.ts';
import type { MapHolder } from './map-holder.ts';
import { NodeCaller } from './node-caller.ts';
import { NodeHealth } from './node-health.ts';
import { NodeProber } from './node-prober.ts';
import type { Operation } from './operation.ts';
import { PageCache } from './page-cache.ts';
import { PageTransfer } from './page-transfer.ts';
import { Pending } from './pending.ts';
import { ProtocolCounters } from './protocol-counters.ts';
import { areInReach } from './reach.ts';
import { RecentWrites } from './recent-writes.ts';
import { LONG_AGO_MS, RecordEntry, RecordTable } from './record-table.ts';
import { RecordTask } from './record-task.ts';
import { NO_NODES } from './replica-order.ts';
import type { RoundContext } from './round.ts';
import { ProposerRules } from './rules.ts';
import { sameAddress, sameRecord } from './same-record.ts';
import type { SealPort } from './seal-port.ts';
import { placeRecord, placesOf, type ShardReplicas, shardTable } from './shard-table.ts';
import type { Placement, RecordIds, TaskContext } from './task-context.ts';
import type { TransactionKey, TransactionOperation } from './transaction.ts';
import { Transactions } from './transactions.ts';

export interface CoordinatorOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly transport: Transport;
  readonly seal: SealPort;
  readonly ids: RecordIds;
  readonly map: MapHolder;
  /** This process's number for its ballots, given out once. */
  readonly proposer: number;
  /** Another one, should this proposer's clock be found broken. */
  nextProposer(done: (proposer: number) => void): void;
  readonly rules?: ProposerRules;
  /** False: every operation goes the long way. */
  readonly express?: boolean;
  /** For what is remembered of records served lately; default `limits.recordTableBytes`. */
  readonly recordTableBytes?: number;
  /** For pages of large values; default `limits.pageCacheBytes`. */
  readonly pageCacheBytes?: number;
}

/**
 * The proposer of protocol §3-5 for all records: one task per record that has work, ticked while any has. Used by
 * proxies for clients' commands.
 */
export class Coordinator<R> implements TaskContext<R>, ExpressHost<R>, ArrivalsOwner<R>, NodeListener {
  readonly clock: Clock;
  readonly random: Random;
  readonly seal: SealPort;
  readonly rounds: RoundContext;
  readonly counters = new ProtocolCounters();
  /** Whoever lets operations in hears here that there is room. */
  onFinished: (() => void) | null = null;
  readonly pageTransfer: PageTransfer;
  readonly caller: NodeCaller;
  /** Commands over several records, and what others have left of theirs. */
  readonly transactions: Transactions<R>;
  readonly #options: CoordinatorOptions;
  readonly #tasks = new ChurningMap<RecordId, RecordTask<R>>();
  readonly #busy = new ChurningMap<RecordTask<R>, RecordTask<R>>();
  readonly #recent = new RecentWrites();
  readonly #arrivals: Arrivals<R>;
  readonly #table: RecordTable<R>;
  readonly #express: ExpressLane<R>;
  readonly #brokenClock: BrokenClock;
  readonly #kept = new KeptTasks<RecordTask<R>>(limits.recentRecords, limits.chainLifeMs, (task) => {
    if (this.#tasks.get(task.id) === task) this.#tasks.delete(task.id);
  });
  #map: ClusterMap;
  #shards: readonly ShardReplicas[];
  readonly #joint: JointTransport;
  #operations = 0;
  #pagesReserved = 0;
  #ticking = false;
  #skippedTick = false;

  constructor(options: CoordinatorOptions) {
    this.#options = options;
    this.clock = options.clock;
    this.random = options.random;
    this.seal = options.seal;
    const rules = options.rules ?? new ProposerRules();
    const joint = new JointTransport(options.transport, options.clock, rules);
    this.#joint = joint;
    const health = new NodeHealth(options.clock, this.counters, options.log);
    health.full.watch(joint);
    this.caller = new NodeCaller(options.clock, joint, health.full);
    const pages = new PageCache(options.pageCacheBytes ?? limits.pageCacheBytes);
    this.pageTransfer = new PageTransfer(options.clock, this.caller, options.seal, this.counters, health, pages);
    this.#map = options.map.current;
    this.#shards = shardTable(this.#map, joint);
    options.map.onChange((map) => {
      this.#map = map;
      this.#shards = shardTable(map, joint);
      const known = placesOf(this.#shards);
      this.rounds.health.retain((node) => known.has(node));
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
    new NodeProber(options.clock, options.random, joint, this.rounds.health, this.counters);
    this.#brokenClock = new BrokenClock(options, this.rounds.ballots, 'proxy');
    this.#table = new RecordTable(options.recordTableBytes ?? limits.recordTableBytes);
    this.#arrivals = new Arrivals(this, this.#table);
    this.#express = new ExpressLane(this);
    this.transactions = new Transactions(this, options.map, this.#table, options.express !== false);
    options.transport.setListener(this);
  }

  get mapEpoch(): number {
    return this.#map.epoch;
  }

  get visits(): Transactions<R> {
    return this.transactions;
  }

  get map(): ClusterMap {
    return this.#map;
  }

  /** Operations that wait or run. Not those of transactions: whoever sends plain commands need not wait until few of them are left. */
  get operations(): number {
    return Math.max(0, this.#operations - this.transactions.reads);
  }

  /** What is remembered of records served lately, roughly. */
  get recordTableBytes(): number {
    return this.#table.sizeBytes;
  }

  /** Runs an operation; its `done` is called exactly once, within the deadline unless pages keep moving. */
  submit(operation: Operation<R>): void {
    const { transactions } = this;
    if (transactions.holding && transactions.hold(this.place(operation).address.id, operation)) return;
    this.submitNow(operation);
  }

  /** Runs commands over several records as one. */
  transact(operation: TransactionOperation<R>): void {
    // What came before it must not be overtaken; its own reads follow in order.
    if (operation.access === 'write') this.#arrivals.startAll();
    this.transactions.submit(operation);
  }

  /** As `submit`, past the transactions on its record; `heldSinceMs`: monotonic, of one that has waited for them. */
  submitNow(operation: Operation<R>, heldSinceMs?: number): void {
    if (this.#operations >= limits.queuedOperationsTotal) {
      this.refuse(operation);
      return;
    }
    this.#operations++;
    if (heldSinceMs === undefined) {
      this.#arrivals.add(operation);
      return;
    }
    const isShort = operation.key.length <= limits.expressKeyBytes;
    const entry = isShort ? this.entryOf(operation, operation.key.toString('latin1')) : null;
    this.start(operation, entry, heldSinceMs, this.clock.monotonicMs());
  }

  /** ArrivalsOwner */
  start(operation: Operation<R>, entry: RecordEntry<R> | null, arrivedMs: number, nowMs: number): void {
    if (entry?.express === true) {
      this.#startBehind(entry, operation, arrivedMs);
      return;
    }
    const placement = entry?.placement ?? this.place(operation);
    const isPrompt = nowMs - arrivedMs < limits.deadlineMs / 4;
    const mayExpress =
      entry !== null &&
      isPrompt &&
      !entry.placement.joint &&
      this.#options.express !== false &&
      nowMs >= entry.avoidUntilMs;
    let task = this.#tasks.size === 0 ? undefined : this.#tasks.get(placement.address.id);
    if (task?.idle === true && mayExpress) {
      this.#retire(task, entry, nowMs);
      task = undefined;
    }
    if (task !== undefined && task.queued >= limits.queuedOperationsPerRecord) {
      this.#refuseStarted(operation);
      return;
    }
    if (task === undefined && mayExpress) {
      this.#express.begin(entry, operation, arrivedMs, nowMs);
      return;
    }
    const pending = new Pending(operation, arrivedMs, arrivedMs + limits.deadlineMs, this);
    (task ?? this.#newTask(placement, entry)).submit(pending);
  }

  /** Too much waits; nothing was done for the operation. */
  refuse(operation: Operation<R>): void {
    this.counters.add('busy');
    operation.done({ ok: false, failure: busy('too many commands wait for storage; try again') });
  }

  /** As `refuse`, for one that was counted as it arrived. */
  #refuseStarted(operation: Operation<R>): void {
    this.refuse(operation);
    this.finished();
  }

  place(operation: TransactionKey): Placement {
    return placeRecord(this.#map, this.#shards, this.#options.ids, operation);
  }

  /** Whom to ask about a record, first those that are well. */
  nodesOf({ id, shard }: RecordAddress): readonly NodeId[] {
    const orders = this.#shards[shard]?.orders ?? [];
    return this.rounds.health.prefer(orders[id.charCodeAt(0) % orders.length] ?? NO_NODES);
  }

  /** Whom to ask about all of a shard: nodes and pairs, one for each zone, as rounds do. */
  nodesOfShard(shard: number): readonly NodeId[] {
    const orders = this.#shards[shard]?.orders ?? [];
    return orders[shard % orders.length] ?? NO_NODES;
  }

  /** The storage nodes behind a number in a placement: of a moving shard's zone there are two. */
  nodesBehind(nodeId: NodeId): readonly NodeId[] {
    return this.#joint.nodesOf(nodeId);
  }

  /** ExpressHost */
  takeOver(entry: RecordEntry<R>, placement: Placement, pending: Pending<R>): void {
    let now = placement;
    if (placement.mapEpoch !== this.#map.epoch) {
      now = this.place(pending.operation);
      if (pending.used.length > 0 && !sameRecord(now.address, placement.address)) {
        this.counters.add('uncertain');
        pending.fail(uncertain('the cluster map changed while the write was under way'));
        return;
      }
    }
    (this.#tasks.get(now.address.id) ?? this.#newTask(now, entry)).submit(pending);
  }

  /** ExpressHost */
  remember(entry: RecordEntry<R>, base: OpenedBase): void {
    this.#table.remember(entry, base);
  }

  /** A pending operation was answered. */
  finished(): void {
    this.#operations--;
    this.onFinished?.();
  }

  /** PendingOwner, TransactionHost */
  isInReach(record: TransactionKey): boolean {
    return areInReach(this.rounds.transport, this.place(record).nodes);
  }

  onBusy(task?: RecordTask<R>): void {
    if (task !== undefined) this.#busy.set(task, task);
    if (!this.#ticking) this.#startTicking();
  }

  onIdle(task: RecordTask<R>): void {
    this.#busy.delete(task);
    if (this.#tasks.get(task.id) !== task) return;
    if (task.chained) {
      this.#kept.keep(task);
      return;
    }
    this.#tasks.delete(task.id);
    if (task.lastWriteMs > LONG_AGO_MS) this.#recent.note(task.id, task.lastWriteMs);
  }

  onMoved(task: RecordTask<R>, pendings: readonly Pending<R>[]): void {
    this.#tasks.delete(task.id);
    for (const pending of pendings) {
      this.counters.add('resubmitted');
      const placement = this.place(pending.operation);
      const target = this.#tasks.get(placement.address.id) ?? this.#newTask(placement, null);
      target.submit(pending);
    }
  }

  onClockBroken(): void {
    this.#brokenClock.replaceProposer();
  }

  onNodeUp(hello: NodeHello): void {
    this.rounds.health.noteClock(hello.nodeId, hello.clockUs);
    this.rounds.health.cameUp(hello.nodeId);
    if (!this.rounds.ballots.observe(hello.floor.time)) {
      this.counters.add('clock-too-far');
      this.#options.log.error({ nodeId: hello.nodeId }, "a node's clock is far ahead; it is not followed");
    }
    if (hello.mapEpoch > this.#map.epoch) this.#options.map.refresh();
  }

  onNodeDown(nodeId: NodeId): void {
    this.rounds.health.failed(nodeId);
  }

  reservePages(count: number): boolean {
    if ((this.#pagesReserved + count) * limits.pageBytes > limits.pagesInMemoryBytes) return false;
    this.#pagesReserved += count;
    return true;
  }

  releasePages(count: number): void {
    this.#pagesReserved -= count;
  }

  /** ArrivalsOwner; brought up to the current map. */
  entryOf(operation: Operation<R>, name: string): RecordEntry<R> {
    const entry = this.#table.find(operation.namespace, name);
    // What is under way under an older map goes first: the commands of a connection keep their order.
    if (entry !== undefined && (entry.placement.mapEpoch === this.#map.epoch || entry.express)) return entry;
    const placement = this.place(operation);
    if (entry !== undefined && sameAddress(entry.placement.address, placement.address)) {
      entry.placement = placement;
      return entry;
    }
    const fresh = new RecordEntry<R>(operation.namespace, name, placement);
    this.#table.add(fresh);
    return fresh;
  }

  #startBehind(entry: RecordEntry<R>, operation: Operation<R>, arrivedMs: number): void {
    const behind = entry.behind ?? [];
    if (behind.length >= limits.queuedOperationsPerRecord) {
      this.#refuseStarted(operation);
      return;
    }
    behind.push(new Pending(operation, arrivedMs, arrivedMs + limits.deadlineMs, this));
    entry.behind = behind;
  }

  /** An idle task gives what it knows to the express lane. */
  #retire(task: RecordTask<R>, entry: RecordEntry<R>, nowMs: number): void {
    this.#tasks.delete(task.id);
    const link = task.link(nowMs);
    if (link !== null) this.#express.adopt(entry, link);
    if (task.lastWriteMs > entry.lastWriteMs) entry.lastWriteMs = Math.trunc(task.lastWriteMs);
  }

  #newTask(placement: Placement, entry: RecordEntry<R> | null): RecordTask<R> {
    const { id } = placement.address;
    // What a task does to the record is not followed here.
    entry?.forget();
    const lastWriteMs = Math.max(this.#recent.lastWriteMs(id), entry?.lastWriteMs ?? LONG_AGO_MS);
    const task = new RecordTask(this, placement, lastWriteMs);
    this.#tasks.set(id, task);
    return task;
  }

  #startTicking(): void {
    this.#ticking = true;
    const dueMs = this.clock.monotonicMs() + limits.roundTickMs;
    this.clock.after(limits.roundTickMs, () => {
      const nowMs = this.clock.monotonicMs();
      const lateMs = Math.max(0, nowMs - dueMs);
      // Answers may have come while this process stood still: they are looked at before anybody is called slow.
      const isSkipped = lateMs > limits.stoodStillMs && !this.#skippedTick;
      this.#skippedTick = isSkipped;
      if (lateMs > limits.stoodStillMs) this.#busy.each((task) => task.forgive(lateMs));
      if (!isSkipped) this.#busy.each((task) => task.onTick(nowMs));
      if (this.#express.busy) this.#express.onTick(nowMs, lateMs);
      this.#kept.sweep(nowMs);
      this.#ticking = false;
      if (this.#busy.size > 0 || this.#kept.size > 0 || this.#express.busy) this.#startTicking();
    });
  }
}

import { assert } from '../base/assert.ts';
import { ChurningMap } from '../base/churning-map.ts';
import type { Clock } from '../base/clock.ts';
import { busy, unavailable } from '../base/failure.ts';
import { limits } from '../base/limits.ts';
import type { Random } from '../base/random.ts';
import type { RecordId } from '../record/state.ts';
import type { RecordAddress } from '../rpc/messages.ts';
import { namespaceEpochOf } from '../rpc/namespace-epoch.ts';
import type { NodeId } from '../rpc/transport.ts';
import type { OpenedBase } from './attempt.ts';
import { BundledTransport } from './bundled-transport.ts';
import type { VisitContext } from './intent-visit.ts';
import type { MapHolder } from './map-holder.ts';
import type { Operation } from './operation.ts';
import type { PageTransfer } from './page-transfer.ts';
import type { ProtocolCounters } from './protocol-counters.ts';
import type { RecordTable } from './record-table.ts';
import type { RepairOwner } from './repair.ts';
import { RepairQueue } from './repair-queue.ts';
import { NO_NODES } from './replica-order.ts';
import type { RoundContext } from './round.ts';
import type { SealPort } from './seal-port.ts';
import { singleOperation } from './single-transaction.ts';
import { SnapshotRead } from './snapshot-read.ts';
import type { Placement } from './task-context.ts';
import type { TransactionKey, TransactionOperation } from './transaction.ts';
import { TransactionDeadline } from './transaction-deadline.ts';
import type { TransactionHost } from './transaction-host.ts';
import { TransactionLocks } from './transaction-locks.ts';
import { TransactionRecords } from './transaction-records.ts';
import { TransactionRun } from './transaction-run.ts';
import { TransactionSettler } from './transaction-settler.ts';

/** What transactions are given by their coordinator. */
export interface TransactionParts<R> {
  readonly clock: Clock;
  readonly random: Random;
  readonly seal: SealPort;
  readonly rounds: RoundContext;
  readonly counters: ProtocolCounters;
  readonly pageTransfer: PageTransfer;
  readonly mapEpoch: number;
  place(key: TransactionKey): Placement;
  nodesOf(address: RecordAddress): readonly NodeId[];
  isInReach(key: TransactionKey): boolean;
  /** Runs an operation, or lets it wait for the transactions on its record. */
  submit(operation: Operation<R>): void;
  /** Runs it now; `arrivedMs`: when it came, if that was before. */
  submitNow(operation: Operation<R>, arrivedMs?: number): void;
  onClockBroken(): void;
  reservePages(count: number): boolean;
  releasePages(count: number): void;
}

/** Something that runs until it has answered, ticked meanwhile. */
interface Running {
  onTick(nowMs: number): void;
  forgive?(lateMs: number): void;
  /** It makes no progress because nodes do not answer, not because others get in its way. */
  isWaitingForNodes?(nowMs: number): boolean;
}

/** Its value is there, sealed and open. */
function isWhole({ state, live }: OpenedBase): boolean {
  return state?.value !== null && (live === null || live.value.paged || live.value.bytes !== null);
}

/** Transactions whose first meeting is remembered. */
const KNOWN_TRANSACTIONS = 4_096;

/**
 * The transactions of one proxy (protocol §9). Those that share records run one after the other, older first, and the proxy's own
 * commands on a record wait until the transaction that has it is through: what is left is the competition with other proxies.
 */
export class Transactions<R> implements VisitContext {
  readonly rounds: RoundContext;
  readonly transactions: TransactionSettler;
  readonly #parts: TransactionParts<R>;
  readonly #table: RecordTable<R>;
  readonly #host: TransactionHost<R>;
  readonly #locks: TransactionLocks<R>;
  readonly #running = new ChurningMap<Running, Running>();
  readonly #known = new Map<RecordId, number>();
  /** For records that other transactions of this proxy have. */
  readonly #waiting = new ChurningMap<Running, Running>();
  #ticking = false;

  /** `table`: what the proxy remembers of records; `express`: what they send together travels together, and is cleared up by chains. */
  constructor(parts: TransactionParts<R>, map: MapHolder, table: RecordTable<R>, express: boolean) {
    this.#parts = parts;
    this.#table = table;
    const { clock, random, counters, pageTransfer } = parts;
    const { transport } = parts.rounds;
    const rounds = express ? { ...parts.rounds, transport: new BundledTransport(transport, clock) } : parts.rounds;
    this.rounds = rounds;
    const owner: RepairOwner = {
      clock,
      random,
      rounds,
      counters,
      pageTransfer,
      map,
      nodesOf: (address) => {
        const { shardEpochs } = map.current;
        const isCurrent =
          shardEpochs[address.shard] === address.shardEpoch &&
          namespaceEpochOf(map.current, address.namespace) === address.namespaceEpoch;
        return isCurrent ? parts.nodesOf(address) : NO_NODES;
      },
      onClockBroken: () => parts.onClockBroken(),
    };
    this.transactions = new TransactionSettler(owner, new RepairQueue(owner, limits.transactionRepairsAtOnce));
    this.#host = {
      clock,
      random,
      seal: parts.seal,
      rounds,
      counters,
      pageTransfer,
      transactions: this.transactions,
      express,
      visits: this,
      get mapEpoch() {
        return parts.mapEpoch;
      },
      knownOrigin: (key) => table.knownOrigin(key, parts.mapEpoch),
      known: (key) => {
        const opened = table.current(key, parts.mapEpoch)?.opened ?? null;
        return opened !== null && isWhole(opened) ? opened : null;
      },
      forget: (key) => table.current(key, parts.mapEpoch)?.forget(),
      place: (key) => this.#place(key),
      nodesOf: (address) => parts.nodesOf(address),
      isInReach: (key) => parts.isInReach(key),
      read: (operation) => parts.submit(operation),
      reads: 0,
      submit: (operation) => parts.submitNow(operation),
      onClockBroken: () => parts.onClockBroken(),
      reservePages: (count) => parts.reservePages(count),
      releasePages: (count) => parts.releasePages(count),
    };
    this.#locks = new TransactionLocks((operation, arrivedMs) => this.#letGo(operation, arrivedMs));
  }

  /** Transactions under way and waiting. */
  get pending(): number {
    return this.#running.size + this.#waiting.size;
  }

  /** Plain operations under way that are part of one. */
  get reads(): number {
    return this.#host.reads;
  }

  /** Some records have a transaction; only then `hold` need be asked. */
  get holding(): boolean {
    return this.#locks.size > 0;
  }

  /** True if the operation waits now for a transaction on its record. */
  hold(id: RecordId, operation: Operation<R>): boolean {
    return this.#locks.hold(id, operation, this.#parts.clock.monotonicMs());
  }

  /** Runs a transaction; its `done` is called exactly once, within the deadline unless pages keep moving. */
  submit(operation: TransactionOperation<R>): void {
    const { keys } = operation;
    assert(keys.length <= limits.transactionRecords, 'the bound on records is looked at before');
    const { clock, counters } = this.#parts;
    const [first] = keys;
    if (first === undefined) {
      const records = new TransactionRecords<R>([], [], [], clock.wallMs());
      operation.done({ ok: true, reply: operation.run(records) });
      return;
    }
    if (keys.length === 1) {
      counters.add('transaction-single');
      this.#parts.submit(singleOperation(operation, first));
      return;
    }
    if (this.#running.size >= limits.transactionsAtOnce || this.#waiting.size >= limits.transactionsQueued) {
      counters.add('busy');
      operation.done({ ok: false, failure: busy('too many transactions wait for storage; try again') });
      return;
    }
    const untilMs = clock.monotonicMs() + limits.deadlineMs + keys.length * limits.transactionRecordMs;
    const deadline = new TransactionDeadline(untilMs);
    if (operation.access === 'read') this.#read(operation, deadline);
    else this.#write(operation, deadline);
  }

  nodesOf(address: RecordAddress): readonly NodeId[] {
    return this.#parts.nodesOf(address);
  }

  knownSince(transaction: RecordId): number {
    const known = this.#known.get(transaction);
    if (known !== undefined) return known;
    const nowMs = this.#parts.clock.monotonicMs();
    this.#known.set(transaction, nowMs);
    if (this.#known.size > KNOWN_TRANSACTIONS) {
      for (const oldest of this.#known.keys()) {
        this.#known.delete(oldest);
        break;
      }
    }
    return nowMs;
  }

  /** Addresses that are used again are found sooner. */
  #place(key: TransactionKey): Placement {
    const known = this.#table.current(key, this.#parts.mapEpoch);
    if (known !== null) return known.placement;
    const placement = this.#parts.place(key);
    this.#table.note(key, placement);
    return placement;
  }

  /** What was held runs within the rest of its time. */
  #letGo(operation: Operation<R>, arrivedMs: number): void {
    const { clock, counters } = this.#parts;
    if (clock.monotonicMs() < arrivedMs + limits.deadlineWhenLateMs) {
      this.#parts.submitNow(operation, arrivedMs);
      return;
    }
    counters.add('unavailable');
    operation.done({ ok: false, failure: unavailable('transactions on the same record took too long') });
  }

  #read(operation: TransactionOperation<R>, deadline: TransactionDeadline): void {
    const read = new SnapshotRead(this.#host, operation, deadline, {
      onEnded: () => void this.#running.delete(read),
      onIntentsNeeded: () => {
        this.#running.delete(read);
        this.#write(operation, deadline);
      },
    });
    this.#start(read, () => read.begin());
  }

  #write(operation: TransactionOperation<R>, deadline: TransactionDeadline): void {
    const { clock, counters } = this.#parts;
    const ids = operation.keys.map((key) => this.#place(key).address.id);
    let hold: { cancel(): void } | null = null;
    const waiting: Running = {
      onTick: (nowMs) => {
        if (!deadline.isOver(nowMs, () => this.#areNodesSlow(nowMs))) return;
        this.#waiting.delete(waiting);
        release();
        counters.add('unavailable');
        operation.done({ ok: false, failure: unavailable('transactions on the same records took too long') });
      },
      forgive: (lateMs) => deadline.forgive(lateMs),
    };
    this.#waiting.set(waiting, waiting);
    const run = new TransactionRun(this.#host, operation, deadline, {
      onAnswered: () => {
        this.#running.delete(run);
        if (!run.ended) hold = clock.after(limits.transactionHoldMs, release);
      },
      onEnded: () => {
        hold?.cancel();
        release();
      },
    });
    const release = this.#locks.take(ids, () => {
      this.#waiting.delete(waiting);
      this.#start(run, () => run.begin());
    });
    this.#keepTicking();
  }

  /** What waits for other transactions waits longer where those do. */
  #areNodesSlow(nowMs: number): boolean {
    return this.#running.some((running) => running.isWaitingForNodes?.(nowMs) === true);
  }

  #start(running: Running, begin: () => void): void {
    this.#running.set(running, running);
    begin();
    this.#keepTicking();
  }

  #keepTicking(): void {
    if (this.#ticking || (this.pending === 0 && !this.holding)) return;
    this.#ticking = true;
    const { clock } = this.#parts;
    const dueMs = clock.monotonicMs() + limits.roundTickMs;
    clock.after(limits.roundTickMs, () => {
      const nowMs = clock.monotonicMs();
      const lateMs = nowMs - dueMs;
      for (const group of [this.#running, this.#waiting]) {
        group.each((running) => {
          if (lateMs > limits.stoodStillMs) running.forgive?.(lateMs);
          running.onTick(nowMs);
        });
      }
      if (this.holding) this.#locks.expire(nowMs - limits.deadlineMs);
      this.#ticking = false;
      this.#keepTicking();
    });
  }
}

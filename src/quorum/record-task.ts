import { limits } from '../base/limits.ts';
import type { Link } from './chain.ts';
import { expirePendings, type Pending, takeMovable } from './pending.ts';
import { Proposal } from './proposal.ts';
import { sameAddress, sameRecord } from './same-record.ts';
import type { Placement, ProposalOwner, TaskContext } from './task-context.ts';

/**
 * All that one proposer does on one record: a queue of operations, and one proposal at a time that serves all that have
 * come by then. So a hot record's commands share rounds, and those of one connection keep their order.
 */
export class RecordTask<R> implements ProposalOwner {
  readonly #context: TaskContext<R>;
  readonly #proposal: Proposal<R>;
  #placement: Placement;
  #queue: Pending<R>[] = [];
  #idle = true;
  #repairWanted = false;

  /** `lastWriteMs`: when this proxy last wrote the record, if it remembers. */
  constructor(context: TaskContext<R>, placement: Placement, lastWriteMs: number) {
    this.#context = context;
    this.#placement = placement;
    this.#proposal = new Proposal(context, this, lastWriteMs);
  }

  get id(): string {
    return this.#placement.address.id;
  }

  get placement(): Placement {
    return this.#placement;
  }

  /** Nothing to do. */
  get idle(): boolean {
    return this.#idle;
  }

  /** The next write can start at COMMIT, for a while. */
  get chained(): boolean {
    return this.#proposal.chain.standing;
  }

  /** What the next write could start from, if that is not too old and the map is still the same. */
  link(nowMs: number): Link | null {
    return this.#placement.mapEpoch === this.#context.mapEpoch ? this.#proposal.chain.at(nowMs) : null;
  }

  /** Monotonic milliseconds; -Infinity if nothing is known. */
  get lastWriteMs(): number {
    return this.#proposal.chain.lastWriteMs;
  }

  get queued(): number {
    return this.#queue.length;
  }

  submit(pending: Pending<R>): void {
    this.#queue.push(pending);
    if (this.#idle) this.#next();
  }

  /** Deadlines, hedges, resends and waits; called every few milliseconds while not idle. */
  onTick(nowMs: number): void {
    if (expirePendings(this.#queue, nowMs, this.#context.counters)) {
      this.#queue = this.#queue.filter((pending) => !pending.finished);
    }
    this.#proposal.onTick(nowMs);
  }

  /** This process stood still for so long. */
  forgive(lateMs: number): void {
    for (const pending of this.#queue) pending.forgive(lateMs);
    for (const pending of this.#proposal.active) pending.forgive(lateMs);
  }

  wantRepair(): void {
    this.#repairWanted = true;
  }

  onFinished(): void {
    this.#next();
  }

  /**
   * After a change of the map, usually not of this record: then all goes on. Where only its shard has changed, all goes on
   * too, with new promises: what has become of a COMMIT under the old epoch is seen in the record, as ever. After a flush,
   * commands that no COMMIT went out for are placed anew, and this task has nothing left.
   */
  stillPlaced(): boolean {
    if (this.#placement.mapEpoch === this.#context.mapEpoch) return true;
    const first = this.#proposal.active[0] ?? this.#queue[0];
    const fresh = first === undefined ? null : this.#context.place(first.operation);
    if (fresh !== null && sameRecord(fresh.address, this.#placement.address)) {
      // What was promised under the old epoch counts no more.
      if (!sameAddress(fresh.address, this.#placement.address)) this.#proposal.chain.drop();
      this.#placement = fresh;
      return true;
    }
    const moved = takeMovable(this.#proposal.active.concat(this.#queue), this.#context.counters);
    this.#queue = [];
    this.#repairWanted = false;
    this.#proposal.abandon();
    this.#context.onMoved(this, moved);
    this.#next();
    return false;
  }

  #next(): void {
    if (!this.#repairWanted && this.#queue.length === 0) {
      this.#idle = true;
      this.#context.onIdle(this);
      return;
    }
    if (this.#idle) {
      this.#idle = false;
      this.#context.onBusy(this);
    }
    if (this.#repairWanted) {
      // Before what waits, or a record that is never idle would never be repaired.
      this.#repairWanted = false;
      this.#proposal.beginRepair();
    } else {
      this.#proposal.begin(this.#takeBatch());
    }
  }

  #takeBatch(): Pending<R>[] {
    if (this.#queue.length > limits.operationsPerRound) return this.#queue.splice(0, limits.operationsPerRound);
    const batch = this.#queue;
    this.#queue = [];
    return batch;
  }
}

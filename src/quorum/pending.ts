import type { Clock } from '../base/clock.ts';
import { type Failure, unavailable, uncertain } from '../base/failure.ts';
import { limits } from '../base/limits.ts';
import { Want } from '../rpc/messages.ts';
import type { Operation } from './operation.ts';
import type { ProtocolCounters } from './protocol-counters.ts';
import type { ProposerRules } from './rules.ts';
import type { UsedBallot } from './settle.ts';
import type { TransactionKey } from './transaction.ts';

/** Counts what is open, and knows who could still answer. */
export interface PendingOwner {
  finished(): void;
  /** As many nodes as decide over the record are connected. */
  isInReach(record: TransactionKey): boolean;
}

/** Of nearly all operations: shared, not made for each. */
const NONE_USED: readonly never[] = [];

/** An operation on its way through rounds. */
export class Pending<R> {
  readonly operation: Operation<R>;
  /** When it arrived, monotonic milliseconds. */
  readonly arrivedMs: number;
  /** Monotonic; moved along while pages of a large value are on their way, and while nodes are slow that are there. */
  deadlineMs: number;
  /** Ballots under which a COMMIT with this operation went out and was refused, oldest first. */
  used: readonly UsedBallot<R>[] = NONE_USED;
  /** When the first such COMMIT was sent; 0 if none was. */
  firstCommitMonotonicMs = 0;
  firstCommitWallMs = 0;
  /** A COMMIT with a change of this operation is out and unanswered. */
  commitOpen = false;
  /** Too many disks had no room for what it would change; from now on it may only delete. */
  full = false;
  finished = false;

  readonly #owner: PendingOwner;

  constructor(operation: Operation<R>, arrivedMs: number, deadlineMs: number, owner: PendingOwner) {
    this.operation = operation;
    this.#owner = owner;
    this.arrivedMs = arrivedMs;
    this.deadlineMs = deadlineMs;
  }

  /** A COMMIT with this operation was refused. */
  refused(used: UsedBallot<R>): void {
    this.used = [...this.used, used];
  }

  /** None of its writes so far can ever take effect. */
  startAfresh(): void {
    this.used = NONE_USED;
    this.firstCommitMonotonicMs = 0;
    this.firstCommitWallMs = 0;
  }

  /**
   * This process was at something else for so long (a collection of garbage, a machine with too little processor): that is
   * no failure of the nodes, so the deadline moves along, within bounds.
   */
  forgive(lateMs: number): void {
    this.deadlineMs = Math.max(
      this.deadlineMs,
      Math.min(this.deadlineMs + lateMs, this.arrivedMs + limits.deadlineWhenLateMs),
    );
  }

  /**
   * Past its deadline. Nodes that are connected are slow, not gone (a disk or a machine that stands still): they are waited
   * for longer, within bounds. Not after a refused COMMIT: how far back a record remembers what became of it is bounded, too.
   */
  isOverdue(nowMs: number): boolean {
    if (nowMs < this.deadlineMs) return false;
    const lastMs = this.arrivedMs + limits.deadlineWhenLateMs;
    if (nowMs >= lastMs || this.used.length > 0 || !this.#owner.isInReach(this.operation)) return true;
    this.deadlineMs = Math.min(lastMs, nowMs + limits.resendDelayMs);
    return false;
  }

  reply(reply: R): void {
    if (this.finished) return;
    this.finished = true;
    this.#owner.finished();
    this.operation.done({ ok: true, reply });
  }

  fail(failure: Failure): void {
    if (this.finished) return;
    this.finished = true;
    this.#owner.finished();
    this.operation.done({ ok: false, failure });
  }

  /** Fails with this, unless a change of the operation may have happened: that must be said first of all. */
  failAs(failure: Failure): void {
    this.fail(this.mayHaveHappened ? uncertain(`the write may or may not have happened: ${failure.detail}`) : failure);
  }

  /** A change of this operation may have happened or may still happen. */
  get mayHaveHappened(): boolean {
    return (this.commitOpen || this.used.length > 0) && this.operation.step.access === 'write';
  }

  /** Less than purgeAfter/2 since the first COMMIT, by both clocks: a record not found cannot have been purged (protocol §4). */
  absenceProves(clock: Clock, rules: ProposerRules): boolean {
    const monotonicMs = clock.monotonicMs() - this.firstCommitMonotonicMs;
    return rules.absenceProves(Math.max(monotonicMs, Math.abs(clock.wallMs() - this.firstCommitWallMs)));
  }

  /** No answer in time: in words what the client may assume (protocol §4). */
  expire(): Failure {
    const failure = this.mayHaveHappened
      ? uncertain('no quorum confirmed the write in time')
      : unavailable('no quorum of storage nodes answered in time');
    this.fail(failure);
    return failure;
  }
}

export function isFinished<R>(pending: Pending<R>): boolean {
  return pending.finished;
}

/** Answers what is past its deadline; true if there was any. */
export function expirePendings<R>(pendings: readonly Pending<R>[], nowMs: number, counters: ProtocolCounters): boolean {
  let any = false;
  for (const pending of pendings) {
    if (pending.finished || !pending.isOverdue(nowMs)) continue;
    counters.add(pending.expire().kind === 'uncertain' ? 'uncertain' : 'unavailable');
    any = true;
  }
  return any;
}

export function readsOnly<R>(pending: Pending<R>): boolean {
  return pending.operation.step.access === 'read' && pending.used.length === 0;
}

/** How much of the state these operations have to see. */
export function wantOf<R>(pendings: readonly Pending<R>[]): Want {
  for (const pending of pendings) if (pending.operation.step.needs === 'value') return Want.full;
  return Want.meta;
}

/**
 * The map changed: operations that can start over elsewhere. A write whose COMMIT was refused cannot: what became of it
 * can only be told under the epochs in which it was sent.
 */
export function takeMovable<R>(pendings: readonly Pending<R>[], counters: ProtocolCounters): Pending<R>[] {
  const movable: Pending<R>[] = [];
  for (const pending of pendings) {
    if (pending.finished) continue;
    if (pending.used.length > 0 && pending.operation.step.access === 'write') {
      counters.add('uncertain');
      pending.fail(uncertain('the cluster map changed while the write was under way'));
    } else {
      pending.used = NONE_USED;
      movable.push(pending);
    }
  }
  return movable;
}

/** Those that still wait for an answer; what is past its deadline gets one now and takes no further part. */
export function unfinished<R>(
  pendings: readonly Pending<R>[],
  nowMs: number,
  counters: ProtocolCounters,
): readonly Pending<R>[] {
  expirePendings(pendings, nowMs, counters);
  return pendings.some(isFinished) ? pendings.filter((pending) => !pending.finished) : pendings;
}

/** Whether nobody waits any more; what is past its deadline gets its answer now. */
export function allAnswered<R>(pendings: readonly Pending<R>[], nowMs: number, counters: ProtocolCounters): boolean {
  expirePendings(pendings, nowMs, counters);
  return pendings.every(isFinished);
}

export function failPendings<R>(pendings: readonly Pending<R>[], failure: Failure): void {
  for (const pending of pendings) pending.failAs(failure);
}

/** A COMMIT of it was refused, and what became of that is not known yet. */
export function isRefused<R>(pending: Pending<R>): boolean {
  return pending.used.length > 0;
}

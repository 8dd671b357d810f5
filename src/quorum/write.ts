import { limits } from '../base/limits.ts';
import type { Ballot } from '../record/ballot.ts';
import { type CommitRequest, MessageType } from '../rpc/messages.ts';
import type { NodeId } from '../rpc/transport.ts';
import {
  type Attempt,
  type AttemptPages,
  markCommitSent,
  noteRefused,
  type OpenedBase,
  type WrittenPage,
} from './attempt.ts';
import { type CommitOwner, type CommitResult, CommitRound } from './commit-round.ts';
import { noteFull } from './lack-of-room.ts';
import { buildState, chainedBase } from './new-state.ts';
import { expirePendings, isFinished, type Pending } from './pending.ts';
import type { Placement, TaskContext } from './task-context.ts';
import { TaskPages } from './task-pages.ts';

export interface WriteOwner<R> {
  /** Whom to send to, in the order of preference. */
  writeTo(): readonly NodeId[];
  onWritten(write: Write<R>, result: CommitResult): void;
  /** The COMMIT never went out: too few nodes took the pages, or some operations were answered meanwhile. */
  onRetry(): void;
}

/** What is to be written, and for whom. */
export interface WritePlan<R> {
  readonly placement: Placement;
  readonly active: readonly Pending<R>[];
  readonly ballot: Ballot;
  /** The ballot to be promised with it for a chain, or null. */
  readonly next: Ballot | null;
  readonly base: OpenedBase;
  readonly attempt: Attempt<R>;
  readonly pages: AttemptPages;
}

/** The second phase of an attempt (protocol §4.3): its pages ahead, then COMMIT to all. */
export class Write<R> implements CommitOwner {
  readonly attempt: Attempt<R>;
  readonly base: OpenedBase;
  readonly request: CommitRequest;
  readonly #context: TaskContext<R>;
  readonly #owner: WriteOwner<R>;
  readonly #active: readonly Pending<R>[];
  readonly #written: readonly WrittenPage[];
  #round: CommitRound | null = null;
  #abandoned = false;
  #catchUps = 0;

  constructor(context: TaskContext<R>, owner: WriteOwner<R>, plan: WritePlan<R>) {
    const { placement, active, ballot, next, base, attempt, pages } = plan;
    this.#context = context;
    this.#owner = owner;
    this.#active = active;
    this.attempt = attempt;
    this.base = base;
    const { address, generation } = placement;
    const { id, namespace } = address;
    const built = buildState(context.seal, id, namespace, generation, ballot, base, attempt, pages);
    this.request = {
      type: MessageType.commit,
      address,
      ballot,
      baseOrigin: built.baseOrigin,
      state: built.state,
      pages: built.pages,
      next,
      encoded: undefined,
    };
    this.#written = pages.written;
    if (built.pages === null || built.pages.added.length === 0) {
      this.#commit();
      return;
    }
    new TaskPages(context, id).send(address, pages, placement.nodes, active, (ok) => {
      if (!this.#abandoned) this.#onPagesSent(ok);
    });
  }

  onTick(nowMs: number): void {
    this.#round?.onTick(nowMs);
  }

  abandon(): void {
    this.#abandoned = true;
    this.#round?.abandon();
  }

  onCommitted(result: CommitResult): void {
    for (const pending of this.#active) pending.commitOpen = false;
    if (result.kind === 'refused' && this.attempt.changed) noteRefused(this.#active, this.attempt, this.request.ballot);
    if (result.kind === 'refused' && result.full) noteFull(this.#active, this.attempt);
    this.#owner.onWritten(this, result);
  }

  onStale(node: NodeId, index: number): void {
    this.#catchUps++;
    if (this.#round === null || this.#catchUps > limits.pageCatchUpsPerWrite) return;
    new TaskPages(this.#context, this.request.address.id).catchUp(this.#round, node, index, this.request, this.#active);
  }

  countChosen(): void {
    const { counters, pageTransfer } = this.#context;
    counters.add('commit-chosen');
    if (this.attempt.expired) counters.add('expired-written-dead');
    if (this.#active.length > 1) counters.add('shared-commit');
    if (this.#written.length > 0) pageTransfer.keep(this.request.address.id, this.#written);
  }

  /** The state that was written, for the next link of a chain. */
  newBase(): OpenedBase {
    return chainedBase(this.request.ballot, this.request.state, this.attempt);
  }

  /** The deadline is looked at once more: a change of what was answered UNAVAILABLE meanwhile must not be written. */
  #onPagesSent(ok: boolean): void {
    const { clock, counters } = this.#context;
    expirePendings(this.#active, clock.monotonicMs(), counters);
    if (ok && !this.#active.some(isFinished)) this.#commit();
    else this.#owner.onRetry();
  }

  #commit(): void {
    const { clock, rounds } = this.#context;
    const nowMs = clock.monotonicMs();
    if (this.attempt.changed) markCommitSent(this.#active, this.attempt, nowMs, clock.wallMs());
    this.#round = new CommitRound(rounds, this.#owner.writeTo(), this.request, this);
    this.#round.begin(nowMs);
  }
}

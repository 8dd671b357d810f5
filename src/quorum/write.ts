import { limits } from '../base/limits.ts';
import type { Ballot } from '../record/ballot.ts';
import { type CommitRequest, MessageType } from '../rpc/messages.ts';
import type { NodeId } from '../rpc/transport.ts';
import type { Attempt, AttemptPages, OpenedBase, WrittenPage } from './attempt.ts';
import { markCommitSent, noteRefused } from './attempt-outcome.ts';
import type { Chain } from './chain.ts';
import { type CommitOwner, type CommitResult, CommitRound } from './commit-round.ts';
import { noteFull } from './lack-of-room.ts';
import { buildState, chainedBase } from './new-state.ts';
import { expirePendings, isFinished, type Pending } from './pending.ts';
import type { Placement, TaskContext } from './task-context.ts';
import { TaskPages } from './task-pages.ts';

export interface WriteOwner<R> {
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
  readonly #nodes: () => readonly NodeId[];
  readonly #active: readonly Pending<R>[];
  readonly #written: readonly WrittenPage[];
  #round: CommitRound | null = null;
  #abandoned = false;
  #catchUps = 0;

  /** `nodes`: whom to send to by then, in the order of preference. */
  constructor(context: TaskContext<R>, owner: WriteOwner<R>, plan: WritePlan<R>, nodes: () => readonly NodeId[]) {
    this.#nodes = nodes;
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

  /** It is the value now; `chain` goes on from it if Q nodes have promised the next ballot. */
  onChosen(chain: Chain, nextRecorded: boolean): void {
    const { counters, clock, pageTransfer } = this.#context;
    counters.add('commit-chosen');
    if (this.attempt.expired) counters.add('expired-written-dead');
    const commands = this.#active.length;
    if (commands > 1) counters.add('shared-commit');
    if (this.#written.length > 0) pageTransfer.keep(this.request.address.id, this.#written, commands);
    const nowMs = clock.monotonicMs();
    if (this.attempt.changed) chain.lastWriteMs = nowMs;
    const { next, ballot, state } = this.request;
    if (next === null || !nextRecorded) return;
    counters.add('chain-started');
    chain.extend(next, chainedBase(ballot, state, this.attempt), nowMs);
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
    this.#round = new CommitRound(rounds, this.#nodes(), this.request, this);
    this.#round.begin(nowMs);
  }
}

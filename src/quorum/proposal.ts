import { assert } from '../base/assert.ts';
import { busy, corrupt, type Failure } from '../base/failure.ts';
import { limits } from '../base/limits.ts';
import { type Ballot, sameBallot } from '../record/ballot.ts';
import type { PageId, SealedState } from '../record/state.ts';
import { NeedPages } from '../record/value.ts';
import { Want } from '../rpc/messages.ts';
import type { NodeId } from '../rpc/transport.ts';
import { type Attempt, AttemptPages, attemptOn, type OpenedBase, openBase } from './attempt.ts';
import { answerPendings } from './attempt-outcome.ts';
import { Backoff } from './backoff.ts';
import { Chain } from './chain.ts';
import type { CommitResult } from './commit-round.ts';
import { type OnEffective, visitOf } from './intent-visit.ts';
import { lacksValue } from './new-state.ts';
import { allAnswered, failPendings, isRefused, type Pending, readsOnly, unfinished, wantOf } from './pending.ts';
import { type PrepareOwner, type PrepareResult, PrepareRound } from './prepare-round.ts';
import { type ReadOwner, type ReadResult, ReadRound } from './read-round.ts';
import { NO_NODES, orderReplicas, readableOf, withUnreadable } from './replica-order.ts';
import type { Round } from './round.ts';
import { Settling, type SettlingOwner } from './settling.ts';
import type { ProposalOwner, Step, TaskContext } from './task-context.ts';
import { TaskPages } from './task-pages.ts';
import { Write, type WriteOwner } from './write.ts';

const NOTHING: readonly never[] = [];
const UNREADABLE = corrupt('the stored record does not authenticate on any replica');

/**
 * One batch of operations on its way through rounds (protocol §3-5): READ; or PREPARE and COMMIT; or, in a chain, COMMIT
 * alone; again after refusals, until every operation is answered. Used for batch after batch; between them it keeps the chain.
 *
 * Invariants: at most one round is open; the operations run in the order they came; nothing runs twice unless the
 * exactly-once rule has shown that it did not happen.
 */
export class Proposal<R> implements ReadOwner, PrepareOwner, WriteOwner<R>, SettlingOwner {
  readonly #context: TaskContext<R>;
  readonly #owner: ProposalOwner;
  readonly #backoff = new Backoff();
  readonly chain: Chain;
  #active: readonly Pending<R>[] = NOTHING;
  #open = false;
  /** What is under way, if anything is: a round, a write or a settling. */
  #step: Step | null = null;
  /** Monotonic time at which a backed-off round starts again; infinite when none waits. */
  #wakeAtMs = Number.POSITIVE_INFINITY;
  #readAgain = false;
  #confirming: { readonly attempt: Attempt<R>; readonly accepted: Ballot } | null = null;
  /** Writes the record back as it is, for nobody. */
  #repairing = false;
  #repairUntilMs = 0;
  #ballot: Ballot | null = null;
  #base: OpenedBase | null = null;
  #pages: TaskPages<R> | null = null;
  #unreadable: readonly NodeId[] = NO_NODES;

  /** `lastWriteMs`: when this proxy last wrote the record, if it remembers. */
  constructor(context: TaskContext<R>, owner: ProposalOwner, lastWriteMs: number) {
    this.#context = context;
    this.#owner = owner;
    this.chain = new Chain(lastWriteMs);
  }

  /** The operations that are being served. */
  get active(): readonly Pending<R>[] {
    return this.#active;
  }

  begin(active: readonly Pending<R>[]): void {
    this.#active = active;
    this.#start();
  }

  beginRepair(): void {
    this.#repairing = true;
    this.#repairUntilMs = this.#context.clock.monotonicMs() + limits.deadlineMs;
    this.#start();
  }

  /** Gives up without an answer; the chain too, since the map has changed. */
  abandon(): void {
    this.#step?.abandon();
    this.#step = null;
    this.chain.drop();
    this.#clear();
  }

  onTick(nowMs: number): void {
    const answered = allAnswered(this.#active, nowMs, this.#context.counters);
    if (this.#repairing ? nowMs >= this.#repairUntilMs : answered) {
      this.abandon();
      this.#owner.onFinished();
    } else if (nowMs >= this.#wakeAtMs) {
      this.#wakeAtMs = Number.POSITIVE_INFINITY;
      this.#startRound();
    } else {
      this.#step?.onTick(nowMs);
    }
  }

  onRead(result: ReadResult): void {
    this.#step = null;
    const { counters } = this.#context;
    switch (result.kind) {
      case 'agreed':
        counters.add('read-agreed');
        this.#readAgain = false;
        if (result.sawCorrupt) this.#owner.wantRepair();
        if (this.#confirming !== null) this.#onConfirmed(result.accepted);
        else this.#onReadState(result.accepted, result.state, result.holders);
        break;
      case 'unsettled': {
        const young = this.#context.clock.wallMs() - result.highest.time / 1000 < limits.writeInFlightMs;
        if (young && !this.#readAgain && this.#confirming === null) {
          counters.add('read-again');
          this.#readAgain = true;
          this.#wait(limits.roundTickMs);
        } else {
          counters.add('read-repair');
          this.#readAgain = false;
          this.#confirming = null;
          this.#prepare(Want.full);
        }
        break;
      }
      case 'fenced':
        this.#fenced();
        break;
    }
  }

  onPrepared(result: PrepareResult): void {
    this.#step = null;
    const { counters } = this.#context;
    switch (result.kind) {
      case 'promised': {
        counters.add('prepared');
        if (result.base.differ) counters.add('promises-differed');
        const { accepted, state, differ, holders, sawCorrupt } = result.base;
        if (sawCorrupt && !this.#repairing) this.#owner.wantRepair();
        // An intent is resolved first; what was promised here is not needed then.
        if (this.#visit(accepted, state, true, () => this.#wait(0))) break;
        const base = this.#opened(accepted, state, differ, holders);
        if (base !== null) this.#run(base);
        break;
      }
      case 'refused':
        counters.add('prepare-refused');
        this.#retry();
        break;
      case 'clock-broken':
        counters.add('clock-refused');
        this.#context.onClockBroken();
        this.#backOff();
        break;
      case 'fenced':
        this.#fenced();
        break;
    }
  }

  onWritten(write: Write<R>, result: CommitResult): void {
    this.#step = null;
    const { counters } = this.#context;
    if (result.kind === 'refused') {
      counters.add(write.base.chained ? 'chain-refused' : 'commit-refused');
      if (result.fencedEpoch > 0) this.#fenced();
      else this.#settle();
      return;
    }
    if (this.#repairing) counters.add('repair-written');
    write.onChosen(this.chain, result.nextRecorded);
    this.#answer(write.attempt);
  }

  onRetry(): void {
    this.#step = null;
    this.#retry();
  }

  #start(): void {
    this.#open = true;
    this.#backoff.reset();
    this.#readAgain = false;
    this.#startRound();
  }

  #startRound(): void {
    if (!this.#owner.stillPlaced()) return;
    if (!this.#repairing && this.#active.every(readsOnly)) {
      this.#confirming = null;
      this.#read(wantOf(this.#active));
      return;
    }
    const link = this.#repairing ? null : this.chain.at(this.#context.clock.monotonicMs());
    if (link === null) {
      this.#prepare(this.#repairing ? Want.full : wantOf(this.#active));
      return;
    }
    this.#context.counters.add('chain-continued');
    this.#ballot = link.ballot;
    this.#run(link.base);
  }

  #read(want: Want): void {
    this.#beginRound(new ReadRound(this.#context.rounds, this.#nodes(), this.#owner.placement.address, want, this));
  }

  #prepare(want: Want): void {
    this.chain.drop();
    this.#ballot = this.#context.rounds.ballots.next(this.#backoff.aheadUs);
    const { address } = this.#owner.placement;
    this.#beginRound(new PrepareRound(this.#context.rounds, this.#nodes(), address, this.#ballot, want, this));
  }

  #beginRound(round: Round): void {
    this.#step = round;
    round.begin(this.#context.clock.monotonicMs());
  }

  #onReadState(accepted: Ballot, state: SealedState | null, holders: readonly NodeId[]): void {
    const run = (effective: SealedState | null): void => {
      const base = this.#opened(accepted, effective, false, holders);
      this.#ballot = null;
      if (base !== null) this.#run(base);
    };
    const visiting = this.#visit(accepted, state, false, (effective) => {
      if (effective === null) this.#wait(limits.roundTickMs);
      else run(effective);
    });
    if (!visiting) run(state);
  }

  /** False if there is no transaction's intent to be looked up (protocol §9.4); `effective` null: start over. */
  #visit(accepted: Ballot, state: SealedState | null, isWriter: boolean, done: OnEffective): boolean {
    const visit = visitOf(this.#context.visits, this.#owner.placement, accepted, state, isWriter, (effective) => {
      this.#step = null;
      done(effective);
    });
    this.#step = visit;
    visit?.begin();
    return visit !== null;
  }

  /** Null if the seal does not hold: then what is to be done about it is under way. */
  #opened(accepted: Ballot, state: SealedState | null, differ: boolean, holders: readonly NodeId[]): OpenedBase | null {
    const { id } = this.#owner.placement.address;
    const base = openBase(this.#context.seal, id, accepted, state, differ, readableOf(holders, this.#unreadable));
    if (base === null) this.#onUnreadable(holders);
    return base;
  }

  /** Runs the commands on the base and does what follows: answer, write, or fetch what is lacking first. */
  #run(base: OpenedBase): void {
    this.#active = unfinished(this.#active, this.#context.clock.monotonicMs(), this.#context.counters);
    if (this.#active.length === 0 && !this.#repairing) {
      this.#finish();
      return;
    }
    this.#base = base;
    const { id } = this.#owner.placement.address;
    this.#pages ??= new TaskPages(this.#context, id);
    const pages = new AttemptPages(this.#pages, this.#ballot, id);
    const attempt = attemptOn(this.#active, base, pages, this.#context, this.#owner.placement.nodes);
    if (attempt instanceof NeedPages) {
      this.#loadPages(base, attempt.pageIds);
      return;
    }
    if (!attempt.changed && !attempt.mustWrite && !this.#repairing) {
      if (base.chained) {
        // In a chain, a command that changes nothing is confirmed by a READ.
        this.#confirming = { attempt, accepted: base.accepted };
        this.#read(Want.nothing);
      } else {
        if (this.#ballot !== null) this.#context.counters.add('final-without-commit');
        this.#answer(attempt);
      }
      return;
    }
    if (this.#ballot === null || lacksValue(attempt, base)) {
      // A read that must write (as where a value has expired), or a value that was not fetched: both need a full base.
      this.#prepare(Want.full);
      return;
    }
    if (!attempt.changed) this.#context.counters.add('write-back');
    this.#propose(this.#ballot, base, attempt, pages);
  }

  /** Writes the attempt under its ballot; a chain's ballot is spent with that. */
  #propose(ballot: Ballot, base: OpenedBase, attempt: Attempt<R>, pages: AttemptPages): void {
    const { clock, rounds } = this.#context;
    this.chain.drop();
    const chained = !this.#repairing && this.chain.worthwhile(this.#owner.queued, clock.monotonicMs());
    const next = chained ? rounds.ballots.next() : null;
    const plan = { placement: this.#owner.placement, active: this.#active, ballot, next, base, attempt, pages };
    this.#step = new Write(this.#context, this, plan, () => this.#nodes());
  }

  #settle(): void {
    this.chain.drop();
    const { address } = this.#owner.placement;
    if (!this.#active.some(isRefused)) this.#backOff();
    else this.#step = new Settling(this.#context, this, this.#active, address, this.#nodes());
  }

  #onConfirmed(accepted: Ballot): void {
    const confirming = this.#confirming;
    assert(confirming !== null, 'something is to be confirmed');
    this.#confirming = null;
    if (sameBallot(accepted, confirming.accepted)) {
      this.#context.counters.add('chain-confirmed-by-read');
      this.#answer(confirming.attempt);
    } else {
      this.#prepare(wantOf(this.#active));
    }
  }

  #loadPages(base: OpenedBase, pageIds: readonly PageId[]): void {
    const { address, nodes } = this.#owner.placement;
    this.#pages ??= new TaskPages(this.#context, address.id);
    const room = this.#pages.load(address, base, nodes, pageIds, this.#active, (ok) => {
      if (this.#base !== base || !this.#open) return;
      if (ok) {
        this.#run(base);
        return;
      }
      this.#pages?.clear();
      this.#backOff();
    });
    if (!room) this.#fail(busy('too many pages of large values are in memory'));
  }

  #answer(attempt: Attempt<R>): void {
    answerPendings(this.#active, attempt, this.#context.counters);
    this.#finish();
  }

  #fail(failure: Failure): void {
    failPendings(this.#active, failure);
    this.#finish();
  }

  #finish(): void {
    this.#clear();
    this.#owner.onFinished();
  }

  #clear(): void {
    this.#open = false;
    this.#active = NOTHING;
    this.#wakeAtMs = Number.POSITIVE_INFINITY;
    this.#base = null;
    this.#pages?.clear();
    this.#unreadable = NO_NODES;
    this.#confirming = null;
    this.#repairing = false;
  }

  /** At once, while a refused write is still in doubt: each value that others write makes it harder to tell. */
  #retry(): void {
    this.#active = unfinished(this.#active, this.#context.clock.monotonicMs(), this.#context.counters);
    if (this.#active.length === 0) this.#finish();
    else if (this.#active.some(isRefused) && this.#backoff.mayHurry()) this.#prepare(wantOf(this.#active));
    else this.#backOff();
  }

  #backOff(): void {
    this.chain.drop();
    if (this.#repairing) this.#finish();
    else this.#wait(this.#backoff.nextMs(this.#context.random, this.#active.some(isRefused)));
  }

  #wait(delayMs: number): void {
    this.#wakeAtMs = this.#context.clock.monotonicMs() + delayMs;
  }

  #fenced(): void {
    this.#context.counters.add('fenced');
    this.chain.drop();
    this.#confirming = null;
    this.#repairing = false;
    this.#wait(limits.roundTickMs);
  }

  #onUnreadable(holders: readonly NodeId[]): void {
    // The seal does not hold: another holder may have good bytes; a repair then replaces the bad ones.
    this.#context.counters.add('corrupt-replica');
    this.#unreadable = withUnreadable(this.#unreadable, holders);
    if (this.#unreadable.length >= this.#owner.placement.nodes.length) this.#fail(UNREADABLE);
    else if (this.#repairing) this.#wait(limits.roundTickMs);
    else {
      this.#owner.wantRepair();
      this.#backOff();
    }
  }

  #nodes(): readonly NodeId[] {
    return orderReplicas(this.#context.rounds.health, this.#owner.placement.nodes, this.#unreadable);
  }
}

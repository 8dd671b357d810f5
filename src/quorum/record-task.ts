import { assert } from '../base/assert.ts';
import { busy, corrupt, type Failure } from '../base/failure.ts';
import { limits } from '../base/limits.ts';
import { type Ballot, sameBallot } from '../record/ballot.ts';
import type { PageId, SealedState } from '../record/state.ts';
import { NeedPages } from '../record/value.ts';
import { type CommitRequest, MessageType, type RecordAddress, Want } from '../rpc/messages.ts';
import type { NodeId } from '../rpc/transport.ts';
import {
  type Attempt,
  AttemptPages,
  answerPendings,
  buildState,
  chainedBase,
  countSettled,
  isExpired,
  lacksValue,
  markCommitSent,
  noteRefused,
  type OpenedBase,
  openBase,
  runAttempt,
} from './attempt.ts';
import { type CommitOwner, type CommitResult, CommitRound } from './commit-round.ts';
import { expirePendings, isFinished, type Pending, readsOnly, takeMovable, wantOf } from './pending.ts';
import { type PrepareOwner, type PrepareResult, PrepareRound } from './prepare-round.ts';
import { type ReadOwner, type ReadResult, ReadRound } from './read-round.ts';
import { ReplicaOrder } from './replica-order.ts';
import type { Round } from './round.ts';
import type { Placement, TaskContext } from './task-context.ts';
import { TaskPages } from './task-pages.ts';

/**
 * All that one proposer does on one record: a queue of operations, and one round at a time that serves all that have
 * come by then (protocol §3-5). Reads alone take a READ; anything else takes PREPARE and COMMIT, or, in a chain, COMMIT.
 *
 * Invariants: at most one round is open; `#active` are the operations that it serves, in the order they came; an
 * operation is answered exactly once; nothing runs twice unless the exactly-once rule has shown that it did not happen.
 */
export class RecordTask<R> implements ReadOwner, PrepareOwner, CommitOwner {
  readonly #context: TaskContext<R>;
  readonly #pages: TaskPages<R>;
  readonly #order: ReplicaOrder;
  #placement: Placement;
  #queue: Pending<R>[] = [];
  #active: Pending<R>[] = [];
  #idle = true;
  #round: Round | null = null;
  /** Monotonic time at which a backed-off round starts again; infinite when none waits. */
  #wakeAtMs = Number.POSITIVE_INFINITY;
  #backoffMs = 0;
  #chain: { readonly ballot: Ballot; readonly base: OpenedBase; readonly untilMs: number } | null = null;
  #lastWriteMs: number;
  #readAgain = false;
  #confirming: { readonly attempt: Attempt<R>; readonly accepted: Ballot } | null = null;
  #repairWanted = false;
  #repairing = false;
  #repairUntilMs = 0;
  #ballot: Ballot | null = null;
  #base: OpenedBase | null = null;
  #attempt: Attempt<R> | null = null;
  #committed: { readonly request: CommitRequest; readonly ballot: Ballot } | null = null;

  /** `lastWriteMs`: when this proxy last wrote the record, if it remembers. */
  constructor(context: TaskContext<R>, placement: Placement, lastWriteMs: number) {
    this.#lastWriteMs = lastWriteMs;
    this.#context = context;
    this.#pages = new TaskPages(context);
    this.#order = new ReplicaOrder(context.rounds.health);
    this.#placement = placement;
  }

  get id(): string {
    return this.#placement.address.id;
  }

  /** Nothing to do. */
  get idle(): boolean {
    return this.#idle;
  }

  /** The next write can start at COMMIT, for a while. */
  get chained(): boolean {
    return this.#chain !== null;
  }

  get lastWriteMs(): number {
    return this.#lastWriteMs;
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
    const { counters } = this.#context;
    if (expirePendings(this.#queue, nowMs, counters)) this.#queue = this.#queue.filter((pending) => !pending.finished);
    expirePendings(this.#active, nowMs, counters);
    if (this.#repairing ? nowMs >= this.#repairUntilMs : this.#active.every(isFinished)) {
      this.#round?.abandon();
      this.#round = null;
      this.#wakeAtMs = Number.POSITIVE_INFINITY;
      this.#chain = null;
      this.#finishRound();
    } else if (nowMs >= this.#wakeAtMs) {
      this.#wakeAtMs = Number.POSITIVE_INFINITY;
      this.#startRound();
    } else {
      this.#round?.onTick(nowMs);
    }
  }

  onRead(result: ReadResult): void {
    this.#round = null;
    const { counters } = this.#context;
    switch (result.kind) {
      case 'agreed':
        counters.add('read-agreed');
        this.#readAgain = false;
        if (result.sawCorrupt) this.#repairWanted = true;
        if (this.#confirming !== null) this.#onConfirmed(result.accepted);
        else this.#onReadState(result.accepted, result.state, result.holders);
        break;
      case 'unsettled': {
        const ageMs = this.#context.clock.wallMs() - result.highest.time / 1000;
        if (!this.#readAgain && ageMs < limits.writeInFlightMs && this.#confirming === null) {
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
        this.#fenced(result.mapEpoch);
        break;
    }
  }

  onPrepared(result: PrepareResult): void {
    this.#round = null;
    const { counters } = this.#context;
    switch (result.kind) {
      case 'promised': {
        counters.add('prepared');
        if (result.base.differ) counters.add('promises-differed');
        const { accepted, state, differ, holders } = result.base;
        this.#runOn(accepted, state, differ, holders);
        break;
      }
      case 'refused':
        counters.add('prepare-refused');
        this.#backOff();
        break;
      case 'clock-broken':
        counters.add('clock-refused');
        this.#context.onClockBroken();
        this.#backOff();
        break;
      case 'fenced':
        this.#fenced(result.mapEpoch);
        break;
    }
  }

  onCommitted(result: CommitResult): void {
    this.#round = null;
    const attempt = this.#attempt;
    const committed = this.#committed;
    const base = this.#base;
    assert(attempt !== null && committed !== null && base !== null, 'a commit belongs to an attempt');
    for (const pending of this.#active) pending.commitOpen = false;
    if (result.kind === 'refused') {
      this.#onCommitRefused(attempt, committed.ballot, result.fencedEpoch);
      return;
    }
    const { counters, clock } = this.#context;
    counters.add('commit-chosen');
    if (this.#repairing) counters.add('repair-written');
    if (attempt.expired) counters.add('expired-written-dead');
    if (this.#active.length > 1) counters.add('shared-commit');
    const nowMs = clock.monotonicMs();
    if (attempt.changed) this.#lastWriteMs = nowMs;
    const next = committed.request.next;
    this.#chain = null;
    if (next !== null && result.nextRecorded) {
      counters.add('chain-started');
      const chained = chainedBase(committed.ballot, committed.request.state, attempt, base);
      this.#chain = { ballot: next, base: chained, untilMs: nowMs + limits.chainLifeMs };
    }
    this.#repairing = false;
    this.#answer(attempt);
  }

  onStale(node: NodeId, index: number): void {
    const round = this.#round;
    const committed = this.#committed;
    if (!(round instanceof CommitRound) || committed === null) return;
    this.#pages.catchUp(round, node, index, committed.request, this.#active);
  }

  // --- rounds ---

  #next(): void {
    this.#backoffMs = 0;
    this.#readAgain = false;
    if (this.#repairWanted) {
      // Before what waits, or a record that is never idle would never be repaired.
      this.#repairWanted = false;
      this.#repairing = true;
      this.#repairUntilMs = this.#context.clock.monotonicMs() + limits.deadlineMs;
    } else if (this.#queue.length === 0) {
      this.#idle = true;
      this.#context.onIdle(this);
      return;
    }
    this.#begin();
    this.#startRound();
  }

  #begin(): void {
    if (this.#idle) {
      this.#idle = false;
      this.#context.onBusy(this);
    }
    if (this.#repairing) return;
    if (this.#queue.length <= limits.operationsPerRound) {
      this.#active = this.#queue;
      this.#queue = [];
    } else {
      this.#active = this.#queue.splice(0, limits.operationsPerRound);
    }
  }

  #startRound(): void {
    if (this.#placement.mapEpoch !== this.#context.mapEpoch && !this.#readdress()) return;
    if (!this.#repairing && this.#active.every(readsOnly)) {
      this.#confirming = null;
      this.#read(wantOf(this.#active));
      return;
    }
    const chain = this.#chain;
    if (chain !== null && !this.#repairing && this.#context.clock.monotonicMs() < chain.untilMs) {
      this.#context.counters.add('chain-continued');
      this.#ballot = chain.ballot;
      this.#run(chain.base);
      return;
    }
    this.#prepare(this.#repairing ? Want.full : wantOf(this.#active));
  }

  #read(want: Want): void {
    const nowMs = this.#context.clock.monotonicMs();
    const round = new ReadRound(
      this.#context.rounds,
      this.#order.of(this.#placement.nodes),
      this.#placement.address,
      want,
      this,
    );
    this.#round = round;
    round.begin(nowMs);
  }

  #prepare(want: Want): void {
    this.#chain = null;
    const nowMs = this.#context.clock.monotonicMs();
    this.#ballot = this.#context.rounds.ballots.next();
    const { address } = this.#placement;
    const round = new PrepareRound(
      this.#context.rounds,
      this.#order.of(this.#placement.nodes),
      address,
      this.#ballot,
      want,
      this,
    );
    this.#round = round;
    round.begin(nowMs);
  }

  #onReadState(accepted: Ballot, state: SealedState | null, holders: readonly NodeId[]): void {
    const base = openBase(this.#context.seal, this.id, accepted, state, false, this.#order.readable(holders));
    if (base === null) {
      this.#onUnreadable(holders);
      return;
    }
    if (isExpired(base.live, this.#context.clock.wallMs())) {
      // Nothing may rest on its being dead before that is written (protocol §6).
      this.#prepare(Want.full);
      return;
    }
    this.#ballot = null;
    this.#run(base);
  }

  #runOn(accepted: Ballot, state: SealedState | null, differ: boolean, holders: readonly NodeId[]): void {
    const base = openBase(this.#context.seal, this.id, accepted, state, differ, this.#order.readable(holders));
    if (base === null) this.#onUnreadable(holders);
    else this.#run(base);
  }

  /** Runs the commands on the base and does what follows: answer, write, or fetch what is lacking first. */
  #run(base: OpenedBase): void {
    this.#dropFinished();
    if (this.#active.length === 0 && !this.#repairing) {
      this.#finishRound();
      return;
    }
    this.#base = base;
    const pages = new AttemptPages(this.#pages.loaded, this.#ballot);
    let attempt: Attempt<R>;
    try {
      const nowMs = this.#context.clock.wallMs();
      const { rules } = this.#context.rounds;
      attempt = runAttempt(this.#active, base, nowMs, pages, rules, (pending) =>
        pending.absenceProves(this.#context.clock),
      );
    } catch (error) {
      if (!(error instanceof NeedPages)) throw error;
      this.#loadPages(base, error.pageIds);
      return;
    }
    this.#attempt = attempt;
    countSettled(this.#active, attempt, this.#context.counters);
    const write = attempt.changed || attempt.mustWrite || this.#repairing;
    if (!write) {
      if (base.chained) this.#confirm(attempt, base.accepted);
      else {
        if (this.#ballot !== null) this.#context.counters.add('final-without-commit');
        this.#answer(attempt);
      }
      return;
    }
    if (this.#ballot === null || lacksValue(attempt, base)) {
      // A read that must write, or a value that was not fetched: both need a prepared base in full.
      this.#prepare(Want.full);
      return;
    }
    if (!attempt.changed) this.#context.counters.add('write-back');
    this.#propose(this.#ballot, base, attempt, pages);
  }

  /** Writes the attempt under its ballot; a chain's ballot is spent with that. */
  #propose(ballot: Ballot, base: OpenedBase, attempt: Attempt<R>, pages: AttemptPages): void {
    this.#chain = null;
    const { seal, rounds } = this.#context;
    const { address, generation, nodes } = this.#placement;
    const built = buildState(seal, address.id, address.namespace, generation, ballot, base, attempt, pages);
    const nowMs = this.#context.clock.monotonicMs();
    const often = this.#queue.length > 0 || nowMs - this.#lastWriteMs < limits.chainLifeMs;
    const request: CommitRequest = {
      type: MessageType.commit,
      address,
      ballot,
      baseOrigin: built.baseOrigin,
      state: built.state,
      pages: built.pages,
      next: often && !this.#repairing ? rounds.ballots.next() : null,
      encoded: undefined,
    };
    this.#committed = { request, ballot };
    if (pages.written.length === 0) {
      this.#commit(request);
      return;
    }
    this.#pages.send(address, pages, nodes, this.#active, (ok) => {
      if (this.#attempt !== attempt || this.#idle) return;
      expirePendings(this.#active, this.#context.clock.monotonicMs(), this.#context.counters);
      // A change of what was answered UNAVAILABLE meanwhile must not be written.
      if (ok && !this.#active.some(isFinished)) this.#commit(request);
      else this.#backOff();
    });
  }

  #commit(request: CommitRequest): void {
    const attempt = this.#attempt;
    assert(attempt !== null, 'a commit belongs to an attempt');
    const nowMs = this.#context.clock.monotonicMs();
    if (attempt.changed) markCommitSent(this.#active, attempt, nowMs, this.#context.clock.wallMs());
    const round = new CommitRound(this.#context.rounds, this.#order.of(this.#placement.nodes), request, this);
    this.#round = round;
    round.begin(nowMs);
  }

  #onCommitRefused(attempt: Attempt<R>, ballot: Ballot, fencedEpoch: number): void {
    const { counters } = this.#context;
    counters.add(this.#base?.chained === true ? 'chain-refused' : 'commit-refused');
    if (attempt.changed) noteRefused(this.#active, attempt, ballot);
    if (fencedEpoch > 0) this.#fenced(fencedEpoch);
    else this.#backOff();
  }

  // --- in a chain, a command that changes nothing is confirmed by a READ ---

  #confirm(attempt: Attempt<R>, accepted: Ballot): void {
    this.#confirming = { attempt, accepted };
    this.#read(Want.nothing);
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
    const { address, nodes } = this.#placement;
    const room = this.#pages.load(address, base, nodes, pageIds, this.#active, (ok) => {
      if (this.#base !== base || this.#idle) return;
      if (ok) {
        this.#run(base);
      } else {
        this.#pages.clear();
        this.#backOff();
      }
    });
    if (!room) this.#failActive(busy('too many pages of large values are in memory'));
  }

  // --- ends ---

  #answer(attempt: Attempt<R>): void {
    answerPendings(this.#active, attempt, this.#context.counters);
    this.#finishRound();
  }

  #finishRound(): void {
    this.#active = [];
    this.#attempt = null;
    this.#base = null;
    this.#committed = null;
    this.#pages.clear();
    this.#order.clear();
    this.#confirming = null;
    this.#repairing = false;
    this.#next();
  }

  #failActive(failure: Failure): void {
    for (const pending of this.#active) pending.failAs(failure);
    this.#finishRound();
  }

  #backOff(): void {
    this.#chain = null;
    if (this.#repairing) {
      this.#repairing = false;
      this.#finishRound();
      return;
    }
    const base = Math.min(limits.retryBackoffMaxMs, Math.max(limits.retryBackoffMs, this.#backoffMs * 2));
    this.#backoffMs = base;
    this.#wait(base * this.#context.random.unit());
  }

  #wait(delayMs: number): void {
    this.#wakeAtMs = this.#context.clock.monotonicMs() + delayMs;
  }

  #fenced(mapEpoch: number): void {
    this.#context.counters.add('fenced');
    this.#chain = null;
    this.#confirming = null;
    this.#repairing = false;
    this.#context.onFenced(mapEpoch);
    this.#wait(limits.roundTickMs);
  }

  /**
   * The map changed. Usually not for this record; where it did, commands that no COMMIT went out for are placed anew.
   * False if this task has nothing left.
   */
  #readdress(): boolean {
    const first = this.#active[0] ?? this.#queue[0];
    const fresh = first === undefined ? null : this.#context.place(first.operation);
    if (fresh !== null && sameAddress(fresh.address, this.#placement.address)) {
      this.#placement = fresh;
      return true;
    }
    const moved = takeMovable(this.#active.concat(this.#queue), this.#context.counters);
    this.#queue = [];
    this.#chain = null;
    this.#repairWanted = false;
    this.#context.onMoved(this, moved);
    this.#finishRound();
    return false;
  }

  #onUnreadable(holders: readonly NodeId[]): void {
    // The seal does not hold: another holder may have good bytes; a repair then replaces the bad ones.
    this.#context.counters.add('corrupt-replica');
    this.#order.markUnreadable(holders);
    if (this.#order.unreadableCount >= this.#placement.nodes.length) {
      this.#failActive(corrupt('the stored record does not authenticate on any replica'));
      return;
    }
    if (this.#repairing) {
      this.#wait(limits.roundTickMs);
    } else {
      this.#repairWanted = true;
      this.#backOff();
    }
  }

  /** What was answered meanwhile, or is past its deadline, takes no further part. */
  #dropFinished(): void {
    expirePendings(this.#active, this.#context.clock.monotonicMs(), this.#context.counters);
    if (this.#active.some(isFinished)) this.#active = this.#active.filter((pending) => !pending.finished);
  }
}

function sameAddress(a: RecordAddress, b: RecordAddress): boolean {
  return a.id === b.id && a.shardEpoch === b.shardEpoch && a.namespaceEpoch === b.namespaceEpoch;
}

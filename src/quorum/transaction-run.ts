import { assert } from '../base/assert.ts';
import { busy, type Failure, full, unavailable, uncertain } from '../base/failure.ts';
import { limits } from '../base/limits.ts';
import { type Ballot, NO_BALLOT, sameBallot } from '../record/ballot.ts';
import { NeedPages } from '../record/value.ts';
import { Want } from '../rpc/messages.ts';
import type { OpenedBase } from './attempt.ts';
import { Backoff } from './backoff.ts';
import { IntentVisit } from './intent-visit.ts';
import { grows } from './lack-of-room.ts';
import { type PreparedBase, type PrepareResult, PrepareRound } from './prepare-round.ts';
import { type ReadResult, ReadRound } from './read-round.ts';
import type { Placement, Step } from './task-context.ts';
import type { TransactionOperation } from './transaction.ts';
import {
  baseOf,
  type IntentFrame,
  type IntentWrite,
  intentFrame,
  intentWrite,
  placeOf,
} from './transaction-attempt.ts';
import { TransactionCommit } from './transaction-commit.ts';
import type { TransactionDeadline } from './transaction-deadline.ts';
import type { TransactionHost } from './transaction-host.ts';
import { TransactionPages } from './transaction-pages.ts';
import { foundRecord, TransactionRecords } from './transaction-records.ts';

/** Told how a run ended; each once, in this order. */
export interface RunOwner {
  /** The client was answered; what is left is cleaned up. */
  onAnswered(): void;
  /** Nothing of it is left, as far as is known. */
  onEnded(): void;
}

/**
 * One transaction's way through protocol §9: PREPARE of all records under one ballot, the commands, an intent on each
 * record, COMMIT of T; again after refusals, until it is answered. Whatever happens, a transaction of which COMMIT(T) may have been
 * sent is answered by the value of T that is chosen.
 */
export class TransactionRun<R> {
  readonly operation: TransactionOperation<R>;
  readonly #host: TransactionHost<R>;
  readonly #owner: RunOwner;
  readonly #backoff = new Backoff();
  readonly #deadline: TransactionDeadline;
  #wakeAtMs = Number.POSITIVE_INFINITY;
  /** Rounds and visits under way. */
  #steps: Step[] = [];
  #attempt = 0;
  /** When the current attempt began, monotonic. */
  #attemptMs = 0;
  #placements: readonly Placement[] = [];
  #ballot: Ballot = NO_BALLOT;
  #found: (PreparedBase | null)[] = [];
  #bases: OpenedBase[] = [];
  #pages: TransactionPages<R> | null = null;
  #commitment: TransactionCommit<R> | null = null;
  #reply: { readonly value: R } | null = null;
  #answered = false;
  #ended = false;

  constructor(
    host: TransactionHost<R>,
    operation: TransactionOperation<R>,
    deadline: TransactionDeadline,
    owner: RunOwner,
  ) {
    this.#host = host;
    this.operation = operation;
    this.#owner = owner;
    this.#deadline = deadline;
  }

  get ended(): boolean {
    return this.#ended;
  }

  begin(): void {
    this.#prepare();
  }

  onTick(nowMs: number): void {
    if (this.#answered) return;
    if (this.#deadline.isOver(nowMs, () => this.isWaitingForNodes(nowMs))) {
      this.#expire();
    } else if (nowMs >= this.#wakeAtMs) {
      this.#wakeAtMs = Number.POSITIVE_INFINITY;
      this.#prepare();
    } else {
      for (const step of [...this.#steps]) step.onTick(nowMs);
    }
  }

  forgive(lateMs: number): void {
    this.#deadline.forgive(lateMs);
  }

  /** Those it asked are connected and silent: an attempt that other clients get in the way of is short. */
  isWaitingForNodes(nowMs: number): boolean {
    const isLong = this.#steps.length > 0 && nowMs - this.#attemptMs >= limits.resendDelayMs;
    return isLong && this.operation.keys.every((key) => this.#host.isInReach(key));
  }

  /** §9.1: all records under one ballot. */
  #prepare(): void {
    const { rounds, clock } = this.#host;
    this.#stopSteps();
    this.#placements = this.operation.keys.map((key) => this.#host.place(key));
    this.#ballot = rounds.ballots.next(this.#backoff.aheadUs);
    this.#found = this.#placements.map(() => null);
    const attempt = ++this.#attempt;
    const steps = this.#placements.map(({ address }, i) => {
      const owner = { onPrepared: (result: PrepareResult) => this.#onPrepared(attempt, i, result) };
      return new PrepareRound(rounds, this.#host.nodesOf(address), address, this.#ballot, Want.full, owner);
    });
    this.#steps = steps;
    const nowMs = clock.monotonicMs();
    this.#attemptMs = nowMs;
    for (const step of steps) if (attempt === this.#attempt) step.begin(nowMs);
  }

  #onPrepared(attempt: number, index: number, result: PrepareResult): void {
    if (attempt !== this.#attempt) return;
    switch (result.kind) {
      case 'promised':
        this.#found[index] = result.base;
        if (result.base.differ) this.#host.counters.add('promises-differed');
        if (this.#found.every((base) => base !== null)) this.#onAllPrepared();
        break;
      case 'refused':
        this.#host.counters.add('prepare-refused');
        this.#again();
        break;
      case 'clock-broken':
        this.#host.counters.add('clock-refused');
        this.#host.onClockBroken();
        this.#again();
        break;
      case 'fenced':
        this.#host.counters.add('fenced');
        this.#wait(limits.roundTickMs);
        break;
    }
  }

  #onAllPrepared(): void {
    this.#steps = [];
    if (this.#visitIntents()) return;
    const bases: OpenedBase[] = [];
    for (const [i, found] of this.#found.entries()) {
      assert(found !== null, 'all were promised');
      const base = baseOf(this.#host, this.operation.keys[i], this.#placement(i), found);
      if (base === null) {
        this.#host.counters.add('corrupt-replica');
        this.#readAlone(i);
        return;
      }
      bases.push(base);
    }
    this.#bases = bases;
    this.#pages = new TransactionPages(this.#host, this.#placements);
    this.#run(this.#pages);
  }

  /** A record that carries somebody's intent is resolved first. True if there is any. */
  #visitIntents(): boolean {
    const { visits, rounds } = this.#host;
    if (!rounds.rules.heedsIntents()) return false;
    const attempt = this.#attempt;
    let open = 1;
    const done = (): void => {
      open--;
      if (open === 0 && attempt === this.#attempt) this.#wait(0);
    };
    const visiting: IntentVisit[] = [];
    for (const [i, found] of this.#found.entries()) {
      const intent = found?.state?.intent;
      if (found === null || intent === undefined) continue;
      open++;
      const placement = this.#placement(i);
      const { address, isSwapped } = placement;
      const record = { address, place: placeOf(placement), accepted: found.accepted, intent, isSwapped };
      visiting.push(new IntentVisit(visits, record, true, done));
    }
    if (visiting.length === 0) return false;
    this.#steps = visiting;
    for (const visit of visiting) visit.begin();
    done();
    return true;
  }

  /** Damaged on some replica: a read of the record alone finds good bytes and mends the others, or says that there are none. */
  #readAlone(index: number): void {
    const attempt = this.#attempt;
    const key = this.operation.keys[index];
    assert(key !== undefined, 'a key for each record');
    const step = {
      access: 'read',
      needs: 'value',
      run: () => ({ reply: undefined as R, change: null }),
    } as const;
    this.#host.submit({
      ...key,
      step,
      done: (outcome) => {
        if (attempt !== this.#attempt || this.#answered) return;
        if (!outcome.ok && outcome.failure.kind === 'corrupt') this.#fail(outcome.failure);
        else this.#again();
      },
    });
  }

  #run(pages: TransactionPages<R>): void {
    const { clock } = this.#host;
    const attempt = this.#attempt;
    const runPages = pages.forRun(this.#ballot);
    const keys = this.operation.keys.map(({ key }) => key);
    const records = new TransactionRecords<R>(keys, this.#bases.map(foundRecord), runPages, clock.wallMs());
    let reply: R;
    try {
      reply = this.operation.run(records);
    } catch (error) {
      if (!(error instanceof NeedPages)) throw error;
      const base = this.#bases[records.lackingAt];
      assert(base !== undefined, 'pages belong to a record');
      const hasRoom = pages.load(records.lackingAt, error, base.holders, this.#progress, (ok) => {
        if (attempt !== this.#attempt || this.#answered) return;
        if (ok) this.#run(pages);
        else this.#again();
      });
      if (!hasRoom) this.#fail(busy('too many pages of large values are in memory'));
      return;
    }
    this.#reply = { value: reply };
    if (!records.mustWrite) {
      this.#confirm();
      return;
    }
    const frame = intentFrame(this.#host, this.#placements, this.#ballot);
    const writes = this.#placements.map((placement, i) => {
      const base = this.#bases[i];
      const recordPages = runPages[i];
      assert(base !== undefined && recordPages !== undefined, 'one of each for each record');
      return intentWrite(this.#host.seal, placement, frame, base, records, i, recordPages);
    });
    if (this.#lacksRoom(records)) this.#fail(full('the disks of too many storage nodes are full'));
    else this.#commit(frame, writes);
  }

  #lacksRoom(records: TransactionRecords<R>): boolean {
    const disks = this.#host.rounds.health.full;
    return this.#placements.some(({ nodes }, i) => {
      const base = this.#bases[i];
      return base !== undefined && disks.tooMany(nodes) && grows(records.attempt(i), base);
    });
  }

  /** Nothing is to be written. What several PREPAREs found is no snapshot yet (§9): all must still be so. */
  #confirm(): void {
    const { rounds, clock } = this.#host;
    if (!rounds.rules.readsAfterPrepare()) {
      this.#succeed();
      return;
    }
    const attempt = this.#attempt;
    let open = this.#placements.length;
    const onRead = (i: number, result: ReadResult): void => {
      if (attempt !== this.#attempt || this.#answered) return;
      const base = this.#bases[i];
      if (result.kind !== 'agreed' || base === undefined || !sameBallot(result.accepted, base.accepted)) {
        this.#again();
        return;
      }
      open--;
      if (open > 0) return;
      this.#host.counters.add('snapshot-after-prepare');
      this.#succeed();
    };
    const steps = this.#placements.map(({ address }, i) => {
      const owner = { onRead: (result: ReadResult) => onRead(i, result) };
      return new ReadRound(rounds, this.#host.nodesOf(address), address, Want.nothing, owner);
    });
    this.#steps = steps;
    const nowMs = clock.monotonicMs();
    for (const step of steps) if (attempt === this.#attempt) step.begin(nowMs);
  }

  #commit(frame: IntentFrame, writes: readonly IntentWrite[]): void {
    const commit = new TransactionCommit(this.#host, frame, writes, {
      mayCommit: () => this.#host.clock.monotonicMs() < this.#deadline.untilMs,
      progress: this.#progress,
      onUnsent: () => this.#again(),
      onCommitted: (links) => {
        this.#commitment = null;
        this.#steps = [];
        this.#answer();
        for (const key of this.operation.keys) this.#host.forget(key);
        this.#host.transactions.finish(frame, 'committed', () => this.#end(), links);
      },
      onAborted: (failure) => {
        this.#commitment = null;
        if (failure === null) this.#again();
        else this.#fail(failure);
      },
      onFailed: (failure) => this.#fail(failure),
    });
    this.#commitment = commit;
    this.#steps = [commit];
    commit.begin();
  }

  /** Starts over with new ballots after a random, doubling delay; nothing of this attempt can still happen. */
  #again(): void {
    this.#host.counters.add('transaction-restarted');
    this.#wait(this.#backoff.nextMs(this.#host.random));
  }

  #wait(delayMs: number): void {
    this.#stopSteps();
    this.#attempt++;
    this.#commitment = null;
    this.#pages?.clear();
    this.#pages = null;
    this.#reply = null;
    this.#wakeAtMs = this.#host.clock.monotonicMs() + delayMs;
  }

  #expire(): void {
    const isSent = this.#commitment?.isSent ?? false;
    this.#host.counters.add(isSent ? 'uncertain' : 'unavailable');
    this.#fail(
      isSent
        ? uncertain('no quorum confirmed the transaction in time')
        : unavailable('no quorum of storage nodes took the transaction in time'),
    );
  }

  #succeed(): void {
    this.#stopSteps();
    this.#answer();
    this.#end();
  }

  #answer(): void {
    const reply = this.#reply;
    assert(reply !== null && !this.#answered, 'a transaction has one reply');
    this.#answered = true;
    this.operation.done({ ok: true, reply: reply.value });
    this.#owner.onAnswered();
  }

  /** COMMIT(T) is not sent after this. What intents are out is ended in the background. */
  #fail(failure: Failure): void {
    this.#answered = true;
    this.#stopSteps();
    const frame = this.#commitment?.frame ?? null;
    this.operation.done({ ok: false, failure });
    this.#owner.onAnswered();
    if (frame === null) this.#end();
    else this.#host.transactions.settle(frame, null, () => this.#end());
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#pages?.clear();
    this.#pages = null;
    this.#owner.onEnded();
  }

  #stopSteps(): void {
    for (const step of this.#steps) step.abandon();
    this.#steps = [];
  }

  #placement(index: number): Placement {
    const placement = this.#placements[index];
    assert(placement !== undefined, 'a placement for each key');
    return placement;
  }

  readonly #progress = (): void => {
    this.#deadline.progressed(this.#host.clock.monotonicMs());
  };
}

import { assert } from '../base/assert.ts';
import { uncertain } from '../base/failure.ts';
import { limits } from '../base/limits.ts';
import { type Ballot, isNoBallot } from '../record/ballot.ts';
import type { LiveRecord } from '../record/state.ts';
import { NeedPages } from '../record/value.ts';
import { Want } from '../rpc/messages.ts';
import { applyChange, isNoChange, pastAfterDelete } from './apply-change.ts';
import { isExpired, type OpenedBase, openBase, seenBy } from './attempt.ts';
import type { Link } from './chain.ts';
import { ABSENT, contextOn, NO_ATTEMPT_PAGES } from './express-base.ts';
import { ExpressItem, type ItemOwner, type Phase, type Wave } from './express-item.ts';
import { ExpressOutbox } from './express-outbox.ts';
import { majority } from './majority.ts';
import { buildState, chainedBase } from './new-state.ts';
import type { Change, Operation } from './operation.ts';
import { Pending, type PendingOwner } from './pending.ts';
import type { ProtocolCounters } from './protocol-counters.ts';
import type { RecordEntry } from './record-table.ts';
import { NO_NODES } from './replica-order.ts';
import type { RoundContext } from './round.ts';
import type { SealPort } from './seal-port.ts';
import type { Placement } from './task-context.ts';

/** What the lane needs of the coordinator. */
export interface ExpressHost<R> extends PendingOwner {
  readonly rounds: RoundContext;
  readonly seal: SealPort;
  readonly counters: ProtocolCounters;
  /** The operation goes on as a task of its record; what it has sent was sent under `placement`. */
  takeOver(entry: RecordEntry<R>, placement: Placement, pending: Pending<R>): void;
  /** `base` is what is known of the record from now on. */
  remember(entry: RecordEntry<R>, base: OpenedBase): void;
  /** Ticks are wanted. */
  onBusy(): void;
  /** Epoch of the current map. */
  readonly mapEpoch: number;
}

/**
 * The short way for what is most common: one operation on a record that nobody else works on, its value inline, all nodes
 * asked in good health and of one opinion. Such operations of one turn travel together, many records to a message
 * (READ, PREPARE and COMMIT of protocol §3-4, each record on its own), and the base need not be sent or opened again where the
 * ballot that Q nodes name is the one of the base that is remembered.
 *
 * Whatever else comes up, the operation leaves: it starts over as a task of its record, with the ballot of a COMMIT that
 * was sent, if one was, so that the exactly-once rule is applied there. At most one operation of a record is here at a time.
 */
export class ExpressLane<R> implements ItemOwner<R> {
  readonly #host: ExpressHost<R>;
  readonly #outbox: ExpressOutbox<R>;
  #reads: ExpressItem<R>[] = [];
  #prepares: ExpressItem<R>[] = [];
  #commits: ExpressItem<R>[] = [];
  #waves: Wave<R>[] = [];
  #flushDue = false;
  readonly #flush = (): void => this.#sendAll();

  constructor(host: ExpressHost<R>) {
    this.#host = host;
    this.#outbox = new ExpressOutbox(host.rounds.transport, host.rounds.health);
  }

  /** Something is under way. */
  get busy(): boolean {
    return this.#waves.length > 0 || this.#flushDue;
  }

  /** Takes an operation on a record that has neither a task nor another operation here. */
  begin(entry: RecordEntry<R>, operation: Operation<R>, arrivedMs: number, nowMs: number): void {
    this.#begin(entry, operation, arrivedMs, nowMs);
  }

  /** The record's task has become idle with this link of its chain: what comes next may go on from there. */
  adopt(entry: RecordEntry<R>, link: Link): void {
    this.#host.remember(entry, link.base);
    if (entry.opened === null) return;
    entry.next = link.ballot;
    entry.nextUntilMs = Math.trunc(link.untilMs);
  }

  #begin(entry: RecordEntry<R>, operation: Operation<R>, arrivedMs: number, nowMs: number): void {
    assert(!entry.express, 'one operation of a record at a time');
    entry.express = true;
    const nodes = this.#host.rounds.health.prefer(entry.placement.nodes);
    const item = new ExpressItem(this, entry, operation, nodes, arrivedMs);
    const { step } = operation;
    if (step.access === 'write') {
      const { opened } = entry;
      const next = entry.takeNext(nowMs);
      if (next !== null && opened !== null && this.#suffices(opened, item)) {
        item.ballot = next;
        item.chained = true;
        this.#run(item, opened);
        return;
      }
    }
    this.#ask(item);
  }

  /**
   * Deadlines, resends, and patience with nodes; called every few milliseconds while busy. `lateMs`: so much later than it
   * was due. For so long this process was at something else, and answers may have come meanwhile: that is no node's fault.
   */
  onTick(nowMs: number, lateMs: number): void {
    const { hedgeDelayMs } = this.#host.rounds.health;
    for (const wave of this.#waves) {
      if (wave.open === 0) continue;
      wave.sentMs += lateMs;
      if (lateMs > limits.stoodStillMs) wave.forgivenMs += lateMs;
      if (wave.phase === 'commit') this.#tickCommits(wave, nowMs);
      else if (nowMs - wave.sentMs >= hedgeDelayMs) this.#giveUp(wave);
    }
    this.#waves = this.#waves.filter((wave) => wave.open > 0);
  }

  onAgreed(item: ExpressItem<R>): void {
    const { counters, seal, rounds } = this.#host;
    const { entry, accepted, state } = item;
    counters.add(item.phase === 'read' ? 'read-agreed' : 'prepared');
    const { opened } = entry;
    if (isNoBallot(accepted)) {
      entry.opened = ABSENT;
      this.#run(item, ABSENT);
      return;
    }
    if (opened !== null && rounds.rules.confirms(opened.accepted, accepted) && this.#suffices(opened, item)) {
      this.#run(item, opened);
      return;
    }
    const isIntended = state?.intent !== undefined && rounds.rules.heedsIntents();
    const base =
      state === null || isIntended ? null : openBase(seal, item.placement.address.id, accepted, state, false, NO_NODES);
    if (base === null) {
      this.onLeave(item);
      return;
    }
    this.#host.remember(entry, base);
    this.#run(item, base);
  }

  onChosen(item: ExpressItem<R>): void {
    const { entry, written, nextRecorded } = item;
    assert(written !== null, 'what is chosen was written');
    const { counters, rounds } = this.#host;
    counters.add('commit-chosen');
    const nowMs = rounds.clock.monotonicMs();
    const { commit } = written;
    this.#host.remember(entry, written.base);
    entry.lastWriteMs = Math.trunc(nowMs);
    if (commit.next !== null && nextRecorded >= item.needed) {
      counters.add('chain-started');
      entry.next = commit.next;
      entry.nextUntilMs = Math.trunc(nowMs) + limits.chainLifeMs;
    }
    counters.add('express-write');
    this.#answer(item, written.reply);
  }

  /** The long way from here on; what came behind follows. */
  onLeave(item: ExpressItem<R>): void {
    const { entry, operation, arrivedMs, written } = item;
    this.#host.counters.add('express-left');
    this.#close(item);
    entry.forget();
    entry.avoidUntilMs = Math.ceil(this.#host.rounds.clock.monotonicMs()) + limits.chainLifeMs;
    const pending = new Pending(operation, arrivedMs, arrivedMs + limits.deadlineMs, this.#host);
    if (written !== null && item.phase === 'commit' && this.#host.rounds.rules.takesAlong()) {
      pending.refused({ ballot: item.ballot, reply: written.reply });
      pending.firstCommitMonotonicMs = written.sentMonotonicMs;
      pending.firstCommitWallMs = written.sentWallMs;
      pending.full = item.full > item.nodes.length - item.needed;
    }
    this.#host.takeOver(entry, item.placement, pending);
    this.#followers(entry);
  }

  /** Whether this base shows all that the operation has to see. */
  #suffices(base: OpenedBase, item: ExpressItem<R>): boolean {
    const value = item.operation.step.needs === 'meta' ? undefined : base.live?.value;
    return value === undefined || value.paged || value.bytes !== null;
  }

  /** Asks a quorum what the record is. */
  #ask(item: ExpressItem<R>): void {
    const { entry, nodes } = item;
    const known = entry.opened !== null && this.#suffices(entry.opened, item);
    const wanted = item.operation.step.needs === 'value' ? Want.full : Want.meta;
    item.want = known ? Want.nothing : wanted;
    if (item.operation.step.access === 'read') {
      item.enter('read', this.#host.rounds.rules.readQuorum(nodes.length));
      this.#reads.push(item);
    } else {
      item.enter('prepare', majority(nodes.length));
      this.#prepares.push(item);
    }
    this.#due();
  }

  #run(item: ExpressItem<R>, base: OpenedBase): void {
    const { clock } = this.#host.rounds;
    const nowMs = clock.wallMs();
    const expired = isExpired(base.live, nowMs);
    const live = expired ? null : seenBy(item.operation.step, base.live);
    let reply: R;
    let change: Change | null;
    try {
      ({ reply, change } = item.operation.step.run(live, contextOn(base, expired, nowMs)));
    } catch (error) {
      if (!(error instanceof NeedPages)) throw error;
      this.onLeave(item);
      return;
    }
    if (change !== null && !isNoChange(live, change)) {
      this.#write(item, base, live, expired, reply, change, nowMs);
    } else if (expired) {
      // Nothing may rest on its being dead before it is written dead.
      this.onLeave(item);
    } else if (item.chained) {
      // Nobody was asked about it since it arrived.
      item.chained = false;
      this.#ask(item);
    } else {
      this.#host.counters.add(item.phase === 'read' ? 'express-read' : 'final-without-commit');
      this.#answer(item, reply);
    }
  }

  /** Makes the new state, to be sent with the others of this turn. */
  #write(
    item: ExpressItem<R>,
    base: OpenedBase,
    before: LiveRecord | null,
    expired: boolean,
    reply: R,
    change: Change,
    nowMs: number,
  ): void {
    const { seal, counters, rounds } = this.#host;
    const { operation, placement, ballot } = item;
    const sentMonotonicMs = rounds.clock.monotonicMs();
    const live = applyChange(before, base.past, operation.key, change, nowMs);
    const fits =
      live === null || (!live.value.paged && live.value.bytes !== null && !rounds.health.full.tooMany(item.nodes));
    if (!fits || item.phase === 'read' || sentMonotonicMs - item.arrivedMs >= limits.deadlineMs) {
      this.onLeave(item);
      return;
    }
    const past = live ?? pastAfterDelete(base.past, change, nowMs);
    const attempt = { results: [], changed: true, live, past, expired, mustWrite: true };
    const { address, generation } = placement;
    const { id, namespace } = address;
    const { state } = buildState(seal, id, namespace, generation, ballot, base, attempt, NO_ATTEMPT_PAGES);
    if (expired) counters.add('expired-written-dead');
    if (item.chained) counters.add('chain-continued');
    const often = sentMonotonicMs - item.entry.lastWriteMs < limits.chainLifeMs;
    const next = often ? rounds.ballots.next() : null;
    item.written = {
      reply,
      base: chainedBase(ballot, state, attempt),
      commit: { address, ballot, state, next, encoded: undefined, engineKey: undefined },
      sentMonotonicMs,
      sentWallMs: nowMs,
    };
    this.#leaveWave(item);
    item.enter('commit', majority(item.nodes.length));
    this.#commits.push(item);
    this.#due();
  }

  #due(): void {
    if (this.#flushDue) return;
    this.#flushDue = true;
    this.#host.rounds.clock.endOfTurn(this.#flush);
  }

  #sendAll(): void {
    this.#flushDue = false;
    const { clock, ballots } = this.#host.rounds;
    const nowMs = clock.monotonicMs();
    const reads = this.#reads;
    const prepares = this.#prepares;
    const commits = this.#commits;
    if (commits.length > 0) {
      this.#commits = [];
      this.#send('commit', commits, null, nowMs);
    }
    if (prepares.length > 0) {
      this.#prepares = [];
      const ballot = ballots.next();
      for (const item of prepares) item.ballot = ballot;
      this.#send('prepare', prepares, ballot, nowMs);
    }
    if (reads.length > 0) {
      this.#reads = [];
      this.#send('read', reads, null, nowMs);
    }
    if (this.#waves.length > 0) this.#host.onBusy();
  }

  #send(phase: Phase, items: readonly ExpressItem<R>[], ballot: Ballot | null, nowMs: number): void {
    const wave: Wave<R> = { phase, items, sentMs: nowMs, resentMs: nowMs, forgivenMs: 0, open: items.length };
    for (const item of items) item.wave = wave;
    this.#waves.push(wave);
    this.#outbox.send(phase, items, ballot, nowMs);
  }

  #leaveWave(item: ExpressItem<R>): void {
    if (item.wave === null) return;
    item.wave.open--;
    item.wave = null;
  }

  /** Nothing of the item is of interest any more. */
  #close(item: ExpressItem<R>): void {
    item.open = false;
    item.entry.express = false;
    this.#leaveWave(item);
  }

  #answer(item: ExpressItem<R>, reply: R): void {
    this.#close(item);
    this.#followers(item.entry);
    this.#host.finished();
    item.operation.done({ ok: true, reply });
  }

  /**
   * A single one goes on here, unless it waited long: a task ends in time. Several on one record share rounds best as its task, and so will those that come
   * for a while.
   */
  #followers(entry: RecordEntry<R>): void {
    const { behind } = entry;
    if (behind === null) return;
    const nowMs = this.#host.rounds.clock.monotonicMs();
    const placed = entry.placement.mapEpoch === this.#host.mapEpoch;
    const isPrompt = nowMs - (behind[0]?.arrivedMs ?? 0) < limits.deadlineMs / 4;
    if (behind.length <= limits.expressFollowers && placed && isPrompt && nowMs >= entry.avoidUntilMs) {
      const first = behind.shift();
      if (behind.length === 0) entry.behind = null;
      if (first !== undefined) this.#begin(entry, first.operation, first.arrivedMs, nowMs);
      return;
    }
    entry.behind = null;
    if (placed) entry.avoidUntilMs = Math.ceil(nowMs) + limits.chainLifeMs;
    for (const pending of behind) this.#host.takeOver(entry, entry.placement, pending);
  }

  #tickCommits(wave: Wave<R>, nowMs: number): void {
    const resend = nowMs - wave.resentMs >= limits.resendDelayMs;
    if (resend) wave.resentMs = nowMs;
    for (const item of wave.items) {
      if (item.wave !== wave) continue;
      if (item.isOverdue(nowMs, this.#host.rounds.transport)) {
        this.#host.counters.add('uncertain');
        this.#close(item);
        item.entry.forget();
        this.#followers(item.entry);
        this.#host.finished();
        item.operation.done({ ok: false, failure: uncertain('no quorum confirmed the write in time') });
      } else if (this.#isHopeless(item) && nowMs - wave.sentMs >= this.#host.rounds.health.hedgeDelayMs) {
        this.onLeave(item);
      } else if (resend) {
        for (let i = 0; i < item.nodes.length; i++) if (!item.hasAnswered(i)) this.#outbox.sendAlone(item, i);
      }
    }
  }

  /** Somebody refused, or those who were asked may have gone with an older map. */
  #isHopeless(item: ExpressItem<R>): boolean {
    return item.refused > 0 || item.placement.mapEpoch !== this.#host.mapEpoch;
  }

  #giveUp(wave: Wave<R>): void {
    const { health } = this.#host.rounds;
    for (const item of wave.items) {
      if (item.wave !== wave) continue;
      for (let i = 0; i < item.needed; i++) {
        const node = item.nodes[i];
        if (node !== undefined && !item.hasAnswered(i)) health.slow(node);
      }
      this.#host.counters.add('hedged');
      this.onLeave(item);
    }
  }
}

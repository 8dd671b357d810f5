import { busy, unavailable } from '../base/failure.ts';
import { limits } from '../base/limits.ts';
import { type Ballot, sameBallot } from '../record/ballot.ts';
import type { SealedState } from '../record/state.ts';
import { NeedPages } from '../record/value.ts';
import { Want } from '../rpc/messages.ts';
import type { NodeId } from '../rpc/transport.ts';
import { type OpenedBase, openBase } from './attempt.ts';
import { type ReadResult, ReadRound } from './read-round.ts';
import type { Placement } from './task-context.ts';
import type { TransactionOperation } from './transaction.ts';
import type { TransactionDeadline } from './transaction-deadline.ts';
import type { TransactionHost } from './transaction-host.ts';
import { TransactionPages } from './transaction-pages.ts';
import { TransactionRecords } from './transaction-records.ts';

interface Found {
  readonly accepted: Ballot;
  readonly state: SealedState | null;
  readonly holders: readonly NodeId[];
}

export interface SnapshotOwner {
  onEnded(): void;
  /** Reading does not come to an end: the records are to be taken by intents, before the same deadline. */
  onIntentsNeeded(): void;
}

/**
 * A consistent read of several records (end of protocol §9): all are read twice, and count if nothing was written in between and
 * no intent stands on any of them. Else again, a few times.
 */
export class SnapshotRead<R> {
  readonly operation: TransactionOperation<R>;
  readonly #host: TransactionHost<R>;
  readonly #owner: SnapshotOwner;
  readonly #deadline: TransactionDeadline;
  #wakeAtMs = Number.POSITIVE_INFINITY;
  #rounds: ReadRound[] = [];
  /** Answers of older rounds are of no interest. */
  #turn = 0;
  #tries = 0;
  /** When the current try began, monotonic. */
  #triedMs = 0;
  #placements: readonly Placement[] = [];
  #pages: TransactionPages<R> | null = null;
  #ended = false;

  constructor(
    host: TransactionHost<R>,
    operation: TransactionOperation<R>,
    deadline: TransactionDeadline,
    owner: SnapshotOwner,
  ) {
    this.#host = host;
    this.operation = operation;
    this.#deadline = deadline;
    this.#owner = owner;
  }

  begin(): void {
    this.#tries++;
    this.#triedMs = this.#host.clock.monotonicMs();
    this.#placements = this.operation.keys.map((key) => this.#host.place(key));
    const want = this.operation.needs === 'value' ? Want.full : Want.meta;
    this.#readAll(want, (found) => this.#onFirst(found));
  }

  onTick(nowMs: number): void {
    if (this.#deadline.isOver(nowMs, () => this.isWaitingForNodes(nowMs))) {
      this.#host.counters.add('unavailable');
      this.#finish();
      this.operation.done({ ok: false, failure: unavailable('no quorum of storage nodes answered in time') });
      this.#owner.onEnded();
    } else if (nowMs >= this.#wakeAtMs) {
      this.#wakeAtMs = Number.POSITIVE_INFINITY;
      this.begin();
    } else {
      for (const round of [...this.#rounds]) round.onTick(nowMs);
    }
  }

  forgive(lateMs: number): void {
    this.#deadline.forgive(lateMs);
  }

  /** Those it asked are connected and silent: a try that writers get in the way of is short. */
  isWaitingForNodes(nowMs: number): boolean {
    const isLong = this.#rounds.length > 0 && nowMs - this.#triedMs >= limits.resendDelayMs;
    return isLong && this.operation.keys.every((key) => this.#host.isInReach(key));
  }

  /** Every record, in parallel; `done` when Q agree on each. */
  #readAll(want: Want, done: (found: Found[]) => void): void {
    const { rounds, clock } = this.#host;
    const turn = ++this.#turn;
    const found: Found[] = [];
    let open = this.#placements.length;
    const onRead = (i: number, result: ReadResult): void => {
      if (turn !== this.#turn) return;
      if (result.kind !== 'agreed') {
        this.#again();
        return;
      }
      found[i] = result;
      open--;
      if (open === 0) done(found);
    };
    this.#rounds = this.#placements.map(({ address }, i) => {
      const owner = { onRead: (result: ReadResult) => onRead(i, result) };
      return new ReadRound(rounds, this.#host.nodesOf(address), address, want, owner);
    });
    const nowMs = clock.monotonicMs();
    for (const round of this.#rounds) if (turn === this.#turn) round.begin(nowMs);
  }

  #onFirst(found: Found[]): void {
    const { rules } = this.#host.rounds;
    if (rules.heedsIntents() && found.some(({ state }) => state?.intent !== undefined)) {
      this.#again();
    } else if (!rules.readsTwice()) {
      this.#onSnapshot(found);
    } else {
      this.#readAll(Want.nothing, (second) => {
        // The same ballot is the same state.
        const isSame = second.every(({ accepted }, i) => sameBallot(accepted, found[i]?.accepted ?? accepted));
        if (isSame) this.#onSnapshot(found);
        else this.#again();
      });
    }
  }

  #onSnapshot(found: Found[]): void {
    const bases: OpenedBase[] = [];
    for (const [i, { accepted, state, holders }] of found.entries()) {
      const id = this.#placements[i]?.address.id ?? '';
      const base = openBase(this.#host.seal, id, accepted, state, false, holders);
      if (base === null) {
        // Damaged bytes: what writes deals with that.
        this.#giveUp();
        return;
      }
      bases.push(base);
    }
    this.#pages = new TransactionPages(this.#host, this.#placements);
    this.#run(bases, this.#pages);
  }

  #run(bases: readonly OpenedBase[], pages: TransactionPages<R>): void {
    const turn = this.#turn;
    const keys = this.operation.keys.map(({ key }) => key);
    const records = new TransactionRecords<R>(keys, bases, pages.forRun(null), this.#host.clock.wallMs());
    if (records.anyExpired) {
      // Nothing may rest on its being dead before it is written dead.
      this.#giveUp();
      return;
    }
    let reply: R;
    try {
      reply = this.operation.run(records);
    } catch (error) {
      if (!(error instanceof NeedPages)) throw error;
      const base = bases[records.lackingAt];
      if (base === undefined) throw error;
      const hasRoom = pages.load(records.lackingAt, error, base, this.#progress, (ok) => {
        if (turn !== this.#turn) return;
        if (ok) this.#run(bases, pages);
        else this.#again();
      });
      if (!hasRoom) {
        this.#finish();
        this.operation.done({ ok: false, failure: busy('too many pages of large values are in memory') });
        this.#owner.onEnded();
      }
      return;
    }
    this.#host.counters.add('snapshot-read');
    this.#finish();
    this.operation.done({ ok: true, reply });
    this.#owner.onEnded();
  }

  #again(): void {
    this.#stop();
    if (this.#tries >= limits.snapshotTries) {
      this.#giveUp();
      return;
    }
    this.#host.counters.add('snapshot-again');
    this.#wakeAtMs = this.#host.clock.monotonicMs() + limits.roundTickMs;
  }

  #giveUp(): void {
    this.#finish();
    this.#host.counters.add('snapshot-by-intents');
    this.#owner.onIntentsNeeded();
  }

  #stop(): void {
    this.#turn++;
    for (const round of this.#rounds) round.abandon();
    this.#rounds = [];
    this.#pages?.clear();
    this.#pages = null;
  }

  #finish(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#stop();
  }

  readonly #progress = (): void => {
    this.#deadline.progressed(this.#host.clock.monotonicMs());
  };
}

import { busy, unavailable } from '../base/failure.ts';
import { limits } from '../base/limits.ts';
import { type Ballot, isNoBallot, NO_BALLOT, sameBallot } from '../record/ballot.ts';
import { NO_PAST } from '../record/request-history.ts';
import type { LiveRecord, RecordPast } from '../record/state.ts';
import { NeedPages } from '../record/value.ts';
import type { AttemptPages } from './attempt.ts';
import { NO_ATTEMPT_PAGES } from './express-base.ts';
import type { Operation, Outcome, RunContext, Step, StepResult } from './operation.ts';
import { NO_NODES } from './replica-order.ts';
import type { TransactionKey, TransactionOperation } from './transaction.ts';
import type { TransactionDeadline } from './transaction-deadline.ts';
import type { TransactionHost } from './transaction-host.ts';
import { TransactionPages } from './transaction-pages.ts';
import { type FoundRecord, TransactionRecords } from './transaction-records.ts';

export interface SnapshotOwner {
  onEnded(): void;
  /** Reading does not come to an end: the records are to be taken by intents, before the same deadline. */
  onIntentsNeeded(): void;
}

/** What was known of the records when their first reads set out. */
interface Before {
  readonly mapEpoch: number;
  readonly origins: readonly (Ballot | null)[];
}

type Needs = TransactionOperation<unknown>['needs'];

/** A plain read of one record: what it finds is of interest, not its reply. Operation and step are one object. */
class PlainRead<R> implements Operation<R>, Step<R> {
  readonly namespace: number;
  readonly key: Buffer;
  readonly step: Step<R>;
  readonly access = 'read';
  readonly needs: Needs;
  readonly seesUnfinished = true;
  readonly done: (outcome: Outcome<R>) => void;
  live: LiveRecord | null = null;
  past: RecordPast = NO_PAST;
  /** The ballot of the write that made what was found; null: that was changing just then, or expired. */
  origin: Ballot | null = null;

  constructor({ namespace, key }: TransactionKey, needs: Needs, done: (outcome: Outcome<R>) => void) {
    this.namespace = namespace;
    this.key = key;
    this.needs = needs;
    this.done = done;
    this.step = this;
  }

  /** The last run is the one that holds. */
  run(record: LiveRecord | null, { past, origin = null }: RunContext): StepResult<R> {
    this.live = record;
    this.past = past;
    const hasExpired = origin !== null && isNoBallot(origin) && past.recordVersion > 0;
    this.origin = hasExpired ? null : origin;
    return { reply: undefined as R, change: null };
  }
}

/**
 * A consistent read of several records (end of protocol §9): all are read twice, by plain reads, and count if nothing was written
 * in between. Each read sees what holds at some moment of its own, and no two writes have one origin: so what has the same
 * origin both times was so all the time from the one to the other, and all of it together when the second reads began. What this
 * proxy remembers of all of them is as good as having read them before: then they are read once.
 */
export class SnapshotRead<R> {
  readonly operation: TransactionOperation<R>;
  readonly #host: TransactionHost<R>;
  readonly #owner: SnapshotOwner;
  readonly #deadline: TransactionDeadline;
  #wakeAtMs = Number.POSITIVE_INFINITY;
  /** Answers of older reads are of no interest. */
  #turn = 0;
  #isReading = false;
  #tries = 0;
  /** When the current try began, monotonic. */
  #triedMs = 0;
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
    const before: Before = {
      mapEpoch: this.#host.mapEpoch,
      origins: this.operation.keys.map((key) => this.#host.knownOrigin(key)),
    };
    this.#readAll(this.operation.needs, (found) => this.#onFirst(before, found));
  }

  onTick(nowMs: number): void {
    if (this.#deadline.isOver(nowMs, () => this.isWaitingForNodes(nowMs))) {
      this.#host.counters.add('unavailable');
      this.#end({ ok: false, failure: unavailable('no quorum of storage nodes answered in time') });
    } else if (nowMs >= this.#wakeAtMs) {
      this.#wakeAtMs = Number.POSITIVE_INFINITY;
      this.begin();
    }
  }

  forgive(lateMs: number): void {
    this.#deadline.forgive(lateMs);
  }

  /** Those it asked are connected and silent: a try that writers get in the way of is short. */
  isWaitingForNodes(nowMs: number): boolean {
    const isLong = this.#isReading && nowMs - this.#triedMs >= limits.resendDelayMs;
    return isLong && this.operation.keys.every((key) => this.#host.isInReach(key));
  }

  /** Every record, in parallel. */
  #readAll(needs: Needs, done: (found: readonly PlainRead<R>[]) => void): void {
    const turn = ++this.#turn;
    this.#isReading = true;
    const { keys } = this.operation;
    let open = keys.length;
    const onRead = (outcome: Outcome<R>): void => {
      this.#host.reads--;
      if (turn !== this.#turn) return;
      if (!outcome.ok) {
        this.#end(outcome);
        return;
      }
      open--;
      if (open > 0) return;
      this.#isReading = false;
      done(reads);
    };
    const reads = keys.map((key) => new PlainRead(key, needs, onRead));
    for (const read of reads) {
      if (turn !== this.#turn) return;
      this.#host.reads++;
      this.#host.read(read);
    }
  }

  #onFirst(before: Before, found: readonly PlainRead<R>[]): void {
    const { mapEpoch, rounds } = this.#host;
    const isKnown = before.mapEpoch === mapEpoch && areSame(before.origins, found);
    if (isKnown || !rounds.rules.readsTwice()) {
      this.#run(found);
      return;
    }
    const origins = found.map(({ origin }) => origin);
    if (origins.includes(null)) {
      this.#again();
      return;
    }
    this.#readAll('meta', (second) => {
      if (areSame(origins, second)) this.#run(found);
      else this.#again();
    });
  }

  #run(found: readonly PlainRead<R>[]): void {
    const turn = this.#turn;
    const keys = this.operation.keys.map(({ key }) => key);
    const records = new TransactionRecords<R>(keys, found.map(foundBy), this.#runPages(), this.#host.clock.wallMs());
    if (records.anyExpired) {
      // Nothing may rest on its being dead before it is written dead: the next read does that.
      this.#again();
      return;
    }
    let reply: R;
    try {
      reply = this.operation.run(records);
    } catch (error) {
      if (!(error instanceof NeedPages)) throw error;
      if (this.#pages === null) {
        // Most need none; those that were used lately may be in memory.
        const placements = this.operation.keys.map((key) => this.#host.place(key));
        this.#pages = new TransactionPages(this.#host, placements);
        this.#run(found);
        return;
      }
      const hasRoom = this.#pages.load(records.lackingAt, error, NO_NODES, this.#progress, (ok) => {
        if (turn !== this.#turn) return;
        if (ok) this.#run(found);
        else this.#again();
      });
      if (!hasRoom) this.#end({ ok: false, failure: busy('too many pages of large values are in memory') });
      return;
    }
    this.#host.counters.add('snapshot-read');
    this.#end({ ok: true, reply });
  }

  /** No pages are to be found until some were needed: then all runs again. */
  #runPages(): readonly AttemptPages[] {
    return this.#pages?.forRun(null) ?? this.operation.keys.map(() => NO_ATTEMPT_PAGES);
  }

  /** At once for the first time: something may just have expired. */
  #again(): void {
    this.#stop();
    if (this.#tries >= limits.snapshotTries) {
      this.#ended = true;
      this.#host.counters.add('snapshot-by-intents');
      this.#owner.onIntentsNeeded();
      return;
    }
    this.#host.counters.add('snapshot-again');
    if (this.#tries === 1) this.begin();
    else this.#wakeAtMs = this.#host.clock.monotonicMs() + limits.roundTickMs;
  }

  #stop(): void {
    this.#turn++;
    this.#isReading = false;
    this.#pages?.clear();
    this.#pages = null;
  }

  #end(outcome: Outcome<R>): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#stop();
    this.operation.done(outcome);
    this.#owner.onEnded();
  }

  readonly #progress = (): void => {
    this.#deadline.progressed(this.#host.clock.monotonicMs());
  };
}

function areSame<R>(before: readonly (Ballot | null)[], found: readonly PlainRead<R>[]): boolean {
  for (let i = 0; i < found.length; i++) {
    const [one, other] = [before[i] ?? null, found[i]?.origin ?? null];
    if (one === null || other === null || !sameBallot(one, other)) return false;
  }
  return true;
}

function foundBy<R>({ live, past, origin }: PlainRead<R>): FoundRecord {
  return { live, past, differ: false, origin: origin ?? NO_BALLOT };
}

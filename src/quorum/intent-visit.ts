import { limits } from '../base/limits.ts';
import { type Ballot, sameBallot } from '../record/ballot.ts';
import type { Intent, RecordPlace, SealedState } from '../record/state.ts';
import { decisionOf, resolvedState } from '../record/transaction-record.ts';
import { type RecordAddress, Want } from '../rpc/messages.ts';
import type { NodeId } from '../rpc/transport.ts';
import { type ReadOwner, type ReadResult, ReadRound } from './read-round.ts';
import type { RoundContext } from './round.ts';
import type { Placement, Step } from './task-context.ts';
import type { TransactionSettler } from './transaction-settler.ts';

/** What somebody finds who looks at a record with an intent. */
export type Verdict =
  /** The transaction has happened: the proposed state holds. */
  | 'committed'
  /** It has not, as far as a reader need know: the present state holds. */
  | 'present'
  /** Whatever held is past: start over. */
  | 'over';

/** What a visit needs of its coordinator. */
export interface VisitContext {
  readonly rounds: RoundContext;
  readonly transactions: TransactionSettler;
  nodesOf(address: RecordAddress): readonly NodeId[];
  /** Monotonic milliseconds since which this process knows the transaction. */
  knownSince(transaction: string): number;
}

/** The record that was found, and how. */
export interface VisitedRecord {
  readonly address: RecordAddress;
  readonly place: RecordPlace;
  readonly accepted: Ballot;
  readonly intent: Intent;
  /** Of a database that was swapped some time. */
  readonly isSwapped: boolean;
}

/** What holds of a record; null: start over. */
export type OnEffective = (effective: SealedState | null) => void;

/** For whoever found this state of a record; null if no transaction's intent is on it. */
export function visitOf(
  context: VisitContext,
  { address, generation, isSwapped }: Placement,
  accepted: Ballot,
  state: SealedState | null,
  isWriter: boolean,
  done: OnEffective,
): IntentVisit | null {
  const intent = state?.intent;
  if (state === null || intent === undefined || !context.rounds.rules.heedsIntents()) return null;
  const { id, shard, namespace } = address;
  const record = { address, place: { id, shard, namespace, generation }, accepted, intent, isSwapped };
  return new IntentVisit(context, record, isWriter, (verdict) => {
    if (verdict === 'over') done(null);
    else done(resolvedState(state, verdict === 'committed' ? 'committed' : 'aborted'));
  });
}

/**
 * Looks up the transaction behind an intent (protocol §9.4). A reader gets the state that holds now. A writer waits until the
 * transaction is decided, or old enough to be aborted by him, and then until the record is resolved. Once databases were swapped,
 * a reader waits for the decision too: a transaction that began before changes the database that had the number then, so
 * what is read under the new meaning must not change by it afterwards.
 */
export class IntentVisit implements ReadOwner, Step {
  readonly #context: VisitContext;
  readonly #record: VisitedRecord;
  readonly #isWriter: boolean;
  readonly #done: (verdict: Verdict) => void;
  readonly #knownSinceMs: number;
  #round: ReadRound | null = null;
  #rereading = false;
  #wakeAtMs = Number.POSITIVE_INFINITY;
  #ended = false;

  constructor(context: VisitContext, record: VisitedRecord, isWriter: boolean, done: (verdict: Verdict) => void) {
    this.#context = context;
    this.#record = record;
    this.#isWriter = isWriter;
    this.#done = done;
    this.#knownSinceMs = context.knownSince(record.intent.transaction);
  }

  /** Once. */
  begin(): void {
    this.#context.rounds.counters.add('intent-met');
    this.#look();
  }

  onTick(nowMs: number): void {
    if (nowMs >= this.#wakeAtMs) {
      this.#wakeAtMs = Number.POSITIVE_INFINITY;
      this.#look();
    } else {
      this.#round?.onTick(nowMs);
    }
  }

  abandon(): void {
    this.#ended = true;
    this.#round?.abandon();
  }

  onRead(result: ReadResult): void {
    this.#round = null;
    if (this.#rereading) {
      // The same ballot is the same state, with the same intent.
      const isSame = result.kind === 'agreed' && sameBallot(result.accepted, this.#record.accepted);
      this.#end(isSame ? 'present' : 'over');
      return;
    }
    if (result.kind === 'fenced') {
      this.#end('over');
      return;
    }
    const decision = result.kind === 'agreed' && result.state !== null ? decisionOf(result.state) : null;
    if (this.#isWriter) {
      if (decision !== null || this.#isRipe()) this.#settle();
      else this.#wait();
    } else if (decision?.outcome === 'committed') {
      this.#end('committed');
    } else if (result.kind === 'unsettled' || (decision === null && this.#awaitsDecision())) {
      // Its coordinator is deciding it right now, or has died while it did; or whether it will is not known.
      if (this.#isRipe()) this.#settle();
      else this.#wait();
    } else if (this.#context.rounds.rules.rereadsAfterTransaction()) {
      this.#reread();
    } else {
      this.#end('present');
    }
  }

  #look(): void {
    const { transaction, shard } = this.#record.intent;
    this.#read(this.#context.transactions.transactionAddress(transaction, shard), Want.meta);
  }

  #reread(): void {
    this.#rereading = true;
    this.#read(this.#record.address, Want.nothing);
  }

  #read(address: RecordAddress, want: Want): void {
    const { rounds } = this.#context;
    const round = new ReadRound(rounds, this.#context.nodesOf(address), address, want, this);
    this.#round = round;
    round.begin(rounds.clock.monotonicMs());
  }

  #awaitsDecision(): boolean {
    return this.#record.isSwapped && this.#context.rounds.rules.awaitsDecision();
  }

  #isRipe(): boolean {
    const { clock } = this.#context.rounds;
    const { ballot } = this.#record.intent;
    const ageMs = Math.max(clock.wallMs() - ballot.time / 1000, clock.monotonicMs() - this.#knownSinceMs);
    return ageMs >= limits.transactionAbortAgeMs;
  }

  #settle(): void {
    const { intent, place } = this.#record;
    this.#context.transactions.settle(intent, place, () => this.#end('over'));
  }

  #wait(): void {
    this.#wakeAtMs = this.#context.rounds.clock.monotonicMs() + limits.transactionLookMs;
  }

  #end(verdict: Verdict): void {
    if (this.#ended) return;
    this.#ended = true;
    const { counters } = this.#context.rounds;
    if (verdict === 'committed') counters.add('intent-read-committed');
    else if (verdict === 'present') counters.add('intent-read-present');
    this.#done(verdict);
  }
}

import { type Failure, full, uncertain } from '../base/failure.ts';
import { limits } from '../base/limits.ts';
import { NO_BALLOT } from '../record/ballot.ts';
import type { RecordId } from '../record/state.ts';
import { decidedState } from '../record/transaction-record.ts';
import { type CommitRequest, MessageType } from '../rpc/messages.ts';
import type { NodeId } from '../rpc/transport.ts';
import { type CommitResult, CommitRound } from './commit-round.ts';
import { catchUpPages } from './page-catch-up.ts';
import type { RepairLink } from './repair.ts';
import { NO_NODES } from './replica-order.ts';
import type { Step } from './task-context.ts';
import type { IntentFrame, IntentWrite } from './transaction-attempt.ts';
import type { TransactionHost } from './transaction-host.ts';

/** Told once how it ended. */
export interface CommitmentOwner {
  /** The deadline has not passed. */
  mayCommit(): boolean;
  /** Pages are on their way: the deadline moves along. */
  progress(): void;
  /** Too few nodes took the pages: nothing was sent that could count. */
  onUnsent(): void;
  /** `links`: where the writes that clear up may start, by record; T among them. */
  onCommitted(links: ReadonlyMap<RecordId, RepairLink>): void;
  /** Aborted by a chosen value of T, and resolved as far as could be. `failure`: why it would be so again. */
  onAborted(failure: Failure | null): void;
  onFailed(failure: Failure): void;
}

const FULL = full('the disks of too many storage nodes are full');

/**
 * The second half of a transaction (protocol §9.2-3): an intent on each record, COMMIT of T, and after a refusal the chosen
 * value of T. Abandoned it goes no further: COMMIT(T) is then not sent any more.
 */
export class TransactionCommit<R> implements Step {
  readonly #host: TransactionHost<R>;
  readonly #writes: readonly IntentWrite[];
  readonly #owner: CommitmentOwner;
  readonly #frame: IntentFrame;
  #rounds: CommitRound[] = [];
  readonly #links = new Map<RecordId, RepairLink>();
  #intentsSent = false;
  #refused = false;
  /** When COMMIT(T) was first sent; 0 if it was not. Monotonic and wall clock. */
  #sentMonotonicMs = 0;
  #sentWallMs = 0;
  #ended = false;

  constructor(host: TransactionHost<R>, frame: IntentFrame, writes: readonly IntentWrite[], owner: CommitmentOwner) {
    this.#host = host;
    this.#frame = frame;
    this.#writes = writes;
    this.#owner = owner;
  }

  /** Intents may be out under this frame; null if none were sent. */
  get frame(): IntentFrame | null {
    return this.#intentsSent ? this.#frame : null;
  }

  /** COMMIT(T) was sent: the transaction may have happened. */
  get isSent(): boolean {
    return this.#sentMonotonicMs !== 0;
  }

  /** Pages go ahead of the COMMITs that list them. */
  begin(): void {
    let open = 1;
    let ok = true;
    const sent = (taken: boolean): void => {
      open--;
      if (!taken) ok = false;
      if (open > 0 || this.#ended) return;
      if (ok && this.#owner.mayCommit()) this.#sendIntents();
      else if (this.#end()) this.#owner.onUnsent();
    };
    for (const { pages, placement } of this.#writes) {
      if (pages.length === 0) continue;
      open++;
      this.#host.pageTransfer.send(placement.address, pages, placement.nodes, () => this.#owner.progress(), sent);
    }
    sent(true);
  }

  onTick(nowMs: number): void {
    for (const round of [...this.#rounds]) round.onTick(nowMs);
  }

  abandon(): void {
    this.#ended = true;
    for (const round of this.#rounds) round.abandon();
  }

  /** §9.2. */
  #sendIntents(): void {
    const { rules } = this.#host.rounds;
    const writes = this.#writes.slice(0, rules.recordsWithIntent(this.#writes.length));
    let open = writes.length;
    this.#intentsSent = true;
    const onCommitted = (commit: CommitRequest, result: CommitResult): void => {
      if (result.kind === 'refused') {
        this.#onRefused(result.full ? FULL : null);
        return;
      }
      this.#noteLink(commit, result.nextRecorded);
      open--;
      if (open === 0) this.#commit();
    };
    this.#begin(writes.map(({ commit }) => this.#roundOf(commit, (result) => onCommitted(commit, result))));
  }

  /** §9.3: the coordinator alone may COMMIT(T) under B_T, which needs no PREPARE. */
  #commit(): void {
    // The owner answers what is past its deadline.
    if (!this.#owner.mayCommit()) return;
    const { clock } = this.#host;
    const { transaction, shard, ballot, next, records } = this.#frame;
    const commit: CommitRequest = {
      type: MessageType.commit,
      address: this.#host.transactions.transactionAddress(transaction, shard),
      ballot,
      baseOrigin: NO_BALLOT,
      state: decidedState({ outcome: 'committed', records }, ballot),
      pages: null,
      next,
      encoded: undefined,
    };
    this.#sentMonotonicMs = clock.monotonicMs();
    this.#sentWallMs = clock.wallMs();
    const round = this.#roundOf(commit, (result) => {
      if (result.kind !== 'chosen') {
        this.#onRefused(null);
        return;
      }
      this.#noteLink(commit, result.nextRecorded);
      this.#onChosen();
    });
    this.#begin([round]);
  }

  /** What was chosen, with Q promises for the next ballot: nobody else can have written it when that is accepted. */
  #noteLink({ address, ballot, next, state }: CommitRequest, isPromised: boolean): void {
    if (!isPromised || next === null) return;
    this.#host.counters.add('chain-started');
    const untilMs = this.#host.clock.monotonicMs() + limits.chainLifeMs;
    const base = { accepted: ballot, state, differ: false, holders: NO_NODES, sawCorrupt: false };
    this.#links.set(address.id, { ballot: next, base, address, untilMs });
  }

  #onChosen(): void {
    if (!this.#end()) return;
    this.#host.counters.add('transaction-committed');
    this.#owner.onCommitted(this.#links);
  }

  /** From now on nothing but `aborted` may be proposed on T, and the value that is chosen tells (§9.3). */
  #onRefused(failure: Failure | null): void {
    if (this.#refused || this.#ended) return;
    this.#refused = true;
    this.#host.counters.add('transaction-refused');
    for (const round of this.#rounds) round.abandon();
    this.#rounds = [];
    this.#decide(failure);
  }

  #decide(failure: Failure | null): void {
    if (this.#ended) return;
    this.#host.transactions.decide(
      this.#frame,
      (decision, wasAbsent) => {
        if (this.#ended) return;
        if (decision === null) {
          // Again, until the deadline.
          this.#host.clock.after(limits.roundTickMs, () => this.#decide(failure));
        } else if (decision.outcome === 'committed') {
          this.#onChosen();
        } else if (wasAbsent && this.isSent && !this.#absenceProves()) {
          if (!this.#end()) return;
          this.#host.counters.add('uncertain');
          this.#owner.onFailed(uncertain('a transaction was refused and nothing tells any more whether it happened'));
        } else {
          this.#onAborted(failure);
        }
      },
      this.#host.rounds.rules.outcomeAfterRefusal(),
    );
  }

  /** Within purgeAfter/2 of COMMIT(T), T cannot have been decided, resolved, forgotten and purged. */
  #absenceProves(): boolean {
    const { clock, rounds } = this.#host;
    const monotonicMs = clock.monotonicMs() - this.#sentMonotonicMs;
    return rounds.rules.absenceProves(Math.max(monotonicMs, Math.abs(clock.wallMs() - this.#sentWallMs)));
  }

  /** Nothing of it can happen any more: the next try need not wait for COMMIT(T). */
  #onAborted(failure: Failure | null): void {
    this.#host.counters.add('transaction-aborted');
    this.#sentMonotonicMs = 0;
    this.#host.transactions.finish(this.#frame, 'aborted', () => {
      if (this.#end()) this.#owner.onAborted(failure);
    });
  }

  #begin(rounds: CommitRound[]): void {
    this.#rounds = rounds;
    const nowMs = this.#host.clock.monotonicMs();
    for (const round of rounds) if (!round.ended) round.begin(nowMs);
  }

  #roundOf(commit: CommitRequest, onCommitted: (result: CommitResult) => void): CommitRound {
    let catchUps = 0;
    const round: CommitRound = new CommitRound(this.#host.rounds, this.#host.nodesOf(commit.address), commit, {
      onCommitted: (result) => {
        if (!this.#ended && !this.#refused) onCommitted(result);
      },
      onStale: (node: NodeId, index: number) => {
        catchUps++;
        if (catchUps > limits.pageCatchUpsPerWrite) return;
        catchUpPages(this.#host, round, node, index, () => this.#owner.progress());
      },
    });
    return round;
  }

  /** False if it had ended. */
  #end(): boolean {
    if (this.#ended) return false;
    this.#ended = true;
    return true;
  }
}

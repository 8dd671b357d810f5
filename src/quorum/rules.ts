import { limits } from '../base/limits.ts';
import { type Ballot, compareBallots, sameBallot } from '../record/ballot.ts';
import type { StateHeader } from '../record/state.ts';
import type { TransactionOutcome } from '../record/transaction-record.ts';
import type { MessageType } from '../rpc/messages.ts';
import { majority } from './majority.ts';
import { type Settlement, settle, type UsedBallot } from './settle.ts';

export type PairedRequest = typeof MessageType.read | typeof MessageType.prepare | typeof MessageType.commit;

/** One node's word on a record, from a promise or a read. */
export interface Report {
  readonly accepted: Ballot;
  /** A pair's, whose nodes differ. */
  readonly split?: true | undefined;
}

/**
 * The proposer's decisions of protocol §3-4, each a small pure method. The product uses them as they stand; the
 * simulator's deliberate defects override one at a time, to prove that the checkers would notice.
 */
export class ProposerRules {
  readonly #purgeAfterMs: number;

  /** `purgeAfterMs`: how long the storage nodes keep tombstones at least. */
  constructor(purgeAfterMs: number = limits.purgeAfterMs) {
    this.#purgeAfterMs = purgeAfterMs;
  }

  /** How many equal answers make a READ final. */
  readQuorum(nodes: number): number {
    return majority(nodes);
  }

  /** Index of the report whose state is the base: the highest is the only one that can have been chosen. */
  chooseBase(reports: readonly Report[]): number {
    let best = 0;
    for (let i = 1; i < reports.length; i++) {
      const report = reports[i];
      const highest = reports[best];
      if (report !== undefined && highest !== undefined && compareBallots(report.accepted, highest.accepted) > 0)
        best = i;
    }
    return best;
  }

  /** Promises that differ: the base may not be chosen yet, so even a command that changes nothing writes it back. */
  promisesDiffer(reports: readonly Report[]): boolean {
    const first = reports[0];
    if (first === undefined) return false;
    return reports.some((report) => report.split === true || !sameBallot(report.accepted, first.accepted));
  }

  /** Whether a remembered state is the one that a quorum holds now (`said`). */
  confirms(remembered: Ballot, said: Ballot): boolean {
    return sameBallot(remembered, said);
  }

  /** Whether an operation that leaves the express lane after its COMMIT was sent has to look for that. */
  takesAlong(): boolean {
    return true;
  }

  /** Whether the zone of a moving shard counts only when the old node and the learner both answered (protocol §8). */
  bothOfPair(_request: PairedRequest): boolean {
    return true;
  }

  /** Whether nothing can have been purged, and so absent means never written, so long after a command's first COMMIT. */
  absenceProves(sinceCommitMs: number): boolean {
    return sinceCommitMs < this.#purgeAfterMs / 2;
  }

  /** Whether a state with an intent counts only as the transaction's record says (protocol §9.4). */
  heedsIntents(): boolean {
    return true;
  }

  /** Whether a reader of a database that was ever swapped waits until a transaction is decided (protocol §8). */
  awaitsDecision(): boolean {
    return true;
  }

  /** Whether the record is read again where its transaction was not found committed: that may have been resolved and forgotten. */
  rereadsAfterTransaction(): boolean {
    return true;
  }

  /** How many of a transaction's records get an intent. */
  recordsWithIntent(records: number): number {
    return records;
  }

  /** Whether a transaction is forgotten although some of its records are not resolved. */
  forgetsUnresolved(): boolean {
    return false;
  }

  /** What a coordinator proposes whose intent or COMMIT of the transaction was refused. */
  outcomeAfterRefusal(): TransactionOutcome {
    return 'aborted';
  }

  /** Whether what was read of several records is read once more before it counts as a snapshot. */
  readsTwice(): boolean {
    return true;
  }

  /** Likewise, of what several PREPAREs have found. */
  readsAfterPrepare(): boolean {
    return true;
  }

  settle<R>(used: readonly UsedBallot<R>[], base: StateHeader | null, absenceProves: boolean): Settlement<R> {
    return settle(used, base, absenceProves);
  }
}

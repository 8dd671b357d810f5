import { limits } from '../base/limits.ts';
import { type Ballot, compareBallots, sameBallot } from '../record/ballot.ts';
import type { StateHeader } from '../record/state.ts';
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

  settle<R>(used: readonly UsedBallot<R>[], base: StateHeader | null, absenceProves: boolean): Settlement<R> {
    return settle(used, base, absenceProves);
  }
}

import { type Ballot, compareBallots, sameBallot } from '../record/ballot.ts';
import type { StateHeader } from '../record/state.ts';
import { majority } from './majority.ts';
import { type Settlement, settle, type UsedBallot } from './settle.ts';

/** One node's word on a record, from a promise or a read. */
export interface Report {
  readonly accepted: Ballot;
}

/**
 * The proposer's decisions of protocol §3-4, each a small pure method. The product uses them as they stand; the
 * simulator's deliberate defects override one at a time, to prove that the checkers would notice.
 */
export class ProposerRules {
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
    return first !== undefined && reports.some((report) => !sameBallot(report.accepted, first.accepted));
  }

  /** Whether a remembered state is the one that a quorum holds now (`said`). */
  confirms(remembered: Ballot, said: Ballot): boolean {
    return sameBallot(remembered, said);
  }

  /** Whether an operation that leaves the express lane after its COMMIT was sent has to look for that. */
  takesAlong(): boolean {
    return true;
  }

  settle<R>(used: readonly UsedBallot<R>[], base: StateHeader | null, absenceProves: boolean): Settlement<R> {
    return settle(used, base, absenceProves);
  }
}

import { majority } from '../quorum/majority.ts';
import { type Ballot, sameBallot } from '../record/ballot.ts';

/**
 * A learner's decisions of protocol §8, each a small pure method. The product uses them as they stand; the simulator's
 * deliberate defects override one at a time, to prove that the checkers would notice.
 */
export class LearnerRules {
  /** How many old voters have to answer, and to agree. */
  quorum(zones: number): number {
    return majority(zones);
  }

  /** What is copied of what old voters report of one record; null: they do not agree enough. Absent is NO_BALLOT. */
  choose(reported: readonly Ballot[], quorum: number): Ballot | null {
    for (const ballot of reported) {
      let same = 0;
      for (const other of reported) if (sameBallot(ballot, other)) same++;
      if (same >= quorum) return ballot;
    }
    return null;
  }

  /** Whether what the learner holds from before is deleted first. */
  empties(): boolean {
    return true;
  }

  /** Up to where the learner stands by what others have promised, given the highest ceiling that Q old voters report. */
  standsBy(highestUs: number): number {
    return highestUs;
  }
}

import { type Ballot, compareBallots, isNoBallot } from '../record/ballot.ts';
import { rowHasLower } from '../record/ballot-row.ts';
import type { StateHeader } from '../record/state.ts';
import { descendsFrom } from './lineage.ts';

/** A COMMIT with a change of this command went out under `ballot`, and would have answered `reply`. */
export interface UsedBallot<R> {
  readonly ballot: Ballot;
  readonly reply: R;
}

export type Settlement<R> =
  | { readonly kind: 'applied'; readonly reply: R }
  | { readonly kind: 'not-applied' }
  | { readonly kind: 'unknown' };

const NOT_APPLIED = { kind: 'not-applied' } as const;
const UNKNOWN = { kind: 'unknown' } as const;

/**
 * The exactly-once rule after a refused COMMIT (protocol §4): what the base that was found says of the ballots that this
 * command used, oldest first. `base` null is absent. `absenceProves`: less than purgeAfter/2 has passed since the
 * first COMMIT of the command, by monotonic and by wall clock, looked at after the promises came.
 */
export function settle<R>(
  used: readonly UsedBallot<R>[],
  base: StateHeader | null,
  absenceProves: boolean,
): Settlement<R> {
  const first = used[0];
  if (first === undefined) return NOT_APPLIED;
  if (base === null) return absenceProves ? NOT_APPLIED : UNKNOWN;
  for (const attempt of used) {
    if (descendsFrom(base, attempt.ballot)) return { kind: 'applied', reply: attempt.reply };
  }
  if (!isNoBallot(base.origin) && compareBallots(base.origin, first.ballot) < 0) return NOT_APPLIED;
  if (rowHasLower(base.lineage, first.ballot)) return NOT_APPLIED;
  return base.birth && absenceProves ? NOT_APPLIED : UNKNOWN;
}

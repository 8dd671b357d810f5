import { limits } from '../base/limits.ts';
import { type Ballot, NO_BALLOT, sameBallot } from '../record/ballot.ts';
import { type BallotRow, EMPTY_ROW, rowBehind, rowHas, rowLength } from '../record/ballot-row.ts';
import type { StateHeader } from '../record/state.ts';

export interface Lineage {
  readonly ballots: BallotRow;
  readonly birth: boolean;
}

/**
 * The lineage of a value made by `ballot` on `base` (null: absent). Birth counts as the oldest entry (protocol §2).
 *
 * Cut behind the first ballot that is older than any command that may still ask: one that waits for its answer is no older
 * than its deadline, so it finds there either its own ballot or a lower one. Cutting can only make an outcome
 * unknown, never wrong.
 */
export function extendLineage(base: StateHeader | null, ballot: Ballot): Lineage {
  if (base === null) return { ballots: rowBehind(ballot, EMPTY_ROW, 0), birth: true };
  const { lineage } = base;
  const length = rowLength(lineage);
  const oldestUs = ballot.time - limits.lineageSpanMs * 1000;
  let kept = 0;
  while (kept < length && kept + 1 < limits.lineageLength) {
    kept++;
    if ((lineage[2 * kept - 2] ?? 0) < oldestUs) break;
  }
  const whole = kept === length && kept + 1 < limits.lineageLength;
  return { ballots: rowBehind(ballot, lineage, kept), birth: base.birth && whole };
}

/** Whether the value made by `ballot` is this state or one that it was built on, as far back as the lineage reaches. */
export function descendsFrom(state: StateHeader, ballot: Ballot): boolean {
  if (sameBallot(state.origin, ballot)) return true;
  return rowHas(state.lineage, ballot);
}

/** The header that stands for "dead, made from absent": written back where absent must be (protocol §5). */
export function deadFromAbsent(namespace: number, generation: number): StateHeader {
  return {
    kind: 1,
    origin: NO_BALLOT,
    lineage: EMPTY_ROW,
    birth: true,
    expiresAtMs: 0,
    sizeBytes: 0,
    namespace,
    generation,
    paged: false,
    remembers: false,
  };
}

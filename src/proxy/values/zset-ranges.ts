import type { ScoreBound } from './score.ts';
import type { Scored } from './scored-elements.ts';

/** Elements by rank: from `from` up to, not including, `to`. */
export interface RankRange {
  readonly from: number;
  readonly to: number;
}

export interface ScoreRange {
  readonly min: ScoreBound;
  readonly max: ScoreBound;
}

/** An end of a range of members. */
export type LexBound =
  | { readonly kind: 'lowest' }
  | { readonly kind: 'highest' }
  | { readonly kind: 'member'; readonly member: Buffer; readonly isExclusive: boolean };

export interface LexRange {
  readonly min: LexBound;
  readonly max: LexBound;
}

export const NO_RANKS: RankRange = { from: 0, to: 0 };

export function isEmptyScoreRange({ min, max }: ScoreRange): boolean {
  return min.score > max.score || (min.score === max.score && (min.isExclusive || max.isExclusive));
}

export function isEmptyLexRange({ min, max }: LexRange): boolean {
  if (min.kind === 'highest' || max.kind === 'lowest') return true;
  if (min.kind !== 'member' || max.kind !== 'member') return false;
  const order = min.member.compare(max.member);
  return order > 0 || (order === 0 && (min.isExclusive || max.isExclusive));
}

/** Of elements in order. */
export function inScoreRange(elements: readonly Scored[], { min, max }: ScoreRange): RankRange {
  const from = elements.findIndex(({ score }) => score > min.score || (score === min.score && !min.isExclusive));
  const to = elements.findIndex(({ score }) => score > max.score || (score === max.score && max.isExclusive));
  return { from: from < 0 ? elements.length : from, to: to < 0 ? elements.length : to };
}

/**
 * Of elements in order, of which there is at least one. All of one score; of others Redis promises nothing, and here it is
 * what its listpacks answer. `isReverse`: sought from the last.
 */
export function inLexRange(elements: readonly Scored[], { min, max }: LexRange, isReverse: boolean): RankRange {
  const isFromMin = ({ member }: Scored): boolean => reaches(member, min, 1);
  const isToMax = ({ member }: Scored): boolean => reaches(member, max, -1);
  const [first, last] = [elements[0], elements.at(-1)];
  if (first === undefined || last === undefined || !isToMax(first) || !isFromMin(last)) return NO_RANKS;
  if (isReverse) {
    const end = elements.findLastIndex(isToMax);
    let from = end + 1;
    for (let one = elements[from - 1]; one !== undefined && isFromMin(one); one = elements[from - 1]) from--;
    return { from, to: end + 1 };
  }
  const from = elements.findIndex(isFromMin);
  let to = from;
  for (let one = elements[to]; one !== undefined && isToMax(one); one = elements[to]) to++;
  return { from, to };
}

/** Whether the member is on the right side of a bound: above it (1) or below (-1). */
function reaches(member: Buffer, bound: LexBound, side: 1 | -1): boolean {
  if (bound.kind !== 'member') return true;
  const order = member.compare(bound.member) * side;
  return order > 0 || (order === 0 && !bound.isExclusive);
}

import type { Ballot } from './ballot.ts';

/**
 * Ballots in a row, two numbers each: time, proposer. One block of memory however many they are, so that a record's
 * lineage costs the garbage collector as much as a single object.
 */
export type BallotRow = readonly number[];

export const EMPTY_ROW: BallotRow = Object.freeze([]);

export function ballotRow(ballots: readonly Ballot[]): BallotRow {
  return ballots.flatMap(({ time, proposer }) => [time, proposer]);
}

export function rowLength(row: BallotRow): number {
  return row.length >>> 1;
}

export function ballotsOf(row: BallotRow): Ballot[] {
  return Array.from({ length: rowLength(row) }, (_, i) => ({ time: row[2 * i] ?? 0, proposer: row[2 * i + 1] ?? 0 }));
}

export function rowHas(row: BallotRow, ballot: Ballot): boolean {
  for (let i = 0; i < row.length; i += 2) if (row[i] === ballot.time && row[i + 1] === ballot.proposer) return true;
  return false;
}

/** Whether any of them is lower than `ballot`. */
export function rowHasLower(row: BallotRow, ballot: Ballot): boolean {
  for (let i = 0; i < row.length; i += 2) {
    const time = row[i] ?? 0;
    if (time < ballot.time || (time === ballot.time && (row[i + 1] ?? 0) < ballot.proposer)) return true;
  }
  return false;
}

/** `ballot`, and the first `count` of the row behind it. */
export function rowBehind(ballot: Ballot, row: BallotRow, count: number): BallotRow {
  return [ballot.time, ballot.proposer].concat(count === rowLength(row) ? row : row.slice(0, 2 * count));
}

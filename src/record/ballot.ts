/**
 * A ballot orders all attempts to write one record (protocol §1): `time` is a hybrid logical clock in microseconds
 * (a safe integer), `proposer` a 32-bit id given out once. Ordered by time, then proposer.
 */
export interface Ballot {
  readonly time: number;
  readonly proposer: number;
}

/** Below every real ballot; stands for "none": `accepted` of an absent record, `origin` of a dead state made from absent. */
export const NO_BALLOT: Ballot = Object.freeze({ time: 0, proposer: 0 });

/** Negative if a < b, 0 if equal, positive if a > b. */
export function compareBallots(a: Ballot, b: Ballot): number {
  return a.time !== b.time ? a.time - b.time : a.proposer - b.proposer;
}

export function sameBallot(a: Ballot, b: Ballot): boolean {
  // Within one process it mostly is one object, and its numbers need not be fetched.
  return a === b || (a.time === b.time && a.proposer === b.proposer);
}

export function isNoBallot(a: Ballot): boolean {
  return a.time === 0 && a.proposer === 0;
}

export function maxBallot(a: Ballot, b: Ballot): Ballot {
  return compareBallots(a, b) >= 0 ? a : b;
}

/** For logs and traces: `time.proposer`. */
export function formatBallot(a: Ballot): string {
  return `${a.time}.${a.proposer}`;
}

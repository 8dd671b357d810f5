/** Branches of the protocol, counted: what the simulator reports as taken, and the metrics of a proxy. */
export const PROTOCOL_BRANCHES = [
  'read-agreed',
  'read-fetched-state',
  'read-asked-more',
  'read-again',
  'read-repair',
  'expired-written-dead',
  'prepared',
  'prepare-refused',
  'promises-differed',
  'base-fetched',
  'final-without-commit',
  'write-back',
  'commit-chosen',
  'commit-refused',
  'settled-applied',
  'settled-not-applied',
  'settled-unknown',
  'chain-started',
  'chain-continued',
  'chain-refused',
  'chain-confirmed-by-read',
  'hedged',
  'shared-commit',
  'clock-refused',
  'clock-too-far',
  'corrupt-replica',
  'repair-written',
  'fenced',
  'resubmitted',
  'express-read',
  'express-write',
  'express-left',
  'unavailable',
  'uncertain',
  'busy',
  'pages-stale',
  'pages-caught-up',
  'pages-loaded',
  'pages-repaired',
  'intent-met',
  'intent-read-committed',
  'intent-read-present',
  'transaction-committed',
  'transaction-aborted',
  'transaction-refused',
  'transaction-restarted',
  'transaction-decided-aborted',
  'transaction-resolved',
  'transaction-single',
  'snapshot-read',
  'snapshot-again',
  'snapshot-by-intents',
  'snapshot-after-prepare',
  'node-suspected',
  'node-probed',
  'node-taken-back',
] as const;

export type ProtocolBranch = (typeof PROTOCOL_BRANCHES)[number];

/** How often each branch was taken since the start. */
export class ProtocolCounters {
  // A plain object with all keys from the start: counting is on the data path.
  readonly #counts = Object.fromEntries(PROTOCOL_BRANCHES.map((branch) => [branch, 0])) as Record<
    ProtocolBranch,
    number
  >;

  add(branch: ProtocolBranch): void {
    this.#counts[branch]++;
  }

  get(branch: ProtocolBranch): number {
    return this.#counts[branch];
  }

  /** All branches, also those never taken. */
  entries(): [ProtocolBranch, number][] {
    return PROTOCOL_BRANCHES.map((branch) => [branch, this.#counts[branch]]);
  }
}

import type { RunResult } from './run-plan.ts';

/** Sums over runs, as plain data: it passes between threads. */
export interface Totals {
  readonly branches: Map<string, number>;
  runs: number;
  operations: number;
  faults: number;
  fewestOperations: number;
  fewestFaults: number;
  undecided: number;
}

export function noTotals(): Totals {
  return {
    branches: new Map(),
    runs: 0,
    operations: 0,
    faults: 0,
    fewestOperations: Number.POSITIVE_INFINITY,
    fewestFaults: Number.POSITIVE_INFINITY,
    undecided: 0,
  };
}

export function addRun(totals: Totals, result: RunResult): void {
  addTotals(totals, {
    branches: new Map(result.branches),
    runs: 1,
    operations: result.operations,
    faults: result.faults,
    fewestOperations: result.operations,
    fewestFaults: result.faults,
    undecided: result.undecided,
  });
}

export function addTotals(totals: Totals, more: Totals): void {
  for (const [branch, count] of more.branches) totals.branches.set(branch, (totals.branches.get(branch) ?? 0) + count);
  totals.runs += more.runs;
  totals.operations += more.operations;
  totals.faults += more.faults;
  totals.fewestOperations = Math.min(totals.fewestOperations, more.fewestOperations);
  totals.fewestFaults = Math.min(totals.fewestFaults, more.fewestFaults);
  totals.undecided += more.undecided;
}

/** What a campaign has covered, for people. */
export function totalsText(totals: Totals): string {
  const each = (sum: number): string => (sum / Math.max(1, totals.runs)).toFixed(1);
  const lines = ['branches taken:'];
  for (const [branch, count] of totals.branches) lines.push(`  ${String(count).padStart(10)} ${branch}`);
  lines.push(
    `operations: ${totals.operations}, ${each(totals.operations)} a seed (at least ${totals.fewestOperations})`,
    `faults: ${totals.faults}, ${each(totals.faults)} a seed (at least ${totals.fewestFaults})`,
  );
  if (totals.undecided > 0) lines.push(`keys whose history was too entangled to decide: ${totals.undecided}`);
  return lines.join('\n');
}

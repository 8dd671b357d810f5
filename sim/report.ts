import type { HistoryOp } from './checker.ts';
import type { Plan } from './plan.ts';
import type { Fault } from './plan-faults.ts';
import { type RunResult, runPlan } from './run-plan.ts';
import { shrink } from './shrink.ts';
import { describeOp, short } from './sim-commands.ts';
import type { Parts } from './world.ts';

/** Messages of a trace that are printed. */
const TRACE_LINES = 400;

/** What failed, in the smallest form that could be found, for people. */
export function failureReport(plan: Plan, parts: Parts, first: RunResult): string {
  const small = shrink(plan, (candidate) => isFailure(runPlan(candidate, parts, false)));
  const result = runPlan(small, parts, true);
  const lines = [`seed ${plan.setup.seed} (N=${plan.setup.zones}) failed:`];
  for (const problem of first.problems) lines.push(`  ${problem}`);
  const operations = small.clients.reduce((sum, client) => sum + client.ops.length, 0);
  lines.push(`smaller: ${operations} operations, ${small.faults.length} faults, keys ${small.keys.join(' ')}`);
  for (const problem of result.problems) lines.push(`  ${problem}`);
  lines.push('faults:', ...small.faults.map((fault) => `  ${faultText(fault)}`));
  const keys = small.keys.filter((key) => result.problems.some((problem) => problem.startsWith(`${key} `)));
  const all =
    keys.length === 0 || result.problems.some((problem) => !small.keys.some((key) => problem.startsWith(`${key} `)));
  const shown = all ? small.keys : keys;
  lines.push('history:', ...result.history.filter((entry) => shown.includes(entry.key)).map(historyLine));
  const trace = result.trace.filter((line) => !/ k\d+ /.test(line) || shown.some((key) => line.includes(` ${key} `)));
  lines.push('trace (milliseconds; ballots are milliseconds and proposer):', ...trace.slice(0, TRACE_LINES));
  if (trace.length > TRACE_LINES) lines.push(`... and ${trace.length - TRACE_LINES} lines more`);
  return lines.join('\n');
}

/** A run fails if anything went wrong, or could not be decided. */
export function isFailure(result: RunResult): boolean {
  return result.problems.length > 0;
}

export function faultText(fault: Fault): string {
  return Object.entries(fault)
    .map(([name, value]) => (name === 'kind' ? String(value) : `${name} ${value}`))
    .join(', ');
}

export function historyLine(entry: HistoryOp): string {
  const from = (entry.invokedUs / 1000).toFixed(3);
  const to = Number.isFinite(entry.returnedUs) ? (entry.returnedUs / 1000).toFixed(3) : 'never';
  const { outcome } = entry;
  const answer = outcome.kind === 'reply' ? short(String(outcome.reply)) : outcome.kind;
  const together = entry.txn === undefined ? '' : ` in ${entry.txn}`;
  return `  #${entry.id}${together} ${entry.client} [${from}, ${to}] ${describeOp(entry.key, entry.op)} -> ${answer}`;
}

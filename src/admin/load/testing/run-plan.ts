import { SystemClock } from '../../../base/system-clock.ts';
import { SystemRandom } from '../../../base/system-random.ts';
import { configurationWith } from '../../configuration.ts';
import type { Configuration } from '../../option-table.ts';
import { type LoadPlan, planLoad } from '../load-plan.ts';
import { type LoadOutcome, LoadRun } from '../load-run.ts';
import { type LoadResults, resultsOf } from '../results.ts';

/** A plan for a server of this machine, without a warm-up unless `changes` say so. */
export function planFor(port: number, changes: Partial<Configuration>): LoadPlan {
  const config = configurationWith({ target: [`127.0.0.1:${port}`], warmup: 0, ...changes });
  const planned = planLoad(config, changes.duration !== undefined, '');
  if (!planned.ok) throw new Error(planned.problem);
  return planned.plan;
}

export function makeRun(plan: LoadPlan): LoadRun {
  const clock = new SystemClock();
  return new LoadRun(plan, { clock, random: new SystemRandom(), soon: (fn) => clock.soon(fn), cpuMs: () => 0 });
}

/** Runs a plan to its end; throws where it could not begin. */
export async function resultsFor(plan: LoadPlan, run = makeRun(plan)): Promise<LoadResults> {
  const outcome: LoadOutcome = await run.run();
  if (!outcome.ok) throw new Error(outcome.problem);
  return resultsOf(plan, outcome.traffic);
}

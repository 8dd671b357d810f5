import { parseArgs } from 'node:util';
import { type Failed, runCampaign, type Work } from './campaign.ts';
import { DEFECTS } from './defects.ts';
import { makePlan, zonesOf } from './plan.ts';
import { outsidePromises } from './promises.ts';
import { failureReport, isFailure } from './report.ts';
import { runPlan } from './run-plan.ts';
import { catchingScenario } from './scenario-files.ts';
import { addRun, addTotals, noTotals, totalsText } from './summary.ts';
import { type Parts, SOUND_PARTS } from './world.ts';

const USAGE = `Runs the real coordinator and storage node in a simulated world and checks every answer.

  npm run sim -- --seed N              one run again, exactly
  npm run sim -- --seeds K [--start S] K runs from seed S (default 1)
  npm run sim -- --nodes 1|3|5         replicas of a record (default: mostly 3, by the seed)
  npm run sim -- --minutes M           begins no more of the runs after M minutes; not with --defect
  npm run sim -- --workers W           by so many threads (default 1)
  npm run sim -- --trace               with --seed: every message
  npm run sim -- --defect NAME|all     with a rule of the protocol broken: exits 0 if that is caught;
                                       with --seed: what goes wrong then
Defects: ${[...DEFECTS.keys()].join(', ')}
`;

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

class Usage extends Error {}

function wholeNumber(text: string | undefined, fallback: number, name: string): number {
  if (text === undefined) return fallback;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new Usage(`--${name} takes a whole number, not ${text}`);
  return value;
}

function runOne(seed: number, zones: number, parts: Parts, trace: boolean): boolean {
  const plan = makePlan(seed, zones);
  const result = runPlan(plan, parts, trace);
  for (const line of result.trace) say(line);
  const totals = noTotals();
  addRun(totals, result);
  say(totalsText(totals));
  say(`trace hash ${result.hash}`);
  if (isFailure(result)) say(failureReport(plan, parts, result));
  say(isFailure(result) ? '0 passed, 1 failed' : '1 passed, 0 failed');
  return !isFailure(result);
}

/** `endMs`: when no more are begun, by performance.now(). */
async function runMany(work: Work, workers: number, endMs: number): Promise<boolean> {
  const totals = noTotals();
  const failed: Failed[] = [];
  const startedMs = performance.now();
  const progressEvery = Math.max(50, Math.ceil(work.count / 20));
  let nextProgress = progressEvery;
  await runCampaign(work, workers, (done) => {
    addTotals(totals, done.totals);
    for (const failure of done.failed) {
      failed.push(failure);
      say(`seed ${failure.seed} failed: ${failure.problem}`);
    }
    if (totals.runs >= nextProgress && totals.runs < work.count) {
      nextProgress += progressEvery;
      const seconds = (performance.now() - startedMs) / 1000;
      say(`${totals.runs} of ${work.count} seeds, ${failed.length} failed, ${seconds.toFixed(0)} s`);
    }
    return performance.now() < endMs;
  });
  say(totalsText(totals));
  // The first in full; the others can be had by their seeds.
  const first = failed.sort((a, b) => a.seed - b.seed)[0];
  if (first !== undefined) {
    const plan = makePlan(first.seed, work.zones ?? zonesOf(first.seed));
    say(await outsidePromises(() => failureReport(plan, SOUND_PARTS, runPlan(plan, SOUND_PARTS, false))));
  }
  const seconds = (performance.now() - startedMs) / 1000;
  if (totals.runs < work.count) say(`the time was over after ${totals.runs} of ${work.count} seeds`);
  say(`${totals.runs - failed.length} passed, ${failed.length} failed, in ${seconds.toFixed(0)} s`);
  return failed.length === 0;
}

/** The first seed at which the checkers notice the defect; null if none does. */
async function firstCatch(work: Work, workers: number): Promise<Failed | null> {
  let first: Failed | null = null;
  await runCampaign(work, workers, ({ failed }) => {
    for (const failure of failed) if (first === null || failure.seed < first.seed) first = failure;
    return first === null;
  });
  return first;
}

/** `always`: seeds are run for those, too, that a scenario has noticed. */
async function runDefects(name: string, work: Work, workers: number, always: boolean): Promise<boolean> {
  const chosen = name === 'all' ? [...DEFECTS] : [...DEFECTS].filter(([other]) => other === name);
  if (chosen.length === 0) throw new Usage(`no defect is called ${name}`);
  let missed = 0;
  for (const [defect, parts] of chosen) {
    const scenario = await catchingScenario(defect, parts);
    const isSought = always || scenario === null;
    const caught = isSought ? await firstCatch({ ...work, defect }, workers) : null;
    const ways: string[] = [];
    if (caught !== null) ways.push(`caught at seed ${caught.seed}`);
    else if (isSought) ways.push(`not caught in ${work.count} seeds`);
    if (scenario !== null) ways.push(`caught by scenario ${scenario}`);
    const verdict = ways.join(', ');
    say(chosen.length === 1 ? verdict : `${defect.padEnd(34)} ${verdict}`);
    if (caught !== null && chosen.length === 1) say(`  ${caught.problem}`);
    if (caught === null && scenario === null) missed++;
  }
  if (chosen.length > 1) say(`${chosen.length - missed} passed, ${missed} failed`);
  return missed === 0;
}

async function main(args: readonly string[]): Promise<boolean> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seed: { type: 'string' },
      seeds: { type: 'string' },
      start: { type: 'string' },
      nodes: { type: 'string' },
      minutes: { type: 'string' },
      workers: { type: 'string' },
      defect: { type: 'string' },
      trace: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  });
  if (values.help === true) {
    say(USAGE);
    return true;
  }
  const zones = values.nodes === undefined ? null : wholeNumber(values.nodes, 3, 'nodes');
  if (zones !== null && ![1, 3, 5].includes(zones)) throw new Usage('--nodes is 1, 3 or 5');
  const workers = wholeNumber(values.workers, 1, 'workers');
  if (values.seed !== undefined) {
    const seed = wholeNumber(values.seed, 1, 'seed');
    const parts = values.defect === undefined ? SOUND_PARTS : DEFECTS.get(values.defect);
    if (parts === undefined) throw new Usage(`no defect is called ${values.defect}`);
    return outsidePromises(() => runOne(seed, zones ?? zonesOf(seed), parts, values.trace === true));
  }
  const from = wholeNumber(values.start, 1, 'start');
  const count = wholeNumber(values.seeds, values.defect === undefined ? 100 : 1000, 'seeds');
  const work: Work = { from, count, zones, defect: null };
  if (values.minutes !== undefined && values.defect !== undefined) throw new Usage('--minutes is not for --defect');
  const minutes = values.minutes === undefined ? Number.POSITIVE_INFINITY : wholeNumber(values.minutes, 0, 'minutes');
  return values.defect === undefined
    ? runMany(work, workers, performance.now() + minutes * 60_000)
    : runDefects(values.defect, work, workers, values.seeds !== undefined);
}

try {
  process.exitCode = (await main(process.argv.slice(2))) ? 0 : 1;
} catch (error) {
  const isUsage = error instanceof Usage || (error instanceof TypeError && 'code' in error);
  if (!isUsage) throw error;
  process.stderr.write(`${error.message}\n\n${USAGE}`);
  process.exitCode = 2;
}

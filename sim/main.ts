import { parseArgs } from 'node:util';
import { DEFECTS } from './defects.ts';
import { makePlan } from './plan.ts';
import { outsidePromises } from './promises.ts';
import { failureReport, isFailure } from './report.ts';
import { type RunResult, runPlan } from './run-plan.ts';
import { catchingScenario } from './scenario-files.ts';
import { type Parts, SOUND_PARTS } from './world.ts';

const USAGE = `Runs the real coordinator and storage node in a simulated world and checks every answer.

  npm run sim -- --seed N              one run again, exactly
  npm run sim -- --seeds K [--start S] K runs from seed S (default 1)
  npm run sim -- --nodes 1|3|5         replicas of a record (default 3)
  npm run sim -- --trace               with --seed: every message
  npm run sim -- --defect NAME|all     with a rule of the protocol broken: exits 0 if that is caught
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

/** Sums over the runs of one call. */
class Summary {
  readonly #branches = new Map<string, number>();
  #runs = 0;
  #operations = 0;
  #faults = 0;
  #fewestOperations = Number.POSITIVE_INFINITY;
  #fewestFaults = Number.POSITIVE_INFINITY;
  #undecided = 0;

  add(result: RunResult): void {
    this.#runs++;
    this.#operations += result.operations;
    this.#faults += result.faults;
    this.#fewestOperations = Math.min(this.#fewestOperations, result.operations);
    this.#fewestFaults = Math.min(this.#fewestFaults, result.faults);
    this.#undecided += result.undecided;
    for (const [branch, count] of result.branches) {
      this.#branches.set(branch, (this.#branches.get(branch) ?? 0) + count);
    }
  }

  print(): void {
    say('branches taken:');
    for (const [branch, count] of this.#branches) say(`  ${String(count).padStart(10)} ${branch}`);
    const each = (sum: number): string => (sum / Math.max(1, this.#runs)).toFixed(1);
    say(`operations per seed: ${each(this.#operations)} (at least ${this.#fewestOperations})`);
    say(`faults per seed: ${each(this.#faults)} (at least ${this.#fewestFaults})`);
    if (this.#undecided > 0) say(`keys whose history was too entangled to decide: ${this.#undecided}`);
  }
}

function runOne(seed: number, nodes: number, trace: boolean): boolean {
  const plan = makePlan(seed, nodes);
  const result = runPlan(plan, SOUND_PARTS, trace);
  for (const line of result.trace) say(line);
  const summary = new Summary();
  summary.add(result);
  summary.print();
  say(`trace hash ${result.hash}`);
  if (isFailure(result)) say(failureReport(plan, SOUND_PARTS, result));
  say(isFailure(result) ? '0 passed, 1 failed' : '1 passed, 0 failed');
  return !isFailure(result);
}

function runMany(start: number, seeds: number, nodes: number): boolean {
  const summary = new Summary();
  let failed = 0;
  const progressEvery = Math.max(50, Math.ceil(seeds / 20));
  for (let seed = start; seed < start + seeds; seed++) {
    const plan = makePlan(seed, nodes);
    const result = runPlan(plan, SOUND_PARTS, false);
    summary.add(result);
    if (isFailure(result)) {
      failed++;
      // The first in full; the others can be had by their seeds.
      if (failed === 1) say(failureReport(plan, SOUND_PARTS, result));
      else say(`seed ${seed} failed: ${result.problems[0] ?? ''}`);
    }
    const done = seed - start + 1;
    if (done % progressEvery === 0 && done < seeds) say(`${done} of ${seeds} seeds, ${failed} failed`);
  }
  summary.print();
  say(`${seeds - failed} passed, ${failed} failed`);
  return failed === 0;
}

/** The first seed at which the checkers notice the defect; null if none does. */
function firstCatch(parts: Parts, start: number, seeds: number, nodes: number): { seed: number; how: string } | null {
  for (let seed = start; seed < start + seeds; seed++) {
    const result = runPlan(makePlan(seed, nodes), parts, false);
    if (isFailure(result)) return { seed, how: result.problems[0]?.split('\n')[0] ?? '' };
  }
  return null;
}

async function runDefects(name: string, start: number, seeds: number, nodes: number): Promise<boolean> {
  const chosen = name === 'all' ? [...DEFECTS] : [...DEFECTS].filter(([other]) => other === name);
  if (chosen.length === 0) throw new Usage(`no defect is called ${name}`);
  let missed = 0;
  for (const [defect, parts] of chosen) {
    const caught = await outsidePromises(() => firstCatch(parts, start, seeds, nodes));
    const scenario = caught === null ? await catchingScenario(defect, parts) : null;
    let verdict = caught === null ? `not caught in ${seeds} seeds` : `caught at seed ${caught.seed}`;
    if (scenario !== null) verdict += `, but caught by scenario ${scenario}`;
    say(chosen.length === 1 ? verdict : `${defect.padEnd(34)} ${verdict}`);
    if (caught !== null && chosen.length === 1) say(`  ${caught.how}`);
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
      defect: { type: 'string' },
      trace: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  });
  if (values.help === true) {
    say(USAGE);
    return true;
  }
  const nodes = wholeNumber(values.nodes, 3, 'nodes');
  if (![1, 3, 5].includes(nodes)) throw new Usage('--nodes is 1, 3 or 5');
  const start = wholeNumber(values.start, 1, 'start');
  if (values.defect !== undefined)
    return runDefects(values.defect, start, wholeNumber(values.seeds, 1000, 'seeds'), nodes);
  if (values.seed !== undefined) {
    const seed = wholeNumber(values.seed, 1, 'seed');
    return outsidePromises(() => runOne(seed, nodes, values.trace === true));
  }
  const seeds = wholeNumber(values.seeds, 100, 'seeds');
  return outsidePromises(() => runMany(start, seeds, nodes));
}

try {
  process.exitCode = (await main(process.argv.slice(2))) ? 0 : 1;
} catch (error) {
  const isUsage = error instanceof Usage || (error instanceof TypeError && 'code' in error);
  if (!isUsage) throw error;
  process.stderr.write(`${error.message}\n\n${USAGE}`);
  process.exitCode = 2;
}

import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { redisServerVersion } from '../compat-tests/support/redis-server.ts';
import { etcdVersion } from './etcd-server.ts';
import { checkGuard, readGuard, writeGuard } from './guard.ts';
import { instructionsProblem } from './instructions.ts';
import { describeMachine } from './machine.ts';
import { measureCollections } from './measure-collections.ts';
import { measureConnections } from './measure-connections.ts';
import { measureLeast } from './measure-least.ts';
import { measureRooms } from './measure-rooms.ts';
import { measureScale } from './measure-scale.ts';
import { type BenchOptions, isSectionMode, readOptions } from './options.ts';
import { PAGE_FILE, writePage, writeSection } from './page.ts';
import { type Plan, planOf, systemsOfPlan, without } from './plan.ts';
import type { Results } from './results.ts';
import { resultsText } from './results-text.ts';
import { runPlan } from './run-plan.ts';
import { type Counted, sectionOf } from './sections.ts';
import { isEtcd } from './systems.ts';

/** Has the system's packages installed where that may be; says what is missing. */
function ensureSystem(purpose: 'test' | 'bench'): void {
  const script = fileURLToPath(new URL('../scripts/ensure-system.mjs', import.meta.url));
  spawnSync(process.execPath, [script, purpose], { stdio: ['ignore', 2, 2] });
}

async function measure(wanted: BenchOptions): Promise<Results> {
  const skipped: string[] = [];
  let plan: Plan = planOf(wanted);
  const wantsEtcd = systemsOfPlan(plan).some(isEtcd);
  ensureSystem(wantsEtcd ? 'bench' : 'test');
  const redis = redisServerVersion();
  if (!redis.ok) throw new Error(`nothing to compare with: ${redis.reason}`);
  if (wantsEtcd && etcdVersion() === null) {
    plan = without(plan, isEtcd);
    skipped.push('etcd: there is none on this machine');
  }
  if (systemsOfPlan(plan).length === 0) throw new Error('no row and no system is left to measure');
  const problem = wanted.instructions ? instructionsProblem() : null;
  if (problem !== null) skipped.push(`instructions: ${problem}`);
  const options = { ...wanted, instructions: wanted.instructions && problem === null };
  const machine = describeMachine();
  const results = await runPlan(plan, options);
  return { machine, ...results, skipped: [...skipped, ...results.skipped] };
}

function list(options: BenchOptions): void {
  const { rows, latency, memory } = planOf({ ...options, form: 'full' });
  for (const { id, form, title, systems } of [...rows, ...latency]) {
    console.log(`${id.padEnd(28)} ${form.padEnd(7)} ${title}: ${systems.join(', ')}`);
  }
  for (const { id, form, title, system } of memory)
    console.log(`${id.padEnd(28)} ${form.padEnd(7)} ${title}: ${system}`);
}

/** What has a section of the page, and a command, of its own. */
async function measureSection(options: BenchOptions, mode: Counted['mode']): Promise<void> {
  ensureSystem('test');
  const startMs = performance.now();
  const counted = await measureCounted(options, mode);
  show(counted, options);
  console.error(`done in ${((performance.now() - startMs) / 1_000).toFixed(0)} s`);
}

async function measureCounted(options: BenchOptions, mode: Counted['mode']): Promise<Counted> {
  switch (mode) {
    case 'rooms':
      return { mode, result: await measureRooms(options) };
    case 'least':
      return { mode, result: await measureLeast(options) };
    case 'scale':
      return { mode, result: await measureScale(options) };
    case 'connections':
      return { mode, result: await measureConnections(options) };
    case 'collections':
      return { mode, result: await measureCollections(options) };
  }
}

function show(counted: Counted, { writeDocs, jsonFile }: BenchOptions): void {
  console.log(`\n${sectionOf(counted).text}\n`);
  if (jsonFile !== null) writeFileSync(jsonFile, `${JSON.stringify(counted.result, null, 2)}\n`);
  if (!writeDocs) return;
  writeSection(counted);
  console.error(`written: ${PAGE_FILE}`);
}

/** Returns the exit code. */
async function bench(options: BenchOptions): Promise<number> {
  // Read first: a guard that is broken should not be found after a minute.
  const guarded = options.mode === 'guard' ? readGuard() : [];
  const startMs = performance.now();
  const results = await measure(options);
  console.log(`\n${resultsText(results, [])}\n`);
  for (const text of results.skipped) console.error(`skipped: ${text}`);
  for (const text of results.failed) console.error(`failed: ${text}`);
  if (options.jsonFile !== null) writeFileSync(options.jsonFile, `${JSON.stringify(results, null, 2)}\n`);
  if (options.writeDocs) {
    writePage(results);
    console.error(`written: ${PAGE_FILE}`);
  }
  if (options.mode === 'write-guard') writeGuard(results);
  console.error(`done in ${((performance.now() - startMs) / 1_000).toFixed(0)} s`);
  if (options.mode !== 'guard') return results.failed.length === 0 ? 0 : 1;
  const { passed, failed } = checkGuard(results, guarded);
  for (const text of passed) console.log(`ok      ${text}`);
  for (const text of failed) console.log(`FAILED  ${text}`);
  console.log(`${passed.length} passed, ${failed.length} failed`);
  return failed.length === 0 ? 0 : 1;
}

// Leaving by process.exit ends the servers, too.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
try {
  const options = readOptions(process.argv.slice(2));
  if (options.mode === 'list') list(options);
  else if (options.mode === 'render') writePage(null);
  else if (isSectionMode(options.mode)) await measureSection(options, options.mode);
  else process.exitCode = await bench(options);
} catch (error) {
  console.error(error instanceof Error ? (error.stack ?? error.message) : String(error));
  process.exitCode = 1;
}

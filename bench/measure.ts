import { fillEtcd, runEtcdLoad } from './etcd-load.ts';
import type { Figures } from './figures.ts';
import { fillKeys } from './fill.ts';
import { countInstructions } from './instructions.ts';
import { type LoadFigures, runLoad } from './load-client.ts';
import type { BenchOptions } from './options.ts';
import { cpuPerOperation, ownCpuUs, readCpu } from './process-cpu.ts';
import { runBenchmark } from './redis-benchmark.ts';
import type { RowResult } from './results.ts';
import type { RowSpec } from './rows.ts';
import { leastDisturbed } from './stolen-time.ts';
import { isEtcd, type System, type SystemName } from './systems.ts';

/** Requests of the first run of a row, for each place in the pipeline: it shows how many fill a run. */
const FIRST_REQUESTS = 4_000;
const LEAST_REQUESTS = 1_000;
/** Values of all keys of a system together. */
const VALUES_BYTES = 100_000_000;
/** etcd takes a hundredth of the others' writes per second, and would need minutes to be filled. */
const ETCD_KEYS = 10_000;

/** How many keys there are of this size, so that memory and the time of filling stay bounded. */
export function keyCount(options: BenchOptions, valueBytes: number, system: SystemName): number {
  const keys = Math.min(options.keys, Math.floor(VALUES_BYTES / valueBytes));
  return isEtcd(system) ? Math.min(keys, ETCD_KEYS) : keys;
}

/** In each round another system goes first. */
export function inTurns<T>(items: readonly T[], round: number): T[] {
  return items.map((_, i) => items[(i + round) % items.length]).filter((item) => item !== undefined);
}

/** Runs `load`, again where other machines of the host disturb it, and counts the CPU time of the system's processes and of the client. */
export async function measured(
  system: System,
  options: Pick<BenchOptions, 'instructions'>,
  load: () => Promise<LoadFigures>,
): Promise<Figures> {
  const { result, stolen } = await leastDisturbed(() => measuredOnce(system, options, load));
  return { ...result, stolen };
}

async function measuredOnce(
  system: System,
  options: Pick<BenchOptions, 'instructions'>,
  load: () => Promise<LoadFigures>,
): Promise<Omit<Figures, 'stolen'>> {
  const stop = options.instructions ? await countInstructions(system.processes.map(({ pid }) => pid)) : null;
  const before = readCpu(system.processes);
  const clientBefore = ownCpuUs();
  const startMs = performance.now();
  const { operations, ...figures } = await load();
  const elapsedUs = (performance.now() - startMs) * 1_000;
  const clientUs = ownCpuUs() - clientBefore;
  const cpu = cpuPerOperation(before, readCpu(system.processes), operations);
  const instructions = (await stop?.()) ?? null;
  return {
    ...figures,
    cpu,
    clientCores: clientUs / elapsedUs,
    instructions: instructions === null ? null : instructions / operations,
  };
}

/** Which size of values each system's keys have now. */
export class Filler {
  readonly #options: BenchOptions;
  readonly #filled = new Map<System, number>();

  constructor(options: BenchOptions) {
    this.#options = options;
  }

  async fill(system: System, valueBytes: number): Promise<void> {
    if (this.#filled.get(system) === valueBytes) return;
    const keys = keyCount(this.#options, valueBytes, system.name);
    console.error(`filling ${system.name} with ${keys} keys of ${valueBytes} bytes`);
    if (isEtcd(system.name)) await fillEtcd(system.endpoints[0]?.port ?? 0, keys, valueBytes);
    else await fillKeys(system.endpoints, keys, valueBytes);
    this.#filled.set(system, valueBytes);
  }
}

/** Runs the row's load on a system for so long. */
export function ownLoad(system: System, spec: RowSpec, keys: number, durationMs: number): Promise<LoadFigures> {
  const load = { ...spec, keys, durationMs };
  const { endpoints, waitForReplica } = system;
  if (isEtcd(system.name)) return runEtcdLoad({ ...load, port: endpoints[0]?.port ?? 0 });
  return runLoad({ ...load, endpoints, waitForReplica });
}

/**
 * Serves the row's load for `warmUpMs` without counting it, as a server has long done when its clients ask how fast it is:
 * just-in-time compilers have compiled what the row needs, caches and tables have their size. Returns a run of the row.
 */
async function warmUp(system: System, spec: RowSpec, options: BenchOptions): Promise<() => Promise<LoadFigures>> {
  const keys = keyCount(options, spec.valueBytes, system.name);
  if (spec.client === 'own') {
    await ownLoad(system, spec, keys, options.warmUpMs);
    return () => ownLoad(system, spec, keys, options.runMs);
  }
  const run = (requests: number): Promise<LoadFigures> => {
    const drawn = spec.keyPattern === 'one' ? 1 : keys;
    return runBenchmark({ ...spec, port: system.endpoints[0]?.port ?? 0, keys: drawn, requests });
  };
  const fill = (perSecond: number, ms: number): number =>
    Math.max(LEAST_REQUESTS, Math.round((perSecond * ms) / 1_000));
  const perRequest = spec.operation === 'MGET' || spec.operation === 'MSET' ? 4 : 1;
  const startMs = performance.now();
  let { perSecond } = await run(Math.ceil((FIRST_REQUESTS * Math.sqrt(spec.pipeline)) / perRequest));
  // It gets faster meanwhile: the rate of the last run is the one that counts.
  for (;;) {
    const leftMs = options.warmUpMs - (performance.now() - startMs);
    if (leftMs <= 0) break;
    ({ perSecond } = await run(fill(perSecond, Math.min(options.runMs, leftMs))));
  }
  return () => run(fill(perSecond, options.runMs));
}

/** One row on all of its systems, round by round. */
export async function measureRow(
  spec: RowSpec,
  systems: readonly System[],
  options: BenchOptions,
  filler: Filler,
): Promise<RowResult> {
  const runs: { readonly system: System; readonly run: () => Promise<LoadFigures>; readonly figures: Figures[] }[] = [];
  for (const system of systems) {
    if (spec.operation !== 'INCR') await filler.fill(system, spec.valueBytes);
    runs.push({ system, run: await warmUp(system, spec, options), figures: [] });
  }
  for (let round = 0; round < options.rounds; round++) {
    for (const { system, run, figures } of inTurns(runs, round)) {
      const result = await measured(system, options, run);
      figures.push(result);
      progress(`${spec.id}, round ${round + 1}/${options.rounds}, ${system.name}`, result);
    }
  }
  const { id, title, client, operation, keyPattern, valueBytes, pipeline, connections } = spec;
  return {
    ...{ id, title, client, operation, keyPattern, valueBytes, pipeline, connections },
    systems: runs.map(({ system, figures }) => ({ system: system.name, figures })),
  };
}

export function progress(text: string, figures: Figures): void {
  const errors = figures.errors === 0 ? '' : `, ${figures.errors} errors`;
  const stolen = figures.stolen < 0.01 ? '' : `, ${Math.round(100 * figures.stolen)} % stolen`;
  const cpuUs = figures.cpu.reduce((sum, { userUs, systemUs }) => sum + userUs + systemUs, 0);
  console.error(
    `${text}: ${Math.round(figures.perSecond)}/s, p99 ${figures.p99Ms.toFixed(2)} ms, ` +
      `CPU ${cpuUs.toFixed(1)} us/op, client ${figures.clientCores.toFixed(2)} cores${errors}${stolen}`,
  );
}

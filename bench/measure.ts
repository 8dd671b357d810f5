import type { Figures } from './figures.ts';
import { fillKeys, runLoad } from './load-client.ts';
import type { BenchOptions } from './options.ts';
import { type BenchmarkCommand, MGET_KEYS, runBenchmark } from './redis-benchmark.ts';
import type { Measured } from './results.ts';
import type { System, SystemName } from './systems.ts';

/** Requests of the first, uncounted run of a test, for each place in the pipeline: it shows how many fill a run. */
const FIRST_REQUESTS = 4_000;
const LEAST_REQUESTS = 1_000;
const BENCHMARKED: readonly SystemName[] = ['redis', 'junokv-1-process', 'junokv-3-storage-1-proxy'];

interface Test {
  readonly command: BenchmarkCommand;
  readonly valueBytes: number;
  readonly pipeline: number;
}

function sizeText(bytes: number): string {
  return bytes < 1_000 ? `${bytes} B` : `${bytes / 1_000} KB`;
}

function titleOf({ command, valueBytes, pipeline }: Test): string {
  const what = command === 'MGET' ? `MGET of ${MGET_KEYS}` : command;
  return `${what}${command === 'INCR' ? '' : `, ${sizeText(valueBytes)}`}, pipeline ${pipeline}`;
}

function progress(text: string, figures: Figures): void {
  const errors = figures.errors === 0 ? '' : `, ${figures.errors} errors`;
  console.error(
    `${text}: ${Math.round(figures.perSecond)}/s, p50 ${figures.p50Ms.toFixed(2)} ms, p99 ${figures.p99Ms.toFixed(2)} ms${errors}`,
  );
}

/** In each round another system goes first. */
function inTurns<T>(items: readonly T[], round: number): T[] {
  return items.map((_, i) => items[(i + round) % items.length]).filter((item) => item !== undefined);
}

async function fill(systems: readonly System[], options: BenchOptions, valueBytes: number): Promise<void> {
  for (const { name, port } of systems) {
    console.error(`filling ${name} with ${options.keys} keys of ${sizeText(valueBytes)}`);
    await fillKeys(port, options.keys, valueBytes);
  }
}

/** redis-benchmark on plain Redis and on junokv in both shapes. */
export async function measureRedisBenchmark(all: readonly System[], options: BenchOptions): Promise<Measured[]> {
  const systems = all.filter(({ name }) => BENCHMARKED.includes(name));
  const measured: Measured[] = [];
  for (const valueBytes of options.valueSizes) {
    await fill(systems, options, valueBytes);
    const isFirst = valueBytes === options.valueSizes[0];
    const commands: readonly BenchmarkCommand[] = isFirst ? ['GET', 'SET', 'MGET', 'INCR'] : ['GET', 'SET', 'MGET'];
    for (const command of commands) {
      for (const pipeline of options.pipelines) {
        measured.push(...(await measureTest({ command, valueBytes, pipeline }, systems, options)));
      }
    }
  }
  return measured;
}

async function measureTest(test: Test, systems: readonly System[], options: BenchOptions): Promise<Measured[]> {
  const { keys, connections, rounds, runMs } = options;
  const run = (port: number, requests: number): Promise<Figures> =>
    runBenchmark({ port, ...test, connections, keys, requests });
  const series = titleOf(test);
  const perRequest = test.command === 'MGET' ? 4 : 1;
  const requests = new Map<SystemName, number>();
  for (const { name, port } of systems) {
    const { perSecond } = await run(port, Math.ceil((FIRST_REQUESTS * Math.sqrt(test.pipeline)) / perRequest));
    requests.set(name, Math.max(LEAST_REQUESTS, Math.round((perSecond * runMs) / 1_000)));
  }
  const figures = new Map<SystemName, Figures[]>(systems.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const { name, port } of inTurns(systems, round)) {
      const result = await run(port, requests.get(name) ?? LEAST_REQUESTS);
      figures.get(name)?.push(result);
      progress(`${series}, round ${round + 1}/${rounds}, ${name}`, result);
    }
  }
  return systems.map(({ name }) => ({ series, label: name, system: name, figures: figures.get(name) ?? [] }));
}

/** SET from a client of ours, which can end a batch with WAIT: the nearest thing that Redis has to a quorum write. */
export async function measureLoad(systems: readonly System[], options: BenchOptions): Promise<Measured[]> {
  const { keys, connections, rounds, runMs } = options;
  const valueBytes = options.valueSizes[0] ?? 100;
  const variants = systems.flatMap((system) => [
    { system, label: system.name as string, waitForReplica: false },
    ...(system.name === 'redis-2-replicas' ? [{ system, label: `${system.name}, WAIT 1`, waitForReplica: true }] : []),
  ]);
  const measured: Measured[] = [];
  for (const pipeline of options.pipelines) {
    const series = `SET, ${sizeText(valueBytes)}, pipeline ${pipeline}, own client`;
    const figures = new Map<string, Figures[]>(variants.map(({ label }) => [label, []]));
    for (let round = 0; round < rounds; round++) {
      for (const { system, label, waitForReplica } of inTurns(variants, round)) {
        const { port } = system;
        const load = { port, connections, pipeline, valueBytes, keys, waitForReplica, durationMs: runMs };
        const result = await runLoad(load);
        figures.get(label)?.push(result);
        progress(`${series}, round ${round + 1}/${rounds}, ${label}`, result);
      }
    }
    for (const { system, label } of variants) {
      measured.push({ series, label, system: system.name, figures: figures.get(label) ?? [] });
    }
  }
  return measured;
}

import { fileURLToPath } from 'node:url';
import { ChildServer } from '../compat-tests/support/child-server.ts';
import { freePort } from '../compat-tests/support/free-port.ts';
import { makeTempDir, startJunokv, waitUntilPrintedReady } from '../compat-tests/support/junokv-server.ts';
import { startRedis } from '../compat-tests/support/redis-server.ts';
import { median } from './figures.ts';
import { fillKeys } from './fill.ts';
import { LEAST_LEVEL_NAMES, type LeastLevel } from './least-levels.ts';
import { wholeEndpoint } from './load-client.ts';
import { describeMachine, type Machine } from './machine.ts';
import { inTurns } from './measure.ts';
import type { BenchOptions } from './options.ts';
import { runBenchmark } from './redis-benchmark.ts';
import { leastDisturbed } from './stolen-time.ts';
import { cpuBetween, readThreadCpu, totalOf } from './thread-cpu.ts';

export type LeastSystem = 'redis' | LeastLevel | 'junokv';

/** What one system did under one load: medians of the rounds. */
export interface LeastFigures {
  readonly system: LeastSystem;
  /** Microseconds of CPU time for an operation: of all threads, and of the one that serves. */
  readonly totalUs: number;
  readonly mainUs: number;
  readonly perSecond: number;
  /** Its rate to redis-server's, with the least and the most of the rounds. */
  readonly ratio: number;
  readonly leastRatio: number;
  readonly mostRatio: number;
}

export interface LeastRow {
  readonly operation: 'GET' | 'SET';
  readonly pipeline: number;
  readonly figures: readonly LeastFigures[];
}

export interface LeastResult {
  readonly machine: Machine;
  readonly rounds: number;
  readonly keys: number;
  readonly rows: readonly LeastRow[];
}

interface Server {
  readonly system: LeastSystem;
  readonly port: number;
  readonly pid: number;
  stop(): Promise<void>;
}

type Load = Pick<LeastRow, 'operation' | 'pipeline'>;

interface Run {
  readonly perSecond: number;
  readonly totalUs: number;
  readonly mainUs: number;
}

const LOADS: readonly Load[] = (['SET', 'GET'] as const).flatMap((operation) =>
  [1, 16].map((pipeline) => ({ operation, pipeline })),
);
export const LEAST_PROGRAM = fileURLToPath(new URL('../src/admin/testing/least-server.ts', import.meta.url));
const CONNECTIONS = 50;
const VALUE_BYTES = 100;
/** Of the first run, for each place in the pipeline. */
const FIRST_REQUESTS = 3_000;

/** Nothing is written for a GET: the levels that add writing are those before it. */
function isMeant(system: LeastSystem, { operation }: Load): boolean {
  return operation === 'SET' || (system !== 'sealed' && system !== 'written');
}

async function startLevel(level: LeastLevel): Promise<Server> {
  const port = await freePort();
  const dir = makeTempDir(`least-${level}`);
  const args = [LEAST_PROGRAM, level, String(port), dir];
  const server = new ChildServer({ name: `the least: ${level}`, command: process.execPath, args, cwd: dir });
  await waitUntilPrintedReady(server);
  return { system: level, port, pid: server.pid, stop: () => server.stop() };
}

async function startAll(): Promise<Server[]> {
  const redis = await startRedis();
  const servers: Server[] = [{ system: 'redis', port: redis.port, pid: redis.process.pid, stop: () => redis.stop() }];
  for (const level of LEAST_LEVEL_NAMES) servers.push(await startLevel(level));
  const junokv = await startJunokv({ engine: 'rocksdb', more: ['--fsync', 'everysec'] });
  servers.push({ system: 'junokv', port: junokv.port, pid: junokv.process.pid, stop: () => junokv.stop() });
  return servers;
}

async function runLoad({ port, pid }: Server, load: Load, keys: number, requests: number): Promise<Run> {
  const before = readThreadCpu(pid);
  const { perSecond, errors } = await runBenchmark({
    ...{ ...load, port, keys, requests, valueBytes: VALUE_BYTES, connections: CONNECTIONS },
  });
  // The level of the sockets alone has no count to tell.
  if (errors > 0) throw new Error(`${errors} errors under ${load.operation}`);
  const cpu = cpuBetween(before, readThreadCpu(pid), requests);
  return { perSecond, totalUs: totalOf(cpu), mainUs: cpu['main thread'] };
}

/** Serves the load for a while; how many requests fill a run after it. */
async function warmUp(server: Server, load: Load, options: BenchOptions): Promise<number> {
  const endMs = performance.now() + options.warmUpMs;
  let requests = FIRST_REQUESTS * load.pipeline;
  do {
    const { perSecond } = await runLoad(server, load, options.keys, requests);
    requests = Math.max(FIRST_REQUESTS, Math.ceil((perSecond * options.runMs) / 1_000));
  } while (performance.now() < endMs);
  return requests;
}

async function measureLoad(servers: readonly Server[], load: Load, options: BenchOptions): Promise<LeastRow> {
  const meant = servers.filter(({ system }) => isMeant(system, load));
  const runs = new Map<LeastSystem, Run[]>(meant.map(({ system }) => [system, []]));
  for (let round = 0; round < options.rounds; round++) {
    for (const server of inTurns(meant, round)) {
      const requests = await warmUp(server, load, options);
      const { result } = await leastDisturbed(() => runLoad(server, load, options.keys, requests));
      runs.get(server.system)?.push(result);
      const { perSecond, totalUs, mainUs } = result;
      console.error(
        `${load.operation} P${load.pipeline}, round ${round + 1}/${options.rounds}, ${server.system}: ${perSecond.toFixed(0)}/s, ` +
          `CPU ${totalUs.toFixed(1)} us/op, of these ${mainUs.toFixed(1)} in the thread that serves`,
      );
    }
  }
  const redis = runs.get('redis') ?? [];
  return { ...load, figures: meant.map(({ system }) => figuresOf(system, runs.get(system) ?? [], redis)) };
}

/** `redis`: of the same rounds. */
export function figuresOf(system: LeastSystem, runs: readonly Run[], redis: readonly Run[]): LeastFigures {
  const ratios = runs.map(({ perSecond }, i) => perSecond / (redis[i]?.perSecond ?? Number.NaN));
  return {
    system,
    totalUs: median(runs.map(({ totalUs }) => totalUs)),
    mainUs: median(runs.map(({ mainUs }) => mainUs)),
    perSecond: median(runs.map(({ perSecond }) => perSecond)),
    ratio: median(ratios),
    leastRatio: Math.min(...ratios),
    mostRatio: Math.max(...ratios),
  };
}

/** What a command takes at least, by servers that leave out more and more of junokv, beside redis-server and the whole. */
export async function measureLeast(options: BenchOptions): Promise<LeastResult> {
  const machine = describeMachine();
  const servers = await startAll();
  try {
    const rows: LeastRow[] = [];
    for (const { system, port } of servers) {
      if (system !== 'sockets') await fillKeys([wholeEndpoint(port)], options.keys, VALUE_BYTES);
    }
    for (const load of LOADS) rows.push(await measureLoad(servers, load, options));
    return { machine, rounds: options.rounds, keys: options.keys, rows };
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
  }
}

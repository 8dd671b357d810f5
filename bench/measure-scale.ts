import { JunokvCluster } from '../compat-tests/support/junokv-cluster.ts';
import { ClusterCounter, type Counts } from './cluster-counts.ts';
import { median } from './figures.ts';
import { fillKeys } from './fill.ts';
import { INSPECTED } from './inspector.ts';
import { runLoad, wholeEndpoint } from './load-client.ts';
import { describeMachine, type Machine } from './machine.ts';
import { inTurns } from './measure.ts';
import { runOpenLoop } from './open-loop.ts';
import type { BenchOptions } from './options.ts';
import { combineCpu, cpuBetween, readAllThreadCpu, type ThreadCpu, totalOf } from './thread-cpu.ts';

/** CPU time per operation of all processes of a role together, without what they use when nobody asks for anything. */
export interface ScaleCosts {
  readonly operation: 'GET' | 'SET';
  readonly proxy: ThreadCpu;
  readonly storage: ThreadCpu;
  /** Least and most of the rounds, of both roles together. */
  readonly leastUs: number;
  readonly mostUs: number;
  readonly counts: Counts;
  /** Answered requests; and those that were not, or with an error. */
  readonly operations: number;
  readonly failed: number;
}

/** What is added from row to row of a series. */
export type Series = 'nodes' | 'proxies' | 'all';

/** One size of a cluster, and the load on it. */
export interface Shape {
  readonly series: Series;
  readonly nodesPerZone: number;
  readonly proxies: number;
  readonly ratePerSecond: number;
}

export interface ScaleRow extends Shape {
  readonly costs: readonly ScaleCosts[];
  /** Milliseconds of CPU time of one process in a second without a load. */
  readonly idleProxyMs: number;
  readonly idleStorageMs: number;
}

export interface ScaleResult {
  readonly machine: Machine;
  readonly keys: number;
  readonly rounds: number;
  readonly rows: readonly ScaleRow[];
}

const OPERATIONS = ['GET', 'SET'] as const;
const COUNTS = [1, 2, 4, 8];
const QUICK_COUNTS = [1, 2];
const CONNECTIONS = 48;
const VALUE_BYTES = 100;
/** Far below what two cores can do. */
const RATE_PER_S = 4_000;
/** Of each proxy, where all grows. */
const RATE_PER_PROXY = 500;
/** Runs at the fixed rate, and the wait without a load, in parts of --run-ms. */
const RUN_SHARE = 3;
const IDLE_SHARE = 3;
/** The more processes share the load, the longer each takes to become warm. */
const WARM_UP_SHARE = 1.5;
const START_TRIES = 3;

/** More storage nodes, more proxies, and more of both with a load that grows as they do. */
export function shapesOf(quick: boolean): Shape[] {
  const counts = quick ? QUICK_COUNTS : COUNTS;
  const more = counts.filter((count) => count > 1);
  const constant = { nodesPerZone: 1, proxies: 1, ratePerSecond: RATE_PER_S };
  return [
    ...counts.map((nodesPerZone): Shape => ({ ...constant, series: 'nodes', nodesPerZone })),
    ...more.map((proxies): Shape => ({ ...constant, series: 'proxies', proxies })),
    ...counts.map((count): Shape => {
      return { series: 'all', nodesPerZone: count, proxies: count, ratePerSecond: RATE_PER_PROXY * count };
    }),
  ];
}

/** The CPU time of both roles, and the clock. */
function reading({ pids }: JunokvCluster) {
  return { proxy: readAllThreadCpu(pids.proxies), storage: readAllThreadCpu(pids.storage), atMs: performance.now() };
}

type Reading = ReturnType<typeof reading>;

/** Of each role, in microseconds for each millisecond. */
function idleRates(before: Reading, after: Reading) {
  const elapsedMs = after.atMs - before.atMs;
  return {
    proxy: cpuBetween(before.proxy, after.proxy, elapsedMs),
    storage: cpuBetween(before.storage, after.storage, elapsedMs),
  };
}

async function measureIdle(cluster: JunokvCluster, waitMs: number) {
  const before = reading(cluster);
  await new Promise((resolve) => setTimeout(resolve, waitMs));
  return idleRates(before, reading(cluster));
}

interface Subject {
  readonly cluster: JunokvCluster;
  readonly shape: Shape;
  readonly options: BenchOptions;
}

async function openLoad({ cluster, shape, options }: Subject, operation: ScaleCosts['operation'], durationMs: number) {
  const { keys } = options;
  const figures = await runOpenLoop({
    ...{ operation, keys, durationMs, keyPattern: 'uniform', valueBytes: VALUE_BYTES, waitForReplica: false },
    endpoints: cluster.proxyPorts.map(wholeEndpoint),
    connections: CONNECTIONS,
    ratePerSecond: shape.ratePerSecond,
  });
  const operations = Math.round((figures.answeredPerSecond * durationMs) / 1_000);
  return { operations, failed: figures.errors + figures.unanswered };
}

/** Other programs may take a port between its choice and its use, and here are many ports. */
async function startCluster({ nodesPerZone, proxies }: Shape): Promise<JunokvCluster> {
  for (let tries = 1; ; tries++) {
    try {
      return await JunokvCluster.start(proxies, { nodesPerZone, launcher: INSPECTED });
    } catch (error) {
      if (tries === START_TRIES) throw error;
      console.error(error);
    }
  }
}

async function warmUp(subject: Subject): Promise<void> {
  const { cluster, shape } = subject;
  const { keys, runMs } = subject.options;
  const endpoints = cluster.proxyPorts.map(wholeEndpoint);
  await fillKeys(endpoints.slice(0, 1), keys, VALUE_BYTES);
  const durationMs = runMs * WARM_UP_SHARE * Math.max(shape.nodesPerZone, shape.proxies);
  for (const operation of OPERATIONS) {
    const load = { operation, keys, endpoints, connections: CONNECTIONS, pipeline: 1, durationMs } as const;
    await runLoad({ ...load, keyPattern: 'uniform', valueBytes: VALUE_BYTES, waitForReplica: false });
    await openLoad(subject, operation, runMs);
  }
}

interface Run {
  readonly proxy: ThreadCpu;
  readonly storage: ThreadCpu;
  readonly operations: number;
  readonly failed: number;
}

type Idle = Awaited<ReturnType<typeof measureIdle>>;

async function measureRun(subject: Subject, operation: ScaleCosts['operation'], idle: Idle): Promise<Run> {
  const before = reading(subject.cluster);
  const { operations, failed } = await openLoad(subject, operation, subject.options.runMs * RUN_SHARE);
  const after = reading(subject.cluster);
  const [one, elapsedMs] = [idleRates(before, after), after.atMs - before.atMs];
  const perOperation = (role: 'proxy' | 'storage'): ThreadCpu =>
    combineCpu([one[role], idle[role]], ([all = 0, waiting = 0]) => ((all - waiting) * elapsedMs) / operations);
  return { proxy: perOperation('proxy'), storage: perOperation('storage'), operations, failed };
}

function summarise(operation: ScaleCosts['operation'], runs: readonly Run[], counts: Counts): ScaleCosts {
  const totals = runs.map(({ proxy, storage }) => totalOf(proxy) + totalOf(storage));
  const medians = (role: 'proxy' | 'storage'): ThreadCpu => {
    const all = runs.map((run) => run[role]);
    return combineCpu(all, median);
  };
  return {
    operation,
    proxy: medians('proxy'),
    storage: medians('storage'),
    leastUs: Math.min(...totals),
    mostUs: Math.max(...totals),
    counts,
    operations: runs.reduce((sum, { operations }) => sum + operations, 0),
    failed: runs.reduce((sum, { failed }) => sum + failed, 0),
  };
}

async function measureCosts(subject: Subject, idle: Idle): Promise<ScaleCosts[]> {
  const { runMs, rounds } = subject.options;
  const runs = OPERATIONS.map((operation) => ({ operation, all: [] as Run[] }));
  for (let round = 0; round < rounds; round++) {
    for (const { operation, all } of inTurns(runs, round)) all.push(await measureRun(subject, operation, idle));
  }
  const counter = await ClusterCounter.start(subject.cluster);
  try {
    const idleCounts = await counter.idle(runMs * IDLE_SHARE);
    const costs: ScaleCosts[] = [];
    for (const { operation, all } of runs) {
      const load = async (): Promise<number> => (await openLoad(subject, operation, runMs * RUN_SHARE)).operations;
      costs.push(summarise(operation, all, await counter.perOperation(load, idleCounts)));
    }
    return costs;
  } finally {
    await counter.close();
  }
}

async function measureShape(shape: Shape, options: BenchOptions): Promise<ScaleRow> {
  const cluster = await startCluster(shape);
  try {
    const subject: Subject = { cluster, shape, options };
    await warmUp(subject);
    const idle = await measureIdle(cluster, options.runMs * IDLE_SHARE);
    const costs = await measureCosts(subject, idle);
    const { pids } = cluster;
    const idleProxyMs = totalOf(idle.proxy) / pids.proxies.length;
    return { ...shape, costs, idleProxyMs, idleStorageMs: totalOf(idle.storage) / pids.storage.length };
  } finally {
    await cluster.stop();
  }
}

/** Separate processes under a constant load: what an operation costs with more of them. */
export async function measureScale(options: BenchOptions): Promise<ScaleResult> {
  const machine = describeMachine();
  const rows: ScaleRow[] = [];
  for (const shape of shapesOf(options.form === 'quick')) {
    const row = await measureShape(shape, options);
    rows.push(row);
    const told = row.costs.map(({ operation, proxy, storage, counts, failed }) => {
      const cpu = `${operation} proxy ${totalOf(proxy).toFixed(1)} us, storage ${totalOf(storage).toFixed(1)} us`;
      return `${cpu}, ${counts.messages.toFixed(2)} messages, ${counts.visits.toFixed(2)} visits, calls ${counts.proxyCalls.toFixed(0)} and ${counts.storageCalls.toFixed(0)}${failed === 0 ? '' : `, ${failed} failed`}`;
    });
    console.error(
      `scale: ${row.nodesPerZone} per zone, proxies: ${row.proxies}, ${row.ratePerSecond}/s: ${told.join('; ')}`,
    );
  }
  return { machine, keys: options.keys, rounds: options.rounds, rows };
}

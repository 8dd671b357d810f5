import { JunokvCluster } from '../compat-tests/support/junokv-cluster.ts';
import { median } from './figures.ts';
import { fillKeys } from './fill.ts';
import { INSPECTED, Inspector } from './inspector.ts';
import { runLoad, wholeEndpoint } from './load-client.ts';
import { describeMachine, type Machine } from './machine.ts';
import { inTurns } from './measure.ts';
import { runOpenLoop } from './open-loop.ts';
import type { BenchOptions } from './options.ts';
import { type CountedEvent, type Coverage, callCounts } from './profiles.ts';
import { combineCpu, cpuBetween, readAllThreadCpu, type ThreadCpu, totalOf } from './thread-cpu.ts';

/** Seen by the calls of one function in proxies. */
export const MESSAGE_EVENTS: readonly CountedEvent[] = [
  { name: 'requests to storage nodes', file: 'rpc/node-peer.ts', functionName: 'send' },
  { name: 'records in requests for many', file: 'quorum/express-outbox.ts', functionName: '#add' },
  { name: 'requests for one of them', file: 'quorum/express-outbox.ts', functionName: 'sendAlone' },
  { name: 'requests of single records', file: 'quorum/round.ts', functionName: '#send' },
  { name: 'more of these', file: 'quorum/round.ts', functionName: 'sendAgain' },
];

/** CPU time per operation of all processes of a role together, without what they use when nobody asks for anything. */
export interface ScaleCosts {
  readonly operation: 'GET' | 'SET';
  readonly proxy: ThreadCpu;
  readonly storage: ThreadCpu;
  /** Least and most of the rounds, of both roles together. */
  readonly leastUs: number;
  readonly mostUs: number;
  /** Requests from proxies to storage nodes, per operation: they may be for many records each. */
  readonly messages: number;
  /** How many times a storage node was asked about a record, per operation, whether or not with others. */
  readonly visits: number;
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
/** So far below what two cores can do that hardly two operations meet in one turn of an event loop, however few processes there are. */
const RATE_PER_S = 1_000;
/** Of each proxy, where all grows. */
const RATE_PER_PROXY = 500;
/** Runs at the fixed rate, and the wait without a load, in parts of --run-ms. */
const RUN_SHARE = 3;
const IDLE_SHARE = 3;
/** The more processes share the load, the longer each takes to become warm. */
const WARM_UP_SHARE = 1.5;

/** More storage nodes, more proxies, and more of both with a load that grows as they do. */
export function shapesOf(quick: boolean): Shape[] {
  const counts = quick ? QUICK_COUNTS : COUNTS;
  const more = counts.filter((count) => count > 1);
  const constant = { nodesPerZone: 1, proxies: 1, ratePerSecond: RATE_PER_S };
  return [
    ...counts.map((nodesPerZone): Shape => ({ ...constant, series: 'nodes', nodesPerZone })),
    ...more.map((proxies): Shape => ({ ...constant, series: 'proxies', proxies })),
    ...more.map((count): Shape => {
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

/** Runs the load, which resolves to its operations, and counts MESSAGE_EVENTS in all proxies, per operation. */
async function countInProxies(cluster: JunokvCluster, run: () => Promise<number>): Promise<number[]> {
  const listening = [...cluster.output.matchAll(/Debugger listening on \S+/g)].map(([line]) => line);
  // The output has the storage nodes first.
  const proxies = listening.slice(-cluster.proxyPorts.length);
  const inspectors = await Promise.all(proxies.map((output) => Inspector.connect({ name: 'a proxy', output })));
  const all = <T>(method: string, params: object = {}): Promise<T[]> =>
    Promise.all(inspectors.map((inspector) => inspector.call<T>(method, params)));
  try {
    await all('Profiler.enable');
    await all('Profiler.startPreciseCoverage', { callCount: true, detailed: false });
    await all('Profiler.takePreciseCoverage');
    const operations = await run();
    const coverages = await all<Coverage>('Profiler.takePreciseCoverage');
    await all('Profiler.stopPreciseCoverage');
    await all('Profiler.disable');
    const together: Coverage = { result: coverages.flatMap(({ result }) => result) };
    return callCounts(together, MESSAGE_EVENTS, operations).events.map(({ perOperation }) => perOperation);
  } finally {
    for (const inspector of inspectors) inspector.close();
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

async function measureShape(shape: Shape, options: BenchOptions): Promise<ScaleRow> {
  const { runMs, rounds } = options;
  const cluster = await JunokvCluster.start(shape.proxies, { nodesPerZone: shape.nodesPerZone, launcher: INSPECTED });
  try {
    const subject: Subject = { cluster, shape, options };
    await warmUp(subject);
    const idle = await measureIdle(cluster, runMs * IDLE_SHARE);
    const runs = OPERATIONS.map((operation) => ({ operation, all: [] as Run[] }));
    for (let round = 0; round < rounds; round++) {
      for (const { operation, all } of inTurns(runs, round)) {
        all.push(await measureRun(subject, operation, idle));
      }
    }
    const costs: ScaleCosts[] = [];
    for (const { operation, all } of runs) {
      const [messages = Number.NaN, ...asked] = await countInProxies(
        cluster,
        async () => (await openLoad(subject, operation, runMs)).operations,
      );
      const totals = all.map(({ proxy, storage }) => totalOf(proxy) + totalOf(storage));
      const medians = (role: 'proxy' | 'storage'): ThreadCpu =>
        combineCpu(
          all.map((run) => run[role]),
          median,
        );
      const sum = (of: (run: Run) => number): number => all.reduce((so, run) => so + of(run), 0);
      costs.push({
        ...{
          operation,
          messages,
          visits: asked.reduce((so, visits) => so + visits, 0),
          proxy: medians('proxy'),
          storage: medians('storage'),
        },
        ...{ leastUs: Math.min(...totals), mostUs: Math.max(...totals) },
        ...{ operations: sum((run) => run.operations), failed: sum((run) => run.failed) },
      });
    }
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
    const told = row.costs.map(({ operation, proxy, storage, messages, visits, failed }) => {
      const cpu = `${operation} proxy ${totalOf(proxy).toFixed(1)} us, storage ${totalOf(storage).toFixed(1)} us`;
      return `${cpu}, ${messages.toFixed(2)} messages, ${visits.toFixed(2)} visits${failed === 0 ? '' : `, ${failed} failed`}`;
    });
    console.error(
      `scale: ${row.nodesPerZone} per zone, proxies: ${row.proxies}, ${row.ratePerSecond}/s: ${told.join('; ')}`,
    );
  }
  return { machine, keys: options.keys, rounds: options.rounds, rows };
}

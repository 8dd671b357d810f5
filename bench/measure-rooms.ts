import { startJunokv } from '../compat-tests/support/junokv-server.ts';
import type { RunningServer } from '../compat-tests/support/redis-server.ts';
import type { ByPart } from './code-parts.ts';
import type { Operation } from './commands.ts';
import { median } from './figures.ts';
import { fillKeys } from './fill.ts';
import { INSPECTED, Inspector } from './inspector.ts';
import { wholeEndpoint } from './load-client.ts';
import { describeMachine, type Machine } from './machine.ts';
import type { BenchOptions } from './options.ts';
import {
  type CallCounts,
  type CountedEvent,
  type Coverage,
  type CpuProfile,
  callCounts,
  cpuShares,
  type HeapNode,
  heapBytes,
} from './profiles.ts';
import { runBenchmark } from './redis-benchmark.ts';
import { countSystemCalls, type SystemCalls, systemCallTool } from './system-calls.ts';
import { combineCpu, cpuBetween, readThreadCpu, type ThreadCpu, totalOf } from './thread-cpu.ts';

/** Seen by the calls of one function each; paths below src. */
export const COUNTED_EVENTS: readonly CountedEvent[] = [
  { name: 'reads of client sockets', file: 'proxy/connection.ts', functionName: 'received' },
  { name: 'record ids hashed', file: 'crypto/record-id.ts', functionName: 'recordId' },
  { name: 'states sealed', file: 'crypto/record-sealer.ts', functionName: 'seal' },
  { name: 'states opened', file: 'crypto/record-sealer.ts', functionName: 'open' },
  { name: 'requests to storage nodes', file: 'rpc/in-process-transport.ts', functionName: 'send' },
  { name: 'batches of requests at storage nodes', file: 'storage/storage-node.ts', functionName: 'receive' },
  { name: 'records accepted by storage nodes', file: 'storage/record-server.ts', functionName: 'store' },
  { name: 'batches written by storage nodes', file: 'storage/write-pipeline.ts', functionName: '#startWrite' },
];

/** One load, and what an operation of it costs. */
export interface RoomsRow {
  readonly operation: Operation;
  readonly pipeline: number;
  readonly operations: number;
  /** Microseconds: medians of the rounds, without any profiler. */
  readonly threads: ThreadCpu;
  readonly totalLeastUs: number;
  readonly totalMostUs: number;
  /** Shares of the main thread's time. */
  readonly cpuShares: ByPart;
  readonly cpuSamples: number;
  readonly heapBytes: ByPart;
  readonly calls: CallCounts;
  /** Per operation; null where they were not counted. */
  readonly systemCalls: SystemCalls | null;
  /** Runs that were repeated because a request failed. */
  readonly failedRuns: number;
}

export interface RoomsResult {
  readonly machine: Machine;
  readonly rounds: number;
  readonly rows: readonly RoomsRow[];
  /** By which system calls were counted; null: not at all. */
  readonly systemCallTool: string | null;
}

const OPERATIONS = ['GET', 'SET', 'INCR'] as const;
const PIPELINES = [1, 16] as const;
const CONNECTIONS = 50;
const VALUE_BYTES = 100;
const CPU_SAMPLE_US = 100;
const HEAP_SAMPLE_BYTES = 16 * 1_024;
/** Requests of one run for each millisecond of --run-ms, pipelined or not: about what a busy machine does. */
const PER_MS = { 1: 25, 16: 70 } as const;
/** The compiler has had its say after so many runs. */
const WARM_UP_RUNS = 2;
const TRIES = 4;
/** What the load before left to be done in the background belongs to that one. */
const PAUSE_MS = 2_000;

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
}

/** One load on one junokv. */
class Subject {
  readonly operation: (typeof OPERATIONS)[number];
  readonly pipeline: (typeof PIPELINES)[number];
  readonly operations: number;
  failedRuns = 0;
  readonly #port: number;
  readonly #keys: number;

  constructor(operation: Subject['operation'], pipeline: Subject['pipeline'], port: number, options: BenchOptions) {
    this.operation = operation;
    this.pipeline = pipeline;
    this.operations = options.runMs * PER_MS[pipeline];
    this.#port = port;
    this.#keys = options.keys;
  }

  get name(): string {
    return `${this.operation}, pipeline ${this.pipeline}`;
  }

  async run(): Promise<void> {
    const [port, keys, requests] = [this.#port, this.#keys, this.operations];
    const load = {
      operation: this.operation,
      pipeline: this.pipeline,
      valueBytes: VALUE_BYTES,
      connections: CONNECTIONS,
    };
    const { errors } = await runBenchmark({ ...load, port, keys, requests });
    if (errors > 0) throw new Error(`${this.name}: ${errors} of ${requests} requests failed`);
  }
}

/** Measures again where a request failed: a busy machine makes junokv late, and redis-benchmark then gives up. */
async function persistently<T>(subject: Subject, measure: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await measure();
    } catch (error) {
      subject.failedRuns += 1;
      const text = error instanceof Error ? error.message : String(error);
      if (tries === TRIES) throw error;
      console.error(`rooms: ${subject.name}: ${text.split('\n')[0]} (again)`);
      await pause();
    }
  }
}

async function measureThreads(subject: Subject, pid: number, rounds: number) {
  const runs: ThreadCpu[] = [];
  for (let round = 0; round < rounds; round++) {
    const before = readThreadCpu(pid);
    await subject.run();
    runs.push(cpuBetween(before, readThreadCpu(pid), subject.operations));
  }
  const totals = runs.map(totalOf);
  const threads = combineCpu(runs, median);
  return { threads, totalLeastUs: Math.min(...totals), totalMostUs: Math.max(...totals) };
}

async function measureSystemCalls(subject: Subject, pid: number): Promise<SystemCalls | null> {
  const tool = systemCallTool();
  if (tool === null) return null;
  const stop = await countSystemCalls(tool, [pid]);
  await subject.run();
  const counts = await stop();
  if (counts === null) return null;
  return Object.fromEntries(Object.entries(counts).map(([name, count]) => [name, count / subject.operations]));
}

async function measureShares(subject: Subject, inspector: Inspector) {
  await inspector.call('Profiler.enable');
  await inspector.call('Profiler.setSamplingInterval', { interval: CPU_SAMPLE_US });
  await inspector.call('Profiler.start');
  await subject.run();
  const { profile } = await inspector.call<{ profile: CpuProfile }>('Profiler.stop');
  await inspector.call('Profiler.disable');
  const { shares, samples } = cpuShares(profile);
  return { cpuShares: shares, cpuSamples: samples };
}

async function measureHeap(subject: Subject, inspector: Inspector): Promise<ByPart> {
  await inspector.call('HeapProfiler.enable');
  // Without the two flags only what is still there at the end would count.
  const collected = { includeObjectsCollectedByMajorGC: true, includeObjectsCollectedByMinorGC: true };
  await inspector.call('HeapProfiler.startSampling', { samplingInterval: HEAP_SAMPLE_BYTES, ...collected });
  await subject.run();
  const { profile } = await inspector.call<{ profile: { head: HeapNode } }>('HeapProfiler.stopSampling');
  await inspector.call('HeapProfiler.disable');
  return heapBytes(profile.head, subject.operations);
}

async function measureCalls(subject: Subject, inspector: Inspector): Promise<CallCounts> {
  await inspector.call('Profiler.enable');
  await inspector.call('Profiler.startPreciseCoverage', { callCount: true, detailed: false });
  await inspector.call('Profiler.takePreciseCoverage');
  await subject.run();
  const coverage = await inspector.call<Coverage>('Profiler.takePreciseCoverage');
  await inspector.call('Profiler.stopPreciseCoverage');
  await inspector.call('Profiler.disable');
  return callCounts(coverage, COUNTED_EVENTS, subject.operations);
}

/** All loads, one after the other. */
async function measureAll(server: RunningServer, inspector: Inspector, options: BenchOptions): Promise<RoomsRow[]> {
  await fillKeys([wholeEndpoint(server.port)], options.keys, VALUE_BYTES);
  const subjects = OPERATIONS.flatMap((operation) =>
    PIPELINES.map((pipeline) => new Subject(operation, pipeline, server.port, options)),
  );
  const { pid } = server.process;
  const counted: { subject: Subject; row: Omit<RoomsRow, 'calls' | 'failedRuns'> }[] = [];
  for (const subject of subjects) {
    const { operation, pipeline, operations } = subject;
    console.error(`rooms: ${subject.name}, ${operations} operations`);
    await pause();
    for (let run = 0; run < WARM_UP_RUNS; run++) await persistently(subject, () => subject.run());
    const threads = await persistently(subject, () => measureThreads(subject, pid, options.rounds));
    const systemCalls = await persistently(subject, () => measureSystemCalls(subject, pid));
    const shares = await persistently(subject, () => measureShares(subject, inspector));
    const heap = await persistently(subject, () => measureHeap(subject, inspector));
    const row = { operation, pipeline, operations, ...threads, ...shares, heapBytes: heap, systemCalls };
    counted.push({ subject, row });
  }
  // Last, since compiled code does not count calls and is thrown away for it.
  const rows: RoomsRow[] = [];
  for (const { subject, row } of counted) {
    console.error(`rooms: ${subject.name}, counting calls`);
    await pause();
    const calls = await persistently(subject, () => measureCalls(subject, inspector));
    rows.push({ ...row, calls, failedRuns: subject.failedRuns });
  }
  return rows;
}

/** junokv in one process under GET, SET and INCR: what an operation costs, and where. */
export async function measureRooms(options: BenchOptions): Promise<RoomsResult> {
  const machine = describeMachine();
  const server = await startJunokv({ engine: 'rocksdb', launcher: INSPECTED, more: ['--fsync', 'everysec'] });
  try {
    const inspector = await Inspector.connect(server.process);
    try {
      const rows = await measureAll(server, inspector, options);
      return { machine, rounds: options.rounds, rows, systemCallTool: systemCallTool() };
    } finally {
      // Else the process would wait for that before it ends.
      inspector.close();
    }
  } finally {
    await server.stop();
  }
}

import type { JunokvCluster } from '../compat-tests/support/junokv-cluster.ts';
import { CODE_PARTS } from './code-parts.ts';
import { Inspector } from './inspector.ts';
import { type CountedEvent, type Coverage, callCounts } from './profiles.ts';
import { countSystemCalls, type SystemCalls, systemCallTool } from './system-calls.ts';

/** Seen by the calls of one function in proxies: first messages, then what they are about. */
export const MESSAGE_EVENTS: readonly CountedEvent[] = [
  { name: 'requests to storage nodes', file: 'rpc/node-peer.ts', functionName: 'send' },
  { name: 'records in requests for many', file: 'quorum/express-outbox.ts', functionName: '#add' },
  { name: 'requests for one of them', file: 'quorum/express-outbox.ts', functionName: 'sendAlone' },
  { name: 'requests of single records', file: 'quorum/round.ts', functionName: '#send' },
  { name: 'more of these', file: 'quorum/round.ts', functionName: 'sendAgain' },
];

/** What processes did: in all, in a millisecond, or for an operation. Exact counts, whatever else the machine does. */
export interface Counts {
  /** Calls of functions, Node's own in JavaScript among them. */
  readonly proxyCalls: number;
  readonly storageCalls: number;
  /** Null where they were not counted. */
  readonly proxySystemCalls: number | null;
  readonly storageSystemCalls: number | null;
  /** Requests from proxies to storage nodes: they may be for many records each. */
  readonly messages: number;
  /** How many times a storage node was asked about a record, whether or not with others. */
  readonly visits: number;
}

type Role = 'storage' | 'proxy';

type Combine = (a: number, b: number) => number;

/** System calls are counted apart from the rest, and over another time. */
function combine(a: Counts, b: Counts, of: Combine, ofSystemCalls: Combine): Counts {
  const both = (x: number | null, y: number | null): number | null => {
    return x === null || y === null ? null : ofSystemCalls(x, y);
  };
  return {
    proxyCalls: of(a.proxyCalls, b.proxyCalls),
    storageCalls: of(a.storageCalls, b.storageCalls),
    proxySystemCalls: both(a.proxySystemCalls, b.proxySystemCalls),
    storageSystemCalls: both(a.storageSystemCalls, b.storageSystemCalls),
    messages: of(a.messages, b.messages),
    visits: of(a.visits, b.visits),
  };
}

function allOf(calls: SystemCalls | null | undefined): number | null {
  return calls == null ? null : Object.values(calls).reduce((sum, count) => sum + count, 0);
}

/** Counts in all processes of a cluster that was started with an open inspector. While it is there, JavaScript is slow. */
export class ClusterCounter {
  readonly #cluster: JunokvCluster;
  readonly #inspectors: Readonly<Record<Role, readonly Inspector[]>>;

  private constructor(cluster: JunokvCluster, inspectors: Readonly<Record<Role, readonly Inspector[]>>) {
    this.#cluster = cluster;
    this.#inspectors = inspectors;
  }

  static async start(cluster: JunokvCluster): Promise<ClusterCounter> {
    // The output has the storage nodes first.
    const listening = [...cluster.output.matchAll(/Debugger listening on \S+/g)].map(([output]) => output);
    const all = await Promise.all(listening.map((output) => Inspector.connect({ name: 'junokv', output })));
    const nodes = cluster.pids.storage.length;
    const counter = new ClusterCounter(cluster, { storage: all.slice(0, nodes), proxy: all.slice(nodes) });
    for (const role of ['storage', 'proxy'] as const) {
      await counter.#all(role, 'Profiler.enable');
      await counter.#all(role, 'Profiler.startPreciseCoverage', { callCount: true, detailed: false });
    }
    return counter;
  }

  /** What was done while `run` ran, in all; function calls also while the counting of system calls began and ended. */
  async #during(
    run: () => Promise<void>,
  ): Promise<{ readonly counts: Counts; readonly callsMs: number; readonly runMs: number }> {
    const { pids } = this.#cluster;
    // strace would slow so many processes down too much.
    const counted = systemCallTool() === 'perf' ? [pids.proxies, pids.storage] : [];
    for (const role of ['storage', 'proxy'] as const) await this.#take(role);
    const takenMs = performance.now();
    const stops = await Promise.all(counted.map((role) => countSystemCalls('perf', role, [])));
    const startMs = performance.now();
    await run();
    const runMs = performance.now() - startMs;
    const [proxyCalls, storageCalls] = await Promise.all(stops.map((stop) => stop()));
    const callsMs = performance.now() - takenMs;
    const [proxy, storage] = [await this.#take('proxy'), await this.#take('storage')];
    const [messages = 0, ...visits] = proxy.events.map(({ perOperation }) => perOperation);
    const sum = ({ calls }: typeof proxy): number => CODE_PARTS.reduce((so, part) => so + calls[part], 0);
    const counts: Counts = {
      proxyCalls: sum(proxy),
      storageCalls: sum(storage),
      proxySystemCalls: allOf(proxyCalls),
      storageSystemCalls: allOf(storageCalls),
      messages,
      visits: visits.reduce((so, count) => so + count, 0),
    };
    return { counts, callsMs, runMs };
  }

  /** In a millisecond without a load. */
  async idle(waitMs: number): Promise<Counts> {
    const wait = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, waitMs));
    const { counts, callsMs, runMs } = await this.#during(wait);
    return combine(
      counts,
      counts,
      (count) => count / callsMs,
      (count) => count / runMs,
    );
  }

  /** For an operation of a load, which resolves to how many it did; without what would have been done anyway. */
  async perOperation(load: () => Promise<number>, idle: Counts): Promise<Counts> {
    let operations = Number.NaN;
    const { counts, callsMs, runMs } = await this.#during(async () => {
      operations = await load();
    });
    const less =
      (elapsedMs: number) =>
      (all: number, each: number): number =>
        (all - each * elapsedMs) / operations;
    return combine(counts, idle, less(callsMs), less(runMs));
  }

  async close(): Promise<void> {
    try {
      for (const role of ['storage', 'proxy'] as const) await this.#all(role, 'Profiler.disable');
    } finally {
      for (const inspector of [...this.#inspectors.storage, ...this.#inspectors.proxy]) inspector.close();
    }
  }

  #all<T>(role: Role, method: string, params: object = {}): Promise<T[]> {
    return Promise.all(this.#inspectors[role].map((inspector) => inspector.call<T>(method, params)));
  }

  /** Since the last time. */
  async #take(role: Role) {
    const coverages = await this.#all<Coverage>(role, 'Profiler.takePreciseCoverage');
    return callCounts({ result: coverages.flatMap(({ result }) => result) }, MESSAGE_EVENTS, 1);
  }
}

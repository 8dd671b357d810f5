import type { NodeReport } from '../../quorum/node-health.ts';
import { PROTOCOL_BRANCHES, type ProtocolBranch } from '../../quorum/protocol-counters.ts';
import { ClientRegistry } from '../client-registry.ts';
import type { ProposerFigures } from '../cluster-port.ts';
import { type LatencyFigures, LatencyMonitor } from '../latency-monitor.ts';
import { type NamespaceCounters, Namespaces } from '../namespaces.ts';
import type { ProcessMemory, ProcessorUse } from '../process-memory.ts';
import type { ProxyContext } from '../proxy-context.ts';
import { type ClusterFacts, ProxyInfo } from '../proxy-info.ts';
import { ProxyStats, type StatsFigures } from '../proxy-stats.ts';

interface ClientFigures {
  readonly connected: number;
  readonly blocked: number;
  readonly queryBufferBytes: number;
  readonly outputBufferBytes: number;
}

interface PlainProposer {
  readonly waiting: number;
  readonly counters: readonly (readonly [ProtocolBranch, number])[];
  readonly nodes: readonly NodeReport[];
}

/** Everything that INFO and its like print of one worker, as it is sent to another one. */
export interface WorkerFigures {
  readonly clients: ClientFigures;
  readonly stats: StatsFigures;
  readonly latency: LatencyFigures;
  readonly namespaces: readonly NamespaceCounters[];
  readonly memory: ProcessMemory;
  readonly processor: ProcessorUse;
  /** Null where the cluster tells nothing. */
  readonly proposer: PlainProposer | null;
}

export function workerFigures(proxy: ProxyContext, withHistograms: boolean): WorkerFigures {
  const { clients, stats, latency, namespaces, info } = proxy;
  const { proposer } = info;
  return {
    clients: {
      connected: clients.size,
      blocked: clients.blockedClients,
      queryBufferBytes: clients.queryBufferBytes,
      outputBufferBytes: clients.outputBufferBytes,
    },
    stats: stats.figures(),
    latency: latency.figures(withHistograms),
    namespaces: namespaces.figures(),
    memory: info.memory,
    processor: info.processor,
    proposer: proposer === undefined ? null : { ...proposer, counters: proposer.counters.entries() },
  };
}

/** A look at `proxy` in which the figures are those of all its workers: the worker's own and those of `others`. */
export function overWorkers(proxy: ProxyContext, others: readonly WorkerFigures[]): ProxyContext {
  const all = [workerFigures(proxy, true), ...others];
  const stats = new ProxyStats(proxy.table);
  const latency = new LatencyMonitor(proxy.clock, proxy.config);
  const namespaces = new Namespaces(proxy.cluster, proxy.clock, 1, false);
  for (const figures of all) {
    stats.add(figures.stats);
    latency.add(figures.latency);
    namespaces.add(figures.namespaces);
  }
  return {
    ...proxy,
    stats,
    latency,
    namespaces,
    clients: new ClientsOverWorkers(all.map(({ clients }) => clients)),
    info: new InfoOverWorkers(proxy, all),
  };
}

/** Only counted: there are no sessions to be had. */
class ClientsOverWorkers extends ClientRegistry {
  readonly #connected: number;

  constructor(all: readonly ClientFigures[]) {
    super();
    this.#connected = total(all, ({ connected }) => connected);
    this.blockedClients = total(all, ({ blocked }) => blocked);
    this.queryBufferBytes = total(all, (clients) => clients.queryBufferBytes);
    this.outputBufferBytes = total(all, (clients) => clients.outputBufferBytes);
  }

  override get size(): number {
    return this.#connected;
  }
}

class InfoOverWorkers extends ProxyInfo {
  readonly #own: ProxyInfo;
  readonly #all: readonly WorkerFigures[];

  constructor({ clock, random, cluster, info }: ProxyContext, all: readonly WorkerFigures[]) {
    super(clock, random, cluster, info.identity);
    this.#own = info;
    this.#all = all;
  }

  override get memory(): ProcessMemory {
    const sum = (name: keyof ProcessMemory): number => total(this.#all, ({ memory }) => memory[name]);
    return {
      rssBytes: sum('rssBytes'),
      peakRssBytes: sum('peakRssBytes'),
      heapBytes: sum('heapBytes'),
      externalBytes: sum('externalBytes'),
    };
  }

  override get processor(): ProcessorUse {
    const sum = (name: keyof ProcessorUse): number => total(this.#all, ({ processor }) => processor[name]);
    return { userUs: sum('userUs'), systemUs: sum('systemUs') };
  }

  override get proposer(): ProposerFigures | undefined {
    const told = this.#all.flatMap(({ proposer }) => proposer ?? []);
    if (told.length === 0) return undefined;
    const counts = new Map<ProtocolBranch, number>();
    for (const { counters } of told) {
      for (const [branch, count] of counters) counts.set(branch, count + (counts.get(branch) ?? 0));
    }
    const get = (branch: ProtocolBranch): number => counts.get(branch) ?? 0;
    return {
      waiting: total(told, ({ waiting }) => waiting),
      counters: { get, entries: () => PROTOCOL_BRANCHES.map((branch) => [branch, get(branch)]) },
      nodes: mergedNodes(told.flatMap(({ nodes }) => nodes)),
    };
  }

  override facts(wanted: Parameters<ProxyInfo['facts']>[0]): Promise<ClusterFacts> {
    return this.#own.facts(wanted);
  }

  override forgetCounts(group: number): void {
    this.#own.forgetCounts(group);
  }
}

/** Each node once: as suspect and as slow as the worker saw it that thought least of it. */
function mergedNodes(reports: readonly NodeReport[]): NodeReport[] {
  const merged = new Map<number, NodeReport>();
  for (const report of reports) {
    const before = merged.get(report.nodeId) ?? report;
    const worst = report.meanMs > before.meanMs ? report : before;
    merged.set(report.nodeId, {
      ...worst,
      isSuspect: report.isSuspect || before.isSuspect,
      suspicions: report === before ? report.suspicions : before.suspicions + report.suspicions,
    });
  }
  return [...merged.values()];
}

function total<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((sum, item) => sum + value(item), 0);
}

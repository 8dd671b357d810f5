import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import type { Random } from '../base/random.ts';
import { ClusterFailure, type ClusterPort, type NodeHealth, type ProposerFigures } from './cluster-port.ts';
import { KeyspaceCount, type NamespaceCount } from './keyspace-count.ts';
import type { ProxyIdentity } from './peers/peers.ts';
import { type ProcessMemory, type ProcessorUse, processMemory, processorUse } from './process-memory.ts';

function hex40(random: Random): string {
  const bytes = Buffer.alloc(20);
  random.fill(bytes);
  return bytes.toString('hex');
}

/** Of a proxy that starts now. */
export function newIdentity(clock: Clock, random: Random): ProxyIdentity {
  const startedAtMs = clock.wallMs();
  return { runId: hex40(random), clusterNodeId: hex40(random), processId: process.pid, startedAtMs };
}

/** What INFO prints of the cluster; `counts` is null while the first count is still under way. */
export interface ClusterFacts {
  readonly counts: readonly NamespaceCount[] | null;
  readonly nodes: readonly NodeHealth[] | null;
}

/**
 * What INFO and CLUSTER say about this process, apart from counters: who it is, since when, and the figures of the
 * cluster that are too dear to ask for each time.
 */
export class ProxyInfo {
  readonly #clock: Clock;
  readonly #cluster: ClusterPort;
  /** Who this proxy is: new at every start. */
  readonly identity: ProxyIdentity;
  readonly startedAtMonotonicMs: number;

  /** By namespace group, for those that were asked for. */
  readonly #counts = new Map<number, KeyspaceCount>();
  #nodes: readonly NodeHealth[] | null = null;
  #asking: Promise<void> | null = null;

  /** `identity`: of the proxy that this process is a worker of; default: a new one. */
  constructor(clock: Clock, random: Random, cluster: ClusterPort, identity = newIdentity(clock, random)) {
    this.#clock = clock;
    this.#cluster = cluster;
    this.identity = identity;
    this.startedAtMonotonicMs = clock.monotonicMs() - Math.max(0, clock.wallMs() - identity.startedAtMs);
  }

  /** New at every start, 40 hex characters. */
  get runId(): string {
    return this.identity.runId;
  }

  /** This proxy as a node of a Redis Cluster, 40 hex characters. */
  get clusterNodeId(): string {
    return this.identity.clusterNodeId;
  }

  get memory(): ProcessMemory {
    return processMemory();
  }

  get processor(): ProcessorUse {
    return processorUse();
  }

  /** What commands met on their way to the nodes. */
  get proposer(): ProposerFigures | undefined {
    return this.#cluster.figures?.();
  }

  uptimeSeconds(): number {
    return Math.floor((this.#clock.monotonicMs() - this.startedAtMonotonicMs) / 1000);
  }

  /**
   * Keys per database of a namespace group, where one is wanted, and the nodes' state. Waits at most limits.keyspaceCountWaitMs, for the first count and for the
   * nodes; null is what is not known by then. Later counts are made in the background, the last one is answered.
   */
  async facts(wanted: { readonly counts: number | null; readonly nodes: boolean }): Promise<ClusterFacts> {
    const waits: Promise<void>[] = [];
    const count = wanted.counts === null ? null : this.#countOf(wanted.counts);
    const counting = count?.renew() ?? null;
    if (counting !== null) waits.push(counting);
    if (wanted.nodes) {
      this.#asking ??= this.#ask();
      waits.push(this.#asking);
    }
    if (waits.length > 0) await this.#atMost(limits.keyspaceCountWaitMs, Promise.all(waits));
    return { counts: count?.latest ?? null, nodes: this.#nodes };
  }

  /** After a flush: the last count of this group is no longer near the truth. */
  forgetCounts(group: number): void {
    this.#counts.get(group)?.forget();
  }

  #countOf(group: number): KeyspaceCount {
    const known = this.#counts.get(group);
    if (known !== undefined) return known;
    const count = new KeyspaceCount(this.#clock, this.#cluster, group);
    this.#counts.set(group, count);
    return count;
  }

  async #ask(): Promise<void> {
    try {
      this.#nodes = await this.#cluster.nodes();
    } catch (error) {
      if (!(error instanceof ClusterFailure)) throw error;
      this.#nodes = null;
    } finally {
      this.#asking = null;
    }
  }

  #atMost(waitMs: number, work: Promise<unknown>): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = this.#clock.after(waitMs, resolve);
      void work.then(() => {
        timer.cancel();
        resolve();
      }, reject);
    });
  }
}

import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import type { Random } from '../base/random.ts';
import { ClusterFailure, type ClusterPort, type KeyCount, type NodeHealth } from './cluster-port.ts';

function hex40(random: Random): string {
  const bytes = Buffer.alloc(20);
  random.fill(bytes);
  return bytes.toString('hex');
}

/** A namespace with keys in it. */
export interface NamespaceCount extends KeyCount {
  readonly namespace: number;
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
  readonly #databases: number;
  /** New at every start, 40 hex characters. */
  readonly runId: string;
  /** This proxy as a node of a Redis Cluster, 40 hex characters. */
  readonly clusterNodeId: string;
  readonly startedAtMonotonicMs: number;

  #counts: readonly NamespaceCount[] | null = null;
  #countedAtMs = Number.NEGATIVE_INFINITY;
  #counting: Promise<void> | null = null;
  /** Raised when a count that is under way has lost its worth. */
  #round = 0;
  #nodes: readonly NodeHealth[] | null = null;
  #asking: Promise<void> | null = null;

  constructor(clock: Clock, random: Random, cluster: ClusterPort, databases = 16) {
    this.#clock = clock;
    this.#cluster = cluster;
    this.#databases = databases;
    this.runId = hex40(random);
    this.clusterNodeId = hex40(random);
    this.startedAtMonotonicMs = clock.monotonicMs();
  }

  uptimeSeconds(): number {
    return Math.floor((this.#clock.monotonicMs() - this.startedAtMonotonicMs) / 1000);
  }

  /**
   * Keys per namespace and the nodes' state. Waits at most limits.keyspaceCountWaitMs, for the first count and for the
   * nodes; null is what is not known by then. Later counts are made in the background, the last one is answered.
   */
  async facts(wanted: { readonly counts: boolean; readonly nodes: boolean }): Promise<ClusterFacts> {
    const waits: Promise<void>[] = [];
    const aged = this.#clock.monotonicMs() - this.#countedAtMs > limits.keyspaceCountAgeMs;
    if (wanted.counts && aged) {
      this.#counting ??= this.#count();
      if (this.#counts === null) waits.push(this.#counting);
    }
    if (wanted.nodes) {
      this.#asking ??= this.#ask();
      waits.push(this.#asking);
    }
    if (waits.length > 0) await this.#atMost(limits.keyspaceCountWaitMs, Promise.all(waits));
    return { counts: this.#counts, nodes: this.#nodes };
  }

  /** After a flush: the last count is no longer near the truth. */
  forgetCounts(): void {
    this.#round++;
    this.#counts = null;
    this.#countedAtMs = Number.NEGATIVE_INFINITY;
  }

  async #count(): Promise<void> {
    const round = this.#round;
    try {
      const counts: NamespaceCount[] = [];
      for (let namespace = 0; namespace < this.#databases; namespace++) {
        const count = await this.#cluster.count(namespace);
        if (count.keys > 0) counts.push({ namespace, ...count });
      }
      if (round === this.#round) this.#counts = counts;
    } catch (error) {
      // Without a quorum there is no count: the last one stays, and INFO goes on answering.
      if (!(error instanceof ClusterFailure)) throw error;
    } finally {
      if (round === this.#round) this.#countedAtMs = this.#clock.monotonicMs();
      this.#counting = null;
    }
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

import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import { DATABASES_PER_GROUP, numberInGroup } from '../cluster/namespace-groups.ts';
import { ClusterFailure, type ClusterPort, type KeyCount } from './cluster-port.ts';

/** A namespace with keys in it. */
export interface NamespaceCount extends KeyCount {
  readonly namespace: number;
}

/** The keys of one namespace group, counted in the background now and then: counting scans every record. */
export class KeyspaceCount {
  readonly #clock: Clock;
  readonly #cluster: ClusterPort;
  readonly #group: number;
  #latest: readonly NamespaceCount[] | null = null;
  #countedAtMs = Number.NEGATIVE_INFINITY;
  #counting: Promise<void> | null = null;
  /** Raised when a count that is under way has lost its worth. */
  #round = 0;

  constructor(clock: Clock, cluster: ClusterPort, group: number) {
    this.#clock = clock;
    this.#cluster = cluster;
    this.#group = group;
  }

  /** Null until the first count is done. */
  get latest(): readonly NamespaceCount[] | null {
    return this.#latest;
  }

  /** Counts again where the last one is old. The first count is a promise to wait for; for later ones there is a last. */
  renew(): Promise<void> | null {
    if (this.#clock.monotonicMs() - this.#countedAtMs <= limits.keyspaceCountAgeMs) return null;
    this.#counting ??= this.#count();
    return this.#latest === null ? this.#counting : null;
  }

  forget(): void {
    this.#round++;
    this.#latest = null;
    this.#countedAtMs = Number.NEGATIVE_INFINITY;
  }

  async #count(): Promise<void> {
    const round = this.#round;
    try {
      const counts: NamespaceCount[] = [];
      for (let database = 0; database < DATABASES_PER_GROUP; database++) {
        const namespace = numberInGroup(this.#group, database);
        const count = await this.#cluster.count(namespace);
        if (count.keys > 0) counts.push({ namespace, ...count });
      }
      if (round === this.#round) this.#latest = counts;
    } catch (error) {
      // Without a quorum there is no count: the last one stays, and INFO goes on answering.
      if (!(error instanceof ClusterFailure)) throw error;
    } finally {
      if (round === this.#round) this.#countedAtMs = this.#clock.monotonicMs();
      this.#counting = null;
    }
  }
}

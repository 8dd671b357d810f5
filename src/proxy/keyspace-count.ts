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
  #freshUntilMs = Number.NEGATIVE_INFINITY;
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
    if (this.#clock.monotonicMs() <= this.#freshUntilMs) return null;
    this.#counting ??= this.#count();
    return this.#latest === null ? this.#counting : null;
  }

  forget(): void {
    this.#round++;
    this.#latest = null;
    this.#freshUntilMs = Number.NEGATIVE_INFINITY;
  }

  async #count(): Promise<void> {
    const round = this.#round;
    const startedMs = this.#clock.monotonicMs();
    try {
      const numbers = Array.from({ length: DATABASES_PER_GROUP }, (_, i) => numberInGroup(this.#group, i));
      const counts = await this.#cluster.count(numbers);
      const found = counts.flatMap((count, i) => ({ namespace: numbers[i] ?? 0, ...count }));
      if (round === this.#round) this.#latest = found.filter(({ keys }) => keys > 0);
    } catch (error) {
      // Without a quorum there is no count: the last one stays, and INFO goes on answering.
      if (!(error instanceof ClusterFailure)) throw error;
    } finally {
      if (round === this.#round) this.#noteCounted(startedMs);
      this.#counting = null;
    }
  }

  /** A count that took long holds for long: whoever asks for INFO every second must not keep the nodes counting. */
  #noteCounted(startedMs: number): void {
    const nowMs = this.#clock.monotonicMs();
    this.#freshUntilMs = nowMs + Math.max(limits.keyspaceCountAgeMs, limits.keyspaceCountRest * (nowMs - startedMs));
  }
}

import { limits } from '../base/limits.ts';
import type { KeyCounter } from '../quorum/key-count.ts';
import { ClusterFailure, type KeyCount } from './cluster-port.ts';

type Counts = ReadonlyMap<number, KeyCount>;

/** The pass that begins when the one under way has ended, for all who came meanwhile. */
interface NextPass {
  readonly namespaces: Set<number>;
  readonly counts: Promise<Counts>;
}

/**
 * Counts keys over all shards, in one pass at a time, however many ask for whatever namespaces: another one costs a pass next to
 * nothing. Who comes while one is under way wants to see what was written before, and waits for the next.
 */
export class KeyspaceCounter<R> {
  readonly #counter: KeyCounter<R>;
  readonly #shards: () => number;
  #underWay: Promise<Counts> | null = null;
  #next: NextPass | null = null;

  /** `shards`: how many there are. */
  constructor(counter: KeyCounter<R>, shards: () => number) {
    this.#counter = counter;
    this.#shards = shards;
  }

  /** The keys of each of these namespaces; what was done before this was called is seen. Throws ClusterFailure. */
  async count(namespaces: readonly number[]): Promise<readonly KeyCount[]> {
    const counts = await (this.#underWay === null ? this.#begin(new Set(namespaces)) : this.#join(namespaces));
    return namespaces.map((namespace) => counts.get(namespace) ?? { keys: 0, expires: 0 });
  }

  #join(namespaces: readonly number[]): Promise<Counts> {
    if (this.#next === null) {
      const wanted = new Set<number>();
      const begin = (): Promise<Counts> => this.#begin(wanted);
      this.#next = { namespaces: wanted, counts: (this.#underWay ?? Promise.resolve()).then(begin, begin) };
    }
    for (const namespace of namespaces) this.#next.namespaces.add(namespace);
    return this.#next.counts;
  }

  #begin(namespaces: ReadonlySet<number>): Promise<Counts> {
    const pass = this.#countAll([...namespaces]);
    this.#underWay = pass;
    this.#next = null;
    const end = (): void => {
      if (this.#underWay === pass && this.#next === null) this.#underWay = null;
    };
    pass.then(end, end);
    return pass;
  }

  async #countAll(namespaces: readonly number[]): Promise<Counts> {
    const totals = new Map(namespaces.map((namespace) => [namespace, { keys: 0, expires: 0 }]));
    const shards = this.#shards();
    let next = 0;
    const countSome = async (): Promise<void> => {
      while (next < shards) {
        const counted = await this.#counter.countShard(namespaces, next++);
        if (!counted.ok) {
          next = shards;
          throw new ClusterFailure(counted.failure);
        }
        for (const [i, namespace] of namespaces.entries()) {
          const total = totals.get(namespace);
          if (total === undefined) continue;
          total.keys += counted.totals[i]?.keys ?? 0;
          total.expires += counted.totals[i]?.expires ?? 0;
        }
      }
    };
    await Promise.all(Array.from({ length: Math.min(shards, limits.countShardsAtOnce) }, countSome));
    return totals;
  }
}

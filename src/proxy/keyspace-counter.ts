import { limits } from '../base/limits.ts';
import type { KeyCounter } from '../quorum/key-count.ts';
import { ClusterFailure, type KeyCount } from './cluster-port.ts';

/** A count that is under way, and the one after it, for those who came later: they want to see what was written before. */
interface Counting {
  readonly current: Promise<readonly KeyCount[]>;
  next: Promise<readonly KeyCount[]> | null;
}

/** Counts keys over all shards; the same ones not more than once at a time, however many ask. */
export class KeyspaceCounter<R> {
  readonly #counter: KeyCounter<R>;
  readonly #shards: () => number;
  readonly #counting = new Map<string, Counting>();

  /** `shards`: how many there are. */
  constructor(counter: KeyCounter<R>, shards: () => number) {
    this.#counter = counter;
    this.#shards = shards;
  }

  /** The keys of each of these namespaces, none of which was deleted before this was called. Throws ClusterFailure. */
  count(namespaces: readonly number[]): Promise<readonly KeyCount[]> {
    const name = namespaces.join();
    const counting = this.#counting.get(name);
    if (counting === undefined) return this.#begin(name, namespaces);
    const again = (): Promise<readonly KeyCount[]> => this.#begin(name, namespaces);
    counting.next ??= counting.current.then(again, again);
    return counting.next;
  }

  #begin(name: string, namespaces: readonly number[]): Promise<readonly KeyCount[]> {
    const current = this.#countAll(namespaces);
    const counting: Counting = { current, next: null };
    this.#counting.set(name, counting);
    const end = (): void => {
      // The next one, if anybody waits for it, has taken its place by now, or is about to.
      if (this.#counting.get(name) === counting && counting.next === null) this.#counting.delete(name);
    };
    current.then(end, end);
    return current;
  }

  async #countAll(namespaces: readonly number[]): Promise<readonly KeyCount[]> {
    const totals = namespaces.map(() => ({ keys: 0, expires: 0 }));
    const shards = this.#shards();
    let next = 0;
    const countSome = async (): Promise<void> => {
      while (next < shards) {
        const counted = await this.#counter.countShard(namespaces, next++);
        if (!counted.ok) {
          next = shards;
          throw new ClusterFailure(counted.failure);
        }
        for (const [i, total] of totals.entries()) {
          total.keys += counted.totals[i]?.keys ?? 0;
          total.expires += counted.totals[i]?.expires ?? 0;
        }
      }
    };
    await Promise.all(Array.from({ length: Math.min(shards, limits.countShardsAtOnce) }, countSome));
    return totals;
  }
}

import type { HistoryOp } from '../sim/checker.ts';
import type { SimRandom } from '../sim/sim-random.ts';

/** A short life with many clients: the search for an order stays fast. */
const OPERATIONS_PER_KEY = 80;
const KEYS_AT_ONCE = 10;

/** A key while clients work on it, and all that they have done to it. */
export interface ChaosKey {
  readonly name: string;
  readonly history: HistoryOp[];
  underWay: number;
}

/** The keys that are in use; each is given up after so many operations, and its history handed on when the last has ended. */
export class KeyPool {
  readonly #random: SimRandom;
  readonly #onDone: (history: readonly HistoryOp[]) => void;
  readonly #keys: ChaosKey[] = [];
  readonly #retired = new Set<ChaosKey>();
  #made = 0;

  constructor(random: SimRandom, onDone: (history: readonly HistoryOp[]) => void) {
    this.#random = random;
    this.#onDone = onDone;
    for (let i = 0; i < KEYS_AT_ONCE; i++) this.#keys.push(this.#make());
  }

  /** Notes that an operation on the key begins; `release` must follow. */
  take(): ChaosKey {
    const at = this.#random.below(this.#keys.length);
    let key = this.#keys[at] ?? this.#make();
    if (key.history.length >= OPERATIONS_PER_KEY) {
      this.#retire(key);
      key = this.#make();
      this.#keys[at] = key;
    }
    key.underWay++;
    return key;
  }

  release(key: ChaosKey): void {
    key.underWay--;
    if (key.underWay === 0 && this.#retired.delete(key)) this.#onDone(key.history);
  }

  /** When no operation is under way any more. */
  finish(): void {
    for (const key of this.#keys.splice(0)) this.#retire(key);
  }

  #retire(key: ChaosKey): void {
    if (key.underWay === 0) this.#onDone(key.history);
    else this.#retired.add(key);
  }

  #make(): ChaosKey {
    this.#made++;
    return { name: `chaos-${this.#made}`, history: [], underWay: 0 };
  }
}

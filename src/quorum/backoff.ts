import { limits } from '../base/limits.ts';
import type { Random } from '../base/random.ts';

/**
 * A random delay whose bound doubles with every refusal (protocol §4), so that two proposers do not meet for ever. None the
 * first time: what became of a refused COMMIT can be told only until eight others were written over it.
 */
export class Backoff {
  #boundMs = 0;
  #refusals = 0;

  reset(): void {
    this.#boundMs = 0;
    this.#refusals = 0;
  }

  nextMs(random: Random): number {
    this.#refusals++;
    if (this.#refusals === 1) return 0;
    this.#boundMs = Math.min(limits.retryBackoffMaxMs, Math.max(limits.retryBackoffMs, this.#boundMs * 2));
    return this.#boundMs * random.unit();
  }
}

import { limits } from '../base/limits.ts';
import type { Random } from '../base/random.ts';

/** A random delay whose bound doubles with every refusal (protocol §4), so that two proposers do not meet for ever. */
export class Backoff {
  #boundMs = 0;

  reset(): void {
    this.#boundMs = 0;
  }

  nextMs(random: Random): number {
    this.#boundMs = Math.min(limits.retryBackoffMaxMs, Math.max(limits.retryBackoffMs, this.#boundMs * 2));
    return this.#boundMs * random.unit();
  }
}

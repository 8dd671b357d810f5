import { limits } from '../base/limits.ts';
import type { Random } from '../base/random.ts';

/** A random delay whose bound doubles with every refusal (protocol §4), so that two proposers do not meet for ever. */
export class Backoff {
  #boundMs = 0;
  #hurried = 0;
  #retries = 0;

  reset(): void {
    this.#boundMs = 0;
    this.#hurried = 0;
    this.#retries = 0;
  }

  /**
   * How far ahead of the wall clock the next ballot is to be: the more, the more often this proposer was refused. So one that
   * is nearer to the nodes and writes all the time does not stay ahead for ever.
   */
  get aheadUs(): number {
    return Math.min(this.#retries * limits.ballotAheadUs, limits.ballotAheadMaxUs);
  }

  /**
   * Whether the next try may go at once, which a few may: what became of a refused COMMIT can be told only until
   * limits.lineageLength others were written over it.
   */
  mayHurry(): boolean {
    this.#retries++;
    this.#hurried++;
    return this.#hurried <= limits.hurriedRetries;
  }

  /** `inDoubt`: the fate of a refused COMMIT is still open, so a long wait would leave it so. */
  nextMs(random: Random, inDoubt = false): number {
    this.#retries++;
    const mostMs = inDoubt ? limits.retryInDoubtMaxMs : limits.retryBackoffMaxMs;
    this.#boundMs = Math.min(mostMs, Math.max(limits.retryBackoffMs, this.#boundMs * 2));
    return this.#boundMs * random.unit();
  }
}

import { limits } from '../base/limits.ts';
import type { RangeSwept } from './sweep-range.ts';

/** Of the newest range in the shares. */
const WEIGHT = 0.1;

/** How much a sweep finds to do, and how long it may take over a range for that. */
export class SweepPace {
  /** Of the records seen lately, the part that was to be killed or purged. */
  dueShare = 0;
  /** Likewise what differed, or will soon be to be purged. */
  #differingShare = 0;
  /** Records of this node's share of the shards: those of the last pass, and of this one so far. */
  #lastRecords = 0;
  #records = 0;

  note({ records, due, waiting, differing }: RangeSwept): void {
    const seen = Math.max(1, records);
    this.dueShare += (Math.min(1, due / seen) - this.dueShare) * WEIGHT;
    this.#differingShare += (Math.min(1, (differing + waiting) / seen) - this.#differingShare) * WEIGHT;
    this.#records += records;
  }

  passEnded(): void {
    this.#lastRecords = this.#records;
    this.#records = 0;
  }

  /** A range of so many records may take so long: with next to nothing to do, clients need the time more. */
  calmMs(records: number): number {
    if (this.dueShare + this.#differingShare > limits.sweepCalmShare) return 0;
    const known = Math.max(this.#lastRecords, this.#records);
    const perSecond = Math.max(limits.sweepCalmRecordsPerSecond, (known * 1000) / limits.sweepCalmPassMs);
    return (records * 1000) / perSecond;
  }
}

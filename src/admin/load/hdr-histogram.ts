/** Below this every microsecond has its own counter; above, each octave has half as many: 3 significant digits. */
const LINEAR = 2_048;
const LINEAR_BITS = 11;
const PER_OCTAVE = LINEAR / 2;
/** One hour; what took longer is counted as this. */
export const HISTOGRAM_MAX_US = 3_600_000_000;
/** Values that stand for one long one; where there would be more, each counts for several. */
const CORRECTIONS_MAX = 100_000;

function bucketOf(us: number): number {
  if (us < LINEAR) return us;
  const shift = 32 - Math.clz32(us) - LINEAR_BITS;
  return shift * PER_OCTAVE + (us >>> shift);
}

function lowestIn(bucket: number): number {
  if (bucket < LINEAR) return bucket;
  const shift = Math.floor(bucket / PER_OCTAVE) - 1;
  return ((bucket % PER_OCTAVE) + PER_OCTAVE) * 2 ** shift;
}

function highestIn(bucket: number): number {
  if (bucket < LINEAR) return bucket;
  return lowestIn(bucket) + 2 ** (Math.floor(bucket / PER_OCTAVE) - 1) - 1;
}

const BUCKETS = bucketOf(HISTOGRAM_MAX_US) + 1;

/**
 * A histogram in the manner of HdrHistogram: microseconds from 0 to an hour, each kept to within a thousandth, in 180 KB
 * whatever is recorded. Unlike node:perf_hooks' it shows its counters, which merging and `corrected` need.
 */
export class HdrHistogram {
  readonly #counts = new Float64Array(BUCKETS);
  #count = 0;
  #maxUs = 0;
  #sumUs = 0;

  get count(): number {
    return this.#count;
  }

  /** 0 when empty; exact. */
  get maxUs(): number {
    return this.#maxUs;
  }

  /** 0 when empty. */
  get meanUs(): number {
    return this.#count === 0 ? 0 : this.#sumUs / this.#count;
  }

  /** 0 when empty. */
  get minUs(): number {
    const first = this.#counts.findIndex((count) => count > 0);
    return first < 0 ? 0 : Math.min(lowestIn(first), this.#maxUs);
  }

  /** `us` may have a fraction. */
  record(us: number, count = 1): void {
    const value = us >= HISTOGRAM_MAX_US ? HISTOGRAM_MAX_US : us > 0 ? Math.round(us) : 0;
    const bucket = bucketOf(value);
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + count;
    this.#count += count;
    this.#sumUs += value * count;
    if (value > this.#maxUs) this.#maxUs = value;
  }

  add(other: HdrHistogram): void {
    if (other.#count === 0) return;
    const from = other.#counts;
    for (let i = 0; i < BUCKETS; i++) {
      const count = from[i] ?? 0;
      if (count > 0) this.#counts[i] = (this.#counts[i] ?? 0) + count;
    }
    this.#count += other.#count;
    this.#sumUs += other.#sumUs;
    if (other.#maxUs > this.#maxUs) this.#maxUs = other.#maxUs;
  }

  reset(): void {
    if (this.#count === 0) return;
    this.#counts.fill(0);
    this.#count = 0;
    this.#maxUs = 0;
    this.#sumUs = 0;
  }

  /** Microseconds that `percentile` (0 to 100) of the values did not exceed; 0 when empty. */
  percentileUs(percentile: number): number {
    return this.percentilesUs([percentile])[0] ?? 0;
  }

  /** The same for several, in ascending order, in one pass. */
  percentilesUs(ascending: readonly number[]): number[] {
    const found: number[] = [];
    let bucket = -1;
    let seen = 0;
    for (const percentile of ascending) {
      // Without the small part, 99.9 % of 1000 would be 999.0000000000001 of them.
      const wanted = Math.min(this.#count, Math.max(1, Math.ceil((percentile / 100) * this.#count - 1e-6)));
      while (seen < wanted && bucket < BUCKETS - 1) {
        bucket++;
        seen += this.#counts[bucket] ?? 0;
      }
      found.push(this.#count === 0 ? 0 : Math.min(highestIn(bucket), this.#maxUs));
    }
    return found;
  }

  /**
   * As if a request had been due every `intervalUs` while one that took longer kept its connection: a value v stands for
   * itself and for v - interval, v - 2 x interval and so on, down to the interval. HdrHistogram's correction for coordinated
   * omission.
   */
  corrected(intervalUs: number): HdrHistogram {
    const result = new HdrHistogram();
    result.add(this);
    if (!(intervalUs > 0)) return result;
    for (let bucket = bucketOf(Math.min(HISTOGRAM_MAX_US, Math.floor(intervalUs))); bucket < BUCKETS; bucket++) {
      const count = this.#counts[bucket] ?? 0;
      if (count === 0) continue;
      const value = Math.min(highestIn(bucket), this.#maxUs);
      const missing = Math.floor(value / intervalUs) - 1;
      const stride = Math.ceil(missing / CORRECTIONS_MAX);
      for (let i = 1; i <= missing; i += stride) {
        result.record(value - i * intervalUs, count * Math.min(stride, missing - i + 1));
      }
    }
    return result;
  }

  /** The counters that are not 0: the highest value that each stands for, and how many. */
  counters(): { readonly us: number; readonly count: number }[] {
    const found: { us: number; count: number }[] = [];
    this.#counts.forEach((count, bucket) => {
      if (count > 0) found.push({ us: Math.min(highestIn(bucket), this.#maxUs), count });
    });
    return found;
  }
}

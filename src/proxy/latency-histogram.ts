/** Counters per octave: values are kept to within 1/128, as Redis's histograms with two significant digits. */
const SUB_BUCKETS = 128;
const SUB_BUCKET_BITS = 7;
/** Redis clamps a duration to one second. */
const MAX_NS = 1_000_000_000;
const MIN_NS = 1;

function bucketOf(ns: number): number {
  if (ns < 2 * SUB_BUCKETS) return ns;
  const shift = 31 - Math.clz32(ns) - SUB_BUCKET_BITS;
  return shift * SUB_BUCKETS + (ns >>> shift);
}

/** The largest value that is counted in `bucket`. */
function highestIn(bucket: number): number {
  if (bucket < 2 * SUB_BUCKETS) return bucket;
  const shift = Math.floor(bucket / SUB_BUCKETS) - 1;
  const base = (bucket % SUB_BUCKETS) + SUB_BUCKETS;
  return (base + 1) * 2 ** shift - 1;
}

/** A histogram as one process sends it to another. */
export interface HistogramFigures {
  /** Of the buckets that are not empty. */
  readonly buckets: readonly (readonly [bucket: number, count: number])[];
  readonly sumUs: number;
}

/** Durations of one command, counted in buckets that grow with the value. About 12 KB. */
export class LatencyHistogram {
  readonly #counts = new Float64Array(bucketOf(MAX_NS) + 1);
  #total = 0;
  #sumUs = 0;

  /** Microseconds of all durations together. */
  get sumUs(): number {
    return this.#sumUs;
  }

  get count(): number {
    return this.#total;
  }

  /** `calls` took `durationUs` each, which may have a fraction. */
  record(durationUs: number, calls = 1): void {
    const ns = Math.min(MAX_NS, Math.max(MIN_NS, Math.round(durationUs * 1000)));
    const bucket = bucketOf(ns);
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + calls;
    this.#total += calls;
    this.#sumUs += durationUs * calls;
  }

  /** How many took at most so many microseconds, for each of the bounds, which rise; to within 1/128 of a bound. */
  atMost(boundsUs: readonly number[]): number[] {
    let seen = 0;
    let bucket = 0;
    return boundsUs.map((boundUs) => {
      const last = bucketOf(Math.min(MAX_NS, Math.round(boundUs * 1000)));
      for (; bucket <= last; bucket++) seen += this.#counts[bucket] ?? 0;
      return seen;
    });
  }

  /** Microseconds that `percentile` (0-100) of the commands did not exceed; 0 when nothing was recorded. */
  percentileUs(percentile: number): number {
    if (this.#total === 0) return 0;
    const wanted = Math.max(1, Math.floor((percentile / 100) * this.#total + 0.5));
    let seen = 0;
    for (let bucket = 0; bucket < this.#counts.length; bucket++) {
      seen += this.#counts[bucket] ?? 0;
      if (seen >= wanted) return highestIn(bucket) / 1000;
    }
    return MAX_NS / 1000;
  }

  /**
   * LATENCY HISTOGRAM's pairs: [microseconds, how many took at most so long], for powers of two from 1.024 us up to
   * the one that covers everything; pairs that add nothing to the one before are left out, as Redis does.
   */
  cumulative(): readonly (readonly [number, number])[] {
    const pairs: [number, number][] = [];
    let seen = 0;
    let bucket = 0;
    let before = 0;
    for (let ns = 1024; seen < this.#total; ns *= 2) {
      const beyond = ns > MAX_NS;
      const last = beyond ? this.#counts.length - 1 : bucketOf(ns);
      for (; bucket <= last; bucket++) seen += this.#counts[bucket] ?? 0;
      // Redis prints the end of the bucket, except for the bound that lies beyond its longest duration.
      if (seen > before) pairs.push([Math.floor((beyond ? ns : highestIn(last)) / 1000), seen]);
      before = seen;
    }
    return pairs;
  }

  figures(): HistogramFigures {
    const buckets: [number, number][] = [];
    for (let bucket = 0; bucket < this.#counts.length; bucket++) {
      const count = this.#counts[bucket] ?? 0;
      if (count > 0) buckets.push([bucket, count]);
    }
    return { buckets, sumUs: this.#sumUs };
  }

  /** Counts what another histogram has counted. */
  add({ buckets, sumUs }: HistogramFigures): void {
    for (const [bucket, count] of buckets) {
      this.#counts[bucket] = (this.#counts[bucket] ?? 0) + count;
      this.#total += count;
    }
    this.#sumUs += sumUs;
  }

  reset(): void {
    this.#counts.fill(0);
    this.#total = 0;
    this.#sumUs = 0;
  }
}

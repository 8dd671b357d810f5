/** One measured run. Latencies are of one request, or of one batch where requests are pipelined. */
export interface Figures {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Requests that were answered with an error. */
  readonly errors: number;
}

/** Several runs of the same thing. */
export interface Summary {
  readonly runs: number;
  readonly perSecond: number;
  readonly least: number;
  readonly most: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly errors: number;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle];
  if (upper === undefined) throw new Error('the median of nothing');
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? upper)) / 2;
}

/** Medians; least and most of the rates; all errors. */
export function summarise(figures: readonly Figures[]): Summary {
  const rates = figures.map(({ perSecond }) => perSecond);
  return {
    runs: figures.length,
    perSecond: median(rates),
    least: Math.min(...rates),
    most: Math.max(...rates),
    p50Ms: median(figures.map(({ p50Ms }) => p50Ms)),
    p99Ms: median(figures.map(({ p99Ms }) => p99Ms)),
    errors: figures.reduce((sum, { errors }) => sum + errors, 0),
  };
}

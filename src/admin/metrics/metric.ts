import type { Snapshot } from './snapshot.ts';

export type Labels = Readonly<Record<string, string | number>>;

/** One value of a counter or a gauge. */
export interface Sample {
  readonly labels: Labels;
  readonly value: number;
}

/** One histogram; `atMost` has as many counts as the metric has buckets, each of all that took at most so long. */
export interface HistogramSample {
  readonly labels: Labels;
  readonly atMost: readonly number[];
  readonly count: number;
  readonly sum: number;
}

interface Described {
  readonly name: string;
  /** One sentence for /metrics and docs/metrics.md. */
  readonly help: string;
  readonly labels: readonly string[];
}

export interface PlainMetric extends Described {
  readonly type: 'counter' | 'gauge';
  collect(seen: Snapshot): Iterable<Sample>;
}

export interface HistogramMetric extends Described {
  readonly type: 'histogram';
  /** Upper bounds, rising, without +Inf. */
  readonly buckets: readonly number[];
  collect(seen: Snapshot): Iterable<HistogramSample>;
}

/** One row of the table that registers metrics and that docs/metrics.md is made from. */
export type Metric = PlainMetric | HistogramMetric;

/** Metrics that belong together in docs/metrics.md. */
export interface MetricGroup {
  readonly title: string;
  readonly intro: string;
  readonly metrics: readonly Metric[];
}

export function sample(value: number, labels: Labels = {}): Sample {
  return { labels, value };
}

/** A metric of one value, without labels; null: nothing to tell. */
export function single(
  type: PlainMetric['type'],
  name: string,
  help: string,
  value: (seen: Snapshot) => number | null,
): PlainMetric {
  return {
    type,
    name,
    help,
    labels: [],
    collect(seen) {
      const told = value(seen);
      return told === null ? [] : [sample(told)];
    },
  };
}

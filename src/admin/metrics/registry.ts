import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { HistogramMetric, HistogramSample, Labels, MetricGroup, PlainMetric, Sample } from './metric.ts';
import type { Snapshot } from './snapshot.ts';

/** A line of the text format, as prom-client prints it. */
interface Line {
  readonly metricName: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

/** Prints counts that were made elsewhere: prom-client's own histogram wants to see each value. */
class CountedHistogram extends Histogram {
  readonly #row: HistogramMetric;
  readonly #samples: () => readonly HistogramSample[];

  constructor(row: HistogramMetric, samples: () => readonly HistogramSample[]) {
    super({ name: row.name, help: row.help, labelNames: [...row.labels], registers: [] });
    this.#row = row;
    this.#samples = samples;
  }

  /** What the registry prints. */
  async getForPromString(): Promise<object> {
    const { name, help, type } = this.#row;
    return { name, help, type, values: this.#samples().flatMap((sample) => this.#lines(sample)) };
  }

  #lines({ labels, atMost, count, sum }: HistogramSample): Line[] {
    const { name, buckets } = this.#row;
    const bucket = (le: number | string, value: number): Line => ({
      metricName: `${name}_bucket`,
      labels: { ...labels, le },
      value,
    });
    return [
      ...buckets.map((le, index) => bucket(le, atMost[index] ?? 0)),
      bucket('+Inf', count),
      { metricName: `${name}_sum`, labels, value: sum },
      { metricName: `${name}_count`, labels, value: count },
    ];
  }
}

/** Prints snapshots in Prometheus's text format. One at a time. */
export class MetricsPrinter {
  readonly #registry = new Registry();
  readonly #plain = new Map<PlainMetric, readonly Sample[]>();
  readonly #histograms = new Map<HistogramMetric, readonly HistogramSample[]>();

  /** `labels`: of every sample. */
  constructor(groups: readonly MetricGroup[], labels: Labels = {}) {
    this.#registry.setDefaultLabels({ ...labels });
    for (const { metrics } of groups) {
      for (const row of metrics) {
        if (row.type === 'histogram') this.#addHistogram(row);
        else this.#addPlain(row);
      }
    }
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  print(seen: Snapshot): Promise<string> {
    // Gathered in one go: nothing happens in between.
    for (const row of this.#plain.keys()) this.#plain.set(row, [...row.collect(seen)]);
    for (const row of this.#histograms.keys()) this.#histograms.set(row, [...row.collect(seen)]);
    return this.#registry.metrics();
  }

  #addHistogram(row: HistogramMetric): void {
    this.#histograms.set(row, []);
    this.#registry.registerMetric(new CountedHistogram(row, () => this.#histograms.get(row) ?? []));
  }

  #addPlain(row: PlainMetric): void {
    this.#plain.set(row, []);
    const samples = (): readonly Sample[] => this.#plain.get(row) ?? [];
    const configuration = { name: row.name, help: row.help, labelNames: [...row.labels], registers: [this.#registry] };
    if (row.type === 'counter') {
      new Counter({
        ...configuration,
        collect() {
          this.reset();
          // Without labels prom-client prints 0 where nothing was told.
          this.remove({});
          for (const { labels, value } of samples()) this.inc({ ...labels }, value);
        },
      });
    } else {
      new Gauge({
        ...configuration,
        collect() {
          this.reset();
          this.remove({});
          for (const { labels, value } of samples()) this.set({ ...labels }, value);
        },
      });
    }
  }
}

import type { Clock } from '../../base/clock.ts';
import { EventLoopLag } from './event-loop-lag.ts';
import type { Labels } from './metric.ts';
import { metricGroups } from './metric-table.ts';
import type { Observed } from './observed.ts';
import { MetricsPrinter } from './registry.ts';
import { type ProcessFacts, takeSnapshot } from './snapshot.ts';

/** Prints the metrics of this process. */
export class MetricsSource {
  readonly #lag = new EventLoopLag();
  readonly #printer: MetricsPrinter;
  readonly #observed: Observed;
  readonly #facts: ProcessFacts;
  readonly #clock: Clock;
  #printing: Promise<string> | null = null;

  /** `labels`: of every sample. */
  constructor(observed: Observed, facts: ProcessFacts, clock: Clock, labels: Labels = {}) {
    this.#printer = new MetricsPrinter(metricGroups, labels);
    this.#observed = observed;
    this.#facts = facts;
    this.#clock = clock;
  }

  get contentType(): string {
    return this.#printer.contentType;
  }

  /** From now on the event loop is watched. */
  start(): void {
    this.#lag.start();
  }

  stop(): void {
    this.#lag.stop();
  }

  /** In Prometheus's text format. Whoever asks meanwhile gets the same. */
  print(): Promise<string> {
    this.#printing ??= this.#print().finally(() => {
      this.#printing = null;
    });
    return this.#printing;
  }

  async #print(): Promise<string> {
    return this.#printer.print(await takeSnapshot(this.#observed, this.#facts, this.#lag.take(), this.#clock));
  }
}

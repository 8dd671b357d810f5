import { monitorEventLoopDelay } from 'node:perf_hooks';
import { limits } from '../../base/limits.ts';

/** How late the event loop was with what was due, seconds. */
export interface LagFigures {
  readonly medianS: number;
  readonly p99S: number;
  readonly maxS: number;
}

export const NO_LAG: LagFigures = { medianS: 0, p99S: 0, maxS: 0 };

/** Watches the event loop by a timer of the runtime's own. */
export class EventLoopLag {
  readonly #histogram = monitorEventLoopDelay({ resolution: limits.metricsLagSampleMs });
  #last: LagFigures = NO_LAG;

  start(): void {
    this.#histogram.enable();
  }

  stop(): void {
    this.#histogram.disable();
  }

  /** Since the last call. Where nothing was measured since, what was told then. */
  take(): LagFigures {
    const histogram = this.#histogram;
    if (histogram.count === 0) return this.#last;
    this.#last = {
      medianS: lagS(histogram.percentile(50)),
      p99S: lagS(histogram.percentile(99)),
      maxS: lagS(histogram.max),
    };
    histogram.reset();
    return this.#last;
  }
}

/** The histogram has the time from one sample to the next, nanoseconds. */
function lagS(intervalNs: number): number {
  return Math.max(0, intervalNs / 1e9 - limits.metricsLagSampleMs / 1000);
}

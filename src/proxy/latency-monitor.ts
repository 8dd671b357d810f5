import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import { type HistogramFigures, LatencyHistogram } from './latency-histogram.ts';
import type { RuntimeConfig } from './runtime-config.ts';

/** The worst latency of one event within one second. */
export interface LatencySample {
  readonly unixSeconds: number;
  readonly latencyMs: number;
}

/** The samples of one event, oldest first, and the worst of all time. */
export interface LatencyEvent {
  readonly name: string;
  readonly samples: readonly LatencySample[];
  readonly maxMs: number;
}

/** What a monitor knows, as one process sends it to another. */
export interface LatencyFigures {
  readonly events: readonly LatencyEvent[];
  /** By command. */
  readonly histograms: readonly (readonly [string, HistogramFigures])[];
}

interface EventSeries {
  samples: { unixSeconds: number; latencyMs: number }[];
  maxMs: number;
}

/** Redis's latency monitor (LATENCY) and the histograms per command (LATENCY HISTOGRAM, INFO latencystats). */
export class LatencyMonitor {
  readonly #clock: Clock;
  readonly #config: RuntimeConfig;
  readonly #events = new Map<string, EventSeries>();
  readonly #histograms = new Map<string, LatencyHistogram>();

  constructor(clock: Clock, config: RuntimeConfig) {
    this.#clock = clock;
    this.#config = config;
  }

  /** Keeps a sample if the monitor is on and `latencyMs` reaches latency-monitor-threshold. */
  record(event: string, latencyMs: number): void {
    const threshold = this.#config.latencyMonitorThresholdMs;
    if (threshold === 0 || latencyMs < threshold) return;
    this.#keep(event, Math.floor(latencyMs));
  }

  /**
   * Call for every finished command: its histogram, and the event `command` or `fast-command` as Redis names them;
   * `calls` of them at a time where they took equally long.
   */
  recordCommand(name: string, durationUs: number, fast: boolean, calls = 1): void {
    const threshold = this.#config.latencyMonitorThresholdMs;
    if (threshold !== 0 && durationUs >= threshold * 1000) {
      this.#keep(fast ? 'fast-command' : 'command', Math.floor(durationUs / 1000));
    }
    if (!this.#config.latencyTracking) return;
    let histogram = this.#histograms.get(name);
    if (histogram === undefined) {
      histogram = new LatencyHistogram();
      this.#histograms.set(name, histogram);
    }
    histogram.record(durationUs, calls);
  }

  #keep(event: string, latencyMs: number): void {
    let series = this.#events.get(event);
    if (series === undefined) {
      if (this.#events.size >= limits.latencyEvents) return;
      series = { samples: [], maxMs: 0 };
      this.#events.set(event, series);
    }
    series.maxMs = Math.max(series.maxMs, latencyMs);
    const unixSeconds = Math.floor(this.#clock.wallMs() / 1000);
    const last = series.samples.at(-1);
    if (last !== undefined && last.unixSeconds === unixSeconds) {
      last.latencyMs = Math.max(last.latencyMs, latencyMs);
      return;
    }
    series.samples.push({ unixSeconds, latencyMs });
    if (series.samples.length > limits.latencySamplesPerEvent) series.samples.shift();
  }

  /** All events that have samples. */
  events(): readonly LatencyEvent[] {
    return [...this.#events].map(([name, series]) => ({ name, samples: series.samples, maxMs: series.maxMs }));
  }

  event(name: string): LatencyEvent | null {
    const series = this.#events.get(name);
    return series === undefined ? null : { name, samples: series.samples, maxMs: series.maxMs };
  }

  /** LATENCY RESET: forgets these events, or all when none is named. Returns how many there were. */
  reset(names: readonly string[]): number {
    if (names.length === 0) {
      const count = this.#events.size;
      this.#events.clear();
      return count;
    }
    let count = 0;
    for (const name of names) if (this.#events.delete(name)) count++;
    return count;
  }

  /** Durations by command name, in the order of first use. */
  histograms(): ReadonlyMap<string, LatencyHistogram> {
    return this.#histograms;
  }

  /** Without the histograms where they are not wanted: they are large. */
  figures(withHistograms: boolean): LatencyFigures {
    const histograms = withHistograms
      ? Array.from(this.#histograms, ([name, all]) => [name, all.figures()] as const)
      : [];
    return { events: this.events(), histograms };
  }

  /** Takes in what another monitor knows. */
  add({ events, histograms }: LatencyFigures): void {
    for (const { name, samples, maxMs } of events) {
      const series = this.#events.get(name) ?? { samples: [], maxMs: 0 };
      series.samples = mergedSamples(series.samples, samples);
      series.maxMs = Math.max(series.maxMs, maxMs);
      this.#events.set(name, series);
    }
    for (const [name, figures] of histograms) {
      const histogram = this.#histograms.get(name) ?? new LatencyHistogram();
      histogram.add(figures);
      this.#histograms.set(name, histogram);
    }
  }

  /** CONFIG RESETSTAT. */
  resetHistograms(): void {
    this.#histograms.clear();
  }
}

/** The worst of each second, the latest of them. */
function mergedSamples(one: readonly LatencySample[], other: readonly LatencySample[]): EventSeries['samples'] {
  const worst = new Map<number, number>();
  for (const { unixSeconds, latencyMs } of [...one, ...other]) {
    worst.set(unixSeconds, Math.max(latencyMs, worst.get(unixSeconds) ?? 0));
  }
  const merged = Array.from(worst, ([unixSeconds, latencyMs]) => ({ unixSeconds, latencyMs }));
  return merged.sort((a, b) => a.unixSeconds - b.unixSeconds).slice(-limits.latencySamplesPerEvent);
}

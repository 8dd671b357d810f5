import { HdrHistogram } from './hdr-histogram.ts';
import type { LoadPlan } from './load-plan.ts';
import { addErrors, type ErrorCount, type OperationFigures } from './measurements.ts';
import type { SeriesPoint } from './time-series.ts';
import type { EndReason, Traffic } from './traffic.ts';

/** Microseconds. */
export interface Latency {
  readonly min: number;
  readonly mean: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly p9999: number;
  readonly p99999: number;
  readonly max: number;
}

export interface PercentilePoint {
  /** 0 to 100. */
  readonly percentile: number;
  readonly us: number;
}

/** One kind of operation, or all of them together. */
export interface OperationResult {
  readonly name: string;
  /** Requests of the measured part, whatever became of them. */
  readonly count: number;
  /** Answers without an error in the measured time, per second. */
  readonly ratePerS: number;
  readonly errorCount: number;
  /** By the first word of the error. */
  readonly errors: Readonly<Record<string, Readonly<ErrorCount>>>;
  /** Nil answers. */
  readonly misses: number;
  /** Closed loop: from sending; open loop: from when the request was due. */
  readonly latencyUs: Latency;
  /** Closed loop: as if the next request had been due after the expected interval; null for an open loop. */
  readonly correctedLatencyUs: Latency | null;
  /** Of `latencyUs`, towards 100 ever closer to one another. */
  readonly percentiles: readonly PercentilePoint[];
  readonly correctedPercentiles: readonly PercentilePoint[] | null;
  /** The histogram itself: pairs of microseconds and how many took about so long. */
  readonly histogram: readonly (readonly [number, number])[];
}

/** How the generator itself did: whether the figures are the servers' or its own. */
export interface GeneratorResult {
  /** Part of one core that this process used while it measured. */
  readonly cpuShare: number;
  /** Open loop: from when requests were due until they were sent. */
  readonly sendLagUs: { readonly p50: number; readonly p99: number; readonly max: number } | null;
  /** Open loop: how often as many requests were under way as may be. */
  readonly blocked: number;
  readonly reconnects: number;
}

/** All that a run has found. */
export interface LoadResults {
  readonly endReason: EndReason;
  readonly measuredS: number;
  /** Closed loop: microseconds between two requests in one place of a pipeline; null for an open loop. */
  readonly expectedIntervalUs: number | null;
  /** In the order of the mix, then `all` where there is more than one. */
  readonly operations: readonly OperationResult[];
  readonly seriesIntervalS: number;
  readonly series: readonly SeriesPoint[];
  readonly generator: GeneratorResult;
}

export const ALL_OPERATIONS = 'all';
const PERCENTILES = [50, 90, 99, 99.9, 99.99, 99.999];
/** Of a curve: up to 99.999, with so many points for each further nine. */
const CURVE_NINES = 5;
const POINTS_PER_NINE = 20;
const MEDIAN = 50;

export function resultsOf(plan: LoadPlan, traffic: Traffic): LoadResults {
  const { measurements, openLoop } = traffic;
  const measuredMs = measurements.measuredMs;
  const kinds = measurements.operations.filter(({ latency }) => latency.count > 0);
  const figures = kinds.length > 1 ? [...kinds, together(kinds)] : kinds;
  const all = figures.at(-1)?.latency;
  const expectedIntervalUs =
    openLoop === null ? (plan.expectedIntervalUs ?? Math.max(1, all?.percentileUs(MEDIAN) ?? 1)) : null;
  const lag = openLoop?.lag.percentilesUs([MEDIAN, 99]);
  return {
    endReason: traffic.endReason,
    measuredS: measuredMs / 1_000,
    expectedIntervalUs,
    operations: figures.map((one) => operationResult(one, measuredMs, expectedIntervalUs)),
    seriesIntervalS: measurements.series.intervalS,
    series: measurements.series.points,
    generator: {
      cpuShare: traffic.generatorMs > 0 ? traffic.generatorCpuMs / traffic.generatorMs : 0,
      sendLagUs: lag === undefined ? null : { p50: lag[0] ?? 0, p99: lag[1] ?? 0, max: openLoop?.lag.maxUs ?? 0 },
      blocked: openLoop?.blocked ?? 0,
      reconnects: traffic.reconnects,
    },
  };
}

/** The kinds of error, the most frequent first. */
export function errorsByCount(errors: OperationResult['errors']): (readonly [string, Readonly<ErrorCount>])[] {
  return Object.entries(errors).sort(([, a], [, b]) => b.count - a.count);
}

function together(kinds: readonly OperationFigures[]): OperationFigures {
  const latency = new HdrHistogram();
  const errors = new Map<string, ErrorCount>();
  for (const kind of kinds) {
    latency.add(kind.latency);
    for (const [word, errorCount] of kind.errors) addErrors(errors, word, errorCount);
  }
  const sum = (of: (kind: OperationFigures) => number): number => kinds.reduce((total, kind) => total + of(kind), 0);
  return {
    name: ALL_OPERATIONS,
    latency,
    errors,
    answered: sum(({ answered }) => answered),
    misses: sum(({ misses }) => misses),
  };
}

function operationResult(
  figures: OperationFigures,
  measuredMs: number,
  expectedIntervalUs: number | null,
): OperationResult {
  const { latency } = figures;
  const corrected = expectedIntervalUs === null ? null : latency.corrected(expectedIntervalUs);
  return {
    name: figures.name,
    count: latency.count,
    ratePerS: measuredMs > 0 ? figures.answered / (measuredMs / 1_000) : 0,
    errorCount: [...figures.errors.values()].reduce((total, { count }) => total + count, 0),
    errors: Object.fromEntries(figures.errors),
    misses: figures.misses,
    latencyUs: latencyOf(latency),
    correctedLatencyUs: corrected === null ? null : latencyOf(corrected),
    percentiles: curveOf(latency),
    correctedPercentiles: corrected === null ? null : curveOf(corrected),
    histogram: latency.counters().map(({ us, count }) => [us, count] as const),
  };
}

function latencyOf(histogram: HdrHistogram): Latency {
  const [p50 = 0, p90 = 0, p99 = 0, p999 = 0, p9999 = 0, p99999 = 0] = histogram.percentilesUs(PERCENTILES);
  const { minUs: min, meanUs: mean, maxUs: max } = histogram;
  return { min, mean: Math.round(mean * 10) / 10, p50, p90, p99, p999, p9999, p99999, max };
}

/** Up to where at least one value lies beyond, then the maximum as 100. */
function curveOf(histogram: HdrHistogram): PercentilePoint[] {
  const percentiles: number[] = [];
  for (let i = 0; i <= CURVE_NINES * POINTS_PER_NINE; i++) {
    const beyond = 10 ** (-i / POINTS_PER_NINE);
    if (beyond * histogram.count < 1) break;
    percentiles.push(Number((100 * (1 - beyond)).toFixed(6)));
  }
  const values = histogram.percentilesUs(percentiles);
  const points = percentiles.map((percentile, i) => ({ percentile, us: values[i] ?? 0 }));
  return [...points, { percentile: 100, us: histogram.maxUs }];
}

import { limits } from '../../base/limits.ts';
import { HdrHistogram } from './hdr-histogram.ts';
import type { ReplyKind } from './reply-framer.ts';
import { type Phase, TimeSeries } from './time-series.ts';

/** `lost`: there will be no answer. */
export type Outcome = ReplyKind | 'lost';

/** Errors of one kind. */
export interface ErrorCount {
  count: number;
  /** The whole text of the first one; '' for what is no server's error. */
  readonly example: string;
}

/** What was measured of one kind of operation. */
export interface OperationFigures {
  readonly name: string;
  /** Every request of the measured part, whatever became of it. */
  readonly latency: HdrHistogram;
  /** By the first word of the error. */
  readonly errors: Map<string, ErrorCount>;
  /** Answers without an error, within the measured time. */
  answered: number;
  /** Nil where a value was asked for. */
  misses: number;
}

/** When the parts of a run begin; on the monotonic clock. */
export interface RunTimes {
  readonly startMs: number;
  readonly rampEndMs: number;
  readonly measureStartMs: number;
  readonly endMs: number;
}

const OTHER_ERRORS = 'OTHER';

/** Takes what became of each request. Memory does not grow with their number. */
export class Measurements {
  readonly operations: readonly OperationFigures[];
  readonly series: TimeSeries;
  readonly times: RunTimes;
  /** Errors of all phases, for the progress display. */
  errorCount = 0;
  /** Answers after this do not count for the rate. */
  #windowEndMs = Number.POSITIVE_INFINITY;

  constructor(names: readonly string[], times: RunTimes) {
    this.times = times;
    this.operations = names.map((name) => ({
      name,
      latency: new HdrHistogram(),
      errors: new Map<string, ErrorCount>(),
      answered: 0,
      misses: 0,
    }));
    const longestMs = times.endMs - times.startMs + limits.loadDrainMs;
    this.series = new TimeSeries(times.startMs, longestMs, limits.loadSeriesPoints, (ms) => this.#phaseAt(ms));
  }

  /** `startMs`: when the request began, or in an open loop was due. */
  record(operation: number, startMs: number, nowMs: number, outcome: Outcome, errorText: string): void {
    const latencyUs = (nowMs - startMs) * 1_000;
    const isError = outcome === 'error' || outcome === 'lost';
    if (isError) this.errorCount++;
    this.series.record(nowMs, latencyUs, isError);
    const figures = this.operations[operation];
    if (figures === undefined) return;
    const { measureStartMs } = this.times;
    if (!isError && nowMs >= measureStartMs && nowMs <= this.#windowEndMs) figures.answered++;
    if (startMs < measureStartMs) return;
    figures.latency.record(latencyUs);
    if (outcome === 'nil') figures.misses++;
    if (isError) countError(figures.errors, errorText);
  }

  /** Requests that were due in the measured part and have not been sent: `count` of them, the first `waitedMs` ago. */
  recordUnsent(operation: number, waitedMs: number, count: number): void {
    const figures = this.operations[operation];
    if (figures === undefined) return;
    this.errorCount += count;
    figures.latency.record(waitedMs * 1_000, count);
    addErrors(figures.errors, 'UNSENT', { count, example: '' });
  }

  endWindow(atMs: number): void {
    this.#windowEndMs = atMs;
  }

  /** Length of the measured part; 0 if it did not come to that. Call it after `endWindow`. */
  get measuredMs(): number {
    return Math.max(0, this.#windowEndMs - this.times.measureStartMs);
  }

  #phaseAt(ms: number): Phase {
    if (ms < this.times.rampEndMs) return 'ramp';
    if (ms < this.times.measureStartMs) return 'warm-up';
    return ms < Math.min(this.times.endMs, this.#windowEndMs) ? 'measured' : 'drain';
  }
}

/** `-WRONGTYPE Operation ...` counts as WRONGTYPE. */
function countError(errors: Map<string, ErrorCount>, text: string): void {
  const end = text.indexOf(' ');
  const word = (end < 0 ? text : text.slice(0, end)).slice(0, limits.loadErrorWordChars) || OTHER_ERRORS;
  addErrors(errors, word, { count: 1, example: end < 0 ? '' : text });
}

/** Kinds beyond the bound become one. */
export function addErrors(errors: Map<string, ErrorCount>, word: string, more: ErrorCount): void {
  const kept = errors.has(word) || errors.size < limits.loadErrorWords ? word : OTHER_ERRORS;
  const known = errors.get(kept);
  if (known === undefined) errors.set(kept, { ...more });
  else known.count += more.count;
}

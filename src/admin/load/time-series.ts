import { HdrHistogram } from './hdr-histogram.ts';

export type Phase = 'ramp' | 'warm-up' | 'measured' | 'drain';

/** One interval, by when the answers came. */
export interface SeriesPoint {
  /** End of the interval, seconds from the start of the run. */
  readonly atS: number;
  /** Where its middle lies. */
  readonly phase: Phase;
  readonly answered: number;
  readonly errors: number;
  /** Null where nothing was answered. */
  readonly p50Us: number | null;
  readonly p99Us: number | null;
  readonly maxUs: number | null;
}

/** What the last whole second was like, for the progress display. */
export interface LastSecond {
  readonly ratePerS: number;
  readonly p99Us: number | null;
}

const SECOND_MS = 1_000;

/** Throughput and latency over time, in at most `maxPoints` intervals of whole seconds each. */
export class TimeSeries {
  readonly points: SeriesPoint[] = [];
  readonly intervalS: number;
  lastSecond: LastSecond = { ratePerS: 0, p99Us: null };
  readonly #startMs: number;
  readonly #maxPoints: number;
  readonly #phaseAt: (ms: number) => Phase;
  readonly #second = new HdrHistogram();
  readonly #interval = new HdrHistogram();
  #secondsDone = 0;
  #errors = 0;

  /** `longestMs`: how long the run can be. `phaseAt` gets the same kind of time as `startMs`. */
  constructor(startMs: number, longestMs: number, maxPoints: number, phaseAt: (ms: number) => Phase) {
    this.#startMs = startMs;
    this.#maxPoints = maxPoints;
    this.#phaseAt = phaseAt;
    this.intervalS = Math.max(1, Math.ceil(longestMs / SECOND_MS / maxPoints));
  }

  record(nowMs: number, latencyUs: number, isError: boolean): void {
    if (nowMs - this.#startMs >= (this.#secondsDone + 1) * SECOND_MS) this.advance(nowMs);
    this.#second.record(latencyUs);
    if (isError) this.#errors++;
  }

  /** Closes the seconds that are over. */
  advance(nowMs: number): void {
    while (nowMs - this.#startMs >= (this.#secondsDone + 1) * SECOND_MS) this.#closeSecond();
  }

  /** Closes the last, shorter second too, if something came in it. */
  end(nowMs: number): void {
    this.advance(nowMs);
    if (this.#second.count === 0 && this.#interval.count === 0) return;
    this.#closeSecond();
    if (this.#secondsDone % this.intervalS !== 0) this.#closeInterval();
  }

  #closeSecond(): void {
    const { count } = this.#second;
    this.lastSecond = { ratePerS: count, p99Us: count === 0 ? null : this.#second.percentileUs(99) };
    this.#secondsDone++;
    this.#interval.add(this.#second);
    this.#second.reset();
    if (this.#secondsDone % this.intervalS === 0) this.#closeInterval();
  }

  #closeInterval(): void {
    const histogram = this.#interval;
    const [p50Us = null, p99Us = null] = histogram.count === 0 ? [] : histogram.percentilesUs([50, 99]);
    const middleMs = this.#startMs + (this.#secondsDone - this.intervalS / 2) * SECOND_MS;
    if (this.points.length < this.#maxPoints) {
      this.points.push({
        atS: this.#secondsDone,
        phase: this.#phaseAt(middleMs),
        answered: histogram.count - this.#errors,
        errors: this.#errors,
        p50Us,
        p99Us,
        maxUs: histogram.count === 0 ? null : histogram.maxUs,
      });
    }
    histogram.reset();
    this.#errors = 0;
  }
}

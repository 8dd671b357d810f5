import type { Clock, Timer } from '../../base/clock.ts';
import { limits } from '../../base/limits.ts';
import type { LoadTimes } from './load-plan.ts';
import { countText, millisecondsText } from './number-text.ts';
import type { Traffic } from './traffic.ts';

/** What a run does at a moment. */
export type Progress =
  | { readonly kind: 'connect'; readonly done: number }
  | { readonly kind: 'preload'; readonly done: number; readonly keys: number }
  | { readonly kind: 'traffic'; readonly traffic: Traffic; readonly times: LoadTimes };

/** Where the display goes. */
export interface ProgressOutput {
  /** Draws the last line anew, '' for none; null where standard error is no terminal. */
  readonly redraw: ((line: string) => void) | null;
  /** A line of its own. */
  complain(line: string): void;
}

/** One line that is drawn anew on a terminal; else a line every few seconds. */
export class ProgressDisplay {
  readonly #clock: Clock;
  readonly #output: ProgressOutput;
  readonly #look: () => Progress;
  #timer: Timer | null = null;
  #shownMs: number;

  constructor(clock: Clock, output: ProgressOutput, look: () => Progress) {
    this.#clock = clock;
    this.#output = output;
    this.#look = look;
    this.#shownMs = clock.monotonicMs();
    this.#tick();
  }

  end(): void {
    this.#timer?.cancel();
    this.#output.redraw?.('');
  }

  #tick(): void {
    this.#timer = this.#clock.after(limits.loadStatusLineMs, () => {
      const nowMs = this.#clock.monotonicMs();
      const { redraw } = this.#output;
      if (redraw !== null) redraw(progressLine(this.#look(), nowMs));
      else if (nowMs - this.#shownMs >= limits.loadProgressMs) {
        this.#shownMs += limits.loadProgressMs;
        this.#output.complain(progressLine(this.#look(), nowMs));
      }
      this.#tick();
    });
  }
}

export function progressLine(progress: Progress, nowMs: number): string {
  switch (progress.kind) {
    case 'connect':
      return `connecting: ${progress.done} connections`;
    case 'preload': {
      const percent = Math.floor((100 * progress.done) / progress.keys);
      return `preloading: ${countText(progress.done)} of ${countText(progress.keys)} keys (${percent} %)`;
    }
    case 'traffic':
      return trafficLine(progress.traffic, progress.times, nowMs);
  }
}

function trafficLine({ measurements }: Traffic, times: LoadTimes, nowMs: number): string {
  const { startMs, rampEndMs, measureStartMs, endMs } = measurements.times;
  const { lastSecond } = measurements.series;
  const phase =
    nowMs < rampEndMs ? 'ramp' : nowMs < measureStartMs ? 'warm-up' : nowMs < endMs ? 'measuring' : 'last answers';
  const elapsedS = Math.floor((nowMs - startMs) / 1_000);
  const of = times.requests > 0 ? '' : ` of ${Math.ceil((endMs - startMs) / 1_000)}`;
  const p99 = lastSecond.p99Us === null ? '-' : `${millisecondsText(lastSecond.p99Us)} ms`;
  return `${phase}: ${elapsedS}${of} s, ${countText(lastSecond.ratePerS)}/s, p99 ${p99}, ${countText(measurements.errorCount)} errors`;
}

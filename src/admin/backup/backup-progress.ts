import { limits } from '../../base/limits.ts';
import type { System } from '../system.ts';

const BAR_CHARS = 24;
/** Sooner than this, what is left cannot be guessed. */
const GUESS_AFTER_MS = 1_000;

/** Where progress is shown. */
export type ProgressHost = Pick<System, 'clock' | 'redraw' | 'complain'>;

/** A bar with the share done, what is left of the time, and a text; drawn anew on a terminal, else a line now and then. */
export class BackupProgress {
  readonly #system: ProgressHost;
  readonly #verb: string;
  readonly #startedMs: number;
  #first = -1;
  #drawnMs = Number.NEGATIVE_INFINITY;
  #writtenMs: number;

  constructor(system: ProgressHost, verb: string) {
    this.#system = system;
    this.#verb = verb;
    this.#startedMs = system.clock.monotonicMs();
    this.#writtenMs = this.#startedMs;
  }

  /** `share` of the whole, 0 to 1. Cheap: nothing is drawn more often than a person can see. */
  show(share: number, text: string): void {
    const { clock, redraw } = this.#system;
    const nowMs = clock.monotonicMs();
    // What an interrupted try had done says nothing of the speed of this one.
    if (this.#first < 0) this.#first = share;
    if (redraw !== null && nowMs - this.#drawnMs >= limits.loadStatusLineMs) {
      this.#drawnMs = nowMs;
      redraw(this.#line(share, text, nowMs));
    } else if (redraw === null && nowMs - this.#writtenMs >= limits.loadProgressMs) {
      this.#writtenMs = nowMs;
      this.#system.complain(this.#line(share, text, nowMs));
    }
  }

  end(): void {
    this.#system.redraw?.('');
  }

  #line(share: number, text: string, nowMs: number): string {
    const filled = Math.round(Math.min(1, share) * BAR_CHARS);
    const bar = `${'#'.repeat(filled)}${'.'.repeat(BAR_CHARS - filled)}`;
    const percent = (100 * Math.min(1, share)).toFixed(1);
    return `${this.#verb} [${bar}] ${percent} %, ${text}${this.#left(share, nowMs - this.#startedMs)}`;
  }

  #left(share: number, passedMs: number): string {
    const done = share - Math.max(0, this.#first);
    if (passedMs < GUESS_AFTER_MS || done <= 0 || share >= 1) return '';
    return `, ${durationText((passedMs / done) * (1 - share))} left`;
  }
}

/** `3 s`, `2 min 5 s`, `1 h 20 min`. */
export function durationText(ms: number): string {
  const seconds = Math.ceil(ms / 1_000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** `12.3 MB` */
export function bytesText(bytes: number): string {
  if (bytes < 1e6) return `${(bytes / 1e3).toFixed(1)} kB`;
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`;
}

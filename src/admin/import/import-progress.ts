import { limits } from '../../base/limits.ts';
import { bytesText, durationText, type ProgressHost } from '../backup/backup-progress.ts';

/** The rate that is told is that of so long. */
const WINDOW_MS = 5_000;

interface Sample {
  readonly atMs: number;
  readonly keys: number;
  readonly bytes: number | null;
}

/** What an import shows of itself while it goes on: a line that is drawn anew on a terminal, else one now and then. */
export class ImportProgress {
  readonly #system: ProgressHost;
  #samples: Sample[] = [];
  #what = '';
  #drawnMs = Number.NEGATIVE_INFINITY;
  #writtenMs: number;

  constructor(system: ProgressHost) {
    this.#system = system;
    this.#writtenMs = system.clock.monotonicMs();
  }

  /** `share` of the whole that is done, 0 to 1; null where that is not known, as `bytes` where none go. Cheap. */
  show(what: string, keys: number, bytes: number | null, share: number | null, more = ''): void {
    const { clock, redraw } = this.#system;
    const nowMs = clock.monotonicMs();
    const isDue =
      redraw === null
        ? nowMs - this.#writtenMs >= limits.loadProgressMs
        : nowMs - this.#drawnMs >= limits.loadStatusLineMs;
    if (!isDue) return;
    // What went before has a rate of its own.
    if (what !== this.#what) this.#samples = [];
    this.#what = what;
    this.#samples.push({ atMs: nowMs, keys, bytes });
    while (this.#samples.length > 2 && nowMs - (this.#samples[0]?.atMs ?? 0) > WINDOW_MS) this.#samples.shift();
    const line = this.#line(what, { atMs: nowMs, keys, bytes }, share, more);
    if (redraw !== null) {
      this.#drawnMs = nowMs;
      redraw(line);
    } else {
      this.#writtenMs = nowMs;
      this.#system.complain(line);
    }
  }

  end(): void {
    this.#system.redraw?.('');
  }

  #line(what: string, now: Sample, share: number | null, more: string): string {
    const first = this.#samples[0] ?? now;
    const seconds = Math.max(0.001, (now.atMs - first.atMs) / 1_000);
    const rate = Math.round((now.keys - first.keys) / seconds);
    const bytesRate = Math.max(0, (now.bytes ?? 0) - (first.bytes ?? 0)) / seconds;
    const bytesSpeed = now.bytes === null ? '' : ` and ${bytesText(bytesRate)}`;
    const speed = now.atMs === first.atMs ? '' : `, ${rate} keys${bytesSpeed} a second`;
    const bytes = now.bytes === null ? '' : `, ${bytesText(now.bytes)}`;
    const done = share === null ? '' : `, ${(100 * Math.min(1, share)).toFixed(1)} %`;
    return `${what}: ${now.keys} keys${bytes}${done}${speed}${this.#left(share, now, first)}${more}`;
  }

  #left(share: number | null, now: Sample, first: Sample): string {
    if (share === null || share <= 0 || share >= 1 || now.keys <= first.keys) return '';
    const leftKeys = (now.keys / share) * (1 - share);
    return `, ${durationText((leftKeys * (now.atMs - first.atMs)) / (now.keys - first.keys))} left`;
  }
}

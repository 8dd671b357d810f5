import type { Clock } from '../../base/clock.ts';
import { pause } from './backup-link.ts';

/** Calls under way, bounded by their number, their bytes and the bytes a second. */
export class CallWindow {
  readonly #clock: Clock;
  readonly #maxCalls: number;
  readonly #maxBytes: number;
  readonly #bytesPerSecond: number;
  readonly #startedMs: number;
  #calls = 0;
  #bytes = 0;
  #sentBytes = 0;
  #failure: unknown = null;
  #changed: (() => void) | null = null;

  /** `bytesPerSecond` 0: no bound. */
  constructor(clock: Clock, maxCalls: number, maxBytes: number, bytesPerSecond: number) {
    this.#clock = clock;
    this.#maxCalls = maxCalls;
    this.#maxBytes = maxBytes;
    this.#bytesPerSecond = bytesPerSecond;
    this.#startedMs = clock.monotonicMs();
  }

  /** Begins a call when there is room for it; throws what an earlier one failed with. A call larger than the bound goes alone. */
  async start(bytes: number, call: () => Promise<void>): Promise<void> {
    await this.#until(
      () => this.#calls < this.#maxCalls && (this.#calls === 0 || this.#bytes + bytes <= this.#maxBytes),
    );
    if (this.#bytesPerSecond > 0) {
      const dueMs = this.#startedMs + (this.#sentBytes / this.#bytesPerSecond) * 1_000;
      const waitMs = dueMs - this.#clock.monotonicMs();
      if (waitMs > 0) await pause(this.#clock, waitMs);
    }
    this.#calls++;
    this.#bytes += bytes;
    this.#sentBytes += bytes;
    const end = (): void => {
      this.#calls--;
      this.#bytes -= bytes;
      this.#changed?.();
    };
    call().then(end, (error: unknown) => {
      this.#failure ??= error;
      end();
    });
  }

  /** All calls have ended; throws what the first one failed with. */
  async drained(): Promise<void> {
    while (this.#calls > 0) await this.#change();
    if (this.#failure !== null) throw this.#failure;
  }

  async #until(isRoom: () => boolean): Promise<void> {
    while (this.#failure === null && !isRoom()) await this.#change();
    if (this.#failure !== null) throw this.#failure;
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#changed = resolve;
    });
  }
}

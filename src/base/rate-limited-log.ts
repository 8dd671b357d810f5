import type { Clock } from './clock.ts';
import { limits } from './limits.ts';
import type { Log } from './log.ts';

type Level = 'info' | 'warn' | 'error';

/** Lines of one message within the window that began with the first of them. */
interface Window {
  readonly startedMs: number;
  written: number;
  dropped: number;
}

/**
 * A log in which no message comes more than limits.logLinesPerWindow times in limits.logWindowMs: whatever repeats itself is
 * counted, and said once when the window ends. Debug lines are left alone: who asks for them wants all of them.
 */
export class RateLimitedLog implements Log {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #windows = new Map<string, Window>();

  constructor(log: Log, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  debug(fields: object, message: string): void {
    this.#log.debug(fields, message);
  }

  info(fields: object, message: string): void {
    if (this.#admits('info', message)) this.#log.info(fields, message);
  }

  warn(fields: object, message: string): void {
    if (this.#admits('warn', message)) this.#log.warn(fields, message);
  }

  error(fields: object, message: string): void {
    if (this.#admits('error', message)) this.#log.error(fields, message);
  }

  #admits(level: Level, message: string): boolean {
    const nowMs = this.#clock.monotonicMs();
    let window = this.#windows.get(message);
    if (window === undefined || nowMs - window.startedMs >= limits.logWindowMs) {
      if (window !== undefined) this.#end(level, message, window);
      // Messages are constants of the code; should some not be, the oldest are forgotten.
      if (this.#windows.size >= limits.logMessages) this.#forgetOldest();
      window = { startedMs: nowMs, written: 0, dropped: 0 };
      this.#windows.set(message, window);
    }
    if (window.written < limits.logLinesPerWindow) {
      window.written++;
      return true;
    }
    window.dropped++;
    if (window.dropped === 1) this.#endLater(level, message, window);
    return false;
  }

  /** At the end of the window, if the same message does not come before. */
  #endLater(level: Level, message: string, window: Window): void {
    this.#clock.after(limits.logWindowMs - (this.#clock.monotonicMs() - window.startedMs), () => {
      if (this.#windows.get(message) === window) this.#end(level, message, window);
    });
  }

  #end(level: Level, message: string, window: Window): void {
    this.#windows.delete(message);
    if (window.dropped > 0) this.#log[level]({ message, lines: window.dropped }, 'further lines were left out');
  }

  #forgetOldest(): void {
    for (const message of this.#windows.keys()) {
      this.#windows.delete(message);
      return;
    }
  }
}

import type { Clock, Timer } from './clock.ts';
import { limits } from './limits.ts';

const NO_FUNCTIONS: (() => void)[] = [];

/** The machine's clocks and timers. The only file that may call Date.now, performance.now, setTimeout and setImmediate. */
export class SystemClock implements Clock {
  #turnQueue: (() => void)[] = NO_FUNCTIONS;
  readonly #runTurn = (): void => {
    // Functions added while running belong to the same flush, so that a request answered in process costs no extra turn. But a
    // pipeline of commands that run one after the other must not keep everybody else from being read, or accepted.
    const untilMs = performance.now() + limits.turnMs;
    while (this.#turnQueue.length > 0) {
      if (performance.now() >= untilMs) {
        setImmediate(this.#runTurn);
        return;
      }
      const queue = this.#turnQueue;
      this.#turnQueue = [];
      for (const fn of queue) fn();
    }
    this.#turnQueue = NO_FUNCTIONS;
  };

  wallUs(): number {
    return Date.now() * 1000;
  }

  wallMs(): number {
    return Date.now();
  }

  monotonicMs(): number {
    return performance.now();
  }

  after(delayMs: number, fn: () => void): Timer {
    const handle = setTimeout(fn, delayMs);
    handle.unref();
    return { cancel: () => clearTimeout(handle) };
  }

  /** Keeps the process alive until cancelled; timers of `after` do not. For main.ts only. */
  holdProcess(): Timer {
    const handle = setInterval(() => {}, 2 ** 30);
    return { cancel: () => clearInterval(handle) };
  }

  /** Calls `fn` once, in the next turn of the event loop, without sleeping before it. For the load generator only. */
  soon(fn: () => void): void {
    setImmediate(fn);
  }

  endOfTurn(fn: () => void): void {
    if (this.#turnQueue === NO_FUNCTIONS) {
      this.#turnQueue = [];
      setImmediate(this.#runTurn);
    }
    this.#turnQueue.push(fn);
  }
}

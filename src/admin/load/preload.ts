import type { Clock, Timer } from '../../base/clock.ts';
import { limits } from '../../base/limits.ts';
import type { ConnectionOwner, LoadConnection } from './load-connection.ts';
import type { Outcome } from './measurements.ts';
import type { Workload } from './workload.ts';

export interface PreloadOptions {
  readonly keys: number;
  /** Requests of one connection under way at once. */
  readonly depth: number;
}

/** Errors after which a write may be sent again: writing the same key twice does no harm here. */
const PASSING = /^(BUSY|UNAVAILABLE|UNCERTAIN|TRYAGAIN|LOADING|CLUSTERDOWN)\b/;

/** Writes every key once, over all connections. */
export class Preload implements ConnectionOwner {
  done = 0;
  readonly #connections: readonly LoadConnection[];
  readonly #workload: Workload;
  readonly #options: PreloadOptions;
  readonly #clock: Clock;
  /** The first key that has not been sent. */
  #nextKey = 0;
  #key = 0;
  /** Keys to be sent again: never more than were under way. */
  readonly #again: number[] = [];
  #retries = 0;
  #retryTimer: Timer | null = null;
  #doneBefore = 0;
  #watchTimer: Timer | null = null;
  #finish: ((problem: string | null) => void) | null = null;

  /** `workload` makes SETs of the keys that it is given a source of. */
  constructor(
    connections: readonly LoadConnection[],
    workload: (nextKey: () => number) => Workload,
    options: PreloadOptions,
    clock: Clock,
  ) {
    this.#connections = connections;
    this.#workload = workload(() => this.#key);
    this.#options = options;
    this.#clock = clock;
  }

  /** Resolves to null when all keys are written, else to the first problem; then nothing more is sent. */
  run(): Promise<string | null> {
    return new Promise((resolve) => {
      this.#finish = resolve;
      for (const connection of this.#connections) connection.owner = this;
      this.#watch();
      this.#fillAll();
    });
  }

  stop(): void {
    this.#end('stopped while preloading');
  }

  /** A connection keeps the key where others keep the time of the start. */
  replied(_operation: number, key: number, _nowMs: number, outcome: Outcome, errorText: string): void {
    if (outcome === 'error') this.#failed(key, errorText);
    else if (outcome !== 'lost') this.done++;
    if (this.done === this.#options.keys) this.#end(null);
  }

  turned(connection: LoadConnection): void {
    const { keys, depth } = this.#options;
    // Half a pipeline at a time, so that writes to the socket are few.
    if (this.#retryTimer !== null || connection.outstanding > depth / 2) return;
    while (this.#finish !== null && connection.outstanding < depth) {
      const again = this.#again.pop();
      if (again === undefined && this.#nextKey === keys) break;
      this.#key = again ?? this.#nextKey++;
      connection.add(this.#workload.next(connection.buffer), this.#key);
    }
    connection.flush();
  }

  ended(_connection: LoadConnection, problem: string): void {
    this.#end(`a connection was lost while preloading: ${problem}`);
  }

  #fillAll(): void {
    for (const connection of this.#connections) this.turned(connection);
  }

  #failed(key: number, errorText: string): void {
    if (!PASSING.test(errorText) || this.#retries === limits.loadPreloadRetries) {
      this.#end(`preloading was answered: ${errorText}`);
      return;
    }
    this.#retries++;
    this.#again.push(key);
    this.#retryTimer ??= this.#clock.after(limits.loadPreloadRetryMs, () => {
      this.#retryTimer = null;
      this.#fillAll();
    });
  }

  /** Gives up when nothing at all is answered any more. */
  #watch(): void {
    this.#watchTimer = this.#clock.after(limits.loadUnreachableMs, () => {
      if (this.done === this.#doneBefore) return this.#end('preloading: the servers do not answer any more');
      this.#doneBefore = this.done;
      this.#watch();
    });
  }

  #end(problem: string | null): void {
    const finish = this.#finish;
    this.#finish = null;
    this.#watchTimer?.cancel();
    this.#retryTimer?.cancel();
    finish?.(problem);
  }
}

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

/** Writes every key once, over all connections. */
export class Preload implements ConnectionOwner {
  done = 0;
  readonly #connections: readonly LoadConnection[];
  /** SETs of one key after the other. */
  readonly #workload: Workload;
  readonly #options: PreloadOptions;
  readonly #clock: Clock;
  #sent = 0;
  #doneBefore = 0;
  #watchTimer: Timer | null = null;
  #finish: ((problem: string | null) => void) | null = null;

  constructor(connections: readonly LoadConnection[], workload: Workload, options: PreloadOptions, clock: Clock) {
    this.#connections = connections;
    this.#workload = workload;
    this.#options = options;
    this.#clock = clock;
  }

  /** Resolves to null when all keys are written, else to the first problem; then nothing more is sent. */
  run(): Promise<string | null> {
    return new Promise((resolve) => {
      this.#finish = resolve;
      for (const connection of this.#connections) connection.owner = this;
      this.#watch();
      for (const connection of this.#connections) this.turned(connection);
    });
  }

  stop(): void {
    this.#end('stopped while preloading');
  }

  replied(_operation: number, _startMs: number, _nowMs: number, outcome: Outcome, errorText: string): void {
    if (outcome === 'error') this.#end(`preloading was answered: ${errorText}`);
    else if (outcome !== 'lost') this.done++;
    if (this.done === this.#options.keys) this.#end(null);
  }

  turned(connection: LoadConnection): void {
    const { keys, depth } = this.#options;
    // Half a pipeline at a time, so that writes to the socket are few.
    if (connection.outstanding > depth / 2) return;
    while (this.#finish !== null && this.#sent < keys && connection.outstanding < depth) {
      connection.add(this.#workload.next(connection.buffer), 0);
      this.#sent++;
    }
    connection.flush();
  }

  ended(_connection: LoadConnection, problem: string): void {
    this.#end(`a connection was lost while preloading: ${problem}`);
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
    finish?.(problem);
  }
}

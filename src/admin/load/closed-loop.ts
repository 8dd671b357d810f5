import type { Clock } from '../../base/clock.ts';
import type { LoadConnection } from './load-connection.ts';
import type { PacedRun, Pacer } from './pacer.ts';

export interface ClosedLoopOptions {
  readonly depth: number;
  /** Connections begin one after the other over this time. */
  readonly rampMs: number;
}

/** Each connection always has `depth` requests under way: the next one begins when one is answered. */
export class ClosedLoop implements Pacer {
  readonly #run: PacedRun;
  readonly #connections: readonly LoadConnection[];
  readonly #options: ClosedLoopOptions;
  readonly #clock: Clock;
  /** Connections below this index have begun. */
  #begun = 0;

  constructor(run: PacedRun, connections: readonly LoadConnection[], options: ClosedLoopOptions, clock: Clock) {
    this.#run = run;
    this.#connections = connections;
    this.#options = options;
    this.#clock = clock;
  }

  begin(startMs: number): void {
    this.#beginMore(startMs);
  }

  reconnected(connection: LoadConnection): void {
    if (connection.index < this.#begun) this.#fill(connection, this.#clock.monotonicMs());
  }

  turned(connection: LoadConnection, nowMs: number): void {
    this.#fill(connection, nowMs);
  }

  lastCall(): void {}

  sendingOver(): void {
    this.#begun = this.#connections.length;
  }

  #beginMore(startMs: number): void {
    const total = this.#connections.length;
    const nowMs = this.#clock.monotonicMs();
    const { rampMs } = this.#options;
    const wanted = rampMs === 0 ? total : Math.min(total, 1 + Math.floor(((nowMs - startMs) / rampMs) * total));
    while (this.#begun < wanted) {
      const connection = this.#connections[this.#begun++];
      if (connection?.isReady === true) this.#fill(connection, this.#clock.monotonicMs());
    }
    if (this.#begun < total) this.#clock.after(Math.max(1, rampMs / total), () => this.#beginMore(startMs));
  }

  #fill(connection: LoadConnection, nowMs: number): void {
    const { depth } = this.#options;
    while (connection.outstanding < depth && this.#run.maySend(nowMs)) this.#run.send(connection, nowMs);
    connection.flush();
  }
}

import type { Clock } from '../../base/clock.ts';
import { limits } from '../../base/limits.ts';
import type { Random } from '../../base/random.ts';
import { type ArrivalOptions, ArrivalTimes } from './arrival-times.ts';
import { HdrHistogram } from './hdr-histogram.ts';
import type { LoadConnection } from './load-connection.ts';
import type { PacedRun, Pacer } from './pacer.ts';

export interface OpenLoopOptions extends ArrivalOptions {
  /** Requests that one connection may have under way. */
  readonly depth: number;
  /** Wait without sleeping. */
  readonly spin: boolean;
}

export interface OpenLoopParts {
  readonly clock: Clock;
  readonly random: Random;
  /** Calls `fn` once, after what has arrived was handled. */
  readonly soon: (fn: () => void) => void;
}

/** A timer fires up to so much late. */
const TIMER_SLACK_MS = 2;

/**
 * Requests begin when they are due, whatever the answers do. Where all connections have as many under way as they may, what
 * is due waits, and its time of beginning stays what it was: nothing is omitted, and nothing but the next time is remembered.
 */
export class OpenLoop implements Pacer {
  /** From the time that a request was due until it was sent, microseconds. */
  readonly lag = new HdrHistogram();
  /** How often no connection could take the request that was due. */
  blocked = 0;
  readonly #run: PacedRun;
  readonly #connections: readonly LoadConnection[];
  readonly #options: OpenLoopOptions;
  readonly #parts: OpenLoopParts;
  readonly #arrivals: ArrivalTimes;
  readonly #pumpLater = (): void => {
    this.#isWaiting = false;
    this.#pump();
  };
  #startMs = 0;
  #dueMs = 0;
  #cursor = 0;
  #isBlocked = false;
  #isWaiting = false;
  #isOver = false;

  constructor(run: PacedRun, connections: readonly LoadConnection[], options: OpenLoopOptions, parts: OpenLoopParts) {
    this.#run = run;
    this.#connections = connections;
    this.#options = options;
    this.#parts = parts;
    this.#arrivals = new ArrivalTimes(options, parts.random);
  }

  begin(startMs: number): void {
    this.#startMs = startMs;
    this.#dueMs = this.#startMs + this.#arrivals.next();
    this.#pump();
  }

  reconnected(connection: LoadConnection): void {
    this.turned(connection);
  }

  turned(connection: LoadConnection): void {
    if (!this.#isBlocked || this.#isOver) return;
    this.#cursor = connection.index;
    this.#isBlocked = false;
    if (!this.#isWaiting) this.#pump();
  }

  lastCall(): void {
    while (!this.#isBlocked && this.#sendDue() > 0);
  }

  sendingOver(): void {
    this.#isOver = true;
  }

  /**
   * What was due from `measureStartMs` to `endMs` and has not been sent, as at most `maxPoints` points in time with the
   * number of requests that each stands for.
   */
  unsent(
    measureStartMs: number,
    endMs: number,
    maxPoints: number,
  ): { readonly dueMs: number; readonly count: number }[] {
    const fromMs = Math.max(this.#dueMs, measureStartMs);
    if (fromMs >= endMs) return [];
    const start = this.#startMs;
    const total = Math.max(1, Math.round(this.#arrivals.expectedBetween(fromMs - start, endMs - start)));
    const points = Math.min(total, maxPoints);
    const stepMs = (endMs - fromMs) / points;
    return Array.from({ length: points }, (_, i) => ({
      dueMs: fromMs + i * stepMs,
      count: Math.floor(((i + 1) * total) / points) - Math.floor((i * total) / points),
    }));
  }

  /** Sends what is due and comes back when the next one is. */
  #pump(): void {
    if (this.#isOver) return;
    this.#sendDue();
    if (this.#isBlocked || !this.#run.maySend(this.#dueMs)) return;
    const { clock, soon } = this.#parts;
    this.#isWaiting = true;
    const waitMs = this.#dueMs - clock.monotonicMs();
    if (waitMs > TIMER_SLACK_MS) clock.after(Math.floor(waitMs - TIMER_SLACK_MS + 1), this.#pumpLater);
    else if (this.#options.spin || waitMs <= 0) soon(this.#pumpLater);
    else clock.after(1, this.#pumpLater);
  }

  /** Sends what is due by now, up to a bound; returns how many that were. */
  #sendDue(): number {
    const nowMs = this.#parts.clock.monotonicMs();
    const first = this.#cursor;
    let sent = 0;
    while (this.#dueMs <= nowMs && sent < limits.loadRequestsPerTurn && this.#run.maySend(this.#dueMs)) {
      const connection = this.#nextConnection();
      if (connection === null) {
        this.#isBlocked = true;
        this.blocked++;
        break;
      }
      this.lag.record((nowMs - this.#dueMs) * 1_000);
      this.#run.send(connection, this.#dueMs);
      this.#dueMs = this.#startMs + this.#arrivals.next();
      sent++;
    }
    if (sent > 0) this.#flush(first, sent);
    return sent;
  }

  #nextConnection(): LoadConnection | null {
    const { length } = this.#connections;
    for (let tried = 0; tried < length; tried++) {
      const connection = this.#connections[this.#cursor % length];
      this.#cursor = (this.#cursor + 1) % length;
      if (connection?.isReady === true && connection.outstanding < this.#options.depth) return connection;
    }
    return null;
  }

  #flush(first: number, sent: number): void {
    const { length } = this.#connections;
    if (sent >= length) {
      for (const connection of this.#connections) connection.flush();
      return;
    }
    for (let at = first; ; at = (at + 1) % length) {
      this.#connections[at]?.flush();
      if (at === (this.#cursor + length - 1) % length) return;
    }
  }
}

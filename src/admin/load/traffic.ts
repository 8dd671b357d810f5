import type { Clock, Timer } from '../../base/clock.ts';
import { limits } from '../../base/limits.ts';
import type { Random } from '../../base/random.ts';
import { ClosedLoop } from './closed-loop.ts';
import type { ConnectionOwner, LoadConnection } from './load-connection.ts';
import type { LoadPlan } from './load-plan.ts';
import { Measurements, type Outcome } from './measurements.ts';
import { OpenLoop } from './open-loop.ts';
import type { PacedRun, Pacer } from './pacer.ts';
import type { Workload } from './workload.ts';

/** Why the sending ended: `unreachable`: no connection for `limits.loadUnreachableMs`. */
export type EndReason = 'duration' | 'requests' | 'signal' | 'unreachable';

export interface TrafficParts {
  readonly clock: Clock;
  /** Of the times between requests. */
  readonly random: Random;
  /** Calls `fn` once, after what has arrived was handled. */
  readonly soon: (fn: () => void) => void;
  /** Processor time that this process has used. */
  readonly cpuMs: () => number;
}

/** Points in time that stand for requests which were due and never sent. */
const UNSENT_POINTS = 10_000;
const WATCH_MS = 250;

/** The run itself, from the ramp to the last answer; connections are open before and after. */
export class Traffic implements ConnectionOwner, PacedRun {
  readonly measurements: Measurements;
  readonly openLoop: OpenLoop | null;
  /** Connections that were lost and opened again. */
  reconnects = 0;
  endReason: EndReason = 'duration';
  /** Processor time of this process while it measured, and how long that was. */
  generatorCpuMs = 0;
  generatorMs = 0;
  readonly #plan: LoadPlan;
  readonly #connections: readonly LoadConnection[];
  readonly #workload: Workload;
  readonly #parts: TrafficParts;
  readonly #pacer: Pacer;
  #isSending = false;
  #isDone = false;
  #outstanding = 0;
  #measuredSent = 0;
  #lastReachableMs = 0;
  #cpuStartMs: number | null = null;
  #drainTimer: Timer | null = null;
  #finish: () => void = () => {};

  constructor(plan: LoadPlan, connections: readonly LoadConnection[], workload: Workload, parts: TrafficParts) {
    this.#plan = plan;
    this.#connections = connections;
    this.#workload = workload;
    this.#parts = parts;
    const { rampMs, warmupMs, durationMs } = plan.times;
    const startMs = parts.clock.monotonicMs();
    const measureStartMs = startMs + rampMs + warmupMs;
    this.measurements = new Measurements(
      plan.workload.operations.map(({ name }) => name),
      { startMs, rampEndMs: startMs + rampMs, measureStartMs, endMs: measureStartMs + durationMs },
    );
    const { rate, arrival, spin, depth } = plan;
    this.openLoop =
      rate > 0 ? new OpenLoop(this, connections, { ratePerS: rate, rampMs, arrival, spin, depth }, parts) : null;
    this.#pacer = this.openLoop ?? new ClosedLoop(this, connections, { depth, rampMs }, parts.clock);
  }

  /** Resolves when everything is answered or given up. To be called at once: the clock runs since the making. */
  run(): Promise<void> {
    return new Promise((resolve) => {
      this.#finish = resolve;
      this.#isSending = true;
      this.#lastReachableMs = this.measurements.times.startMs;
      for (const connection of this.#connections) connection.owner = this;
      this.#pacer.begin(this.measurements.times.startMs);
      this.#watch();
    });
  }

  /** Ends the sending and waits for what is under way; called again, waits no longer. */
  stop(): void {
    if (this.#isSending) this.#endSending('signal');
    else this.#done();
  }

  maySend(startMs: number): boolean {
    return this.#isSending && startMs < this.measurements.times.endMs;
  }

  send(connection: LoadConnection, startMs: number): void {
    connection.add(this.#workload.next(connection.buffer), startMs);
    this.#outstanding++;
    if (startMs < this.measurements.times.measureStartMs) return;
    this.#measuredSent++;
    if (this.#measuredSent === this.#plan.times.requests) this.#endSending('requests');
  }

  replied(operation: number, startMs: number, nowMs: number, outcome: Outcome, errorText: string): void {
    this.#outstanding--;
    this.measurements.record(operation, startMs, nowMs, outcome, errorText);
  }

  turned(connection: LoadConnection, nowMs: number): void {
    if (this.#isSending) this.#pacer.turned(connection, nowMs);
    else if (this.#outstanding === 0) this.#done();
  }

  ended(connection: LoadConnection): void {
    if (!this.#isSending) {
      if (this.#outstanding === 0) this.#done();
      return;
    }
    this.#parts.clock.after(limits.loadReconnectMs, () => void this.#reopen(connection));
  }

  async #reopen(connection: LoadConnection): Promise<void> {
    if (!this.#isSending) return;
    const problem = await connection.open();
    if (this.#isDone) connection.close();
    else if (problem !== null) this.ended(connection);
    else {
      this.reconnects++;
      if (this.#isSending) this.#pacer.reconnected(connection);
    }
  }

  /** Looks now and then whether the time is over, and whether there is anybody to talk to. */
  #watch(): void {
    if (this.#isDone) return;
    const nowMs = this.#parts.clock.monotonicMs();
    const { measureStartMs, endMs } = this.measurements.times;
    this.measurements.series.advance(nowMs);
    if (this.#cpuStartMs === null && nowMs >= measureStartMs) this.#startCpu(nowMs);
    if (this.#isSending) {
      if (this.#connections.some(({ isReady }) => isReady)) this.#lastReachableMs = nowMs;
      if (nowMs >= endMs) this.#endSending('duration');
      else if (nowMs - this.#lastReachableMs > limits.loadUnreachableMs) this.#endSending('unreachable');
    }
    if (this.#isDone) return;
    const nextMs = [measureStartMs, endMs].filter((ms) => ms > nowMs).map((ms) => Math.ceil(ms - nowMs));
    this.#parts.clock.after(Math.min(WATCH_MS, ...nextMs), () => this.#watch());
  }

  #startCpu(nowMs: number): void {
    this.#cpuStartMs = this.#parts.cpuMs();
    this.generatorMs = -nowMs;
  }

  #endSending(reason: EndReason): void {
    if (reason !== 'requests') this.#pacer.lastCall();
    // What was sent just now may have been the last of all requests.
    if (!this.#isSending) return;
    const nowMs = this.#parts.clock.monotonicMs();
    const { measureStartMs, endMs } = this.measurements.times;
    this.#isSending = false;
    this.endReason = reason;
    if (this.#cpuStartMs !== null) {
      this.generatorCpuMs = this.#parts.cpuMs() - this.#cpuStartMs;
      this.generatorMs += nowMs;
    }
    this.#pacer.sendingOver();
    // With a number of requests the measured time lasts until the last of them is answered.
    if (reason !== 'requests') {
      const windowEndMs = Math.min(nowMs, endMs);
      this.measurements.endWindow(windowEndMs);
      for (const { dueMs, count } of this.openLoop?.unsent(measureStartMs, windowEndMs, UNSENT_POINTS) ?? []) {
        this.measurements.recordUnsent(this.#workload.drawOperation(), nowMs - dueMs, count);
      }
    }
    this.#drainTimer = this.#parts.clock.after(limits.loadDrainMs, () => this.#done());
    if (this.#outstanding === 0) this.#done();
  }

  #done(): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#drainTimer?.cancel();
    const nowMs = this.#parts.clock.monotonicMs();
    for (const connection of this.#connections) connection.giveUp(nowMs, 'UNANSWERED');
    if (this.endReason === 'requests') this.measurements.endWindow(nowMs);
    this.measurements.series.end(nowMs);
    this.#finish();
  }
}

import type { Clock, Timer } from '../../base/clock.ts';
import { limits } from '../../base/limits.ts';
import type { Log } from '../../base/log.ts';
import type { Door, FromWorker, ToWorker } from './worker-messages.ts';
import type { PassedHandle, SpawnWorker, WorkerProcess } from './worker-process.ts';

/** What a seat tells of its worker. */
export interface SeatEvents {
  /** A process waits to be told how to start. */
  spawned(seat: Seat): void;
  /** It serves. `keystore`: where its keys come from. */
  ready(seat: Seat, keystore: string): void;
  /** It could not start; in words for the operator. */
  failed(seat: Seat, problem: string): void;
  /** It is no more; the seat will have another one, unless it was to stop. */
  left(seat: Seat): void;
  /** Anything else that it says. */
  message(seat: Seat, message: FromWorker): void;
}

export interface SeatParts {
  /** From 0. */
  readonly index: number;
  readonly spawn: SpawnWorker;
  readonly clock: Clock;
  readonly log: Log;
  readonly events: SeatEvents;
}

interface Pass {
  readonly door: Door;
  readonly handle: PassedHandle;
  readonly done: (result: 'passed' | 'rejected') => void;
}

/** One place among the workers of a proxy: a process, and another one soon after when it ends. */
export class Seat {
  readonly index: number;
  readonly #parts: SeatParts;
  #process: WorkerProcess | null = null;
  #isReady = false;
  #isStopping = false;
  #restartMs: number = limits.workerRestartMs;
  #timer: Timer | null = null;
  #readyAtMs = 0;
  #problem = '';
  /** Connections that it had when it told last, and that it was given since. */
  #clients = 0;
  #taken = 0;
  #givenNow = 0;
  /** Connections for it, of which the first is on its way if `#isPassing`. */
  #passes: Pass[] = [];
  #isPassing = false;
  /** To all workers that have sat here. */
  given = 0;
  /** Workers that took the place of one that ended. */
  restarts = 0;
  /** Somebody listens there with MONITOR. */
  isListening = false;
  #linesOnTheWay = 0;
  /** Lines that they did not get. */
  droppedLines = 0;

  constructor(parts: SeatParts) {
    this.index = parts.index;
    this.#parts = parts;
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  /** 0: there is none. */
  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  /** Connections that it has, as far as is known. */
  get load(): number {
    return this.#clients + this.#givenNow - this.#taken;
  }

  /** Whether it can take one more connection now. */
  get canTake(): boolean {
    return this.#isReady && this.#passes.length < limits.handoverBacklog;
  }

  start(): void {
    const { spawn, clock, log, events } = this.#parts;
    this.#clients = 0;
    this.#taken = 0;
    this.#givenNow = 0;
    this.#linesOnTheWay = 0;
    this.#problem = '';
    const started: WorkerProcess = spawn({
      message: (message) => {
        if (this.#process === started) this.#heard(message);
      },
      ended: (how) => this.#ended(how),
    });
    this.#process = started;
    this.#timer = clock.after(limits.startMs, () => {
      log.error({ worker: this.index + 1, workerPid: started.pid }, 'a worker does not start; it is ended');
      started.kill();
    });
    events.spawned(this);
  }

  send(message: ToWorker): void {
    this.#process?.send(message);
  }

  /** What MONITOR shows of other workers. */
  relay(lines: readonly string[]): void {
    if (this.#linesOnTheWay + lines.length > limits.monitorRelayLines) {
      this.droppedLines += lines.length;
      return;
    }
    const to = this.#process;
    this.#linesOnTheWay += lines.length;
    to?.send({ kind: 'lines', lines }, () => {
      if (this.#process === to) this.#linesOnTheWay -= lines.length;
    });
  }

  /**
   * Gives it a connection. `done` tells what became of the handle: `rejected` if it has certainly not got there, so that somebody
   * else may have the connection; a worker that ended on the way may have read from it.
   */
  pass(door: Door, handle: PassedHandle, done: (result: 'passed' | 'rejected') => void): void {
    this.given += 1;
    this.#givenNow += 1;
    this.#passes.push({ door, handle, done });
    this.#passNext();
  }

  /** One at a time: of those that wait it is certain that they have not got there. */
  #passNext(): void {
    const to = this.#process;
    const [pass] = this.#passes;
    if (this.#isPassing || to === null || pass === undefined) return;
    this.#isPassing = true;
    to.pass({ kind: 'connection', door: pass.door }, pass.handle, (passed) => {
      if (this.#process !== to) return;
      this.#isPassing = false;
      this.#passes.shift();
      pass.done(passed ? 'passed' : 'rejected');
      this.#passNext();
    });
  }

  #dropPasses(): void {
    const passes = this.#passes;
    const isPassing = this.#isPassing;
    this.#passes = [];
    this.#isPassing = false;
    for (const [index, { done }] of passes.entries()) done(isPassing && index === 0 ? 'passed' : 'rejected');
  }

  /** It answers what its clients have sent, and ends; there will be no other one. */
  stop(): void {
    this.#isStopping = true;
    this.#isReady = false;
    if (this.#process === null) this.#timer?.cancel();
    else this.send({ kind: 'stop' });
  }

  kill(): void {
    this.#process?.kill();
  }

  #heard(message: FromWorker): void {
    const { clock, events } = this.#parts;
    switch (message.kind) {
      case 'ready':
        this.#timer?.cancel();
        this.#isReady = !this.#isStopping;
        this.#readyAtMs = clock.monotonicMs();
        events.ready(this, message.keystore);
        break;
      case 'failed':
        this.#problem = message.problem;
        events.failed(this, message.problem);
        break;
      case 'report':
        this.#clients = message.clients;
        this.#taken = message.taken;
        events.message(this, message);
        break;
      default:
        events.message(this, message);
    }
  }

  #ended(how: string): void {
    const { clock, log, events } = this.#parts;
    const pid = this.pid;
    const wasSteady = this.#isReady && clock.monotonicMs() - this.#readyAtMs >= limits.workerSteadyMs;
    this.#process = null;
    this.#isReady = false;
    this.isListening = false;
    this.#timer?.cancel();
    this.#dropPasses();
    events.left(this);
    if (this.#isStopping) return;
    if (wasSteady) this.#restartMs = limits.workerRestartMs;
    const problem = this.#problem === '' ? {} : { problem: this.#problem };
    const waitMs = this.#restartMs;
    log.error(
      { worker: this.index + 1, workerPid: pid, how, ...problem, waitMs },
      'a worker has ended; another one takes its place',
    );
    this.#restartMs = Math.min(this.#restartMs * 2, limits.workerRestartMaxMs);
    this.#timer = clock.after(waitMs, () => {
      this.restarts += 1;
      this.start();
    });
  }
}

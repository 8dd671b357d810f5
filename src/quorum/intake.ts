import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import type { Operation } from './operation.ts';
import { StandingQueue } from './standing-queue.ts';

/** What an intake feeds: the coordinator. */
export interface IntakeTarget<R> {
  /** Operations that are under way. */
  readonly operations: number;
  submit(operation: Operation<R>): void;
  /** Answers that too much is waiting; nothing was done. */
  refuse(operation: Operation<R>): void;
  /** Called whenever an operation has ended. */
  onFinished: (() => void) | null;
}

interface Waiting<R> {
  readonly operation: Operation<R>;
  readonly arrivedMs: number;
}

/** Entries that were taken out are cut off when so many have piled up. */
const COMPACT_AT = 4_096;

/**
 * Lets so many operations at a time into the coordinator as it can do well within their deadline, which starts then; the
 * others wait here, in order. Without it a burst of deep pipelines would time out as a whole, for all are late together.
 * Whoever comes while the queue stands, waited limits.intakeWaitMs, or finds limits.queuedOperationsTotal before him, is told
 * BUSY: early, so that those who are let in are answered in time.
 */
export class Intake<R> {
  readonly #target: IntakeTarget<R>;
  readonly #clock: Clock;
  readonly #standing = new StandingQueue();
  #waiting: Waiting<R>[] = [];
  #first = 0;
  #draining = false;

  constructor(target: IntakeTarget<R>, clock: Clock) {
    this.#target = target;
    this.#clock = clock;
    target.onFinished = () => {
      if (this.waiting > 0 && !this.#draining) this.#drain();
    };
  }

  /** Operations that have not been let in yet. */
  get waiting(): number {
    return this.#waiting.length - this.#first;
  }

  submit(operation: Operation<R>): void {
    if (this.waiting === 0 && this.#target.operations < limits.operationsUnderWay) {
      this.#target.submit(operation);
      return;
    }
    const nowMs = this.#clock.monotonicMs();
    const isTooMuch = this.#standing.refuses(nowMs, this.waiting);
    if (isTooMuch || this.waiting >= limits.queuedOperationsTotal) this.#target.refuse(operation);
    else this.#waiting.push({ operation, arrivedMs: nowMs });
  }

  /** An operation may end while it is being submitted: a loop, not a recursion. */
  #drain(): void {
    this.#draining = true;
    const oldestMs = this.#clock.monotonicMs() - limits.intakeWaitMs;
    while (this.#target.operations < limits.operationsUnderWay) {
      const next = this.#waiting[this.#first];
      if (next === undefined) break;
      this.#first++;
      this.#standing.onLetIn();
      if (next.arrivedMs < oldestMs) this.#target.refuse(next.operation);
      else this.#target.submit(next.operation);
    }
    if (this.#first >= COMPACT_AT || this.waiting === 0) {
      this.#waiting = this.#waiting.slice(this.#first);
      this.#first = 0;
    }
    this.#draining = false;
  }
}

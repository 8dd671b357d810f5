import type { Clock, Timer } from '../../base/clock.ts';
import { limits } from '../../base/limits.ts';
import type { WorkerAnswer } from './worker-messages.ts';

interface Round {
  readonly answers: WorkerAnswer[];
  /** Workers that have not answered yet. */
  readonly awaited: Set<number>;
  readonly timer: Timer;
  readonly done: (answers: readonly WorkerAnswer[]) => void;
}

/** Questions that went to several workers, and what has been answered so far. */
export class QuestionDesk {
  readonly #clock: Clock;
  readonly #rounds = new Map<number, Round>();
  #lastId = 0;
  /** Answers that did not come in time, or never. */
  unanswered = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Asks `workers` by `send`. Resolves when all have answered, at the latest after limits.peerAnswerMs; what is missing by then is
   * left out and counted.
   */
  ask(workers: readonly number[], send: (worker: number, id: number) => void): Promise<readonly WorkerAnswer[]> {
    if (workers.length === 0) return Promise.resolve([]);
    if (this.#rounds.size >= limits.peerQuestions) {
      this.unanswered += workers.length;
      return Promise.resolve([]);
    }
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((done) => {
      const timer = this.#clock.after(limits.peerAnswerMs, () => this.#end(id));
      this.#rounds.set(id, { answers: [], awaited: new Set(workers), timer, done });
      for (const worker of workers) send(worker, id);
    });
  }

  /** Null: it has no answer. What comes too late is forgotten. */
  answered(worker: number, id: number, answer: WorkerAnswer | null): void {
    const round = this.#rounds.get(id);
    if (round?.awaited.delete(worker) !== true) return;
    if (answer === null) this.unanswered += 1;
    else round.answers.push(answer);
    if (round.awaited.size === 0) this.#end(id);
  }

  /** A worker that has ended answers nothing any more. */
  left(worker: number): void {
    for (const id of [...this.#rounds.keys()]) this.answered(worker, id, null);
  }

  #end(id: number): void {
    const round = this.#rounds.get(id);
    if (round === undefined) return;
    this.#rounds.delete(id);
    round.timer.cancel();
    this.unanswered += round.awaited.size;
    round.done(round.answers);
  }
}

import type { Log } from '../base/log.ts';
import type { BallotClock } from './ballot-clock.ts';

/** Of the proposer. */
export interface BrokenClockParts {
  readonly log: Log;
  /** Gives out another number for this process's ballots. */
  nextProposer(done: (proposer: number) => void): void;
}

/** What a proposer does once a quorum has found its clock far ahead: it becomes another one, once for all that hear of it. */
export class BrokenClock {
  readonly #parts: BrokenClockParts;
  readonly #ballots: BallotClock;
  readonly #whose: 'proxy' | 'node';
  #replacing = false;

  constructor(parts: BrokenClockParts, ballots: BallotClock, whose: 'proxy' | 'node') {
    this.#parts = parts;
    this.#ballots = ballots;
    this.#whose = whose;
  }

  replaceProposer(): void {
    if (this.#replacing) return;
    this.#replacing = true;
    this.#parts.log.error(
      {},
      `a quorum of nodes finds this ${this.#whose}'s clock far ahead; it starts over with its own clock`,
    );
    this.#parts.nextProposer((proposer) => {
      this.#ballots.restart(proposer);
      this.#replacing = false;
    });
  }
}

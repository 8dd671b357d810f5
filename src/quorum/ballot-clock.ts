import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import type { Ballot } from '../record/ballot.ts';

/** A hybrid logical clock that makes ballots for one proposer: never the same twice, never below one that was observed. */
export class BallotClock {
  readonly #clock: Clock;
  #proposer: number;
  #lastUs = 0;

  constructor(clock: Clock, proposer: number) {
    this.#clock = clock;
    this.#proposer = proposer;
  }

  get proposer(): number {
    return this.#proposer;
  }

  /** A ballot above all that were made or observed here, and so far ahead of the wall clock. */
  next(aheadUs = 0): Ballot {
    this.#lastUs = Math.max(this.#lastUs + 1, this.#clock.wallUs() + aheadUs);
    return { time: this.#lastUs, proposer: this.#proposer };
  }

  /**
   * Moves past a ballot or floor that one node reported. False, and unmoved, if it lies more than
   * limits.clockFollowMs above this clock: then only a quorum of reports may be followed (protocol §2).
   */
  observe(timeUs: number): boolean {
    if (timeUs <= this.#lastUs) return true;
    if (timeUs > this.#clock.wallUs() + limits.clockFollowMs * 1000) return false;
    this.follow(timeUs);
    return true;
  }

  /** Moves past a time that Q nodes reported. */
  follow(timeUs: number): void {
    if (timeUs > this.#lastUs) this.#lastUs = timeUs;
  }

  /** After this proposer's clock was found broken: a new id, starting at its own wall clock. */
  restart(proposer: number): void {
    this.#proposer = proposer;
    this.#lastUs = 0;
  }
}

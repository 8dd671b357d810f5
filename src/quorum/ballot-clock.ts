import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import type { Ballot } from '../record/ballot.ts';

/** A clock that runs ahead of the wall clock advances by one microsecond in so many. */
const SLOWED = 16;

/**
 * A hybrid logical clock that makes ballots for one proposer: never the same twice, never below one that was observed.
 *
 * Where ballots lie ahead of the wall clock (a learner's floor asks for it, protocol §8), they still move with time, slowly,
 * until the wall clock has caught up. If they only counted, whoever makes the most ballots would stay ahead of all others,
 * and a proposer that writes less could not get a word in for seconds.
 */
export class BallotClock {
  readonly #clock: Clock;
  #proposer: number;
  #lastUs = 0;
  /** Ahead of the wall clock by so much, when that showed this time. */
  #leadUs = 0;
  #leadAtUs = 0;

  constructor(clock: Clock, proposer: number) {
    this.#clock = clock;
    this.#proposer = proposer;
  }

  get proposer(): number {
    return this.#proposer;
  }

  /** A ballot above all that were made or observed here, and so far ahead of the wall clock. */
  next(aheadUs = 0): Ballot {
    const nowUs = this.#clock.wallUs();
    if (this.#lastUs > nowUs + limits.ballotAheadMaxUs / SLOWED) this.#lastUs = this.#nextAhead(nowUs, aheadUs);
    else this.#lastUs = Math.max(this.#lastUs + 1, nowUs + aheadUs);
    return { time: this.#lastUs, proposer: this.#proposer };
  }

  #nextAhead(nowUs: number, aheadUs: number): number {
    let leadUs = this.#leadUs - (Math.max(0, nowUs - this.#leadAtUs) * (SLOWED - 1)) / SLOWED;
    const slowed = leadUs > 0 ? SLOWED : 1;
    if (this.#lastUs > nowUs + Math.max(0, leadUs) + (4 * limits.ballotAheadMaxUs) / slowed) {
      // More than from jumping ahead, one's own or another's, to get a word in: that must not add up.
      leadUs = this.#lastUs - nowUs;
      this.#leadUs = leadUs;
      this.#leadAtUs = nowUs;
    }
    const aheadOfAllUs = leadUs > 0 ? leadUs + aheadUs / SLOWED : aheadUs;
    return Math.max(this.#lastUs + 1, Math.trunc(nowUs + aheadOfAllUs));
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
    this.#leadUs = 0;
  }
}

import { limits } from '../base/limits.ts';
import type { Ballot } from '../record/ballot.ts';
import type { OpenedBase } from './attempt.ts';

/** A ballot that Q nodes have promised with the last COMMIT, and the state that the COMMIT made. */
export interface Link {
  readonly ballot: Ballot;
  readonly base: OpenedBase;
  readonly untilMs: number;
}

/** Chained ballots (protocol §4): while nobody else touches a record, its next write starts at COMMIT. Monotonic times. */
export class Chain {
  lastWriteMs: number;
  #link: Link | null = null;

  constructor(lastWriteMs: number) {
    this.lastWriteMs = lastWriteMs;
  }

  get standing(): boolean {
    return this.#link !== null;
  }

  /** The link, if it has not grown too old. */
  at(nowMs: number): Link | null {
    return this.#link !== null && nowMs < this.#link.untilMs ? this.#link : null;
  }

  /** The next ballot is worth asking for only while the record is written often. */
  worthwhile(queued: number, nowMs: number): boolean {
    return queued > 0 || nowMs - this.lastWriteMs < limits.chainLifeMs;
  }

  extend(ballot: Ballot, base: OpenedBase, nowMs: number): void {
    this.#link = { ballot, base, untilMs: nowMs + limits.chainLifeMs };
  }

  drop(): void {
    this.#link = null;
  }
}

import { limits } from '../base/limits.ts';
import { type Ballot, compareBallots, maxBallot, NO_BALLOT, sameBallot } from '../record/ballot.ts';
import type { RecordId, SealedState } from '../record/state.ts';
import type { CommitRequest } from '../rpc/messages.ts';
import { type PromiseHolder, PromiseTable } from './promise-table.ts';

/** What a node holds of one record; `state` is null when absent, and then `accepted` is NO_BALLOT. */
export interface Held extends PromiseHolder {
  readonly accepted: Ballot;
  readonly state: SealedState | null;
}

/** What the rules look at in a COMMIT; without pages the base does not matter. */
export type Commit = Pick<CommitRequest, 'ballot'> & Partial<Pick<CommitRequest, 'pages' | 'baseOrigin'>>;

export type PrepareVerdict =
  | { readonly kind: 'promise' }
  | { readonly kind: 'reject'; readonly ballot: Ballot }
  | { readonly kind: 'clock' };

export type CommitVerdict =
  | { readonly kind: 'accept' }
  | { readonly kind: 'accepted-already' }
  | { readonly kind: 'stale' }
  | { readonly kind: 'reject'; readonly ballot: Ballot };

const PROMISE = { kind: 'promise' } as const;
const CLOCK = { kind: 'clock' } as const;
const ACCEPT = { kind: 'accept' } as const;
const ACCEPTED_ALREADY = { kind: 'accepted-already' } as const;
const STALE = { kind: 'stale' } as const;

/** Above every proposer id: a floor with it rejects all ballots of its time. */
const ANY_PROPOSER = 0xffff_ffff;

/**
 * The rules of protocol §2-4 for one storage node, without I/O: what may be promised and accepted. The caller brings
 * the record's state, raises the durable ceiling before it asks (`needsCeiling`), and stores what is accepted.
 *
 * Volatile: promises and floor. A new Acceptor after a restart starts with the floor at the last durable ceiling, so it
 * stands by every promise that it has forgotten.
 */
export class Acceptor {
  readonly promises: PromiseTable;
  #ceilingUs: number;

  constructor(durableCeilingUs: number, promiseCapacity: number = limits.promisesPerNode) {
    this.#ceilingUs = durableCeilingUs;
    this.promises = this.makePromises(promiseCapacity, this.firstFloor(durableCeilingUs));
  }

  get floor(): Ballot {
    return this.promises.floor;
  }

  get ceilingUs(): number {
    return this.#ceilingUs;
  }

  /** After the new ceiling is durable; never lowers it. */
  raiseCeiling(ceilingUs: number): void {
    if (ceilingUs > this.#ceilingUs) this.#ceilingUs = ceilingUs;
  }

  /** Neither promise nor accept may be given for this ballot before the durable ceiling is at least that high. */
  needsCeiling(ballot: Ballot): boolean {
    return ballot.time > this.#ceilingUs;
  }

  /** More than 10 s above max(own clock, ceiling): answered CLOCK, not worth a ceiling (protocol §2). */
  isBeyondClock(ballot: Ballot, nowUs: number): boolean {
    return ballot.time > Math.max(nowUs, this.#ceilingUs) + limits.clockFollowMs * 1000;
  }

  promised(id: RecordId, accepted: Ballot, holder?: PromiseHolder): Ballot {
    return maxBallot(this.promises.promised(id, holder), accepted);
  }

  /** §4.1; a `promise` verdict has recorded the promise. */
  prepare(id: RecordId, held: Held, ballot: Ballot, nowUs: number): PrepareVerdict {
    if (this.isBeyondClock(ballot, nowUs)) return CLOCK;
    const oldestUs = nowUs - limits.maxClockSkewMs * 1000;
    if (ballot.time < oldestUs) return { kind: 'reject', ballot: { time: nowUs, proposer: 0 } };
    const promised = this.promised(id, held.accepted, held);
    if (compareBallots(promised, ballot) > 0 || compareBallots(held.accepted, ballot) >= 0) {
      return { kind: 'reject', ballot: promised };
    }
    this.recordPromise(id, ballot, held);
    return PROMISE;
  }

  /** §4.3; the caller stores on `accept`, and calls `accepted` when it has taken the state into memory. */
  commit(id: RecordId, held: Held, request: Commit): CommitVerdict {
    if (sameBallot(held.accepted, request.ballot)) return ACCEPTED_ALREADY;
    if (!this.mayAccept(id, held, request.ballot)) {
      return { kind: 'reject', ballot: this.promised(id, held.accepted, held) };
    }
    const pages = request.pages ?? null;
    if (pages !== null && !pages.complete) {
      const origin = held.state === null ? NO_BALLOT : held.state.header.origin;
      if (!sameBallot(origin, request.baseOrigin ?? NO_BALLOT)) return STALE;
    }
    return ACCEPT;
  }

  /**
   * §8: a copy of what Q old voters hold. True: to be stored, whatever was promised, for the promise was to wait for nothing
   * else than what has been chosen already.
   */
  learn(held: Held, ballot: Ballot): boolean {
    return compareBallots(held.accepted, ballot) < 0;
  }

  /** Stands by all that others may have promised up to here; after the ceiling is durably that high. */
  raiseFloor(ceilingUs: number): void {
    this.promises.raiseFloor({ time: ceilingUs, proposer: ANY_PROPOSER });
  }

  /** The state is in memory (not yet durable): its ballot covers the promise. */
  accepted(id: RecordId, ballot: Ballot, holder?: PromiseHolder): void {
    this.promises.covered(id, ballot, holder);
  }

  /** The tombstone with this ballot was purged: what is as old cannot revive it. A promise above it stands. */
  purged(_id: RecordId, ballot: Ballot): void {
    this.promises.raiseFloor(justAbove(ballot));
  }

  /** The write of an accepted state failed: what was promised by accepting stays promised. */
  acceptFailed(id: RecordId, ballot: Ballot): void {
    this.promises.promise(id, ballot);
  }

  /** Takes `next` as promised if the ceiling allows; true if it stands (a resend asks again). */
  promiseNext(id: RecordId, accepted: Ballot, next: Ballot, holder?: PromiseHolder): boolean {
    const stands = !this.needsCeiling(next) && compareBallots(this.promised(id, accepted, holder), next) <= 0;
    if (stands) this.recordNext(id, next, holder);
    else this.promises.covered(id, accepted, holder);
    return stands;
  }

  // The rules that the simulator's deliberate defects break one at a time.

  protected firstFloor(durableCeilingUs: number): Ballot {
    return { time: durableCeilingUs, proposer: ANY_PROPOSER };
  }

  protected makePromises(capacity: number, floor: Ballot): PromiseTable {
    return new PromiseTable(capacity, floor);
  }

  protected recordPromise(id: RecordId, ballot: Ballot, holder: PromiseHolder): void {
    this.promises.promise(id, ballot, holder);
  }

  protected recordNext(id: RecordId, next: Ballot, holder?: PromiseHolder): void {
    this.promises.promise(id, next, holder);
  }

  protected mayAccept(id: RecordId, held: Held, ballot: Ballot): boolean {
    return (
      compareBallots(this.promised(id, held.accepted, held), ballot) <= 0 && compareBallots(held.accepted, ballot) < 0
    );
  }
}

function justAbove(ballot: Ballot): Ballot {
  return ballot.proposer < ANY_PROPOSER
    ? { time: ballot.time, proposer: ballot.proposer + 1 }
    : { time: ballot.time + 1, proposer: 0 };
}

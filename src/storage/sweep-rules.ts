import { limits } from '../base/limits.ts';
import { mayKill } from '../quorum/record-change.ts';
import { type SealedState, StateKind } from '../record/state.ts';
import type { StoredGlance } from '../record/stored-glance.ts';

/** The sweep's decisions of protocol §6, each a small pure method; the simulator's deliberate defects override one at a time. */
export class SweepRules {
  /** `agreeing` of the other replicas, of which there are `others`, hold the record under the same ballot. */
  allAgree(agreeing: number, others: number): boolean {
    return agreeing === others;
  }

  /** Whether tombstones of a shard may be purged while one of its zones is moving. */
  purgesWhileMoving(): boolean {
    return false;
  }

  /** Whether a live record is to be written dead. */
  isExpired(glance: Pick<StoredGlance, 'kind' | 'expiresAtMs' | 'remembers' | 'hasIntent'>, nowMs: number): boolean {
    return !glance.hasIntent && mayKill(glance, nowMs);
  }

  /** A tombstone, old enough by this clock, that need not be kept for the requests that it remembers. */
  isPurgeable(
    glance: Pick<StoredGlance, 'kind' | 'accepted' | 'expiresAtMs' | 'hasIntent'>,
    nowUs: number,
    purgeAfterMs: number,
  ): boolean {
    return (
      glance.kind === StateKind.dead &&
      !glance.hasIntent &&
      glance.accepted.time + purgeAfterMs * 1000 <= nowUs &&
      glance.expiresAtMs * 1000 <= nowUs
    );
  }

  /** Whether a record whose highest ballot is so old is to be repaired: a younger one may be a write on its way. */
  isSettled(ballotUs: number, nowUs: number): boolean {
    return ballotUs + limits.sweepRepairAgeMs * 1000 <= nowUs;
  }
}

/** What the rules look at, of a record in memory. */
export function glanceAt(accepted: StoredGlance['accepted'], state: SealedState) {
  const { kind, expiresAtMs, remembers } = state.header;
  return { kind, accepted, expiresAtMs, remembers, hasIntent: state.intent !== undefined };
}

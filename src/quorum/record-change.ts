import { limits } from '../base/limits.ts';
import type { Ballot } from '../record/ballot.ts';
import {
  type PageManifest,
  type RecordId,
  type RecordPlace,
  type SealedState,
  type StateHeader,
  StateKind,
} from '../record/state.ts';
import {
  type Decision,
  decidedState,
  decisionOf,
  forgottenState,
  resolvedState,
  type TransactionOutcome,
} from '../record/transaction-record.ts';
import { extendLineage } from './lineage.ts';
import type { PreparedBase } from './prepare-round.ts';

/** What a repair writes in the place of what it found. */
export interface Replacement {
  readonly state: SealedState;
  readonly pages: PageManifest | null;
}

/** What a proposer that has no keys may do to a record (protocol §5, §6, §9.5). */
export interface RecordChange {
  /**
   * The state to be written under `ballot`; null if nothing need be written. `absent` stands for a record that nobody has
   * heard of; null if the map does not know its namespace.
   */
  apply(base: PreparedBase, ballot: Ballot, nowMs: number, absent: SealedState | null): Replacement | null;
}

const NO_BYTES = Buffer.alloc(0);
const SAME_PAGES: PageManifest = { complete: false, added: [], dropped: [] };

/**
 * Whether a node, which has no key, may write this state dead: it is past its expiry, and remembers no request that a
 * client may still repeat.
 */
export function mayKill(header: Pick<StateHeader, 'kind' | 'expiresAtMs' | 'remembers'>, nowMs: number): boolean {
  if (header.kind !== StateKind.live || header.expiresAtMs === 0) return false;
  return header.expiresAtMs + (header.remembers ? limits.requestReachMs : 0) <= nowMs;
}

/** The tombstone that follows this state, made by `ballot` without a key: its past is empty. */
export function deadAfter(header: StateHeader, ballot: Ballot): SealedState {
  const lineage = extendLineage(header, ballot);
  const dead: StateHeader = {
    kind: StateKind.dead,
    origin: ballot,
    lineage: lineage.ballots,
    birth: lineage.birth,
    expiresAtMs: 0,
    sizeBytes: 0,
    namespace: header.namespace,
    generation: header.generation,
    paged: false,
    remembers: false,
  };
  return { header: dead, meta: NO_BYTES, value: NO_BYTES };
}

/** As it is; also the pages that only its intent lists must be there. */
export function unchanged(state: SealedState): Replacement {
  const { intent, header } = state;
  const added = intent?.pages?.added ?? [];
  if (added.length > 0) return { state, pages: { complete: false, added, dropped: [] } };
  return { state, pages: header.paged ? SAME_PAGES : null };
}

/** Writes the state back as it is; absent is written dead. */
export const WRITE_BACK: RecordChange = {
  apply({ state }, _ballot, _nowMs, absent) {
    const found = state ?? absent;
    return found === null ? null : unchanged(found);
  },
};

/** A live state past its expiry becomes a tombstone; what has not expired, or carries an intent, is left alone. */
export const KILL_EXPIRED: RecordChange = {
  apply({ state }, ballot, nowMs) {
    if (state === null || state.intent !== undefined || !mayKill(state.header, nowMs)) return null;
    return { state: deadAfter(state.header, ballot), pages: null };
  },
};

/** Takes the intent of an ended transaction from a record, which becomes what the outcome says. */
export function resolveIntent(transaction: RecordId, outcome: TransactionOutcome): RecordChange {
  return {
    apply({ state, differ }) {
      if (state === null || state.intent?.transaction !== transaction) {
        // Resolved, or never reached: it must be chosen, too.
        return state === null || !differ ? null : unchanged(state);
      }
      const resolved = resolvedState(state, outcome);
      const isProposed = resolved === state.intent.proposed;
      const pages = isProposed ? state.intent.pages : resolved.header.paged ? SAME_PAGES : null;
      return { state: resolved, pages };
    },
  };
}

/** Sees to it that T has a value: the one it has, or `otherwise` (`aborted`) with these records. `decision` is that once it was written. */
export class DecideTransaction implements RecordChange {
  readonly #records: readonly RecordPlace[];
  readonly #otherwise: TransactionOutcome;
  decision: Decision | null = null;
  /** T was found absent. */
  wasAbsent = false;

  constructor(records: readonly RecordPlace[], otherwise: TransactionOutcome) {
    this.#records = records;
    this.#otherwise = otherwise;
  }

  apply({ state, differ }: PreparedBase, ballot: Ballot): Replacement | null {
    const found = state === null ? null : decisionOf(state);
    if (state !== null && found !== null) {
      this.decision = found;
      return differ ? unchanged(state) : null;
    }
    this.wasAbsent = true;
    this.decision = { outcome: this.#otherwise, records: this.#records };
    return { state: decidedState(this.decision, ballot), pages: null };
  }
}

/** Once all of its records are resolved, T becomes a tombstone that keeps the outcome. Nobody writes over a dead T. */
export const FORGET_TRANSACTION: RecordChange = {
  apply({ state, differ }, ballot) {
    if (state === null) return null;
    const found = decisionOf(state);
    if (found === null || state.header.kind === StateKind.dead) return differ ? unchanged(state) : null;
    return { state: forgottenState(found.outcome, ballot), pages: null };
  },
};

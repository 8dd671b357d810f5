import { type Ballot, NO_BALLOT } from '../record/ballot.ts';
import { remembersRequests } from '../record/request-history.ts';
import {
  endsAtMs,
  type LiveRecord,
  type PageManifest,
  type RecordContent,
  type RecordId,
  type SealedState,
  type StateHeader,
  StateKind,
} from '../record/state.ts';
import { ValueType } from '../record/value.ts';
import { knownDropped, pagesOfBallot } from '../record/value-pages.ts';
import { keepUntilMs } from './apply-change.ts';
import type { Attempt, AttemptPages, OpenedBase } from './attempt.ts';
import { deadFromAbsent, extendLineage } from './lineage.ts';
import { NO_NODES } from './replica-order.ts';
import type { SealPort } from './seal-port.ts';

const NO_BYTES = Buffer.alloc(0);

export interface NewState {
  readonly state: SealedState;
  readonly pages: PageManifest | null;
  readonly baseOrigin: Ballot;
}

/** True if `buildState` lacks bytes that were not fetched with the base. */
export function lacksValue<R>(attempt: Attempt<R>, base: OpenedBase): boolean {
  if (attempt.changed) {
    const value = attempt.live?.value;
    return value !== undefined && !value.paged && value.bytes === null;
  }
  return !attempt.expired && base.state !== null && base.state.value === null;
}

/** The state to COMMIT: the new value, a tombstone, or the base as it is (a repair keeps origin and lineage). */
export function buildState<R>(
  seal: SealPort,
  id: RecordId,
  namespace: number,
  generation: number,
  ballot: Ballot,
  base: OpenedBase,
  attempt: Attempt<R>,
  pages: AttemptPages,
): NewState {
  const baseHeader = base.state?.header ?? null;
  const baseOrigin = baseHeader?.origin ?? NO_BALLOT;
  if (!attempt.changed && !attempt.expired) {
    if (base.state !== null) {
      const manifest = base.state.header.paged ? { complete: false, added: [], dropped: [] } : null;
      return { state: base.state, pages: manifest, baseOrigin };
    }
    const header = deadFromAbsent(namespace, generation);
    return { state: { header, meta: NO_BYTES, value: NO_BYTES }, pages: null, baseOrigin };
  }
  const lineage = extendLineage(baseHeader, ballot);
  const live = attempt.live;
  const remembers = remembersRequests(attempt.past.requests);
  const header: StateHeader = {
    kind: live === null ? StateKind.dead : StateKind.live,
    origin: ballot,
    lineage: lineage.ballots,
    birth: lineage.birth,
    expiresAtMs: live !== null ? endsAtMs(live) : remembers ? keepUntilMs(ballot) : 0,
    sizeBytes: live?.sizeBytes ?? 0,
    namespace,
    generation,
    paged: live?.value.paged ?? false,
    remembers,
  };
  const content: RecordContent =
    live === null
      ? {
          key: NO_BYTES,
          recordVersion: attempt.past.recordVersion,
          creationTimeMs: attempt.past.creationTimeMs,
          lastModifiedMs: attempt.past.lastModifiedMs,
          requests: attempt.past.requests,
          value: null,
        }
      : contentOf(live);
  // What one command of the round wrote and the next replaced again is not sent.
  const made = live?.value.paged === true ? pagesOfBallot(live.value, ballot, pages) : null;
  if (made !== null) pages.keepOnly(made.ids);
  const restsOnOthers = made?.restsOnOthers ?? false;
  return { state: seal.seal(id, header, content), pages: manifestFor(base, live, pages, restsOnOthers), baseOrigin };
}

/** Where fields expire, the key's own expiry is not that of the header. */
function contentOf(live: LiveRecord): RecordContent {
  const isTimed = live.value.type === ValueType.hash && live.value.fieldTimes !== undefined;
  return isTimed ? { ...live, keyExpiresAtMs: live.expiresAtMs } : live;
}

/** Everything is new if the base was not in pages, or if the value lists none of those, and was made without a look at them. */
function manifestFor(
  base: OpenedBase,
  live: LiveRecord | null,
  pages: AttemptPages,
  restsOnOthers: boolean,
): PageManifest | null {
  if (live === null || !live.value.paged) return null;
  const added = pages.written.map((page) => page.pageId);
  const before = base.live?.value;
  if (before?.paged !== true || !(pages.hasReadBase || restsOnOthers)) {
    return { complete: true, added, dropped: [] };
  }
  // As far as pages in memory can tell; the rest goes with the value's end.
  return { complete: false, added, dropped: knownDropped(before, live.value, pages) };
}

/** The base after a COMMIT was chosen, for the next link of a chain. */
export function chainedBase<R>(ballot: Ballot, state: SealedState, attempt: Attempt<R>): OpenedBase {
  const live = attempt.live;
  return {
    accepted: ballot,
    state,
    live,
    past: attempt.past,
    differ: false,
    chained: true,
    holders: NO_NODES,
  };
}

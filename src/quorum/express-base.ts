import { keep } from '../base/kept-bytes.ts';
import { NO_BALLOT } from '../record/ballot.ts';
import { keptState } from '../record/kept-state.ts';
import { NO_PAST } from '../record/request-history.ts';
import { NeedPages, type PageAccess } from '../record/value.ts';
import { AttemptPages, type OpenedBase, originOf } from './attempt.ts';
import type { RunContext } from './operation.ts';
import { NO_NODES } from './replica-order.ts';

/** The base where no node has heard of the record. */
export const ABSENT: OpenedBase = {
  accepted: NO_BALLOT,
  state: null,
  live: null,
  past: NO_PAST,
  differ: false,
  chained: false,
  holders: NO_NODES,
};
/** Nothing is loaded, and nothing may be written. */
export const NO_ATTEMPT_PAGES = new AttemptPages(new Map(), null);

/** Values in pages take the long way: touching a page ends the attempt. */
export const PAGES_ELSEWHERE: PageAccess = {
  read: (id) => {
    throw new NeedPages([id]);
  },
  write: () => {
    throw new NeedPages([]);
  },
};

/** What a step runs with on this base. */
export function contextOn(base: OpenedBase, expired: boolean, nowMs: number): RunContext {
  return { nowMs, pages: PAGES_ELSEWHERE, past: base.past, origin: originOf(base, expired) };
}

/** For remembering: it must not keep alive the chunk that a client's arguments or an answer arrived in. */
export function ownBase(base: OpenedBase): OpenedBase {
  const { live } = base;
  const state = base.state === null ? null : keptState(base.state);
  const value = live?.value;
  if (live === null || value === undefined || value.paged || value.bytes === null) {
    return state === base.state ? base : { ...base, state };
  }
  const key = keep(live.key);
  const bytes = keep(value.bytes);
  if (state === base.state && key === live.key && bytes === value.bytes) return base;
  const own = { ...live, key, value: { ...value, bytes } };
  return { ...base, state, live: own, past: own };
}

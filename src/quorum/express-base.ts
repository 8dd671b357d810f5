import { NO_BALLOT } from '../record/ballot.ts';
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

/** What is remembered must not keep the chunk alive that a client's arguments arrived in. */
export function ownBase(base: OpenedBase): OpenedBase {
  const { live } = base;
  if (live === null) return base;
  const { value } = live;
  if (value.paged || value.bytes === null) return base;
  const key = ownBytes(live.key);
  const bytes = ownBytes(value.bytes);
  if (key === live.key && bytes === value.bytes) return base;
  return { ...base, live: { ...live, key, value: { ...value, bytes } } };
}

function ownBytes(bytes: Buffer): Buffer {
  const room = bytes.buffer.byteLength;
  return room <= Buffer.poolSize || bytes.length * 2 > room ? bytes : Buffer.from(bytes);
}

import { limits } from '../base/limits.ts';
import type { RecordPast, RequestHistory, RequestRecord } from './state.ts';

export const NO_REQUESTS: RequestHistory = { entries: [], forgottenUntilMs: 0, forgotUntimed: false };

export const NO_PAST: RecordPast = { recordVersion: 0, creationTimeMs: 0, lastModifiedMs: 0, requests: NO_REQUESTS };

/** 100 ns steps from 1582-10-15 to 1970-01-01. */
const GREGORIAN_OFFSET = 0x01b2_1dd2_1381_4000n;

/** The time that a UUID of version 1, 6 or 7 carries, Unix milliseconds; null for the others (RFC 9562 §5). */
export function requestTimeMs(requestId: string): number | null {
  const bytes = Buffer.from(requestId, 'latin1');
  const version = (bytes[6] ?? 0) >> 4;
  if (version === 7) return bytes.readUIntBE(0, 6);
  const low = BigInt(bytes.readUInt32BE(0));
  const mid = BigInt(bytes.readUInt16BE(4));
  const high = BigInt(bytes.readUInt16BE(6) & 0x0fff);
  if (version === 1) return gregorianMs((high << 48n) | (mid << 32n) | low);
  if (version === 6) return gregorianMs((low << 28n) | (mid << 12n) | high);
  return null;
}

function gregorianMs(steps: bigint): number {
  return steps < GREGORIAN_OFFSET ? 0 : Number((steps - GREGORIAN_OFFSET) / 10_000n);
}

/** What the request did the first time; null if it is not remembered. */
export function findRequest(requests: RequestHistory, requestId: string): RequestRecord | null {
  return requests.entries.find((entry) => entry.requestId === requestId) ?? null;
}

/**
 * Whether a request that is not remembered may nevertheless have been applied. Times are compared only among ids, so the
 * clocks of clients matter to each other alone. A tombstone is kept for limits.requestReachMs at least: what is older
 * than that before the record's creation (before now, where there is no record) may have gone with one.
 */
export function mayBeForgotten(past: RecordPast, requestId: string, nowMs: number): boolean {
  const timeMs = requestTimeMs(requestId);
  if (timeMs === null) return past.requests.forgotUntimed;
  const bornMs = past.creationTimeMs === 0 ? nowMs : past.creationTimeMs;
  return timeMs <= past.requests.forgottenUntilMs || timeMs <= bornMs - limits.requestReachMs;
}

/** Whether the history tells anything that a repeated request could ask for. */
export function remembersRequests(requests: RequestHistory): boolean {
  return requests.entries.length > 0 || requests.forgottenUntilMs > 0 || requests.forgotUntimed;
}

/** The history with one more entry; where it is full, the id with the earliest time is forgotten, and that is noted. */
export function rememberRequest(requests: RequestHistory, entry: RequestRecord): RequestHistory {
  const entries = [...requests.entries, entry];
  if (entries.length <= limits.requestIdsPerRecord) return { ...requests, entries };
  let oldest = 0;
  let oldestMs = Number.POSITIVE_INFINITY;
  let oldestTimed = false;
  for (const [index, candidate] of entries.entries()) {
    const ownMs = requestTimeMs(candidate.requestId);
    const timeMs = ownMs ?? candidate.appliedAtMs;
    if (timeMs >= oldestMs) continue;
    oldest = index;
    oldestMs = timeMs;
    oldestTimed = ownMs !== null;
  }
  entries.splice(oldest, 1);
  return {
    entries,
    forgottenUntilMs: oldestTimed ? Math.max(requests.forgottenUntilMs, oldestMs) : requests.forgottenUntilMs,
    forgotUntimed: requests.forgotUntimed || !oldestTimed,
  };
}

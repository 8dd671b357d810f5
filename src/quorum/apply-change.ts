import { assert, unreachable } from '../base/assert.ts';
import { keep } from '../base/kept-bytes.ts';
import { limits } from '../base/limits.ts';
import type { Ballot } from '../record/ballot.ts';
import { rememberRequest } from '../record/request-history.ts';
import { type LiveRecord, type RecordPast, RequestAction, type RequestHistory } from '../record/state.ts';
import type { Value } from '../record/value.ts';
import type { Change } from './operation.ts';

/** Juno's counter of a record that has just been created. */
const FIRST_RECORD_VERSION = 1;

/** The logical size of a value, as the header's `sizeBytes` has it: the length of a string. */
export function valueSizeBytes(value: Value): number {
  if (value.paged) return value.length;
  assert(value.bytes !== null, 'a new value must have its bytes');
  return value.bytes.length;
}

/** Whether a change would leave the record as it is. */
export function isNoChange(live: LiveRecord | null, change: Change): boolean {
  return change.kind === 'delete' && live === null && change.requestId === undefined;
}

/**
 * The record after `change`: null if it is deleted. Pure.
 *
 * A put creates the record (recordVersion 1) or raises recordVersion by one and sets `lastModifiedMs`; an expire changes
 * nothing but the expiry. A record created over a tombstone keeps the requests it remembers, and its creation time is
 * after that of the record before: the time tells one incarnation of a key from the next.
 *
 * @param previous the live record that the step ran on; null if absent, dead or expired
 * @param past of `previous`, or what is left of the record before
 */
export function applyChange(
  previous: LiveRecord | null,
  past: RecordPast,
  key: Buffer,
  change: Change,
  nowMs: number,
): LiveRecord | null {
  switch (change.kind) {
    case 'put':
      return put(previous, past, key, change, nowMs);
    case 'expire':
      assert(previous !== null, 'only a live record has an expiry to change');
      return { ...previous, expiresAtMs: change.expiresAtMs };
    case 'delete':
      return null;
    default:
      return unreachable(change);
  }
}

/** What a tombstone keeps after `change` deleted the record, or found nothing to delete. */
export function pastAfterDelete(past: RecordPast, change: Change, nowMs: number): RecordPast {
  if (change.kind !== 'delete' || change.requestId === undefined) return past;
  const { recordVersion, creationTimeMs, lastModifiedMs } = past;
  const requests = rememberRequest(past.requests, {
    requestId: change.requestId,
    action: RequestAction.destroyed,
    recordVersion,
    creationTimeMs,
    expiresAtMs: 0,
    appliedAtMs: nowMs,
  });
  return { recordVersion, creationTimeMs, lastModifiedMs, requests };
}

/** Until when a tombstone that this ballot made, and that remembers requests, must not be purged: wall clock milliseconds. */
export function keepUntilMs(ballot: Ballot): number {
  return Math.ceil(ballot.time / 1000) + limits.requestReachMs;
}

/** What a put makes of version and creation time; commands that answer them ask here as well. */
export function versionAfterPut(
  previous: LiveRecord | null,
  past: RecordPast,
  nowMs: number,
): { readonly recordVersion: number; readonly creationTimeMs: number } {
  return previous === null
    ? { recordVersion: FIRST_RECORD_VERSION, creationTimeMs: Math.max(nowMs, past.creationTimeMs + 1) }
    : { recordVersion: previous.recordVersion + 1, creationTimeMs: previous.creationTimeMs };
}

function put(
  previous: LiveRecord | null,
  past: RecordPast,
  key: Buffer,
  change: Change & { readonly kind: 'put' },
  nowMs: number,
): LiveRecord {
  const { expiresAtMs, value, requestId, restored } = change;
  const sizeBytes = valueSizeBytes(value);
  if (restored !== undefined) {
    const { recordVersion, creationTimeMs, lastModifiedMs, requests } = restored;
    return { key, recordVersion, creationTimeMs, lastModifiedMs, requests, expiresAtMs, sizeBytes, value };
  }
  const { recordVersion: first, creationTimeMs } = versionAfterPut(previous, past, nowMs);
  const recordVersion = first + (change.times ?? 1) - 1;
  let requests: RequestHistory = past.requests;
  if (requestId !== undefined) {
    const action = previous === null ? RequestAction.created : RequestAction.updated;
    const entry = { requestId, action, recordVersion, creationTimeMs, expiresAtMs, appliedAtMs: nowMs };
    requests = rememberRequest(requests, entry);
  }
  return {
    key: previous === null ? keep(key) : previous.key,
    recordVersion,
    creationTimeMs,
    lastModifiedMs: nowMs,
    requests,
    expiresAtMs,
    sizeBytes,
    value: keptValue(value),
  };
}

/** What is small enough to be remembered does not keep the chunk alive that it arrived in. */
function keptValue(value: Value): Value {
  if (value.paged || value.bytes === null || value.bytes.length > limits.openedValueBytes) return value;
  const bytes = keep(value.bytes);
  return bytes === value.bytes ? value : { ...value, bytes };
}

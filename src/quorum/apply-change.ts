import { assert, unreachable } from '../base/assert.ts';
import type { LiveRecord, RequestRecord } from '../record/state.ts';
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

/**
 * The record after `change`: null if it is deleted. Pure.
 *
 * A put creates the record (recordVersion 1) or raises recordVersion by one; `creationTimeMs` and the request ids are
 * kept; put and expire set `lastModifiedMs`. A record created over a tombstone keeps the tombstone's request ids.
 *
 * @param previous the live record that the step ran on; null if absent, dead or expired
 * @param tombstoneRequestIds request ids of the tombstone (or expired record) that `previous` null stands for; else []
 */
export function applyChange(
  previous: LiveRecord | null,
  tombstoneRequestIds: readonly RequestRecord[],
  key: Buffer,
  change: Change,
  nowMs: number,
): LiveRecord | null {
  switch (change.kind) {
    case 'put':
      return {
        key: previous === null ? key : previous.key,
        recordVersion: previous === null ? FIRST_RECORD_VERSION : previous.recordVersion + 1,
        creationTimeMs: previous === null ? nowMs : previous.creationTimeMs,
        lastModifiedMs: nowMs,
        requestIds: previous === null ? tombstoneRequestIds : previous.requestIds,
        expiresAtMs: change.expiresAtMs,
        sizeBytes: valueSizeBytes(change.value),
        value: change.value,
      };
    case 'expire':
      assert(previous !== null, 'only a live record has an expiry to change');
      return {
        key: previous.key,
        recordVersion: previous.recordVersion,
        creationTimeMs: previous.creationTimeMs,
        lastModifiedMs: nowMs,
        requestIds: previous.requestIds,
        expiresAtMs: change.expiresAtMs,
        sizeBytes: previous.sizeBytes,
        value: previous.value,
      };
    case 'delete':
      return null;
    default:
      return unreachable(change);
  }
}

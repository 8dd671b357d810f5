import { assert } from '../../base/assert.ts';
import type { Change, StepResult } from '../../quorum/operation.ts';
import { readAll, stringFromBytes } from '../../record/paged-string.ts';
import type { LiveRecord } from '../../record/state.ts';
import { type PageAccess, type StringValue, ValueType } from '../../record/value.ts';
import { BulkPieces, ErrorReply, type Reply, WRONGTYPE } from '../../resp/reply.ts';

export const STRING_TOO_LONG = new ErrorReply('ERR string exceeds maximum allowed size (proto-max-bulk-len)');

/** A record that holds a string. */
export type StringRecord = LiveRecord & { readonly value: StringValue };

export const WRONG_TYPE: StepResult<Reply> = { reply: WRONGTYPE, change: null };

export function isString(record: LiveRecord): record is StringRecord {
  return record.value.type === ValueType.string;
}

/** The bytes of a string whose record was asked for with `needs: 'value'`; null if it is in pages. */
export function inlineBytes(value: StringValue): Buffer | null {
  if (value.paged) return null;
  assert(value.bytes !== null, 'the value was asked for');
  return value.bytes;
}

/** A whole string as a bulk reply. May throw NeedPages. */
export function stringReply(record: StringRecord, pages: PageAccess): Reply {
  const { value } = record;
  return inlineBytes(value) ?? new BulkPieces(record.sizeBytes, readAll(value, pages));
}

/** The change that sets a string; `expiresAtMs` 0 = never. */
export function putString(bytes: Buffer, expiresAtMs: number, pages: PageAccess): Change {
  return { kind: 'put', value: stringFromBytes(bytes, pages), expiresAtMs };
}

/** The expiry that a change of only the value must carry on. */
export function keptExpiry(record: LiveRecord | null): number {
  return record === null ? 0 : record.expiresAtMs;
}

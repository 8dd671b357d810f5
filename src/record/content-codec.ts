import { assert } from '../base/assert.ts';
import { limits } from '../base/limits.ts';
import { readU64, writeLatin1, writeU64 } from './bytes.ts';
import { ID_BYTES } from './record-id.ts';
import type { PageId, RecordContent, RequestRecord } from './state.ts';
import type { Value } from './value.ts';
import { ValueType } from './value.ts';

/*
 * The plaintext of a record's `meta`. All numbers are big endian; a u64 holds a safe integer.
 *
 *   content = contentVersion:u8 recordVersion:u64 creationTimeMs:u64 lastModifiedMs:u64
 *             keyLength:u32 key
 *             requestCount:u8 requestCount*(requestId:16 recordVersion:u64 appliedAtMs:u64)
 *             valueType:u8 [ form:u8 body ]                ; type 0: no value (a tombstone), nothing follows
 *   string  = form 0 embedded: bytes up to the end
 *           | form 1 separate: nothing; the bytes are sealed apart
 *           | form 2 paged:    length:u64 depth:u8 rootCount:u16 rootCount*pageId
 *   pageId  = 16 bytes; all zero is a hole
 */

const CONTENT_VERSION = 1;
const NO_VALUE = 0;
const FORM_EMBEDDED = 0;
const FORM_SEPARATE = 1;
const FORM_PAGED = 2;

const REQUEST_BYTES = 16 + 8 + 8;
const FIXED_BYTES = 1 + 8 + 8 + 8 + 4 + 1 + 1;
const PAGED_FIXED_BYTES = 8 + 1 + 2;
const HOLE = '\0'.repeat(ID_BYTES);

/** An inline value above limits.embeddedValueBytes is sealed apart from its metadata. */
export function isSeparate(value: Value | null): boolean {
  return value !== null && !value.paged && (value.bytes === null || value.bytes.length > limits.embeddedValueBytes);
}

/** Bytes that `writeContent` will take. */
export function contentLength(content: RecordContent): number {
  const { key, requestIds, value } = content;
  let length = FIXED_BYTES + key.length + requestIds.length * REQUEST_BYTES;
  if (value === null) return length;
  length += 1;
  if (value.paged) length += PAGED_FIXED_BYTES + value.root.length * ID_BYTES;
  else if (value.bytes !== null && !isSeparate(value)) length += value.bytes.length;
  return length;
}

/** Writes the plaintext at `offset`, without a separate value's bytes; returns the offset behind it. */
export function writeContent(target: Buffer, offset: number, content: RecordContent): number {
  const { key, requestIds, value } = content;
  assert(requestIds.length <= limits.requestIdsPerRecord, 'too many request ids');
  target[offset] = CONTENT_VERSION;
  let at = writeU64(target, offset + 1, content.recordVersion);
  at = writeU64(target, at, content.creationTimeMs);
  at = writeU64(target, at, content.lastModifiedMs);
  at = target.writeUInt32BE(key.length, at);
  target.set(key, at);
  at += key.length;
  target[at++] = requestIds.length;
  for (const request of requestIds) {
    assert(request.requestId.length === ID_BYTES, 'a request id has 16 bytes');
    at = writeLatin1(target, at, request.requestId);
    at = writeU64(target, at, request.recordVersion);
    at = writeU64(target, at, request.appliedAtMs);
  }
  target[at++] = value === null ? NO_VALUE : value.type;
  return value === null ? at : writeStringValue(target, at, value);
}

function writeStringValue(target: Buffer, offset: number, value: Value): number {
  if (value.paged) {
    target[offset] = FORM_PAGED;
    let at = writeU64(target, offset + 1, value.length);
    target[at++] = value.depth;
    at = target.writeUInt16BE(value.root.length, at);
    return writePageIds(target, at, value.root);
  }
  if (value.bytes === null || isSeparate(value)) {
    target[offset] = FORM_SEPARATE;
    return offset + 1;
  }
  target[offset] = FORM_EMBEDDED;
  target.set(value.bytes, offset + 1);
  return offset + 1 + value.bytes.length;
}

/** Page ids one after the other, a hole ('') as zeros. Returns the offset behind them. */
export function writePageIds(target: Buffer, offset: number, ids: readonly PageId[]): number {
  let at = offset;
  for (const id of ids) {
    assert(id === '' || id.length === ID_BYTES, 'a page id has 16 bytes');
    at = writeLatin1(target, at, id === '' ? HOLE : id);
  }
  return at;
}

/** Reads `count` page ids; the caller has checked that they are there. */
export function readPageIds(source: Buffer, offset: number, count: number): PageId[] {
  const ids: PageId[] = [];
  for (let i = 0, at = offset; i < count; i++, at += ID_BYTES) {
    const id = source.toString('latin1', at, at + ID_BYTES);
    ids.push(id === HOLE ? '' : id);
  }
  return ids;
}

/** The plaintext alone in a buffer. */
export function encodeContent(content: RecordContent): Buffer {
  const bytes = Buffer.allocUnsafe(contentLength(content));
  writeContent(bytes, 0, content);
  return bytes;
}

/**
 * Reads what `writeContent` wrote; null if malformed. The key and an embedded value are views into `bytes`. A separate
 * value takes its bytes from `separateValue` (null: not there); with any other form `separateValue` must be null.
 */
export function decodeContent(bytes: Buffer, separateValue: Buffer | null): RecordContent | null {
  if (bytes.length < FIXED_BYTES || bytes[0] !== CONTENT_VERSION) return null;
  const recordVersion = readU64(bytes, 1);
  const creationTimeMs = readU64(bytes, 9);
  const lastModifiedMs = readU64(bytes, 17);
  const keyLength = bytes.readUInt32BE(25);
  if (recordVersion < 0 || creationTimeMs < 0 || lastModifiedMs < 0 || keyLength > bytes.length - FIXED_BYTES)
    return null;
  let at = 29 + keyLength;
  const key = bytes.subarray(29, at);
  const requestCount = bytes[at++] ?? 0;
  if (bytes.length - at < requestCount * REQUEST_BYTES + 1) return null;
  const requestIds: RequestRecord[] = [];
  for (let i = 0; i < requestCount; i++, at += REQUEST_BYTES) {
    const version = readU64(bytes, at + 16);
    const appliedAtMs = readU64(bytes, at + 24);
    if (version < 0 || appliedAtMs < 0) return null;
    requestIds.push({ requestId: bytes.toString('latin1', at, at + 16), recordVersion: version, appliedAtMs });
  }
  const value = decodeValue(bytes, at, separateValue);
  if (value === undefined) return null;
  return { key, recordVersion, creationTimeMs, lastModifiedMs, requestIds, value };
}

/** Undefined if malformed. */
function decodeValue(bytes: Buffer, offset: number, separateValue: Buffer | null): Value | null | undefined {
  const type = bytes[offset];
  const body = offset + 2;
  if (type === NO_VALUE) return body - 1 === bytes.length && separateValue === null ? null : undefined;
  if (type !== ValueType.string || bytes.length < body) return undefined;
  const form = bytes[offset + 1];
  if (form === FORM_SEPARATE) {
    return bytes.length === body ? { type, paged: false, bytes: separateValue } : undefined;
  }
  if (separateValue !== null) return undefined;
  if (form === FORM_EMBEDDED) return { type, paged: false, bytes: bytes.subarray(body) };
  if (form !== FORM_PAGED || bytes.length - body < PAGED_FIXED_BYTES) return undefined;
  const length = readU64(bytes, body);
  const depth = bytes[body + 8];
  const count = bytes.readUInt16BE(body + 9);
  const rootAt = body + PAGED_FIXED_BYTES;
  if (length < 0 || (depth !== 0 && depth !== 1) || bytes.length !== rootAt + count * ID_BYTES) return undefined;
  return { type, paged: true, length, depth, root: readPageIds(bytes, rootAt, count) };
}

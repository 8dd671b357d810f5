import { assert } from '../base/assert.ts';
import { limits } from '../base/limits.ts';
import { readU64, writeLatin1, writeU64 } from './bytes.ts';
import { ID_BYTES } from './record-id.ts';
import { NO_REQUESTS } from './request-history.ts';
import { type PageId, type RecordContent, RequestAction, type RequestHistory, type RequestRecord } from './state.ts';
import type {
  CollectionType,
  CollectionValue,
  FieldTimes,
  PagedCollection,
  PagedString,
  Tree,
  Value,
} from './value.ts';
import { Encoding, ValueType } from './value.ts';

/*
 * The plaintext of a record's `meta`. All numbers are big endian; a u64 holds a safe integer.
 *
 *   content = contentVersion:u8 recordVersion:u64 creationTimeMs:u64 lastModifiedMs:u64
 *             keyLength:u32 key
 *             requestCount:u8 [ requestCount*request forgottenUntilMs:u64 forgotUntimed:u8 ]   ; only if not 0
 *             valueType:u8 [ form:u8 body ]                ; type 0: no value (a tombstone), nothing follows
 *   request = requestId:16 action:u8 recordVersion:u64 creationTimeMs:u64 expiresAtMs:u64 appliedAtMs:u64
 *   string  = form 0 embedded: bytes up to the end
 *           | form 1 separate: nothing; the bytes are sealed apart
 *           | form 2 paged:    length:u64 depth:u8 rootCount:u16 rootCount*pageId
 *   hash, set, list, zset = form 0 embedded, form 1 separate, likewise (packed-items.ts)
 *           | form 3 trees:    encoding:u8 length:u64 treeCount:u8 *tree
 *   hash    = ... | form 4 timed: keyExpiresAtMs:u64 soonestMs:u64 vanishesAtMs:u64 form:u8 body     ; form 0, 1 or 3
 *   tree    = count:u64 bytes:u64 depth:u8 rootLength:u32 root          ; tree-node.ts
 *   pageId  = 16 bytes; all zero is a hole
 */

const CONTENT_VERSION = 1;
const NO_VALUE = 0;
const FORM_EMBEDDED = 0;
const FORM_SEPARATE = 1;
const FORM_PAGED = 2;
const FORM_TREES = 3;
const FORM_TIMED = 4;

const REQUEST_BYTES = 16 + 1 + 4 * 8;
const FORGOTTEN_BYTES = 8 + 1;
const FIXED_BYTES = 1 + 8 + 8 + 8 + 4 + 1 + 1;
const PAGED_FIXED_BYTES = 8 + 1 + 2;
const TREES_FIXED_BYTES = 1 + 8 + 1;
const TREE_FIXED_BYTES = 8 + 8 + 1 + 4;
const TIMED_FIXED_BYTES = 1 + 3 * 8;
const HOLE = '\0'.repeat(ID_BYTES);

/** An inline value above limits.embeddedValueBytes is sealed apart from its metadata. */
export function isSeparate(value: Value | null): boolean {
  return value !== null && !value.paged && (value.bytes === null || value.bytes.length > limits.embeddedValueBytes);
}

/** Bytes that `writeContent` will take. */
export function contentLength(content: RecordContent): number {
  const { key, requests, value } = content;
  let length = FIXED_BYTES + key.length + requestsLength(requests.entries.length);
  if (value === null) return length;
  length += 1;
  if (fieldTimesOf(value) !== undefined) length += TIMED_FIXED_BYTES;
  if (value.paged) length += value.type === ValueType.string ? pagedStringLength(value) : treesLength(value);
  else if (value.bytes !== null && !isSeparate(value)) length += value.bytes.length;
  return length;
}

function fieldTimesOf(value: Value): FieldTimes | undefined {
  return value.type === ValueType.hash ? value.fieldTimes : undefined;
}

function pagedStringLength(value: PagedString): number {
  return PAGED_FIXED_BYTES + value.root.length * ID_BYTES;
}

function treesLength({ trees }: PagedCollection): number {
  return trees.reduce((length, { root }) => length + TREE_FIXED_BYTES + root.length, TREES_FIXED_BYTES);
}

function requestsLength(count: number): number {
  return count === 0 ? 0 : count * REQUEST_BYTES + FORGOTTEN_BYTES;
}

/** Writes the plaintext at `offset`, without a separate value's bytes; returns the offset behind it. */
export function writeContent(target: Buffer, offset: number, content: RecordContent): number {
  const { key, requests, value } = content;
  target[offset] = CONTENT_VERSION;
  let at = writeU64(target, offset + 1, content.recordVersion);
  at = writeU64(target, at, content.creationTimeMs);
  at = writeU64(target, at, content.lastModifiedMs);
  at = target.writeUInt32BE(key.length, at);
  target.set(key, at);
  at += key.length;
  target[at++] = requests.entries.length;
  if (requests.entries.length > 0) at = writeRequests(target, at, requests);
  target[at++] = value === null ? NO_VALUE : value.type;
  if (value === null) return at;
  const times = fieldTimesOf(value);
  if (times !== undefined) {
    target[at] = FORM_TIMED;
    at = writeU64(target, at + 1, content.keyExpiresAtMs ?? 0);
    at = writeU64(target, writeU64(target, at, times.soonestMs), times.vanishesAtMs);
  }
  return writeValue(target, at, value);
}

function writeRequests(target: Buffer, offset: number, requests: RequestHistory): number {
  assert(requests.entries.length <= limits.requestIdsPerRecord, 'too many request ids');
  let at = offset;
  for (const request of requests.entries) {
    assert(request.requestId.length === ID_BYTES, 'a request id has 16 bytes');
    at = writeLatin1(target, at, request.requestId);
    target[at++] = request.action;
    at = writeU64(target, at, request.recordVersion);
    at = writeU64(target, at, request.creationTimeMs);
    at = writeU64(target, at, request.expiresAtMs);
    at = writeU64(target, at, request.appliedAtMs);
  }
  at = writeU64(target, at, requests.forgottenUntilMs);
  target[at++] = requests.forgotUntimed ? 1 : 0;
  return at;
}

function writeValue(target: Buffer, offset: number, value: Value): number {
  if (value.paged && value.type !== ValueType.string) return writeTrees(target, offset, value);
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

function writeTrees(target: Buffer, offset: number, value: PagedCollection): number {
  target[offset] = FORM_TREES;
  target[offset + 1] = value.encoding;
  let at = writeU64(target, offset + 2, value.length);
  target[at++] = value.trees.length;
  for (const { count, bytes, depth, root } of value.trees) {
    at = writeU64(target, writeU64(target, at, count), bytes);
    target[at++] = depth;
    at = target.writeUInt32BE(root.length, at);
    target.set(root, at);
    at += root.length;
  }
  return at;
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
  if (bytes.length - at < requestsLength(requestCount) + 1) return null;
  const requests = requestCount === 0 ? NO_REQUESTS : readRequests(bytes, at, requestCount);
  if (requests === null) return null;
  at += requestsLength(requestCount);
  const isTimed = bytes[at] === ValueType.hash && bytes[at + 1] === FORM_TIMED;
  const value = isTimed ? decodeTimed(bytes, at + 2, separateValue) : decodeValue(bytes, at, separateValue);
  if (value === undefined) return null;
  const content = { key, recordVersion, creationTimeMs, lastModifiedMs, requests, value };
  return isTimed ? { ...content, keyExpiresAtMs: readU64(bytes, at + 2) } : content;
}

/** The caller has checked that so many are there. Null if malformed. */
function readRequests(bytes: Buffer, offset: number, count: number): RequestHistory | null {
  const entries: RequestRecord[] = [];
  let at = offset;
  for (let i = 0; i < count; i++, at += REQUEST_BYTES) {
    const action = bytes[at + 16];
    const recordVersion = readU64(bytes, at + 17);
    const creationTimeMs = readU64(bytes, at + 25);
    const expiresAtMs = readU64(bytes, at + 33);
    const appliedAtMs = readU64(bytes, at + 41);
    if (!isRequestAction(action) || Math.min(recordVersion, creationTimeMs, expiresAtMs, appliedAtMs) < 0) return null;
    const requestId = bytes.toString('latin1', at, at + 16);
    entries.push({ requestId, action, recordVersion, creationTimeMs, expiresAtMs, appliedAtMs });
  }
  const forgottenUntilMs = readU64(bytes, at);
  return forgottenUntilMs < 0 ? null : { entries, forgottenUntilMs, forgotUntimed: bytes[at + 8] === 1 };
}

function isRequestAction(value: number | undefined): value is RequestAction {
  return value === RequestAction.created || value === RequestAction.updated || value === RequestAction.destroyed;
}

/** Undefined if malformed. */
function decodeValue(bytes: Buffer, offset: number, separateValue: Buffer | null): Value | null | undefined {
  const type = bytes[offset];
  if (type === NO_VALUE) return offset + 1 === bytes.length && separateValue === null ? null : undefined;
  if (!isValueType(type) || bytes.length < offset + 2) return undefined;
  return decodeForm(type, bytes, offset + 1, separateValue);
}

/** The hash behind its times, which begin at `offset`. Undefined if malformed. */
function decodeTimed(bytes: Buffer, offset: number, separateValue: Buffer | null): CollectionValue | undefined {
  const formAt = offset + TIMED_FIXED_BYTES - 1;
  if (bytes.length <= formAt) return undefined;
  const soonestMs = readU64(bytes, offset + 8);
  const vanishesAtMs = readU64(bytes, offset + 16);
  if (Math.min(readU64(bytes, offset), soonestMs, vanishesAtMs) < 0) return undefined;
  const value = decodeForm(ValueType.hash, bytes, formAt, separateValue);
  if (value === undefined || value.type !== ValueType.hash) return undefined;
  return { ...value, fieldTimes: { soonestMs, vanishesAtMs } };
}

/** Undefined if malformed. */
function decodeForm(type: ValueType, bytes: Buffer, offset: number, separateValue: Buffer | null): Value | undefined {
  const form = bytes[offset];
  const body = offset + 1;
  if (form === FORM_SEPARATE) {
    return bytes.length === body ? { type, paged: false, bytes: separateValue } : undefined;
  }
  if (separateValue !== null) return undefined;
  if (form === FORM_EMBEDDED) return { type, paged: false, bytes: bytes.subarray(body) };
  if (type !== ValueType.string) return form === FORM_TREES ? decodeTrees(type, bytes, body) : undefined;
  if (form !== FORM_PAGED || bytes.length - body < PAGED_FIXED_BYTES) return undefined;
  const length = readU64(bytes, body);
  const depth = bytes[body + 8];
  const count = bytes.readUInt16BE(body + 9);
  const rootAt = body + PAGED_FIXED_BYTES;
  if (length < 0 || (depth !== 0 && depth !== 1) || bytes.length !== rootAt + count * ID_BYTES) return undefined;
  return { type, paged: true, length, depth, root: readPageIds(bytes, rootAt, count) };
}

function isValueType(type: number | undefined): type is ValueType {
  return type !== undefined && type >= ValueType.string && type <= ValueType.zset;
}

function isEncoding(encoding: number | undefined): encoding is Encoding {
  return encoding !== undefined && encoding >= Encoding.listpack && encoding <= Encoding.skiplist;
}

/** Undefined if malformed. The roots are views into `bytes`. */
function decodeTrees(type: CollectionType, bytes: Buffer, offset: number): PagedCollection | undefined {
  const encoding = bytes[offset];
  if (bytes.length - offset < TREES_FIXED_BYTES || !isEncoding(encoding)) return undefined;
  const length = readU64(bytes, offset + 1);
  const treeCount = bytes[offset + 9] ?? 0;
  const trees: Tree[] = [];
  let at = offset + TREES_FIXED_BYTES;
  for (let i = 0; i < treeCount; i++) {
    if (bytes.length - at < TREE_FIXED_BYTES) return undefined;
    const count = readU64(bytes, at);
    const treeBytes = readU64(bytes, at + 8);
    const depth = bytes[at + 16] ?? 0;
    const rootLength = bytes.readUInt32BE(at + 17);
    at += TREE_FIXED_BYTES;
    if (count < 0 || treeBytes < 0 || bytes.length - at < rootLength) return undefined;
    trees.push({ count, bytes: treeBytes, depth, root: bytes.subarray(at, at + rootLength) });
    at += rootLength;
  }
  if (length < 0 || at !== bytes.length) return undefined;
  return { type, paged: true, encoding, length, trees };
}

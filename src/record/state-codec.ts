import { crc32 } from 'node:zlib';
import { assert } from '../base/assert.ts';
import { limits } from '../base/limits.ts';
import type { Ballot } from './ballot.ts';
import { rowLength } from './ballot-row.ts';
import { BALLOT_BYTES, readBallot, readU64, writeBallot, writeLatin1, writeU32, writeU64 } from './bytes.ts';
import { ID_BYTES } from './record-id.ts';
import type { Intent, PageId, PageManifest, RecordPlace, SealedState, StateHeader, StoredRoom } from './state.ts';
import { StateKind } from './state.ts';

/*
 * The bytes of a state. All numbers are big endian; a u64 holds a safe integer.
 *
 *   record  = formatVersion:u8 accepted:ballot header
 *             intentLength:u32 [ intent ]               ; 0: none
 *             metaLength:u32 meta valueLength:u32 value
 *             crc32:u32                                 ; over everything before it
 *   message = header metaLength:u32 meta [ valueLength:u32 value ]   ; no value if valueOmitted
 *             [ intentLength:u32 intent ]               ; only if hasIntent
 *   intent  = transaction:16 shard:u16 ballot recordCount:u16 recordCount*place
 *             form:u8 [ manifest ] [ message ]          ; form: 1 a proposed state, 2 a manifest, 4 which is complete
 *   place   = recordId:16 shard:u16 namespace:u32 generation:u32
 *   manifest= addedCount:u32 addedCount*pageId droppedCount:u32 droppedCount*pageId
 *   header  = flags:u8 origin:ballot
 *             lineageCount:u8 lineageCount*ballot       ; at most limits.lineageLength, newest first
 *             expiresAtMs:u64 sizeBytes:u64 namespace:u32 generation:u32
 *   flags   = kind:2 bits, paged:4, birth:8, hasIntent:16, valueOmitted:32 (messages only),
 *             remembers:64
 *   ballot  = time:u64 proposer:u32
 */

/** First byte of every stored record. */
export const RECORD_FORMAT_VERSION = 1;

export const KIND_MASK = 3;
export const FLAG_PAGED = 4;
const FLAG_BIRTH = 8;
export const FLAG_INTENT = 16;
const FLAG_VALUE_OMITTED = 32;
export const FLAG_REMEMBERS = 64;
const KNOWN_FLAGS = KIND_MASK | FLAG_PAGED | FLAG_BIRTH | FLAG_INTENT | FLAG_VALUE_OMITTED | FLAG_REMEMBERS;

export const HEADER_FIXED_BYTES = 1 + BALLOT_BYTES + 1 + 8 + 8 + 4 + 4;
/** The longest header. */
export const HEADER_MAX_BYTES = HEADER_FIXED_BYTES + limits.lineageLength * BALLOT_BYTES;
const CRC_BYTES = 4;
const RECORD_FIXED_BYTES = 1 + BALLOT_BYTES + 4 + 4 + 4 + CRC_BYTES;
/** Bytes of a `place`. */
export const PLACE_BYTES = ID_BYTES + 2 + 4 + 4;
const INTENT_FIXED_BYTES = ID_BYTES + 2 + BALLOT_BYTES + 2 + 1;
const FORM_PROPOSED = 1;
const FORM_MANIFEST = 2;
const FORM_COMPLETE = 4;
const EMPTY = Buffer.alloc(0);

/** Bytes of `header` in the grammar above. */
export function headerLength(header: StateHeader): number {
  return HEADER_FIXED_BYTES + rowLength(header.lineage) * BALLOT_BYTES;
}

/** Writes `header` at `offset`; returns the offset behind it. One header has one form: the seal binds these bytes. */
export function writeHeader(target: Buffer, offset: number, header: StateHeader): number {
  const { lineage } = header;
  const count = rowLength(lineage);
  assert(count <= limits.lineageLength, 'the lineage is too long');
  target[offset] =
    header.kind |
    (header.paged ? FLAG_PAGED : 0) |
    (header.birth ? FLAG_BIRTH : 0) |
    (header.remembers ? FLAG_REMEMBERS : 0);
  let at = writeBallot(target, offset + 1, header.origin);
  target[at++] = count;
  for (let i = 0; i < lineage.length; i += 2) {
    at = writeU32(target, writeU64(target, at, lineage[i] ?? 0), lineage[i + 1] ?? 0);
  }
  at = writeU64(target, at, header.expiresAtMs);
  at = writeU64(target, at, header.sizeBytes);
  return writeU32(target, writeU32(target, at, header.namespace), header.generation);
}

/** Null if the bytes at `offset` hold no header. The header's length follows from `headerLength`. */
function readHeader(source: Buffer, offset: number): StateHeader | null {
  if (source.length - offset < HEADER_FIXED_BYTES) return null;
  const flags = source[offset] ?? 0;
  const kind = flags & KIND_MASK;
  if ((flags & ~KNOWN_FLAGS) !== 0 || (kind !== StateKind.dead && kind !== StateKind.live)) return null;
  const origin = readBallot(source, offset + 1);
  let at = offset + 1 + BALLOT_BYTES;
  const count = source[at++] ?? 0;
  if (count > limits.lineageLength || source.length - offset < HEADER_FIXED_BYTES + count * BALLOT_BYTES) return null;
  const lineage: number[] = [];
  for (let i = 0; i < count; i++) {
    const time = readU64(source, at);
    if (time < 0) return null;
    lineage.push(time, source.readUInt32BE(at + 8));
    at += BALLOT_BYTES;
  }
  const expiresAtMs = readU64(source, at);
  const sizeBytes = readU64(source, at + 8);
  if (origin === null || expiresAtMs < 0 || sizeBytes < 0) return null;
  return {
    kind,
    origin,
    lineage,
    birth: (flags & FLAG_BIRTH) !== 0,
    expiresAtMs,
    sizeBytes,
    namespace: source.readUInt32BE(at + 16),
    generation: source.readUInt32BE(at + 20),
    paged: (flags & FLAG_PAGED) !== 0,
    remembers: (flags & FLAG_REMEMBERS) !== 0,
  };
}

function writeBlock(target: Buffer, offset: number, block: Buffer): number {
  writeU32(target, offset, block.length);
  if (block.length > 0) target.set(block, offset + 4);
  return offset + 4 + block.length;
}

/** The block at `offset` as a view, not reaching past `end`; null if it would. */
function readBlock(source: Buffer, offset: number, end: number): Buffer | null {
  if (end - offset < 4) return null;
  const length = source.readUInt32BE(offset);
  if (length > end - offset - 4) return null;
  return length === 0 ? EMPTY : source.subarray(offset + 4, offset + 4 + length);
}

/** Where parts of these lengths begin in what is stored of a state without an intent, and how long that is. */
export function storedLayout(header: StateHeader, metaLength: number, valueLength: number): StoredLayout {
  const metaAt = RECORD_FIXED_BYTES - CRC_BYTES - 4 + headerLength(header);
  const valueAt = metaAt + metaLength + 4;
  return { metaAt, valueAt, length: valueAt + valueLength + CRC_BYTES };
}

export interface StoredLayout {
  readonly metaAt: number;
  readonly valueAt: number;
  readonly length: number;
}

/** What a storage node keeps of a record, as one value of the engine. `state.value` must be there. */
export function encodeStored(accepted: Ballot, state: SealedState): Buffer {
  const { header, meta, value, intent, room } = state;
  if (room !== undefined && !room.isTaken) return completeRoom(accepted, state, room);
  assert(value !== null, 'a state without its value cannot be stored');
  const intentBytes = intent === undefined ? 0 : intentLength(intent);
  const fixed = RECORD_FIXED_BYTES + headerLength(header) + intentBytes;
  const bytes = Buffer.allocUnsafe(fixed + meta.length + value.length);
  bytes[0] = RECORD_FORMAT_VERSION;
  let at = writeU32(bytes, writeHeader(bytes, writeBallot(bytes, 1, accepted), header), intentBytes);
  if (intent !== undefined) {
    bytes[1 + BALLOT_BYTES] = (bytes[1 + BALLOT_BYTES] ?? 0) | FLAG_INTENT;
    at = writeIntent(bytes, at, intent);
  }
  const end = writeBlock(bytes, writeBlock(bytes, at, meta), value);
  writeU32(bytes, end, crc32(bytes.subarray(0, end)));
  return bytes;
}

/** Writes what is missing around the parts. */
function completeRoom(accepted: Ballot, { header, meta, value }: SealedState, room: StoredRoom): Buffer {
  const { bytes } = room;
  room.isTaken = true;
  bytes[0] = RECORD_FORMAT_VERSION;
  const at = writeU32(bytes, writeHeader(bytes, writeBallot(bytes, 1, accepted), header), 0);
  writeU32(bytes, at, meta.length);
  writeU32(bytes, at + 4 + meta.length, value?.length ?? 0);
  const end = bytes.length - CRC_BYTES;
  writeU32(bytes, end, crc32(bytes.subarray(0, end)));
  return bytes;
}

export interface StoredRecord {
  readonly accepted: Ballot;
  readonly state: SealedState;
}

/**
 * Reads what `encodeStored` wrote; null if the bytes are corrupt in any way. `meta` and `value` are views into `bytes`,
 * which must therefore never change.
 */
export function decodeStored(bytes: Buffer): StoredRecord | null {
  const end = bytes.length - CRC_BYTES;
  if (end < RECORD_FIXED_BYTES - CRC_BYTES || bytes[0] !== RECORD_FORMAT_VERSION) return null;
  if (crc32(bytes.subarray(0, end)) !== bytes.readUInt32BE(end)) return null;
  const accepted = readBallot(bytes, 1);
  const header = readHeader(bytes, 1 + BALLOT_BYTES);
  if (accepted === null || header === null || ((bytes[1 + BALLOT_BYTES] ?? 0) & FLAG_VALUE_OMITTED) !== 0) return null;
  const hasIntent = ((bytes[1 + BALLOT_BYTES] ?? 0) & FLAG_INTENT) !== 0;
  const at = 1 + BALLOT_BYTES + headerLength(header);
  const intentBytes = readBlock(bytes, at, end);
  if (intentBytes === null || intentBytes.length > 0 !== hasIntent) return null;
  const metaAt = at + 4 + intentBytes.length;
  const meta = readBlock(bytes, metaAt, end);
  if (meta === null) return null;
  const valueAt = metaAt + 4 + meta.length;
  const value = readBlock(bytes, valueAt, end);
  if (value === null || valueAt + 4 + value.length !== end) return null;
  if (!hasIntent) return { accepted, state: { header, meta, value } };
  const intent = readIntent(intentBytes);
  return intent === null ? null : { accepted, state: { header, meta, value, intent } };
}

/** Bytes that `writeState` will take. */
export function stateLength(state: SealedState): number {
  const { header, meta, value, intent } = state;
  const valueLength = value === null ? 0 : 4 + value.length;
  return headerLength(header) + 4 + meta.length + valueLength + (intent === undefined ? 0 : 4 + intentLength(intent));
}

/** Writes a state into a message at `offset`; returns the offset behind it. A null value says: not sent. */
export function writeState(target: Buffer, offset: number, state: SealedState): number {
  let at = writeBlock(target, writeHeader(target, offset, state.header), state.meta);
  if (state.value === null) target[offset] = (target[offset] ?? 0) | FLAG_VALUE_OMITTED;
  else at = writeBlock(target, at, state.value);
  const { intent } = state;
  if (intent === undefined) return at;
  target[offset] = (target[offset] ?? 0) | FLAG_INTENT;
  return writeIntent(target, writeU32(target, at, intentLength(intent)), intent);
}

export interface ReadState {
  readonly state: SealedState;
  /** The offset behind the state. */
  readonly next: number;
}

/** Reads a state out of a message, `meta` and `value` as views into `source`; null if malformed. */
export function readState(source: Buffer, offset: number): ReadState | null {
  const header = readHeader(source, offset);
  if (header === null) return null;
  const flags = source[offset] ?? 0;
  const metaAt = offset + headerLength(header);
  const meta = readBlock(source, metaAt, source.length);
  if (meta === null) return null;
  let next = metaAt + 4 + meta.length;
  let value: Buffer | null = null;
  if ((flags & FLAG_VALUE_OMITTED) === 0) {
    value = readBlock(source, next, source.length);
    if (value === null) return null;
    next += 4 + value.length;
  }
  if ((flags & FLAG_INTENT) === 0) return { state: { header, meta, value }, next };
  const block = readBlock(source, next, source.length);
  const intent = block === null ? null : readIntent(block);
  if (block === null || intent === null) return null;
  return { state: { header, meta, value, intent }, next: next + 4 + block.length };
}

/** Bytes of an intent in the grammar above. */
function intentLength({ records, pages, proposed }: Intent): number {
  const manifest = pages === null ? 0 : 8 + (pages.added.length + pages.dropped.length) * ID_BYTES;
  return INTENT_FIXED_BYTES + records.length * PLACE_BYTES + manifest + (proposed === null ? 0 : stateLength(proposed));
}

function writeIntent(target: Buffer, offset: number, intent: Intent): number {
  const { transaction, shard, ballot, records, proposed, pages } = intent;
  let at = target.writeUInt16BE(shard, writeLatin1(target, offset, transaction));
  at = target.writeUInt16BE(records.length, writeBallot(target, at, ballot));
  for (const place of records) at = writePlace(target, at, place);
  target[at++] =
    (proposed === null ? 0 : FORM_PROPOSED) |
    (pages === null ? 0 : FORM_MANIFEST) |
    (pages?.complete === true ? FORM_COMPLETE : 0);
  if (pages !== null) at = writeIds(target, writeIds(target, at, pages.added), pages.dropped);
  return proposed === null ? at : writeState(target, at, proposed);
}

/** Null if malformed. */
function readIntent(bytes: Buffer): Intent | null {
  if (bytes.length < INTENT_FIXED_BYTES) return null;
  const ballot = readBallot(bytes, ID_BYTES + 2);
  const count = bytes.readUInt16BE(ID_BYTES + 2 + BALLOT_BYTES);
  let at = INTENT_FIXED_BYTES - 1;
  if (ballot === null || bytes.length - at < count * PLACE_BYTES + 1) return null;
  const records: RecordPlace[] = [];
  for (let i = 0; i < count; i++, at += PLACE_BYTES) records.push(readPlace(bytes, at));
  const form = bytes[at++] ?? 0;
  let pages: PageManifest | null = null;
  if ((form & FORM_MANIFEST) !== 0) {
    const added = readIds(bytes, at);
    const dropped = added === null ? null : readIds(bytes, added.next);
    if (added === null || dropped === null) return null;
    pages = { complete: (form & FORM_COMPLETE) !== 0, added: added.ids, dropped: dropped.ids };
    at = dropped.next;
  }
  const hasProposed = (form & FORM_PROPOSED) !== 0;
  // Looked at before it is read: intents within intents would go as deep as the bytes reach.
  if (hasProposed && ((bytes[at] ?? 0) & (FLAG_INTENT | FLAG_VALUE_OMITTED)) !== 0) return null;
  const read = hasProposed ? readState(bytes, at) : null;
  if (hasProposed && read === null) return null;
  if ((read?.next ?? at) !== bytes.length) return null;
  const transaction = bytes.toString('latin1', 0, ID_BYTES);
  return { transaction, shard: bytes.readUInt16BE(ID_BYTES), ballot, records, proposed: read?.state ?? null, pages };
}

/** `place` of the grammar above; returns the offset behind it. */
export function writePlace(target: Buffer, offset: number, place: RecordPlace): number {
  const at = target.writeUInt16BE(place.shard, writeLatin1(target, offset, place.id));
  return writeU32(target, writeU32(target, at, place.namespace), place.generation);
}

/** The caller has checked that PLACE_BYTES are there. */
export function readPlace(source: Buffer, offset: number): RecordPlace {
  return {
    id: source.toString('latin1', offset, offset + ID_BYTES),
    shard: source.readUInt16BE(offset + ID_BYTES),
    namespace: source.readUInt32BE(offset + ID_BYTES + 2),
    generation: source.readUInt32BE(offset + ID_BYTES + 6),
  };
}

function writeIds(target: Buffer, offset: number, ids: readonly PageId[]): number {
  let at = writeU32(target, offset, ids.length);
  for (const id of ids) at = writeLatin1(target, at, id);
  return at;
}

function readIds(source: Buffer, offset: number): { readonly ids: PageId[]; readonly next: number } | null {
  if (source.length - offset < 4) return null;
  const count = source.readUInt32BE(offset);
  let at = offset + 4;
  if (source.length - at < count * ID_BYTES) return null;
  const ids: PageId[] = [];
  for (let i = 0; i < count; i++, at += ID_BYTES) ids.push(source.toString('latin1', at, at + ID_BYTES));
  return { ids, next: at };
}

/** A state alone in a buffer, in the form of messages. */
export function encodeState(state: SealedState): Buffer {
  const bytes = Buffer.allocUnsafe(stateLength(state));
  writeState(bytes, 0, state);
  return bytes;
}

/** Null if malformed or if anything follows the state. */
export function decodeState(bytes: Buffer): SealedState | null {
  const read = readState(bytes, 0);
  return read !== null && read.next === bytes.length ? read.state : null;
}

import { crc32 } from 'node:zlib';
import { assert } from '../base/assert.ts';
import { limits } from '../base/limits.ts';
import type { Ballot } from './ballot.ts';
import { rowLength } from './ballot-row.ts';
import { BALLOT_BYTES, readBallot, readU64, writeBallot, writeU32, writeU64 } from './bytes.ts';
import type { SealedState, StateHeader } from './state.ts';
import { StateKind } from './state.ts';

/*
 * The bytes of a state. All numbers are big endian; a u64 holds a safe integer.
 *
 *   record  = formatVersion:u8 accepted:ballot header
 *             intentLength:u32                          ; the intent's slot, empty for now: 0
 *             metaLength:u32 meta valueLength:u32 value
 *             crc32:u32                                 ; over everything before it
 *   message = header metaLength:u32 meta [ valueLength:u32 value ]   ; no value if valueOmitted
 *   header  = flags:u8 origin:ballot
 *             lineageCount:u8 lineageCount*ballot       ; at most limits.lineageLength, newest first
 *             expiresAtMs:u64 sizeBytes:u64 namespace:u32 generation:u32
 *   flags   = kind:2 bits, paged:4, birth:8, hasIntent:16 (0 for now), valueOmitted:32 (messages only),
 *             remembers:64
 *   ballot  = time:u64 proposer:u32
 */

/** First byte of every stored record. */
export const RECORD_FORMAT_VERSION = 1;

export const KIND_MASK = 3;
const FLAG_PAGED = 4;
const FLAG_BIRTH = 8;
const FLAG_VALUE_OMITTED = 32;
export const FLAG_REMEMBERS = 64;
const KNOWN_FLAGS = KIND_MASK | FLAG_PAGED | FLAG_BIRTH | FLAG_VALUE_OMITTED | FLAG_REMEMBERS;

export const HEADER_FIXED_BYTES = 1 + BALLOT_BYTES + 1 + 8 + 8 + 4 + 4;
/** The longest header. */
export const HEADER_MAX_BYTES = HEADER_FIXED_BYTES + limits.lineageLength * BALLOT_BYTES;
const CRC_BYTES = 4;
const RECORD_FIXED_BYTES = 1 + BALLOT_BYTES + 4 + 4 + 4 + CRC_BYTES;
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

/** What a storage node keeps of a record, as one value of the engine. `state.value` must be there. */
export function encodeStored(accepted: Ballot, state: SealedState): Buffer {
  const { header, meta, value } = state;
  assert(value !== null, 'a state without its value cannot be stored');
  const bytes = Buffer.allocUnsafe(RECORD_FIXED_BYTES + headerLength(header) + meta.length + value.length);
  bytes[0] = RECORD_FORMAT_VERSION;
  const at = writeU32(bytes, writeHeader(bytes, writeBallot(bytes, 1, accepted), header), 0);
  const end = writeBlock(bytes, writeBlock(bytes, at, meta), value);
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
  const at = 1 + BALLOT_BYTES + headerLength(header);
  if (end - at < 4 || bytes.readUInt32BE(at) !== 0) return null;
  const meta = readBlock(bytes, at + 4, end);
  if (meta === null) return null;
  const valueAt = at + 4 + 4 + meta.length;
  const value = readBlock(bytes, valueAt, end);
  if (value === null || valueAt + 4 + value.length !== end) return null;
  return { accepted, state: { header, meta, value } };
}

/** Bytes that `writeState` will take. */
export function stateLength(state: SealedState): number {
  const valueLength = state.value === null ? 0 : 4 + state.value.length;
  return headerLength(state.header) + 4 + state.meta.length + valueLength;
}

/** Writes a state into a message at `offset`; returns the offset behind it. A null value says: not sent. */
export function writeState(target: Buffer, offset: number, state: SealedState): number {
  let at = writeBlock(target, writeHeader(target, offset, state.header), state.meta);
  if (state.value === null) target[offset] = (target[offset] ?? 0) | FLAG_VALUE_OMITTED;
  else at = writeBlock(target, at, state.value);
  return at;
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
  const metaAt = offset + headerLength(header);
  const meta = readBlock(source, metaAt, source.length);
  if (meta === null) return null;
  const next = metaAt + 4 + meta.length;
  if (((source[offset] ?? 0) & FLAG_VALUE_OMITTED) !== 0) return { state: { header, meta, value: null }, next };
  const value = readBlock(source, next, source.length);
  return value === null ? null : { state: { header, meta, value }, next: next + 4 + value.length };
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

import { crc32 } from 'node:zlib';
import { assert } from '../base/assert.ts';
import { readU64, writeU32, writeU64 } from '../record/bytes.ts';
import type { EngineChange } from './engine.ts';

/*
 * A log is files of entries, one behind the other. All numbers are big endian; a u64 holds a safe integer.
 *
 *   entry  = magic:u8 bodyLength:u32 crc32:u32 body       ; the CRC over the body
 *   body   = sequence:u64 changeCount:u32 changeCount*change
 *   change = keyLength:u16 valueLength:u32 key value      ; valueLength 0xffffffff: the key is deleted, no value follows
 *
 * Sequence numbers go on by one from entry to entry, also from file to file: so what is missing is noticed.
 */

const MAGIC = 0x6c;
const HEADER_BYTES = 9;
const BODY_FIXED_BYTES = 12;
const CHANGE_FIXED_BYTES = 6;
const DELETED = 0xffff_ffff;

/** Bytes of the entry for these changes. */
export function entryLength(changes: readonly EngineChange[]): number {
  let bytes = HEADER_BYTES + BODY_FIXED_BYTES;
  for (const { key, value } of changes) {
    assert(Buffer.isBuffer(key) && (value === null || Buffer.isBuffer(value)), 'keys and values are buffers');
    bytes += CHANGE_FIXED_BYTES + key.length + (value?.length ?? 0);
  }
  return bytes;
}

export function encodeEntry(sequence: number, changes: readonly EngineChange[]): Buffer {
  const entry = Buffer.allocUnsafe(entryLength(changes));
  entry[0] = MAGIC;
  let at = writeU64(entry, HEADER_BYTES, sequence);
  at = writeU32(entry, at, changes.length);
  for (const { key, value } of changes) {
    entry[at] = key.length >>> 8;
    entry[at + 1] = key.length;
    at = writeU32(entry, at + 2, value === null ? DELETED : value.length);
    entry.set(key, at);
    at += key.length;
    if (value === null) continue;
    entry.set(value, at);
    at += value.length;
  }
  writeU32(entry, 1, entry.length - HEADER_BYTES);
  writeU32(entry, 5, crc32(entry.subarray(HEADER_BYTES)));
  return entry;
}

/** Gets the changes of an entry as places within its bytes, which nobody changes any more. */
export interface ChangeSink {
  /** The key, named `name`, is [keyAt, valueAt), the value [valueAt, valueEnd); `valueEnd` below `valueAt`: deleted. */
  add(name: string, bytes: Buffer, keyAt: number, valueAt: number, valueEnd: number): void;
}

/** The changes of an entry at `offset` that `checkEntry` found sound. */
export function eachChange(bytes: Buffer, offset: number, sink: ChangeSink): void {
  let at = offset + HEADER_BYTES + BODY_FIXED_BYTES;
  for (let left = bytes.readUInt32BE(at - 4); left > 0; left--) {
    const keyAt = at + CHANGE_FIXED_BYTES;
    const valueAt = keyAt + bytes.readUInt16BE(at);
    const valueLength = bytes.readUInt32BE(at + 2);
    at = valueLength === DELETED ? valueAt : valueAt + valueLength;
    sink.add(bytes.toString('latin1', keyAt, valueAt), bytes, keyAt, valueAt, valueLength === DELETED ? -1 : at);
  }
}

/** The changes that `encodeEntry` made this entry of. */
export function eachEncoded(entry: Buffer, changes: readonly EngineChange[], sink: ChangeSink): void {
  let at = HEADER_BYTES + BODY_FIXED_BYTES;
  for (const { key, value, name } of changes) {
    const keyAt = at + CHANGE_FIXED_BYTES;
    const valueAt = keyAt + key.length;
    at = valueAt + (value?.length ?? 0);
    sink.add(name ?? key.toString('latin1'), entry, keyAt, valueAt, value === null ? -1 : at);
  }
}

export interface LogEntry {
  readonly sequence: number;
  /** The offset behind the entry. */
  readonly next: number;
}

/** The entry at `offset`; null if there is no whole and sound one. */
export function checkEntry(bytes: Buffer, offset: number): LogEntry | null {
  if (bytes.length - offset < HEADER_BYTES + BODY_FIXED_BYTES || bytes[offset] !== MAGIC) return null;
  const bodyLength = bytes.readUInt32BE(offset + 1);
  const next = offset + HEADER_BYTES + bodyLength;
  if (bodyLength < BODY_FIXED_BYTES || next > bytes.length) return null;
  if (crc32(bytes.subarray(offset + HEADER_BYTES, next)) !== bytes.readUInt32BE(offset + 5)) return null;
  const sequence = readU64(bytes, offset + HEADER_BYTES);
  const count = bytes.readUInt32BE(offset + HEADER_BYTES + 8);
  let at = offset + HEADER_BYTES + BODY_FIXED_BYTES;
  for (let i = 0; i < count; i++) {
    if (next - at < CHANGE_FIXED_BYTES) return null;
    const valueLength = bytes.readUInt32BE(at + 2);
    at += CHANGE_FIXED_BYTES + bytes.readUInt16BE(at) + (valueLength === DELETED ? 0 : valueLength);
    if (at > next) return null;
  }
  return at === next && sequence >= 0 ? { sequence, next } : null;
}

/** Whether a whole and sound entry of a later sequence than `sequence` stands anywhere behind `offset`. */
export function hasLaterEntry(bytes: Buffer, offset: number, sequence: number): boolean {
  for (let at = bytes.indexOf(MAGIC, offset); at >= 0; at = bytes.indexOf(MAGIC, at + 1)) {
    if (bytes.length - at < HEADER_BYTES + BODY_FIXED_BYTES) return false;
    // Cheap first: nearly every other byte fails here.
    if (readU64(bytes, at + HEADER_BYTES) < sequence) continue;
    const entry = checkEntry(bytes, at);
    if (entry !== null && entry.sequence >= sequence) return true;
  }
  return false;
}

import { crc32 } from 'node:zlib';
import type { EngineChange } from './engine.ts';

/*
 * The bytes of a journal entry: one batch of changes. All numbers are big endian.
 *
 *   entry  = magic:u32 formatVersion:u8
 *            crc32:u32                              ; over everything behind it
 *            length:u32                             ; of the whole entry
 *            sequence:u64 count:u32 count*change
 *   change = kind:u8                                ; 1 put, 2 delete
 *            keyLength:u16 valueLength:u32 key value
 */

/** Fifth byte of every entry. */
export const JOURNAL_FORMAT_VERSION = 1;

/** "jkvj": where an entry begins. */
export const ENTRY_MAGIC = Buffer.from('jkvj', 'latin1');
const CRC_AT = 5;
const CRC_FROM = 9;
export const ENTRY_HEADER_BYTES = 25;
export const CHANGE_HEADER_BYTES = 7;
const KEY_MAX_BYTES = 0xffff;
const KIND_PUT = 1;
const KIND_DELETE = 2;

/** What an entry says of itself, and the offset behind it. */
export interface EntryHeader {
  readonly sequence: number;
  readonly count: number;
  readonly end: number;
}

/** Bytes that the changes take as one entry. */
export function entryLength(changes: readonly EngineChange[]): number {
  let bytes = ENTRY_HEADER_BYTES;
  for (let i = 0; i < changes.length; i++) {
    const change = changes[i];
    if (change === undefined) continue;
    bytes += CHANGE_HEADER_BYTES + change.key.length + (change.value === null ? 0 : change.value.length);
  }
  return bytes;
}

/** True if every key is short enough for an entry. */
export function keysFit(changes: readonly EngineChange[]): boolean {
  return changes.every((change) => change.key.length <= KEY_MAX_BYTES);
}

/** Writes the changes as one entry at `start`, where `entryLength` bytes are free; returns the offset behind it. */
export function writeEntry(target: Buffer, start: number, sequence: number, changes: readonly EngineChange[]): number {
  let at = start + ENTRY_HEADER_BYTES;
  for (let i = 0; i < changes.length; i++) {
    const change = changes[i];
    if (change === undefined) continue;
    const { key, value } = change;
    const keyLength = key.length;
    const valueLength = value === null ? 0 : value.length;
    // Byte by byte: the calls for whole numbers cost as much as copying a small record.
    target[at] = value === null ? KIND_DELETE : KIND_PUT;
    target[at + 1] = keyLength >>> 8;
    target[at + 2] = keyLength;
    target[at + 3] = valueLength >>> 24;
    target[at + 4] = valueLength >>> 16;
    target[at + 5] = valueLength >>> 8;
    target[at + 6] = valueLength;
    at += CHANGE_HEADER_BYTES;
    target.set(key, at);
    at += keyLength;
    if (value === null) continue;
    target.set(value, at);
    at += valueLength;
  }
  target.set(ENTRY_MAGIC, start);
  target[start + 4] = JOURNAL_FORMAT_VERSION;
  target.writeUInt32BE(at - start, start + 9);
  target.writeBigUInt64BE(BigInt(sequence), start + 13);
  target.writeUInt32BE(changes.length, start + 21);
  target.writeUInt32BE(crc32(target.subarray(start + CRC_FROM, at)), start + CRC_AT);
  return at;
}

/** The entry that begins at `start`, checked whole; null if there is none, or not all of it. */
export function readEntry(source: Buffer, start: number): EntryHeader | null {
  const header = readHeader(source, start);
  if (header === null) return null;
  const { end } = header;
  if (crc32(source.subarray(start + CRC_FROM, end)) !== source.readUInt32BE(start + CRC_AT)) return null;
  let at = start + ENTRY_HEADER_BYTES;
  for (let i = 0; i < header.count; i++) {
    if (at + CHANGE_HEADER_BYTES > end) return null;
    const kind = source[at];
    if (kind !== KIND_PUT && kind !== KIND_DELETE) return null;
    at = changeEnd(source, at);
  }
  return at === end ? header : null;
}

/** True if a whole entry with a sequence number above `sequence` begins anywhere at or behind `start`. */
export function holdsLaterEntry(source: Buffer, start: number, sequence: number): boolean {
  for (let at = source.indexOf(ENTRY_MAGIC, start); at >= 0; at = source.indexOf(ENTRY_MAGIC, at + 1)) {
    const header = readHeader(source, at);
    if (header !== null && header.sequence > sequence && readEntry(source, at) !== null) return true;
  }
  return false;
}

/** True if what begins at `start` is a part of the entry with this sequence number, and not the whole. */
export function isTornEntry(source: Buffer, start: number, sequence: number): boolean {
  const there = Math.min(source.length - start, ENTRY_MAGIC.length);
  if (there <= 0 || source.compare(ENTRY_MAGIC, 0, there, start, start + there) !== 0) return false;
  // Cut off before its number: only the end of a file cuts so.
  if (source.length - start < ENTRY_HEADER_BYTES) return true;
  return Number(source.readBigUInt64BE(start + 13)) === sequence && readEntry(source, start) === null;
}

function readHeader(source: Buffer, start: number): EntryHeader | null {
  if (start + ENTRY_HEADER_BYTES > source.length) return null;
  if (source.compare(ENTRY_MAGIC, 0, ENTRY_MAGIC.length, start, start + ENTRY_MAGIC.length) !== 0) return null;
  if (source[start + 4] !== JOURNAL_FORMAT_VERSION) return null;
  const length = source.readUInt32BE(start + 9);
  const sequence = Number(source.readBigUInt64BE(start + 13));
  const count = source.readUInt32BE(start + 21);
  if (length < ENTRY_HEADER_BYTES || start + length > source.length || !Number.isSafeInteger(sequence)) return null;
  return { sequence, count, end: start + length };
}

/** The parts of the change at `at`, in an entry that was checked or written here. */
export function keyStart(at: number): number {
  return at + CHANGE_HEADER_BYTES;
}

export function keyLength(source: Buffer, at: number): number {
  return ((source[at + 1] ?? 0) << 8) | (source[at + 2] ?? 0);
}

export function valueLength(source: Buffer, at: number): number {
  const high = ((source[at + 3] ?? 0) << 24) | ((source[at + 4] ?? 0) << 16);
  return (high | ((source[at + 5] ?? 0) << 8) | (source[at + 6] ?? 0)) >>> 0;
}

export function isDelete(source: Buffer, at: number): boolean {
  return source[at] === KIND_DELETE;
}

export function changeEnd(source: Buffer, at: number): number {
  return at + CHANGE_HEADER_BYTES + keyLength(source, at) + valueLength(source, at);
}

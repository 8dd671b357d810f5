/*
 * The forms in which Redis keeps small collections as one string: listpack, ziplist, intset, zipmap. Each function adds the
 * items, integers as their text, to `items` and says whether the bytes were what they should be. Strings are views.
 */

const END = 255;

/** Adds nothing more than `most` items: beyond them the value is too large, and refused. */
export interface ItemSink {
  readonly items: Buffer[];
  readonly most: number;
}

function add({ items, most }: ItemSink, item: Buffer): boolean {
  return items.push(item) <= most;
}

function textOf(value: number | bigint): Buffer {
  return Buffer.from(String(value), 'latin1');
}

/** A part of the bytes, null where it does not lie in front of their last one, which is the end mark. */
function part(bytes: Buffer, from: number, length: number): Buffer | null {
  return from + length < bytes.length ? bytes.subarray(from, from + length) : null;
}

function integerAt(bytes: Buffer, at: number, length: number): Buffer | null {
  if (at + length >= bytes.length) return null;
  return textOf(length === 8 ? bytes.readBigInt64LE(at) : bytes.readIntLE(at, length));
}

interface Entry {
  readonly item: Buffer;
  readonly end: number;
}

function entry(item: Buffer | null, end: number): Entry | null {
  return item === null ? null : { item, end };
}

const LISTPACK_HEADER_BYTES = 6;
const UNKNOWN_COUNT = 65_535;

/** total:u32le count:u16le entries 0xff */
export function readListpack(bytes: Buffer, sink: ItemSink): boolean {
  const last = bytes.length - 1;
  if (bytes.length < LISTPACK_HEADER_BYTES + 1 || bytes.readUInt32LE(0) !== bytes.length || bytes[last] !== END) {
    return false;
  }
  const count = bytes.readUInt16LE(4);
  let found = 0;
  let at = LISTPACK_HEADER_BYTES;
  while (at < last) {
    const read = listpackEntry(bytes, at);
    if (read === null || !add(sink, read.item)) return false;
    at = read.end + backLengthBytes(read.end - at);
    found++;
  }
  return at === last && (count === UNKNOWN_COUNT || count === found);
}

function listpackEntry(bytes: Buffer, at: number): Entry | null {
  const first = bytes[at] ?? 0;
  const next = bytes[at + 1] ?? 0;
  if (first < 0x80) return { item: textOf(first), end: at + 1 };
  if (first < 0xc0) return listpackString(bytes, at + 1, first & 63);
  if (first < 0xe0) {
    const value = ((first & 31) << 8) | next;
    return { item: textOf(value >= 4_096 ? value - 8_192 : value), end: at + 2 };
  }
  if (first < 0xf0) return listpackString(bytes, at + 2, ((first & 15) << 8) | next);
  switch (first) {
    case 0xf0:
      return at + 5 < bytes.length ? listpackString(bytes, at + 5, bytes.readUInt32LE(at + 1)) : null;
    case 0xf1:
      return entry(integerAt(bytes, at + 1, 2), at + 3);
    case 0xf2:
      return entry(integerAt(bytes, at + 1, 3), at + 4);
    case 0xf3:
      return entry(integerAt(bytes, at + 1, 4), at + 5);
    case 0xf4:
      return entry(integerAt(bytes, at + 1, 8), at + 9);
    default:
      return null;
  }
}

function listpackString(bytes: Buffer, at: number, length: number): Entry | null {
  return entry(part(bytes, at, length), at + length);
}

/** What the length of an entry takes behind it, to be read backwards. */
export function backLengthBytes(length: number): number {
  if (length <= 127) return 1;
  if (length < 16_383) return 2;
  if (length < 2_097_151) return 3;
  return length < 268_435_455 ? 4 : 5;
}

const ZIPLIST_HEADER_BYTES = 10;
const LONG_PREVIOUS = 254;

/** bytes:u32le tail:u32le count:u16le entries 0xff */
export function readZiplist(bytes: Buffer, sink: ItemSink): boolean {
  const last = bytes.length - 1;
  if (bytes.length < ZIPLIST_HEADER_BYTES + 1 || bytes.readUInt32LE(0) !== bytes.length || bytes[last] !== END) {
    return false;
  }
  const count = bytes.readUInt16LE(8);
  let found = 0;
  let at = ZIPLIST_HEADER_BYTES;
  while (at < last) {
    const read = ziplistEntry(bytes, at + ((bytes[at] ?? 0) < LONG_PREVIOUS ? 1 : 5));
    if (read === null || !add(sink, read.item)) return false;
    at = read.end;
    found++;
  }
  return at === last && (count === UNKNOWN_COUNT || count === found);
}

/** `at`: behind the length of the entry before. */
function ziplistEntry(bytes: Buffer, at: number): Entry | null {
  if (at + 1 >= bytes.length) return null;
  const first = bytes[at] ?? 0;
  switch (first >> 6) {
    case 0:
      return listpackString(bytes, at + 1, first & 63);
    case 1:
      return listpackString(bytes, at + 2, ((first & 63) << 8) | (bytes[at + 1] ?? 0));
    case 2:
      return at + 5 < bytes.length ? listpackString(bytes, at + 5, bytes.readUInt32BE(at + 1)) : null;
    default:
  }
  switch (first) {
    case 0xc0:
      return entry(integerAt(bytes, at + 1, 2), at + 3);
    case 0xd0:
      return entry(integerAt(bytes, at + 1, 4), at + 5);
    case 0xe0:
      return entry(integerAt(bytes, at + 1, 8), at + 9);
    case 0xf0:
      return entry(integerAt(bytes, at + 1, 3), at + 4);
    case 0xfe:
      return entry(integerAt(bytes, at + 1, 1), at + 2);
    default:
      return first > 0xf0 && first < 0xfe ? { item: textOf((first & 15) - 1), end: at + 1 } : null;
  }
}

const INTSET_HEADER_BYTES = 8;

/** width:u32le count:u32le, then so many integers of that width, ascending */
export function readIntset(bytes: Buffer, sink: ItemSink): boolean {
  if (bytes.length < INTSET_HEADER_BYTES) return false;
  const width = bytes.readUInt32LE(0);
  const count = bytes.readUInt32LE(4);
  if ((width !== 2 && width !== 4 && width !== 8) || bytes.length !== INTSET_HEADER_BYTES + width * count) return false;
  for (let at = INTSET_HEADER_BYTES; at < bytes.length; at += width) {
    const value = width === 8 ? bytes.readBigInt64LE(at) : bytes.readIntLE(at, width);
    if (!add(sink, textOf(value))) return false;
  }
  return true;
}

const LONG_ZIPMAP_LENGTH = 254;

/** count:u8 *( length field length free:u8 value <free bytes> ) 0xff */
export function readZipmap(bytes: Buffer, sink: ItemSink): boolean {
  const last = bytes.length - 1;
  if (bytes.length < 2 || bytes[last] !== END) return false;
  let at = 1;
  while (at < last) {
    for (const isValue of [false, true]) {
      const first = bytes[at] ?? END;
      if (first === END || (first === LONG_ZIPMAP_LENGTH && at + 5 > last)) return false;
      const length = first < LONG_ZIPMAP_LENGTH ? first : bytes.readUInt32LE(at + 1);
      at += first < LONG_ZIPMAP_LENGTH ? 1 : 5;
      const free = isValue ? (bytes[at++] ?? 0) : 0;
      const item = part(bytes, at, length);
      if (item === null || !add(sink, item)) return false;
      at += length + free;
    }
  }
  return at === last;
}

import { assert } from '../base/assert.ts';
import { writeU32 } from './bytes.ts';
import { VarintReader, varintLength, writeVarint } from './tree-node.ts';
import type { Encoding } from './value.ts';

/*
 * A small collection as one piece of bytes: what an element is (a member, or a field and its value: two items) is up to the
 * type.
 *
 *   packed = encoding:u8 count:u32 *( length:varint bytes )        ; count of elements
 */

export const PACKED_HEADER_BYTES = 5;

export function packedEncoding(packed: Buffer): Encoding {
  const encoding = packed[0];
  assert(encoding !== undefined && encoding >= 1 && encoding <= 5, 'a packed collection begins with its encoding');
  return encoding as Encoding;
}

/** Elements. */
export function packedCount(packed: Buffer): number {
  return packed.readUInt32BE(1);
}

export function writePackedHeader(target: Buffer, encoding: Encoding, count: number): void {
  target[0] = encoding;
  writeU32(target, 1, count);
}

/** Goes over the items without copying them. */
export class ItemCursor extends VarintReader {
  start = 0;
  itemStart = 0;

  constructor(packed: Buffer, at = PACKED_HEADER_BYTES) {
    super(packed);
    this.at = at;
  }

  /** The end of the current item. */
  get end(): number {
    return this.at;
  }

  get item(): Buffer {
    return this.bytes.subarray(this.itemStart, this.at);
  }

  /** False at the end; then `start` and `end` are there. */
  next(): boolean {
    this.start = this.at;
    if (this.at >= this.bytes.length) return false;
    const length = this.varint();
    this.itemStart = this.at;
    this.at += length;
    return true;
  }

  is(item: Buffer): boolean {
    return this.at - this.itemStart === item.length && item.compare(this.bytes, this.itemStart, this.at) === 0;
  }
}

/** Bytes that an item takes. */
export function packedItemLength(item: Buffer): number {
  return varintLength(item.length) + item.length;
}

/** Returns the offset behind it. */
export function writePackedItem(target: Buffer, offset: number, item: Buffer): number {
  const at = writeVarint(target, offset, item.length);
  target.set(item, at);
  return at + item.length;
}

export function packItems(encoding: Encoding, count: number, items: readonly Buffer[]): Buffer {
  let length = PACKED_HEADER_BYTES;
  for (const item of items) length += packedItemLength(item);
  const packed = Buffer.allocUnsafe(length);
  writePackedHeader(packed, encoding, count);
  let at = PACKED_HEADER_BYTES;
  for (const item of items) at = writePackedItem(packed, at, item);
  return packed;
}

/** The bytes from `from` up to, not including, `to` replaced by these items, and another count. */
export function spliceItems(packed: Buffer, from: number, to: number, items: readonly Buffer[], count: number): Buffer {
  let added = 0;
  for (const item of items) added += packedItemLength(item);
  const result = Buffer.allocUnsafe(packed.length - (to - from) + added);
  packed.copy(result, 0, 0, from);
  let at = from;
  for (const item of items) at = writePackedItem(result, at, item);
  packed.copy(result, at, to);
  writePackedHeader(result, packedEncoding(packed), count);
  return result;
}

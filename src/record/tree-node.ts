import { assert } from '../base/assert.ts';
import { limits } from '../base/limits.ts';
import { readU64, writeLatin1, writeU64 } from './bytes.ts';
import { readPageIds, writePageIds } from './content-codec.ts';
import { readRange, writeRange } from './paged-string.ts';
import { ID_BYTES } from './record-id.ts';
import type { PageId } from './state.ts';
import type { StringLayout } from './string-tree.ts';
import { type PageAccess, type PagedString, ValueType } from './value.ts';

/*
 * The nodes of a counted B+tree. Their order is that of the keys' bytes, or, where all keys are empty, of positions.
 *
 *   leaf  = *( keyLength:varint key valueTag:varint value )      ; valueTag = length of the value * 2 + isBig
 *   inner = *( pageId:16 childTag:varint bound:varint bytes )    ; childTag = elements below * 2 + hasBig
 *   big   = length:u64 depth:u8 rootCount:u8 rootCount*pageId    ; a value of its own pages, as a paged string
 *   varint: seven bits a byte, the lowest first, the highest bit set in all but the last
 *
 * `bound` is a lower bound of the keys below a child and above all keys before it; of the first child it says nothing.
 */

/** The sizes of a tree; tests use small ones. */
export interface TreeLayout {
  /** A leaf's page is never longer. */
  readonly treeLeafBytes: number;
  /** An inner node's page is never longer. */
  readonly treePageBytes: number;
  /** The root, which lies in the record. */
  readonly treeRootBytes: number;
  /** A longer value gets pages of its own. */
  readonly treeBigValueBytes: number;
}

const BIG_LAYOUT: StringLayout = { ...limits, inlineValueBytes: 0 };
const BIG_FIXED_BYTES = 8 + 1 + 1;
const NO_BYTES = Buffer.alloc(0);

export function varintLength(value: number): number {
  let length = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) length++;
  return length;
}

/** Returns the offset behind it. */
export function writeVarint(target: Buffer, offset: number, value: number): number {
  let at = offset;
  let rest = value;
  while (rest >= 128) {
    target[at++] = (rest % 128) | 128;
    rest = Math.floor(rest / 128);
  }
  target[at++] = rest;
  return at;
}

/** Compares the bytes from `start` to `end` with `key`: negative, zero or positive. */
export function compareAt(bytes: Buffer, start: number, end: number, key: Buffer): number {
  const length = Math.min(end - start, key.length);
  for (let i = 0; i < length; i++) {
    const difference = (bytes[start + i] ?? 0) - (key[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return end - start - key.length;
}

/** Goes over bytes that hold varints; the base of the cursors. */
export class VarintReader {
  readonly bytes: Buffer;
  /** Where the next one is read. */
  protected at = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  protected varint(): number {
    let factor = 1;
    let value = 0;
    for (;;) {
      const byte = this.bytes[this.at++];
      assert(byte !== undefined, 'a tree node ends where an element ends');
      value += (byte & 127) * factor;
      if (byte < 128) return value;
      factor *= 128;
    }
  }
}

/** Goes over the elements of a leaf without copying them. The fields are those of the current element. */
export class LeafCursor extends VarintReader {
  index = -1;
  start = 0;
  keyStart = 0;
  keyEnd = 0;
  valueStart = 0;
  isBig = false;

  /** The end of the current element. */
  get end(): number {
    return this.at;
  }

  get key(): Buffer {
    return this.bytes.subarray(this.keyStart, this.keyEnd);
  }

  /** As stored: of a big value, where its pages are. */
  get stored(): Buffer {
    return this.bytes.subarray(this.valueStart, this.at);
  }

  /** Of the key and the value. */
  get elementBytes(): number {
    const valueBytes = this.isBig ? bigLength(this.stored) : this.at - this.valueStart;
    return this.keyEnd - this.keyStart + valueBytes;
  }

  /** False at the end of the leaf; then `start` and `end` are there. */
  next(): boolean {
    this.start = this.at;
    if (this.at >= this.bytes.length) return false;
    this.index++;
    const keyLength = this.varint();
    this.keyStart = this.at;
    this.keyEnd = this.at + keyLength;
    this.at = this.keyEnd;
    const tag = this.varint();
    this.isBig = tag % 2 === 1;
    this.valueStart = this.at;
    this.at += Math.floor(tag / 2);
    return true;
  }

  /** Goes to the first element that is not before `key`; true if it has that key. */
  seek(key: Buffer): boolean {
    while (this.next()) {
      const order = compareAt(this.bytes, this.keyStart, this.keyEnd, key);
      if (order >= 0) return order === 0;
    }
    return false;
  }

  /** Another cursor at the same element. */
  copy(): LeafCursor {
    const copy = new LeafCursor(this.bytes);
    copy.jump(this.index, this.start);
    return copy;
  }

  /** Goes to the element at `index`, known to begin at `start`. */
  jump(index: number, start: number): void {
    this.index = index - 1;
    this.at = start;
    this.next();
  }

  /** Goes to the element at `index`, which must be there. */
  goTo(index: number): void {
    while (this.index < index) assert(this.next(), 'a leaf has as many elements as its parent says');
  }
}

/** Goes over the children in an inner node. */
export class InnerCursor extends VarintReader {
  index = -1;
  count = 0;
  hasBig = false;
  #idAt = 0;
  #boundStart = 0;

  get id(): PageId {
    return this.idAt(this.#idAt);
  }

  /** The end of the current child. */
  get end(): number {
    return this.at;
  }

  /** Goes to the child at `index`, known to begin at `start`; false if there is none. */
  jump(index: number, start: number): boolean {
    this.index = index - 1;
    this.at = start;
    return this.next();
  }

  /** Where the current child's id is: for those who look at many children and want one of them. */
  get idStart(): number {
    return this.#idAt;
  }

  idAt(start: number): PageId {
    return this.bytes.toString('latin1', start, start + ID_BYTES);
  }

  get bound(): Buffer {
    return this.bytes.subarray(this.#boundStart, this.at);
  }

  next(): boolean {
    if (this.at >= this.bytes.length) return false;
    this.index++;
    this.#idAt = this.at;
    this.at += ID_BYTES;
    const tag = this.varint();
    this.count = Math.floor(tag / 2);
    this.hasBig = tag % 2 === 1;
    const boundLength = this.varint();
    this.#boundStart = this.at;
    this.at += boundLength;
    return true;
  }

  /** Whether the current child's bound is above the key, so that the key is not below this child or any behind it. */
  isAbove(key: Buffer): boolean {
    return compareAt(this.bytes, this.#boundStart, this.at, key) > 0;
  }
}

/** One element of a leaf, as stored. */
export function encodeElement(key: Buffer, stored: Buffer, isBig: boolean): Buffer {
  const tag = stored.length * 2 + (isBig ? 1 : 0);
  const bytes = Buffer.allocUnsafe(varintLength(key.length) + key.length + varintLength(tag) + stored.length);
  let at = writeVarint(bytes, 0, key.length);
  bytes.set(key, at);
  at = writeVarint(bytes, at + key.length, tag);
  bytes.set(stored, at);
  return bytes;
}

/** A child as an inner node lists it. */
export interface Child {
  bound: Buffer;
  id: PageId;
  /** Elements below. */
  count: number;
  /** Some value below may have pages of its own. */
  hasBig: boolean;
}

export function childLength(child: Child): number {
  const { bound, count } = child;
  return ID_BYTES + varintLength(count * 2 + 1) + varintLength(bound.length) + bound.length;
}

/** Writes one child of an inner node; returns the offset behind it. */
export function writeChild(bytes: Buffer, start: number, { id, count, hasBig, bound }: Child): number {
  assert(id.length === ID_BYTES, 'a page id has 16 bytes');
  let at = writeLatin1(bytes, start, id);
  at = writeVarint(bytes, at, count * 2 + (hasBig ? 1 : 0));
  at = writeVarint(bytes, at, bound.length);
  bytes.set(bound, at);
  return at + bound.length;
}

export function encodeInnerNode(children: readonly Child[]): Buffer {
  let length = 0;
  for (const child of children) length += childLength(child);
  const bytes = Buffer.allocUnsafe(length);
  let at = 0;
  for (const child of children) at = writeChild(bytes, at, child);
  return at === length ? bytes : bytes.subarray(0, at);
}

/** The shortest bytes that are above `before` and not above `after`; empty where both are positions. */
export function boundBetween(before: Buffer, after: Buffer): Buffer {
  let same = 0;
  while (same < before.length && before[same] === after[same]) same++;
  return Buffer.from(after.subarray(0, same + 1));
}

/** Puts a value into pages of its own; what the leaf stores of it. */
export function writeBig(value: Buffer, pages: PageAccess): Buffer {
  const string = writeRange(null, 0, value, pages, BIG_LAYOUT);
  assert(string.paged, 'a big value is not empty');
  const bytes = Buffer.allocUnsafe(BIG_FIXED_BYTES + string.root.length * ID_BYTES);
  const at = writeU64(bytes, 0, string.length);
  bytes[at] = string.depth;
  bytes[at + 1] = string.root.length;
  writePageIds(bytes, at + 2, string.root);
  return bytes;
}

export function bigLength(stored: Buffer): number {
  return readU64(stored, 0);
}

/** The paged string that a big value is. */
export function bigString(stored: Buffer): PagedString {
  const root = readPageIds(stored, BIG_FIXED_BYTES, stored[9] ?? 0);
  return { type: ValueType.string, paged: true, length: readU64(stored, 0), depth: stored[8] === 1 ? 1 : 0, root };
}

/** All of a big value, in one piece. May throw NeedPages. */
export function readBig(stored: Buffer, pages: PageAccess): Buffer {
  const string = bigString(stored);
  const pieces = readRange(string, 0, string.length, pages, BIG_LAYOUT);
  return pieces.length === 1 ? (pieces[0] ?? NO_BYTES) : Buffer.concat(pieces, string.length);
}

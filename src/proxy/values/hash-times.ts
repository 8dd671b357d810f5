import { createHash } from 'node:crypto';
import { limits } from '../../base/limits.ts';
import type { PageId } from '../../record/state.ts';
import { needKeys } from '../../record/tree.ts';
import type { LeafCursor } from '../../record/tree-node.ts';
import { NeedPages, type PageAccess, type Tree } from '../../record/value.ts';
import { joinLongName, LONGEST_PLAIN_NAME, splitLongName, storedValue } from './keyed-elements.ts';

/*
 * A hash some of whose fields expire (`FieldTimes`). Small, it is packed with three items to an element: field, value, time;
 * those with a time come first, in the order of their times. Large, it is three trees:
 *
 *   0  the fields that never expire, as those of any other hash
 *   1  by field: the times of those that do
 *   2  by time and field: their values
 *
 *   time  = 6 bytes, big endian: wall clock milliseconds; as a packed item also nothing: never
 *   of tree 2: key   = time isLong:u8 ( field | sha256(field) )
 *              value = value | fieldLength:varint field value       ; the latter of a long field
 *
 * So what has expired is the beginning of tree 2, and what is left of it is found, counted and listed as a range of it.
 */

export const TIME_BYTES = 6;
/** The farthest moment at which a field can expire: Redis's limit. */
export const LAST_TIME_MS = 2 ** 46 - 1;
const LONGEST_PLAIN_FIELD = limits.treeKeyBytes - TIME_BYTES - 1;
const NO_BYTES = Buffer.alloc(0);

/** A field of a hash; `timeMs` 0: it never expires. */
export interface TimedField {
  readonly name: Buffer;
  readonly value: Buffer;
  readonly timeMs: number;
}

/** 0 becomes nothing. */
export function encodeTime(timeMs: number): Buffer {
  if (timeMs === 0) return NO_BYTES;
  const bytes = Buffer.allocUnsafe(TIME_BYTES);
  bytes.writeUIntBE(timeMs, 0, TIME_BYTES);
  return bytes;
}

export function decodeTime(bytes: Buffer): number {
  return bytes.length < TIME_BYTES ? 0 : bytes.readUIntBE(0, TIME_BYTES);
}

export function timedKeyOf(field: Buffer, timeMs: number): Buffer {
  const isLong = field.length > LONGEST_PLAIN_FIELD;
  const rest = isLong ? createHash('sha256').update(field).digest() : field;
  const key = Buffer.allocUnsafe(TIME_BYTES + 1 + rest.length);
  key.writeUIntBE(timeMs, 0, TIME_BYTES);
  key[TIME_BYTES] = isLong ? 1 : 0;
  key.set(rest, TIME_BYTES + 1);
  return key;
}

export function timedValueOf(field: Buffer, value: Buffer): Buffer {
  return field.length > LONGEST_PLAIN_FIELD ? joinLongName(field, value) : value;
}

/** Whether a field's value is the same bytes in both of the trees that have values. */
export function isKeptAlike(field: Buffer): boolean {
  return field.length > LONGEST_PLAIN_FIELD === field.length > LONGEST_PLAIN_NAME;
}

/** Of an element of tree 2. */
export function timeOf(element: LeafCursor): number {
  return element.bytes.readUIntBE(element.keyStart, TIME_BYTES);
}

/** Whether the field of an element of tree 2 is in its value. */
export function hasLongName(element: LeafCursor): boolean {
  return element.bytes[element.keyStart + TIME_BYTES] === 1;
}

/** An element of tree 2. May throw NeedPages, of a long field or value. */
export function timedFieldOf(element: LeafCursor, pages: PageAccess): TimedField {
  const stored = storedValue(element, pages);
  const timeMs = timeOf(element);
  if (hasLongName(element)) return { ...splitLongName(stored), timeMs };
  const name = element.bytes.subarray(element.keyStart + TIME_BYTES + 1, element.keyEnd);
  return { name, value: stored, timeMs };
}

/** The field of an element of tree 2, without reading its value where that is not needed. May throw NeedPages. */
export function timedNameOf(element: LeafCursor, pages: PageAccess): Buffer {
  if (hasLongName(element)) return timedFieldOf(element, pages).name;
  return element.bytes.subarray(element.keyStart + TIME_BYTES + 1, element.keyEnd);
}

/** Below all elements of tree 2 that expire after `nowMs`, above all others. */
export function afterKey(nowMs: number): Buffer {
  const key = Buffer.allocUnsafe(TIME_BYTES);
  key.writeUIntBE(nowMs + 1, 0, TIME_BYTES);
  return key;
}

/** Loads what looking for these keys in several trees needs, a level of all of them at a time. */
export function needInTrees(wanted: readonly (readonly [Tree, readonly Buffer[]])[], pages: PageAccess): void {
  const missing: PageId[] = [];
  for (const [tree, keys] of wanted) {
    try {
      needKeys(tree, keys, pages);
    } catch (error) {
      if (!(error instanceof NeedPages)) throw error;
      missing.push(...error.pageIds);
    }
  }
  if (missing.length > 0) throw new NeedPages(missing);
}

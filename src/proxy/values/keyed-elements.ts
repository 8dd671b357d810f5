import { createHash } from 'node:crypto';
import { limits } from '../../base/limits.ts';
import { writeU32 } from '../../record/bytes.ts';
import { type LeafCursor, readBig, varintLength, writeVarint } from '../../record/tree-node.ts';
import type { PageAccess } from '../../record/value.ts';

/*
 * The elements of a hash or a set in a tree. Their order is that of a hash of the name (a field or a member), so that a scan
 * is a number and needs to remember nothing:
 *
 *   key   = prefix:u32 ( name | sha256(name) )       ; prefix = 31 bits of the hash, then 1 for a long name
 *   value = the field's value                        ; nothing in a set
 *         | nameLength:varint name value             ; of a long name
 */

const PREFIX_BYTES = 4;
/** A longer name is not in the key itself. */
export const LONGEST_PLAIN_NAME = limits.treeKeyBytes - PREFIX_BYTES;
/** Above every prefix. */
export const PREFIX_END = 2 ** 32;
const NO_BYTES = Buffer.alloc(0);

/** One element; `value` is empty in a set. */
export interface KeyedElement {
  readonly name: Buffer;
  readonly value: Buffer;
}

/** MurmurHash3 (32 bits) of the bytes. On disk by way of the order: never change it. */
export function hashOfName(name: Buffer): number {
  let hash = 0;
  const blocks = name.length & ~3;
  for (let at = 0; at < blocks; at += 4) {
    const word =
      (name[at] ?? 0) | ((name[at + 1] ?? 0) << 8) | ((name[at + 2] ?? 0) << 16) | ((name[at + 3] ?? 0) << 24);
    hash ^= scrambled(word);
    hash = Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64;
  }
  let rest = 0;
  for (let at = name.length - 1; at >= blocks; at--) rest = (rest << 8) | (name[at] ?? 0);
  if (name.length > blocks) hash ^= scrambled(rest);
  hash ^= name.length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function scrambled(word: number): number {
  const mixed = Math.imul(word, 0xcc9e2d51);
  return Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593);
}

export function treeKeyOf(name: Buffer): Buffer {
  const isLong = name.length > LONGEST_PLAIN_NAME;
  const rest = isLong ? createHash('sha256').update(name).digest() : name;
  const key = Buffer.allocUnsafe(PREFIX_BYTES + rest.length);
  writeU32(key, 0, prefixOfName(name));
  key.set(rest, PREFIX_BYTES);
  return key;
}

/** The prefix of a name's key: a scan's cursor. */
export function prefixOfName(name: Buffer): number {
  return ((hashOfName(name) & ~1) | (name.length > LONGEST_PLAIN_NAME ? 1 : 0)) >>> 0;
}

export function treeValueOf(name: Buffer, value: Buffer): Buffer {
  return name.length <= LONGEST_PLAIN_NAME ? value : joinLongName(name, value);
}

/** The key below which the elements of smaller prefixes are. */
export function prefixKey(prefix: number): Buffer {
  const key = Buffer.allocUnsafe(PREFIX_BYTES);
  writeU32(key, 0, prefix);
  return key;
}

export function prefixOf(element: LeafCursor): number {
  return element.bytes.readUInt32BE(element.keyStart);
}

export function hasLongName(element: LeafCursor): boolean {
  return ((element.bytes[element.keyStart + PREFIX_BYTES - 1] ?? 0) & 1) === 1;
}

/** The element's value alone. */
export function elementValue(element: LeafCursor, pages: PageAccess): Buffer {
  return hasLongName(element) ? elementOf(element, pages).value : storedValue(element, pages);
}

/** May throw NeedPages, of a long name or value. */
export function elementOf(element: LeafCursor, pages: PageAccess): KeyedElement {
  const stored = storedValue(element, pages);
  if (!hasLongName(element)) {
    return { name: element.bytes.subarray(element.keyStart + PREFIX_BYTES, element.keyEnd), value: stored };
  }
  return splitLongName(stored);
}

/** The value of an element of a long name, with that before it. */
export function joinLongName(name: Buffer, value: Buffer): Buffer {
  const head = Buffer.allocUnsafe(varintLength(name.length));
  writeVarint(head, 0, name.length);
  return Buffer.concat([head, name, value]);
}

/** Takes what `joinLongName` made apart; views. */
export function splitLongName(stored: Buffer): KeyedElement {
  let length = 0;
  let factor = 1;
  let at = 0;
  for (; ; factor *= 128) {
    const byte = stored[at++] ?? 0;
    length += (byte & 127) * factor;
    if (byte < 128) break;
  }
  return { name: stored.subarray(at, at + length), value: stored.subarray(at + length) };
}

/** As it was put, also where it has pages of its own. */
export function storedValue(element: LeafCursor, pages: PageAccess): Buffer {
  if (element.isBig) return readBig(element.stored, pages);
  return element.valueStart === element.end ? NO_BYTES : element.stored;
}

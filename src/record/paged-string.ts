import { assert } from '../base/assert.ts';
import { limits } from '../base/limits.ts';
import { PageReader } from './page-reader.ts';
import type { PageId } from './state.ts';
import type { StringLayout } from './string-tree.ts';
import { encodeInner, innerOf, layoutCapacityBytes, leafCount, leafIds } from './string-tree.ts';
import type { InlineString, PageAccess, PagedString, StringValue } from './value.ts';
import { ValueType } from './value.ts';

/*
 * Strings, inline or in pages, for commands. Nothing is modified in place: a write gives a new value, which shares what it
 * did not touch with the old one. A function throws NeedPages, once with all that it lacks, before it writes any page.
 *
 * A leaf covers pageBytes of the string. It may be stored shorter than that: what is missing up to the string's length is
 * zeros, as is a hole. So growing a string never touches the leaf that was the last one.
 */

const ZEROS = Buffer.alloc(limits.pageBytes);

/** Length in bytes. An inline string must have been loaded; where only metadata was asked for, the record's sizeBytes says it. */
export function stringLength(value: StringValue): number {
  return value.paged ? value.length : inlineBytes(value).length;
}

/** A new string; `bytes` is kept by reference, in pages too, and must not change. */
export function stringFromBytes(bytes: Buffer, pages: PageAccess, layout: StringLayout = limits): StringValue {
  return bytes.length <= layout.inlineValueBytes ? inlineString(bytes) : writeRange(null, 0, bytes, pages, layout);
}

/** All bytes, in pieces that must not be changed. */
export function readAll(value: StringValue, pages: PageAccess, layout: StringLayout = limits): Buffer[] {
  return readRange(value, 0, stringLength(value), pages, layout);
}

/**
 * The bytes from `start` up to, not including, `end`, both cut to the string; in pieces that must not be changed. None if
 * the range is empty.
 */
export function readRange(
  value: StringValue,
  start: number,
  end: number,
  pages: PageAccess,
  layout: StringLayout = limits,
): Buffer[] {
  const from = Math.max(0, start);
  const to = Math.min(stringLength(value), end);
  if (from >= to) return [];
  if (!value.paged) return [inlineBytes(value).subarray(from, to)];
  const { pageBytes } = layout;
  const firstLeaf = Math.floor(from / pageBytes);
  const lastLeaf = Math.floor((to - 1) / pageBytes);
  const reader = new PageReader(pages);
  const leaves = leafIds(value, firstLeaf, lastLeaf, reader, layout).map((id) => reader.readUnlessHole(id));
  reader.throwIfMissing();
  const pieces: Buffer[] = [];
  for (const [index, leaf] of leaves.entries()) {
    const leafStart = (firstLeaf + index) * pageBytes;
    pushPiece(pieces, leaf, Math.max(from - leafStart, 0), Math.min(to - leafStart, pageBytes));
  }
  return pieces;
}

/** The part of one leaf; zeros where nothing is stored. */
function pushPiece(pieces: Buffer[], leaf: Buffer | null, from: number, to: number): void {
  const stored = Math.min(leaf?.length ?? 0, to);
  if (leaf !== null && from < stored) pieces.push(leaf.subarray(from, stored));
  const zerosFrom = Math.max(from, stored);
  if (zerosFrom < to) pieces.push(ZEROS.subarray(0, to - zerosFrom));
}

/** The string with `bytes` behind it. Null is the empty string. */
export function append(
  value: StringValue | null,
  bytes: Buffer,
  pages: PageAccess,
  layout: StringLayout = limits,
): StringValue {
  return writeRange(value, value === null ? 0 : stringLength(value), bytes, pages, layout);
}

/**
 * The string with `bytes` at `offset`; what lies between its old end and `offset` becomes zeros. Null is the empty string.
 * Writes the touched leaves and the inner pages above them, nothing else; whole new leaves refer to `bytes`, which must not
 * change. The result must fit (asserted): the caller checks limits.maxStringBytes first.
 */
export function writeRange(
  value: StringValue | null,
  offset: number,
  bytes: Buffer,
  pages: PageAccess,
  layout: StringLayout = limits,
): StringValue {
  const old = value ?? inlineString(ZEROS.subarray(0, 0));
  if (bytes.length === 0) return old;
  const oldLength = stringLength(old);
  const newLength = Math.max(oldLength, offset + bytes.length);
  if (!old.paged && newLength <= layout.inlineValueBytes) {
    return inlineString(overlay(inlineBytes(old), newLength, offset, bytes));
  }
  assert(offset >= 0 && newLength <= layoutCapacityBytes(layout), 'the string does not fit into a tree');
  const write: RangeWrite = { old, oldLength, newLength, offset, bytes, layout };
  // An inline string that outgrows its place moves into leaves as a whole.
  const firstLeaf = old.paged ? Math.floor(offset / layout.pageBytes) : 0;
  const lastLeaf = Math.floor((offset + bytes.length - 1) / layout.pageBytes);
  const reader = new PageReader(pages);
  const oldLeaves = readOldLeaves(write, firstLeaf, lastLeaf, reader);
  const oldInner = readOldInner(write, firstLeaf, lastLeaf, reader);
  reader.throwIfMissing();

  const newIds = new Map<number, PageId>();
  for (let leaf = firstLeaf; leaf <= lastLeaf; leaf++) {
    const made = newLeaf(write, leaf, oldLeaves.get(leaf) ?? null);
    if (made !== null) newIds.set(leaf, pages.write(made));
  }
  return rebuild(write, newIds, oldInner, pages);
}

/** One call of writeRange. */
interface RangeWrite {
  readonly old: StringValue;
  readonly oldLength: number;
  readonly newLength: number;
  readonly offset: number;
  readonly bytes: Buffer;
  readonly layout: StringLayout;
}

/** The old content of the touched leaves that are not written over as a whole. */
function readOldLeaves(write: RangeWrite, first: number, last: number, reader: PageReader): Map<number, Buffer> {
  const { old, oldLength, offset, bytes, layout } = write;
  const { pageBytes } = layout;
  const leaves = new Map<number, Buffer>();
  for (let leaf = first; leaf <= last; leaf++) {
    const start = leaf * pageBytes;
    const oldEnd = Math.min(start + pageBytes, oldLength);
    const coversOld = offset <= start && offset + bytes.length >= oldEnd;
    if (start >= oldLength || coversOld) continue;
    let content: Buffer | null;
    if (old.paged) content = reader.readUnlessHole(leafIds(old, leaf, leaf, reader, layout)[0] ?? '');
    else content = inlineBytes(old).subarray(start, oldEnd);
    if (content !== null) leaves.set(leaf, content);
  }
  return leaves;
}

/** The leaf's new bytes; null if it stays the hole that it is. */
function newLeaf(write: RangeWrite, leaf: number, oldLeaf: Buffer | null): Buffer | null {
  const { offset, bytes, layout } = write;
  const start = leaf * layout.pageBytes;
  const from = Math.max(offset, start);
  const to = Math.min(offset + bytes.length, start + layout.pageBytes);
  if (from >= to) return oldLeaf;
  const part = bytes.subarray(from - offset, to - offset);
  if (oldLeaf === null && from === start) return part;
  const old = oldLeaf ?? ZEROS.subarray(0, 0);
  return overlay(old, Math.max(old.length, to - start), from - start, part);
}

/** The leaf ids below each inner page that will be written, by the inner page's number; null for a tree without them. */
function readOldInner(
  write: RangeWrite,
  firstLeaf: number,
  lastLeaf: number,
  reader: PageReader,
): Map<number, PageId[]> | null {
  const { old, newLength, layout } = write;
  const hasInner = old.paged && old.depth === 1;
  if (!hasInner && leafCount(newLength, layout) <= layout.rootFanout) return null;
  const below = new Map<number, PageId[]>();
  const read = (index: number): void => {
    const from = index * layout.pageFanout;
    below.set(index, old.paged ? leafIds(old, from, from + layout.pageFanout - 1, reader, layout) : []);
  };
  for (let index = innerOf(firstLeaf, layout); index <= innerOf(lastLeaf, layout); index++) read(index);
  // A root of leaves moves below inner pages as a whole.
  if (old.paged && !hasInner) {
    for (let index = 0; index <= innerOf(old.root.length - 1, layout); index++) read(index);
  }
  return below;
}

function rebuild(
  write: RangeWrite,
  newIds: ReadonlyMap<number, PageId>,
  oldInner: ReadonlyMap<number, PageId[]> | null,
  pages: PageAccess,
): PagedString {
  const { old, newLength, layout } = write;
  const type = ValueType.string;
  const leaves = leafCount(newLength, layout);
  if (oldInner === null) {
    const root = padded(old.paged ? old.root : [], leaves);
    for (const [leaf, id] of newIds) root[leaf] = id;
    return { type, paged: true, length: newLength, depth: 0, root };
  }
  const root = padded(old.paged && old.depth === 1 ? old.root : [], innerOf(leaves - 1, layout) + 1);
  for (const [index, ids] of oldInner) {
    const from = index * layout.pageFanout;
    const below = padded(ids, Math.min(layout.pageFanout, leaves - from));
    for (let i = 0; i < below.length; i++) below[i] = newIds.get(from + i) ?? below[i] ?? '';
    root[index] = below.every((id) => id === '') ? '' : pages.write(encodeInner(below));
  }
  return { type, paged: true, length: newLength, depth: 1, root };
}

/** A copy of `count` ids, holes where there are fewer. */
function padded(ids: readonly PageId[], count: number): PageId[] {
  const result = ids.slice(0, count);
  while (result.length < count) result.push('');
  return result;
}

/** A new buffer: `old`, then zeros, with `bytes` over it at `offset`. */
function overlay(old: Buffer, length: number, offset: number, bytes: Buffer): Buffer {
  const result = Buffer.allocUnsafe(length);
  result.set(old);
  if (offset > old.length) result.fill(0, old.length, offset);
  result.set(bytes, offset);
  return result;
}

function inlineString(bytes: Buffer): InlineString {
  return { type: ValueType.string, paged: false, bytes };
}

function inlineBytes(value: InlineString): Buffer {
  assert(value.bytes !== null, 'only the metadata of this value was asked for');
  return value.bytes;
}

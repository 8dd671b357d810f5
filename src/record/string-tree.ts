import { assert } from '../base/assert.ts';
import { limits } from '../base/limits.ts';
import type { Ballot } from './ballot.ts';
import { readPageIds, writePageIds } from './content-codec.ts';
import { PageReader } from './page-reader.ts';
import { ID_BYTES, makePageId } from './record-id.ts';
import type { PageId } from './state.ts';
import type { PageAccess, PagedString, Value } from './value.ts';

/*
 * The tree of a paged string. Leaf number i covers the bytes from i * pageBytes; inner page number j lists the leaves from
 * j * pageFanout: inner = *pageId, each 16 bytes, zeros for a hole; what is not listed is a hole. A page never changes its
 * number, so two versions of a string share what has the same ids.
 */

/** The sizes of a tree; tests use small ones. */
export interface StringLayout {
  readonly inlineValueBytes: number;
  readonly pageBytes: number;
  readonly pageFanout: number;
  readonly rootFanout: number;
}

const NO_IDS: ReadonlySet<PageId> = new Set();

/** The longest string that fits into a tree. */
export function layoutCapacityBytes(layout: StringLayout): number {
  return layout.rootFanout * layout.pageFanout * layout.pageBytes;
}

export function leafCount(length: number, layout: StringLayout): number {
  return Math.ceil(length / layout.pageBytes);
}

/** The number of the inner page above a leaf. */
export function innerOf(leaf: number, layout: StringLayout): number {
  return Math.floor(leaf / layout.pageFanout);
}

/** The bytes of an inner page. */
export function encodeInner(ids: readonly PageId[]): Buffer {
  const bytes = Buffer.allocUnsafe(ids.length * ID_BYTES);
  writePageIds(bytes, 0, ids);
  return bytes;
}

/** The ids `from` up to, not including, `to` of an inner page, as far as it has them. */
function readInner(bytes: Buffer, from: number, to: number, layout: StringLayout): PageId[] {
  const count = bytes.length / ID_BYTES;
  assert(Number.isInteger(count) && count <= layout.pageFanout, 'an inner page lists whole page ids, and not too many');
  return readPageIds(bytes, from * ID_BYTES, Math.max(0, Math.min(to, count) - from));
}

/**
 * The ids of the leaves `first` to `last`, holes as ''. A leaf below an inner page that is not in memory is '' too, and the
 * reader knows that page as missing.
 */
export function leafIds(
  value: PagedString,
  first: number,
  last: number,
  reader: PageReader,
  layout: StringLayout,
): PageId[] {
  const ids: PageId[] = [];
  if (value.depth === 0) {
    for (let leaf = first; leaf <= last; leaf++) ids.push(value.root[leaf] ?? '');
    return ids;
  }
  for (let index = innerOf(first, layout); index <= innerOf(last, layout); index++) {
    const below = index * layout.pageFanout;
    const from = Math.max(first - below, 0);
    const to = Math.min(last - below + 1, layout.pageFanout);
    const inner = reader.readUnlessHole(value.root[index] ?? '');
    const known = inner === null ? [] : readInner(inner, from, to, layout);
    for (let i = 0; i < to - from; i++) ids.push(known[i] ?? '');
  }
  return ids;
}

/** All pages of a value except the inner pages in `skipped` and what is below them. */
function collectPages(
  value: Value | null,
  skipped: ReadonlySet<PageId>,
  reader: PageReader,
  layout: StringLayout,
): PageId[] {
  if (value === null || !value.paged) return [];
  const ids = value.root.filter((id) => id !== '' && !skipped.has(id));
  if (value.depth === 0) return ids;
  for (const id of ids.slice()) {
    const inner = reader.readUnlessHole(id);
    if (inner === null) continue;
    for (const leaf of readInner(inner, 0, layout.pageFanout, layout)) if (leaf !== '') ids.push(leaf);
  }
  return ids;
}

/** Every page that the value rests on, each once. Reads the inner pages; may throw NeedPages. */
export function listPages(value: Value, pages: PageAccess, layout: StringLayout = limits): PageId[] {
  const reader = new PageReader(pages);
  const ids = collectPages(value, NO_IDS, reader, layout);
  reader.throwIfMissing();
  return ids;
}

export interface PageDifference {
  /** Pages of the new value that the old one does not have. */
  readonly added: readonly PageId[];
  /** Pages of the old value that the new one does not have. */
  readonly dropped: readonly PageId[];
}

/**
 * How the pages of two versions of a record differ; null is no value. Reads only inner pages that the versions do not
 * share; may throw NeedPages.
 */
export function diffPages(
  oldValue: Value | null,
  newValue: Value | null,
  pages: PageAccess,
  layout: StringLayout = limits,
): PageDifference {
  const shared = sharedInner(oldValue, newValue);
  const reader = new PageReader(pages);
  const oldIds = new Set(collectPages(oldValue, shared, reader, layout));
  const newIds = new Set(collectPages(newValue, shared, reader, layout));
  reader.throwIfMissing();
  return {
    added: [...newIds].filter((id) => !oldIds.has(id)),
    dropped: [...oldIds].filter((id) => !newIds.has(id)),
  };
}

function sharedInner(a: Value | null, b: Value | null): ReadonlySet<PageId> {
  if (a === null || b === null || !a.paged || !b.paged || a.depth === 0 || b.depth === 0) return NO_IDS;
  const ids = new Set(a.root);
  return new Set(b.root.filter((id) => ids.has(id)));
}

/**
 * The pages of `value` that were written under `ballot`: what an attempt must ship, and what its manifest calls added. The
 * pages that it wrote and replaced again are not among them. Needs only pages of that attempt, which are in memory.
 */
export function pagesOfBallot(
  value: Value,
  ballot: Ballot,
  pages: PageAccess,
  layout: StringLayout = limits,
): PageId[] {
  if (!value.paged) return [];
  const prefix = makePageId(ballot, 0).slice(0, -4);
  const ids = value.root.filter((id) => id.startsWith(prefix));
  if (value.depth === 0) return ids;
  const reader = new PageReader(pages);
  for (const id of ids.slice()) {
    const inner = reader.readUnlessHole(id);
    if (inner === null) continue;
    for (const leaf of readInner(inner, 0, layout.pageFanout, layout)) if (leaf.startsWith(prefix)) ids.push(leaf);
  }
  reader.throwIfMissing();
  return ids;
}

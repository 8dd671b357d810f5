import { assert } from '../base/assert.ts';
import { readPageIds, writePageIds } from './content-codec.ts';
import type { PageReader } from './page-reader.ts';
import { ID_BYTES } from './record-id.ts';
import type { PageId } from './state.ts';
import type { PagedString } from './value.ts';

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

/** All pages of a string except the inner pages in `skipped` and what is below them. */
export function stringPages(
  value: PagedString,
  skipped: ReadonlySet<PageId>,
  reader: PageReader,
  layout: StringLayout,
): PageId[] {
  const ids = value.root.filter((id) => id !== '' && !skipped.has(id));
  if (value.depth === 0) return ids;
  for (const id of ids.slice()) {
    const inner = reader.readUnlessHole(id);
    if (inner === null) continue;
    for (const leaf of readInner(inner, 0, layout.pageFanout, layout)) if (leaf !== '') ids.push(leaf);
  }
  return ids;
}

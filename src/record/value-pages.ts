import { limits } from '../base/limits.ts';
import type { Ballot } from './ballot.ts';
import { PageReader } from './page-reader.ts';
import { makePageId } from './record-id.ts';
import type { PageId } from './state.ts';
import { type StringLayout, stringPages } from './string-tree.ts';
import { bigString, InnerCursor, LeafCursor } from './tree-node.ts';
import type { PageAccess, PagedString, Value } from './value.ts';
import { ValueType } from './value.ts';

/*
 * Which pages a value rests on, whatever its type. Pages are immutable: what two versions of a value both list, they share
 * with all that is below it.
 */

const NO_IDS: ReadonlySet<PageId> = new Set();
/** Page ids of one ballot differ in their last characters, the index within the write. */
const INDEX_CHARS = 4;

/** The pages that the record itself lists, holes left out. */
export function rootPageIds(value: Value): PageId[] {
  if (!value.paged) return [];
  if (value.type === ValueType.string) return value.root.filter((id) => id !== '');
  const ids: PageId[] = [];
  for (const { root, depth } of value.trees) {
    if (depth === 0) {
      const cursor = new LeafCursor(root);
      while (cursor.next()) if (cursor.isBig) ids.push(...bigString(cursor.stored).root.filter((id) => id !== ''));
    } else {
      const cursor = new InnerCursor(root);
      while (cursor.next()) ids.push(cursor.id);
    }
  }
  return ids;
}

/** Every page that the value rests on, each once. Reads the inner pages; may throw NeedPages. */
export function listPages(value: Value, pages: PageAccess, layout: StringLayout = limits): PageId[] {
  const reader = new PageReader(pages);
  const found = new Found(reader, layout);
  found.add(value, NO_IDS);
  found.addBelow(NO_IDS);
  reader.throwIfMissing();
  return [...found.ids];
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
  const reader = new PageReader(pages);
  const { before, after } = foundIn(oldValue, newValue, reader, reader, layout);
  reader.throwIfMissing();
  return {
    added: [...after].filter((id) => !before.has(id)),
    dropped: [...before].filter((id) => !after.has(id)),
  };
}

/**
 * Pages of the old value that the new one does not have, as far as the pages in memory tell: what is below nodes of the old
 * value that are not there is left out. Nothing where it is not known what the new value has.
 */
export function knownDropped(
  oldValue: Value,
  newValue: Value,
  pages: PageAccess,
  layout: StringLayout = limits,
): PageId[] {
  const newReader = new PageReader(pages);
  const { before, after } = foundIn(oldValue, newValue, new PageReader(pages), newReader, layout);
  // A page has one parent, so what stands below unread nodes of the old value is not among those found.
  return newReader.isComplete ? [...before].filter((id) => !after.has(id)) : [];
}

function foundIn(
  oldValue: Value | null,
  newValue: Value | null,
  oldReader: PageReader,
  newReader: PageReader,
  layout: StringLayout,
): { readonly before: ReadonlySet<PageId>; readonly after: ReadonlySet<PageId> } {
  const before = new Found(oldReader, layout);
  const after = new Found(newReader, layout);
  const shared = oldValue === null || newValue === null ? NO_IDS : sharedNodes(oldValue, newValue, oldReader);
  if (oldValue !== null) before.add(oldValue, shared);
  if (newValue !== null) after.add(newValue, shared);
  if (before.isDeep || after.isDeep) {
    // What is below an inner page that both have is shared, too.
    const [oldIds, newIds] = [new Set(before.ids), new Set(after.ids)];
    before.addBelow(newIds);
    after.addBelow(oldIds);
  }
  return { before: before.ids, after: after.ids };
}

export interface BallotPages {
  readonly ids: readonly PageId[];
  /** The value also lists pages that are older. */
  readonly restsOnOthers: boolean;
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
): BallotPages {
  const prefix = makePageId(ballot, 0).slice(0, -INDEX_CHARS);
  const reader = new PageReader(pages);
  const found = new Found(reader, layout, prefix);
  found.add(value, NO_IDS);
  found.addBelow(NO_IDS);
  reader.throwIfMissing();
  return { ids: [...found.ids], restsOnOthers: found.hasOthers };
}

/** Collects page ids from the roots down. */
class Found {
  readonly ids = new Set<PageId>();
  /** Ids that do not begin so are listed. */
  hasOthers = false;
  readonly #reader: PageReader;
  readonly #layout: StringLayout;
  /** Only ids that begin so, and what is below them. */
  readonly #prefix: string;
  #skipped: ReadonlySet<PageId> = NO_IDS;
  /** Strings with inner pages, which are not read yet. */
  readonly #deep: PagedString[] = [];

  constructor(reader: PageReader, layout: StringLayout, prefix = '') {
    this.#reader = reader;
    this.#layout = layout;
    this.#prefix = prefix;
  }

  /** All but the pages in `skipped` and what is below them; of strings what the inner pages list only with `addBelow`. */
  add(value: Value, skipped: ReadonlySet<PageId>): void {
    this.#skipped = skipped;
    if (!value.paged) return;
    if (value.type === ValueType.string) {
      this.#addString(value);
      return;
    }
    for (const { root, depth } of value.trees) this.#addNode(root, depth, true);
  }

  #wanted(id: PageId): boolean {
    if (this.#skipped.has(id)) return false;
    const isWanted = id.startsWith(this.#prefix);
    this.hasOthers ||= !isWanted;
    return isWanted;
  }

  /** Strings have inner pages. */
  get isDeep(): boolean {
    return this.#deep.length > 0;
  }

  /** What inner pages of strings list, but for those in `skipped`. */
  addBelow(skipped: ReadonlySet<PageId>): void {
    for (const value of this.#deep) {
      for (const id of stringPages(value, skipped, this.#reader, this.#layout)) if (this.#wanted(id)) this.ids.add(id);
    }
  }

  #addString(value: PagedString): void {
    const root = value.root.filter((id) => id !== '' && this.#wanted(id));
    for (const id of root) this.ids.add(id);
    if (value.depth > 0 && root.length > 0) this.#deep.push({ ...value, root });
  }

  /** What is below a node whose bytes are known; leaves only matter where a value has pages of its own. */
  #addNode(bytes: Buffer, depth: number, hasBig: boolean): void {
    if (depth === 0) {
      const cursor = new LeafCursor(bytes);
      while (hasBig && cursor.next()) if (cursor.isBig) this.#addString(bigString(cursor.stored));
      return;
    }
    const cursor = new InnerCursor(bytes);
    while (cursor.next()) {
      const { id } = cursor;
      if (!this.#wanted(id)) continue;
      this.ids.add(id);
      if (depth === 1 && !cursor.hasBig) continue;
      const child = this.#reader.readUnlessHole(id);
      if (child !== null) this.#addNode(child, depth - 1, cursor.hasBig);
    }
  }
}

/** Nodes that both versions have: inner pages of strings; of trees, found level by level from the roots down. */
function sharedNodes(a: Value, b: Value, reader: PageReader): ReadonlySet<PageId> {
  if (!a.paged || !b.paged) return NO_IDS;
  if (a.type === ValueType.string || b.type === ValueType.string) {
    if (a.type !== b.type || a.type !== ValueType.string || b.type !== ValueType.string) return NO_IDS;
    if (a.depth === 0 || b.depth === 0) return NO_IDS;
    const ids = new Set(a.root);
    return new Set(b.root.filter((id) => ids.has(id)));
  }
  const shared = new Set<PageId>();
  const count = Math.max(a.trees.length, b.trees.length);
  for (let i = 0; i < count; i++) {
    const first = a.trees[i];
    const second = b.trees[i];
    if (first === undefined || second === undefined) continue;
    let left: Level = { nodes: [first.root], height: first.depth };
    let right: Level = { nodes: [second.root], height: second.depth };
    while (left.height > 0 && right.height > 0) {
      const [leftIds, rightIds] = [idsBelow(left), idsBelow(right)];
      for (const id of leftIds) if (rightIds.has(id)) shared.add(id);
      const next = Math.max(left.height, right.height) - 1;
      if (left.height > next) left = levelBelow(leftIds, shared, next, reader);
      if (right.height > next) right = levelBelow(rightIds, shared, next, reader);
    }
  }
  return shared;
}

/** Nodes of one height above the leaves. */
interface Level {
  readonly nodes: readonly Buffer[];
  readonly height: number;
}

function idsBelow({ nodes }: Level): Set<PageId> {
  const ids = new Set<PageId>();
  for (const node of nodes) {
    const cursor = new InnerCursor(node);
    while (cursor.next()) ids.add(cursor.id);
  }
  return ids;
}

function levelBelow(ids: ReadonlySet<PageId>, shared: ReadonlySet<PageId>, height: number, reader: PageReader): Level {
  const nodes: Buffer[] = [];
  if (height === 0) return { nodes, height };
  for (const id of ids) {
    if (shared.has(id)) continue;
    const node = reader.readUnlessHole(id);
    if (node !== null) nodes.push(node);
  }
  return { nodes, height };
}

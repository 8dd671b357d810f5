import { assert } from '../base/assert.ts';
import { PageReader } from './page-reader.ts';
import type { PageId } from './state.ts';
import { InnerCursor, LeafCursor } from './tree-node.ts';
import type { PageAccess, Tree } from './value.ts';

/*
 * Looking into a counted B+tree. Every function throws NeedPages, with all pages of a level that it lacks at once: so a
 * command asks for pages no more often than the tree is deep.
 */

const NO_BYTES = Buffer.alloc(0);

export const EMPTY_TREE: Tree = { count: 0, bytes: 0, depth: 0, root: NO_BYTES };

/** A place in a tree: `isThere` says whether the element at `rank` has the key that was looked for. */
export interface TreePlace {
  /** How many elements are before it. */
  readonly rank: number;
  readonly isThere: boolean;
}

/** The element with this key; null if there is none. */
export function findInTree(tree: Tree, key: Buffer, pages: PageAccess): LeafCursor | null {
  let node = tree.root;
  for (let depth = tree.depth; depth > 0; depth--) node = pages.read(childOf(node, key).id);
  const cursor = new LeafCursor(node);
  return cursor.seek(key) ? cursor : null;
}

/** Where the first element is that is not before `key`. */
export function placeInTree(tree: Tree, key: Buffer, pages: PageAccess): TreePlace {
  let node = tree.root;
  let before = 0;
  for (let depth = tree.depth; depth > 0; depth--) {
    const child = childOf(node, key);
    before += child.before;
    node = pages.read(child.id);
  }
  const cursor = new LeafCursor(node);
  const isThere = cursor.seek(key);
  // A seek that ran off the end leaves the index at the last element.
  const isEnd = cursor.start === node.length;
  return { rank: before + (isEnd ? cursor.index + 1 : cursor.index), isThere };
}

/** The element at `rank`, which must be there. */
export function elementAt(tree: Tree, rank: number, pages: PageAccess): LeafCursor {
  assert(rank >= 0 && rank < tree.count, 'there is an element at this rank');
  let node = tree.root;
  let left = rank;
  for (let depth = tree.depth; depth > 0; depth--) {
    const cursor = new InnerCursor(node);
    while (cursor.next() && left >= cursor.count) left -= cursor.count;
    node = pages.read(cursor.id);
  }
  const cursor = new LeafCursor(node);
  cursor.goTo(left);
  return cursor;
}

/** Loads what reading or changing these keys one after the other needs. */
export function needKeys(tree: Tree, keys: readonly Buffer[], pages: PageAccess): void {
  if (tree.depth === 0) return;
  const reader = new PageReader(pages);
  for (const key of keys) {
    let node: Buffer | null = tree.root;
    for (let depth = tree.depth; depth > 0 && node !== null; depth--) {
      node = reader.readUnlessHole(childOf(node, key).id);
    }
  }
  reader.throwIfMissing();
}

/** The elements at these ranks, which ascend (one may come again) and are all there. */
export function elementsAt(tree: Tree, ranks: readonly number[], pages: PageAccess): LeafCursor[] {
  const reader = new PageReader(pages);
  const found: LeafCursor[] = [];
  let next = 0;
  const walk = (node: Buffer, depth: number, first: number, end: number): void => {
    if (depth === 0) {
      const cursor = new LeafCursor(node);
      for (let rank = ranks[next]; rank !== undefined && rank < end; rank = ranks[++next]) {
        cursor.goTo(rank - first);
        found.push(cursor.copy());
      }
      return;
    }
    const cursor = new InnerCursor(node);
    let rank = first;
    while (rank < end && cursor.next()) {
      const below = rank + cursor.count;
      if ((ranks[next] ?? end) < below) {
        const child = reader.readUnlessHole(cursor.id);
        if (child !== null) walk(child, depth - 1, rank, below);
        else while ((ranks[next] ?? end) < below) next++;
      }
      rank = below;
    }
  };
  walk(tree.root, tree.depth, 0, tree.count);
  reader.throwIfMissing();
  assert(found.length === ranks.length, 'there are elements at these ranks');
  return found;
}

/** A leaf, and the rank of its first element. */
export interface LeafSlice {
  readonly bytes: Buffer;
  readonly firstRank: number;
}

/** The leaves that hold the elements from rank `from` up to, not including, `to`; in order. */
export function leavesOf(tree: Tree, from: number, to: number, pages: PageAccess): LeafSlice[] {
  const reader = new PageReader(pages);
  const found: LeafSlice[] = [];
  const walk = (node: Buffer, depth: number, first: number): void => {
    if (depth === 0) {
      found.push({ bytes: node, firstRank: first });
      return;
    }
    const cursor = new InnerCursor(node);
    let rank = first;
    while (rank < to && cursor.next()) {
      if (rank + cursor.count > from) {
        const child = reader.readUnlessHole(cursor.id);
        if (child !== null) walk(child, depth - 1, rank);
      }
      rank += cursor.count;
    }
  };
  if (from < to) walk(tree.root, tree.depth, 0);
  reader.throwIfMissing();
  return found;
}

/** Calls `visit` with each element from rank `from` up to, not including, `to`, in order; the cursor is not to be moved. */
export function visitTree(
  tree: Tree,
  from: number,
  to: number,
  pages: PageAccess,
  visit: (element: LeafCursor, rank: number) => void,
): void {
  for (const { bytes, firstRank } of leavesOf(tree, from, to, pages)) {
    const cursor = new LeafCursor(bytes);
    while (cursor.next()) {
      const rank = firstRank + cursor.index;
      if (rank >= to) return;
      if (rank >= from) visit(cursor, rank);
    }
  }
}

/** The same from the last to the first. */
export function visitTreeBackwards(
  tree: Tree,
  from: number,
  to: number,
  pages: PageAccess,
  visit: (element: LeafCursor, rank: number) => void,
): void {
  for (const { bytes, firstRank } of leavesOf(tree, from, to, pages).reverse()) {
    const cursor = new LeafCursor(bytes);
    const starts: number[] = [];
    while (cursor.next()) starts.push(cursor.start);
    for (let index = Math.min(starts.length, to - firstRank) - 1; index >= Math.max(0, from - firstRank); index--) {
      cursor.jump(index, starts[index] ?? 0);
      visit(cursor, firstRank + index);
    }
  }
}

/** Whether some value may have pages of its own. */
export function treeHasBig({ root, depth }: Tree): boolean {
  if (depth === 0) {
    const leaf = new LeafCursor(root);
    while (leaf.next()) if (leaf.isBig) return true;
    return false;
  }
  const cursor = new InnerCursor(root);
  while (cursor.next()) if (cursor.hasBig) return true;
  return false;
}

/** The last child whose bound is not above the key, and how many elements are in those before it. */
function childOf(node: Buffer, key: Buffer): { readonly id: PageId; readonly before: number } {
  const cursor = new InnerCursor(node);
  let idStart = 0;
  let before = 0;
  let count = 0;
  while (cursor.next()) {
    if (cursor.index > 0 && cursor.isAbove(key)) break;
    before += count;
    idStart = cursor.idStart;
    count = cursor.count;
  }
  return { id: cursor.idAt(idStart), before };
}

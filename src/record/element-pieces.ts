import { limits } from '../base/limits.ts';
import { PageReader } from './page-reader.ts';
import { visitTree } from './tree.ts';
import { TreeEditor } from './tree-editor.ts';
import { bigString, encodeElement, LeafCursor, readBig } from './tree-node.ts';
import type { PageAccess, Tree } from './value.ts';

/*
 * A stretch of a tree's elements outside of its pages, for backups: a piece has the bytes of a leaf (`tree-node.ts`), and all
 * values are in it, long ones too. So it says nothing of how the tree is laid out.
 */

/** How many elements a piece has; null if it is none. Of bytes that came from elsewhere. */
export function pieceCount(piece: Buffer): number | null {
  let count = 0;
  let at = 0;
  while (at < piece.length) {
    const key = varintAt(piece, at);
    if (key === null || key.value > limits.treeKeyBytes) return null;
    const tag = varintAt(piece, key.end + key.value);
    if (tag === null || tag.value % 2 === 1) return null;
    at = tag.end + tag.value / 2;
    count++;
  }
  return at === piece.length ? count : null;
}

/** Null where it does not end within the bytes, or is no safe integer. */
function varintAt(bytes: Buffer, offset: number): { readonly value: number; readonly end: number } | null {
  let value = 0;
  let factor = 1;
  for (let at = offset; factor < 2 ** 49; at++) {
    const byte = bytes[at];
    if (byte === undefined) return null;
    value += (byte & 127) * factor;
    if (byte < 128) return { value, end: at + 1 };
    factor *= 128;
  }
  return null;
}

/** The tree with the elements of a piece behind its own, without the first `skipped` of them. May throw NeedPages. */
export function appendPiece(tree: Tree, piece: Buffer, skipped: number, pages: PageAccess): Tree {
  const editor = new TreeEditor(tree, pages);
  const cursor = new LeafCursor(piece);
  while (cursor.next()) {
    if (cursor.index < skipped) continue;
    // Elements without keys have positions.
    if (cursor.keyStart === cursor.keyEnd) editor.insertAt(editor.count, cursor.stored);
    else editor.put(cursor.key, cursor.stored);
  }
  return editor.finish();
}

/** The elements from rank `from` up to, not including, `to`, as a piece. May throw NeedPages. */
export function readPiece(tree: Tree, from: number, to: number, pages: PageAccess): Buffer {
  const elements: LeafCursor[] = [];
  visitTree(tree, from, to, pages, (element) => elements.push(element.copy()));
  const reader = new PageReader(pages);
  for (const { isBig, stored } of elements) {
    if (isBig) for (const id of bigString(stored).root) reader.readUnlessHole(id);
  }
  reader.throwIfMissing();
  return Buffer.concat(
    elements.map(({ key, isBig, stored }) => encodeElement(key, isBig ? readBig(stored, pages) : stored, false)),
  );
}

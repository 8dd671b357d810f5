import { readAll, stringFromBytes } from '../../record/paged-string.ts';
import { leavesOf } from '../../record/tree.ts';
import { TreeBuilder } from '../../record/tree-builder.ts';
import { LeafCursor, readBig } from '../../record/tree-node.ts';
import type { PageAccess, PagedCollection, Tree, Value } from '../../record/value.ts';
import { ValueType } from '../../record/value.ts';

/** A value that stands on its own, to be put into another record. */
export type ValueCopy =
  /** Rests on no pages. */
  | { readonly kind: 'inline'; readonly value: Value }
  | { readonly kind: 'string'; readonly bytes: Buffer }
  | { readonly kind: 'trees'; readonly value: PagedCollection; readonly trees: readonly TreeCopy[] };

interface TreeCopy {
  readonly leaves: readonly Buffer[];
  /** The values with pages of their own, in order. */
  readonly bigValues: readonly Buffer[];
}

/** Takes a value out of its record; reads all of its pages. May throw NeedPages. */
export function copyValue(value: Value, pages: PageAccess): ValueCopy {
  if (!value.paged) return { kind: 'inline', value };
  if (value.type === ValueType.string) {
    return { kind: 'string', bytes: Buffer.concat(readAll(value, pages), value.length) };
  }
  return { kind: 'trees', value, trees: value.trees.map((tree) => copyTree(tree, pages)) };
}

/** The same value in pages of the record that it is put into. */
export function pasteValue(copy: ValueCopy, pages: PageAccess): Value {
  switch (copy.kind) {
    case 'inline':
      return copy.value;
    case 'string':
      return stringFromBytes(copy.bytes, pages);
    case 'trees':
      return { ...copy.value, trees: copy.trees.map((tree) => pasteTree(tree, pages)) };
  }
}

function copyTree(tree: Tree, pages: PageAccess): TreeCopy {
  const leaves = leavesOf(tree, 0, tree.count, pages).map(({ bytes }) => bytes);
  const bigValues: Buffer[] = [];
  for (const leaf of leaves) {
    const cursor = new LeafCursor(leaf);
    while (cursor.next()) if (cursor.isBig) bigValues.push(readBig(cursor.stored, pages));
  }
  return { leaves, bigValues };
}

function pasteTree({ leaves, bigValues }: TreeCopy, pages: PageAccess): Tree {
  const builder = new TreeBuilder(pages);
  let nextBig = 0;
  for (const leaf of leaves) {
    const cursor = new LeafCursor(leaf);
    while (cursor.next()) {
      const big = cursor.isBig ? bigValues[nextBig++] : undefined;
      builder.add(cursor.key, big ?? cursor.stored);
    }
  }
  return builder.finish();
}

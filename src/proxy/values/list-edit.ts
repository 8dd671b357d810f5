import { limits } from '../../base/limits.ts';
import {
  ItemCursor,
  PACKED_HEADER_BYTES,
  packedCount,
  packItems,
  spliceItems,
  writePackedHeader,
} from '../../record/packed-items.ts';
import { EMPTY_TREE, elementsAt } from '../../record/tree.ts';
import { TreeBuilder } from '../../record/tree-builder.ts';
import { TreeEditor } from '../../record/tree-editor.ts';
import { type CollectionValue, Encoding, type PageAccess, type Tree, ValueType } from '../../record/value.ts';
import { packedBytes } from './collection-value.ts';
import { treeOf } from './keyed-view.ts';
import { ListView } from './list-view.ts';

const NO_BYTES = Buffer.alloc(0);
/** Redis's list-max-listpack-size: bytes by -1 to -5; positive ones count elements, and no more than so many bytes. */
const FILL_BYTES: readonly number[] = [4_096, 8_192, 16_384, 32_768, 65_536];
const COUNTED_FILL_BYTES = 8_192;

/** Whether a list of so many elements and bytes is small by list-max-listpack-size. */
export function isSmallList(count: number, bytes: number, fill: number): boolean {
  if (fill < 0) return bytes <= (FILL_BYTES[Math.min(-fill, FILL_BYTES.length) - 1] ?? 0);
  return count <= Math.max(1, fill) && bytes <= COUNTED_FILL_BYTES;
}

/** What one command changes in a list. Every method may throw NeedPages, after which it is of no use any more. */
export class ListEdit {
  readonly #pages: PageAccess;
  readonly #before: Tree;
  readonly #tree: TreeEditor | null;
  readonly #fill: number | null;
  #packed: Buffer;

  /**
   * `value` null: it does not exist yet. `fill`: list-max-listpack-size, up to which a list that grows stays in the record;
   * null where it does not grow.
   */
  constructor(value: CollectionValue | null, pages: PageAccess, fill: number | null) {
    this.#pages = pages;
    this.#fill = fill;
    this.#before = value?.paged === true ? treeOf(value) : EMPTY_TREE;
    this.#tree = value?.paged === true ? new TreeEditor(this.#before, pages) : null;
    this.#packed = value === null || value.paged ? packItems(Encoding.quicklist, 0, []) : packedBytes(value);
  }

  get count(): number {
    return this.#tree === null ? packedCount(this.#packed) : this.#tree.count;
  }

  /** Puts the values before the head, each before the one before it. */
  pushHead(values: readonly Buffer[]): void {
    if (this.#tree === null) {
      this.#splice(PACKED_HEADER_BYTES, PACKED_HEADER_BYTES, values.toReversed(), values.length);
      return;
    }
    for (const value of values) this.#tree.insertAt(0, value);
  }

  /** Puts the values behind the tail. */
  pushTail(values: readonly Buffer[]): void {
    if (this.#tree === null) {
      this.#splice(this.#packed.length, this.#packed.length, values, values.length);
      return;
    }
    for (const value of values) this.#tree.insertAt(this.#tree.count, value);
  }

  /** Puts a value before the element at `rank`; a rank of `count` puts it behind the last. */
  insertAt(rank: number, value: Buffer): void {
    if (this.#tree !== null) {
      this.#tree.insertAt(rank, value);
      return;
    }
    const at = this.#startOf(rank);
    this.#splice(at, at, [value], 1);
  }

  /** Sets the element at `rank`, which must be there. */
  setAt(rank: number, value: Buffer): void {
    if (this.#tree === null) this.#splice(this.#startOf(rank), this.#startOf(rank + 1), [value], 0);
    else this.#tree.setAt(rank, value);
  }

  /** Removes all but the elements from rank `from` up to, not including, `to`. */
  keep(from: number, to: number): void {
    if (this.#tree === null) {
      const start = this.#startOf(from);
      const end = this.#startOf(to);
      const packed = Buffer.allocUnsafe(PACKED_HEADER_BYTES + end - start);
      this.#packed.copy(packed, PACKED_HEADER_BYTES, start, end);
      writePackedHeader(packed, Encoding.quicklist, to - from);
      this.#packed = packed;
      return;
    }
    // Both ends at once, so that pages are asked for once a level.
    if (from < to && this.#tree.count === this.#before.count) elementsAt(this.#before, [from, to - 1], this.#pages);
    this.#tree.keep(from, to);
  }

  /** Removes the elements at these ranks, which ascend, differ, and are there. */
  deleteRanks(ranks: readonly number[]): void {
    if (this.#tree !== null) {
      this.#tree.deleteRanks(ranks);
      return;
    }
    const kept: Buffer[] = [];
    const cursor = new ItemCursor(this.#packed);
    let next = 0;
    for (let rank = 0; cursor.next(); rank++) {
      if (ranks[next] === rank) next++;
      else kept.push(cursor.item);
    }
    this.#packed = packItems(Encoding.quicklist, kept.length, kept);
  }

  /** Null if nothing is left. */
  finish(): CollectionValue | null {
    if (this.count === 0) return null;
    if (this.#tree === null) {
      return this.#mayStay(this.#packed.length) ? inline(this.#packed) : paged(this.#treeOfPacked());
    }
    const tree = this.#tree.finish();
    const value = paged(tree);
    if (tree.depth > 0 || tree.bytes > limits.treeRootBytes || !this.#mayStay(tree.bytes)) return value;
    // What has become small goes back into the record.
    const items: Buffer[] = [];
    new ListView(value, this.#pages).visit(0, tree.count, (bytes, start, end) =>
      items.push(bytes.subarray(start, end)),
    );
    return inline(packItems(Encoding.quicklist, items.length, items));
  }

  #mayStay(bytes: number): boolean {
    if (bytes > limits.inlineListBytes) return false;
    return this.#fill === null || isSmallList(this.count, bytes, this.#fill);
  }

  #treeOfPacked(): Tree {
    const builder = new TreeBuilder(this.#pages);
    const cursor = new ItemCursor(this.#packed);
    while (cursor.next()) builder.add(NO_BYTES, cursor.item);
    return builder.finish();
  }

  /** Where the element at `rank` begins in the packed bytes, or where they end. */
  #startOf(rank: number): number {
    const cursor = new ItemCursor(this.#packed);
    for (let left = rank; left >= 0; left--) cursor.next();
    return cursor.start;
  }

  #splice(from: number, to: number, items: readonly Buffer[], added: number): void {
    this.#packed = spliceItems(this.#packed, from, to, items, packedCount(this.#packed) + added);
  }
}

function inline(bytes: Buffer): CollectionValue {
  return { type: ValueType.list, paged: false, bytes };
}

function paged(tree: Tree): CollectionValue {
  return { type: ValueType.list, paged: true, encoding: Encoding.quicklist, length: tree.bytes, trees: [tree] };
}

import { ItemCursor, packedCount } from '../../record/packed-items.ts';
import { EMPTY_TREE, elementAt, leavesOf, visitTree } from '../../record/tree.ts';
import { bigLength, LeafCursor, readBig } from '../../record/tree-node.ts';
import type { CollectionValue, PageAccess, Tree } from '../../record/value.ts';
import { packedBytes } from './collection-value.ts';
import { needStrings, treeOf } from './keyed-view.ts';

/** A search looks through so many elements of a tree first, then through ever more at once. */
const FIRST_SEARCH = 1_024;
const SEARCH_GROWTH = 4;

/** Reads a list. Every method may throw NeedPages. */
export class ListView {
  readonly count: number;
  readonly #value: CollectionValue;
  readonly #packed: Buffer | null;
  readonly #tree: Tree;
  readonly #pages: PageAccess;

  constructor(value: CollectionValue, pages: PageAccess) {
    this.#value = value;
    this.#pages = pages;
    this.#packed = value.paged ? null : packedBytes(value);
    this.#tree = value.paged ? treeOf(value) : EMPTY_TREE;
    this.count = this.#packed === null ? this.#tree.count : packedCount(this.#packed);
  }

  /** The same list by way of other pages. */
  through(pages: PageAccess): ListView {
    return new ListView(this.#value, pages);
  }

  /** The element at `rank`, which must be there. */
  at(rank: number): Buffer {
    if (this.#packed === null) return this.#valueOf(elementAt(this.#tree, rank, this.#pages));
    const cursor = new ItemCursor(this.#packed);
    for (let left = rank; left >= 0; left--) cursor.next();
    return cursor.item;
  }

  /** The elements from rank `from` up to, not including, `to`, in order: as bytes that must not be changed. */
  visit(from: number, to: number, see: (bytes: Buffer, start: number, end: number) => void): void {
    if (this.#packed !== null) {
      const cursor = new ItemCursor(this.#packed);
      for (let rank = 0; rank < to && cursor.next(); rank++) {
        if (rank >= from) see(this.#packed, cursor.itemStart, cursor.end);
      }
      return;
    }
    this.#needBig(from, to, () => true);
    visitTree(this.#tree, from, to, this.#pages, (element) => {
      if (!element.isBig) {
        see(element.bytes, element.valueStart, element.end);
        return;
      }
      const value = this.#valueOf(element);
      see(value, 0, value.length);
    });
  }

  /**
   * The ranks of the elements equal to `needle`, in the order in which they are found from the head, or from the tail:
   * among the first `among` elements there, up to `most` of them.
   */
  find(needle: Buffer, isFromTail: boolean, among: number, most: number): number[] {
    const found: number[] = [];
    if (this.#packed !== null) {
      this.#findPacked(this.#packed, needle, isFromTail, among, found);
      return found.length > most ? found.slice(0, most) : found;
    }
    const total = Math.min(among, this.count);
    for (let done = 0, width = FIRST_SEARCH; done < total && found.length < most; width *= SEARCH_GROWTH) {
      const next = Math.min(total, done + width);
      const some = this.#findBetween(
        needle,
        isFromTail ? this.count - next : done,
        isFromTail ? this.count - done : next,
      );
      if (isFromTail) some.reverse();
      for (const rank of some) if (found.length < most) found.push(rank);
      done = next;
    }
    return found;
  }

  #findPacked(packed: Buffer, needle: Buffer, isFromTail: boolean, among: number, found: number[]): void {
    const cursor = new ItemCursor(packed);
    const from = isFromTail ? this.count - among : 0;
    const to = isFromTail ? this.count : among;
    for (let rank = 0; rank < to && cursor.next(); rank++) if (rank >= from && cursor.is(needle)) found.push(rank);
    if (isFromTail) found.reverse();
  }

  #findBetween(needle: Buffer, from: number, to: number): number[] {
    const found: number[] = [];
    const hasLength = (element: LeafCursor): boolean => bigLength(element.stored) === needle.length;
    this.#needBig(from, to, hasLength);
    visitTree(this.#tree, from, to, this.#pages, (element, rank) => {
      if (element.isBig) {
        if (hasLength(element) && this.#valueOf(element).equals(needle)) found.push(rank);
      } else if (
        element.end - element.valueStart === needle.length &&
        needle.compare(element.bytes, element.valueStart, element.end) === 0
      ) {
        found.push(rank);
      }
    });
    return found;
  }

  #valueOf(element: LeafCursor): Buffer {
    return element.isBig ? readBig(element.stored, this.#pages) : element.stored;
  }

  /** Asks at once for the pages of the big values of a range, those that `wanted` says. */
  #needBig(from: number, to: number, wanted: (element: LeafCursor) => boolean): void {
    const big: Buffer[] = [];
    for (const { bytes, firstRank } of leavesOf(this.#tree, from, to, this.#pages)) {
      const cursor = new LeafCursor(bytes);
      while (cursor.next()) {
        const rank = firstRank + cursor.index;
        if (cursor.isBig && rank >= from && rank < to && wanted(cursor)) big.push(cursor.stored);
      }
    }
    if (big.length > 0) needStrings(big, this.#pages);
  }
}

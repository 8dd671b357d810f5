import { ItemCursor, packedCount, packedEncoding } from '../../record/packed-items.ts';
import { PageReader } from '../../record/page-reader.ts';
import {
  EMPTY_TREE,
  elementsAt,
  findInTree,
  leavesOf,
  needKeys,
  placeInTree,
  treeHasBig,
  visitTree,
} from '../../record/tree.ts';
import { bigString, LeafCursor } from '../../record/tree-node.ts';
import {
  type CollectionValue,
  Encoding,
  type PageAccess,
  type PagedCollection,
  type Tree,
} from '../../record/value.ts';
import { packedBytes } from './collection-value.ts';
import {
  elementOf,
  elementValue,
  type KeyedElement,
  PREFIX_END,
  prefixKey,
  prefixOf,
  treeKeyOf,
} from './keyed-elements.ts';

const NO_BYTES = Buffer.alloc(0);

/** Items of an element: of a set its member; of a hash a field and its value. */
export type Width = 1 | 2;

/** A step of a scan: where the next one goes on, 0 at the end. */
export interface KeyedScan {
  readonly next: number;
  readonly elements: readonly KeyedElement[];
}

/** What commands read a hash or a set through. Every method may throw NeedPages. */
export type KeyedReader = Pick<KeyedView, 'count' | 'encoding' | 'need' | 'find' | 'has' | 'visit' | 'at' | 'scan'>;

/** Reads a hash, none of whose fields expires, or a set. Every method may throw NeedPages. */
export class KeyedView {
  readonly count: number;
  readonly #width: Width;
  readonly #packed: Buffer | null;
  readonly #tree: Tree;
  readonly #pages: PageAccess;

  constructor(value: CollectionValue, width: Width, pages: PageAccess) {
    this.#width = width;
    this.#pages = pages;
    this.#packed = value.paged ? null : packedBytes(value);
    this.#tree = value.paged ? treeOf(value) : EMPTY_TREE;
    this.count = this.#packed === null ? this.#tree.count : packedCount(this.#packed);
  }

  get encoding(): Encoding {
    return this.#packed === null ? Encoding.hashtable : packedEncoding(this.#packed);
  }

  /** Loads what looking for these names needs, a level of the tree at a time. */
  need(names: readonly Buffer[]): void {
    if (this.#packed === null) needKeys(this.#tree, names.map(treeKeyOf), this.#pages);
  }

  /** The value of this name, empty in a set; null if it is not there. */
  find(name: Buffer): Buffer | null {
    if (this.#packed === null) {
      const element = findInTree(this.#tree, treeKeyOf(name), this.#pages);
      return element === null ? null : elementValue(element, this.#pages);
    }
    const cursor = new ItemCursor(this.#packed);
    while (cursor.next()) {
      const isThere = cursor.is(name);
      if (this.#width === 2) cursor.next();
      if (isThere) return this.#width === 2 ? cursor.item : NO_BYTES;
    }
    return null;
  }

  /** Without reading a long value. */
  has(name: Buffer): boolean {
    if (this.#packed === null) return findInTree(this.#tree, treeKeyOf(name), this.#pages) !== null;
    return this.find(name) !== null;
  }

  /** All elements in order, or those from rank `from` up to, not including, `to`. */
  visit(see: (name: Buffer, value: Buffer) => void, from = 0, to = this.count): void {
    if (this.#packed === null) {
      needBigBetween(this.#tree, from, to, this.#pages);
      visitTree(this.#tree, from, to, this.#pages, (cursor) => {
        const { name, value } = elementOf(cursor, this.#pages);
        see(name, value);
      });
      return;
    }
    const cursor = new ItemCursor(this.#packed);
    for (let rank = 0; rank < to && cursor.next(); rank++) {
      const name = cursor.item;
      if (this.#width === 2) cursor.next();
      if (rank >= from) see(name, this.#width === 2 ? cursor.item : NO_BYTES);
    }
  }

  /** The elements at these ranks, in the order of `ranks`. */
  at(ranks: readonly number[]): KeyedElement[] {
    if (this.#packed !== null) {
      const all = this.#all();
      return ranks.flatMap((rank) => all[rank] ?? []);
    }
    const order = ranks.map((_, i) => i).sort((a, b) => (ranks[a] ?? 0) - (ranks[b] ?? 0));
    const cursors = elementsAt(
      this.#tree,
      order.map((i) => ranks[i] ?? 0),
      this.#pages,
    );
    needBig(cursors, this.#pages);
    const found = new Array<KeyedElement>(ranks.length);
    order.forEach((place, i) => {
      const cursor = cursors[i];
      if (cursor !== undefined) found[place] = elementOf(cursor, this.#pages);
    });
    return found;
  }

  /** About `count` elements from `cursor` on. Who is there all the while is found, whatever else changes. */
  scan(cursor: number, count: number): KeyedScan {
    // As Redis does with a listpack: what is small is answered whole, whatever the cursor.
    if (this.#packed !== null) return { next: 0, elements: this.#all() };
    if (cursor >= PREFIX_END) return { next: 0, elements: [] };
    const from = placeInTree(this.#tree, prefixKey(cursor), this.#pages).rank;
    for (let width = count + 1; ; width *= 2) {
      const to = Math.min(this.#tree.count, from + width);
      const found: { readonly prefix: number; readonly cursor: LeafCursor }[] = [];
      visitTree(this.#tree, from, to, this.#pages, (element) => {
        found.push({ prefix: prefixOf(element), cursor: element.copy() });
      });
      // A step ends between two prefixes, for a prefix is what the next one begins with.
      let end = found.length;
      if (to < this.#tree.count) {
        const last = found.at(-1)?.prefix ?? 0;
        while (end > 0 && found[end - 1]?.prefix === last) end--;
        if (end === 0) continue;
      }
      const cursors = found.slice(0, end).map((one) => one.cursor);
      needBig(cursors, this.#pages);
      const elements = cursors.map((one) => elementOf(one, this.#pages));
      return { next: end < found.length ? (found[end]?.prefix ?? 0) : 0, elements };
    }
  }

  #all(): KeyedElement[] {
    const elements: KeyedElement[] = [];
    this.visit((name, value) => elements.push({ name, value }));
    return elements;
  }
}

/** Asks at once for the pages of all big values of these. */
export function needBig(cursors: readonly LeafCursor[], pages: PageAccess): void {
  const big = cursors.filter(({ isBig }) => isBig).map(({ stored }) => stored);
  if (big.length > 0) needStrings(big, pages);
}

/** The same of the elements from rank `from` up to, not including, `to`. */
export function needBigBetween(tree: Tree, from: number, to: number, pages: PageAccess): void {
  if (!treeHasBig(tree)) return;
  const big: Buffer[] = [];
  for (const { bytes, firstRank } of leavesOf(tree, from, to, pages)) {
    const cursor = new LeafCursor(bytes);
    while (cursor.next()) {
      const rank = firstRank + cursor.index;
      if (cursor.isBig && rank >= from && rank < to) big.push(cursor.stored);
    }
  }
  if (big.length > 0) needStrings(big, pages);
}

export function treeOf(value: PagedCollection): Tree {
  return value.trees[0] ?? EMPTY_TREE;
}

/** Asks for the root pages of big values, as stored, at once; what is below them is asked for value by value. */
export function needStrings(stored: readonly Buffer[], pages: PageAccess): void {
  const reader = new PageReader(pages);
  for (const one of stored) for (const id of bigString(one).root) reader.readUnlessHole(id);
  reader.throwIfMissing();
}

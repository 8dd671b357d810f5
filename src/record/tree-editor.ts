import { assert } from '../base/assert.ts';
import { limits } from '../base/limits.ts';
import { PageReader } from './page-reader.ts';
import {
  type Branch,
  bytesOfLeaf,
  decode,
  Inner,
  innerHasBig,
  keyBefore,
  type Leaf,
  lastStart,
  leafHasBig,
  type Node,
  sizeOf,
  type Turn,
} from './tree-edit-node.ts';
import { boundBetween, childLength, encodeElement, LeafCursor, type TreeLayout, writeBig } from './tree-node.ts';
import { Removal } from './tree-removal.ts';
import type { PageAccess, Tree } from './value.ts';

/** A value as it is in a leaf. */
interface Stored {
  readonly isBig: boolean;
  readonly stored: Buffer;
  /** Of the value itself. */
  readonly bytes: number;
}

const NO_BYTES = Buffer.alloc(0);

/**
 * Changes a counted B+tree: any number of changes, kept in memory, then `finish` writes each touched node once. May throw
 * NeedPages anywhere, and is then of no use any more. Keys are either all empty (a list: use the methods with ranks) or all
 * different.
 */
export class TreeEditor {
  readonly #pages: PageAccess;
  readonly #layout: TreeLayout;
  #root: Node;
  #depth: number;
  #bytes: number;
  #count: number;
  /** Elements went unread, so that `#bytes` is not exact. */
  #isReckoned = false;

  constructor(tree: Tree, pages: PageAccess, layout: TreeLayout = limits) {
    this.#pages = pages;
    this.#layout = layout;
    this.#depth = tree.depth;
    this.#bytes = tree.bytes;
    this.#count = tree.count;
    this.#root = decode(tree.root, tree.depth);
  }

  get count(): number {
    return this.#count;
  }

  /** The element with this key, null if there is none. To be used before the next change. */
  find(key: Buffer): LeafCursor | null {
    const { leaf } = this.#toKey(key);
    const cursor = new LeafCursor(leaf.bytes);
    return cursor.seek(key) ? cursor : null;
  }

  /** The element at `rank`, which must be there. To be used before the next change. */
  at(rank: number): LeafCursor {
    assert(rank >= 0 && rank < this.#count, 'there is an element at this rank');
    const { leaf, index } = this.#toRank(rank);
    const cursor = new LeafCursor(leaf.bytes);
    cursor.goTo(index);
    return cursor;
  }

  /** Sets the value of a key; true if the key is new. */
  put(key: Buffer, value: Buffer): boolean {
    assert(key.length <= limits.treeKeyBytes, 'a key fits into a node');
    const { leaf, turns } = this.#toKey(key);
    const cursor = new LeafCursor(leaf.bytes);
    const isThere = cursor.seek(key);
    this.#replace(leaf, turns, cursor, isThere, key, this.#stored(value));
    return !isThere;
  }

  /** Gives a key, which must be new, the value that an element of another tree of this record has: its own pages are not read. */
  putFrom(key: Buffer, { isBig, stored, elementBytes, keyStart, keyEnd }: LeafCursor): void {
    assert(key.length <= limits.treeKeyBytes, 'a key fits into a node');
    const { leaf, turns } = this.#toKey(key);
    const cursor = new LeafCursor(leaf.bytes);
    assert(!cursor.seek(key), 'the key is new');
    this.#replace(leaf, turns, cursor, false, key, { isBig, stored, bytes: elementBytes - (keyEnd - keyStart) });
  }

  /** False if there is no such key. */
  delete(key: Buffer): boolean {
    const { leaf, turns } = this.#toKey(key);
    const cursor = new LeafCursor(leaf.bytes);
    if (!cursor.seek(key)) return false;
    this.#remove(leaf, turns, cursor);
    return true;
  }

  /** Puts a value before the element at `rank`; a rank of `count` puts it behind the last. */
  insertAt(rank: number, value: Buffer): void {
    assert(rank >= 0 && rank <= this.#count, 'a value is put between others');
    const { leaf, turns, index } = this.#toRank(rank);
    const cursor = new LeafCursor(leaf.bytes);
    while (cursor.index < index && cursor.next());
    this.#replace(leaf, turns, cursor, false, NO_BYTES, this.#stored(value));
  }

  /** Sets the value of the element at `rank`, which must be there. */
  setAt(rank: number, value: Buffer): void {
    assert(rank >= 0 && rank < this.#count, 'there is an element at this rank');
    const { leaf, turns, index } = this.#toRank(rank);
    const cursor = new LeafCursor(leaf.bytes);
    cursor.goTo(index);
    this.#replace(leaf, turns, cursor, true, Buffer.from(cursor.key), this.#stored(value));
  }

  /** Removes the element at `rank`, which must be there. */
  deleteAt(rank: number): void {
    assert(rank >= 0 && rank < this.#count, 'there is an element at this rank');
    const { leaf, turns, index } = this.#toRank(rank);
    const cursor = new LeafCursor(leaf.bytes);
    cursor.goTo(index);
    this.#remove(leaf, turns, cursor);
  }

  /**
   * Removes all but the elements from rank `from` up to, not including, `to`. Nodes that go whole are not read: their bytes
   * are reckoned as the average, so the tree's are not exact afterwards.
   */
  keep(from: number, to: number): void {
    assert(from >= 0 && from <= to && to <= this.#count, 'what is kept is there');
    const removal = new Removal((branch, depth) => this.#open(branch, depth));
    removal.keep(this.#root, this.#depth, from, to, this.#count === 0 ? 0 : this.#bytes / this.#count);
    this.#bytes -= removal.bytes;
    this.#isReckoned ||= removal.isReckoned;
    this.#count = to - from;
  }

  /** Removes the elements at these ranks, which ascend, differ, and are there; each leaf is made anew once. */
  deleteRanks(ranks: readonly number[]): void {
    const removal = new Removal((branch, depth) => this.#open(branch, depth));
    const removed = removal.deleteRanks(this.#root, this.#depth, 0, ranks, 0);
    assert(removed === ranks.length, 'what is removed is there');
    this.#bytes -= removal.bytes;
    this.#count -= removed;
  }

  /** Merges what has become small, writes the pages, and gives the tree. The editor must not be used again. */
  finish(): Tree {
    const reader = new PageReader(this.#pages);
    if (this.#root.kind === 'inner') this.#settle(this.#root, this.#depth, reader);
    reader.throwIfMissing();
    while (this.#root.kind === 'inner' && this.#root.isNarrow) {
      const only = this.#root.children[0];
      if (only === undefined) {
        this.#root = { kind: 'leaf', bytes: NO_BYTES };
        this.#depth = 0;
        break;
      }
      const child = this.#open(only, this.#depth - 1);
      if (sizeOf(child) > this.#layout.treeRootBytes) break;
      this.#root = child;
      this.#depth--;
    }
    const root = this.#encode(this.#root);
    // Exact again where all elements are at hand.
    if (this.#isReckoned && this.#depth === 0) this.#bytes = bytesOfLeaf(root);
    return { count: this.#count, bytes: Math.max(0, this.#bytes), depth: this.#depth, root };
  }

  #open(branch: Branch, depth: number): Node {
    branch.node ??= decode(this.#pages.read(branch.id), depth);
    return branch.node;
  }

  #toKey(key: Buffer): { readonly leaf: Leaf; readonly turns: readonly Turn[] } {
    const turns: Turn[] = [];
    let node = this.#root;
    for (let depth = this.#depth; node.kind === 'inner'; depth--) {
      const turn = node.turnToKey(key);
      turns.push(turn);
      node = this.#open(turn.branch, depth - 1);
    }
    return { leaf: node, turns };
  }

  #toRank(rank: number): { readonly leaf: Leaf; readonly turns: readonly Turn[]; readonly index: number } {
    const turns: Turn[] = [];
    let node = this.#root;
    let left = rank;
    for (let depth = this.#depth; node.kind === 'inner'; depth--) {
      const turn = node.turnToRank(left);
      turns.push(turn);
      left = turn.rank;
      node = this.#open(turn.branch, depth - 1);
    }
    return { leaf: node, turns, index: left };
  }

  #stored(value: Buffer): Stored {
    const isBig = value.length > this.#layout.treeBigValueBytes;
    return { isBig, stored: isBig ? writeBig(value, this.#pages) : value, bytes: value.length };
  }

  /** Puts an element at the cursor: over the one that is there, or before it. */
  #replace(leaf: Leaf, turns: readonly Turn[], cursor: LeafCursor, isThere: boolean, key: Buffer, value: Stored): void {
    const { isBig, stored, bytes } = value;
    const element = encodeElement(key, stored, isBig);
    const oldBytes = isThere ? cursor.elementBytes : 0;
    const { start } = cursor;
    const end = isThere ? cursor.end : start;
    const isLast = end === leaf.bytes.length;
    leaf.bytes = Buffer.concat([leaf.bytes.subarray(0, start), element, leaf.bytes.subarray(end)]);
    this.#touch(turns, isThere ? 0 : 1, isBig);
    this.#bytes += key.length + bytes - oldBytes;
    this.#count += isThere ? 0 : 1;
    if (leaf.bytes.length > this.#limitOf(leaf, turns)) this.#splitLeaf(leaf, turns, isLast ? start : -1);
  }

  #remove(leaf: Leaf, turns: readonly Turn[], cursor: LeafCursor): void {
    this.#bytes -= cursor.elementBytes;
    this.#count--;
    leaf.bytes = Buffer.concat([leaf.bytes.subarray(0, cursor.start), leaf.bytes.subarray(cursor.end)]);
    this.#touch(turns, -1, false);
  }

  #touch(turns: readonly Turn[], added: number, isBig: boolean): void {
    for (const { branch } of turns) {
      branch.id = '';
      branch.count += added;
      branch.hasBig ||= isBig;
    }
  }

  #limitOf(node: Node, turns: readonly Turn[]): number {
    return turns.length === 0 ? this.#layout.treeRootBytes : this.#pageBytesOf(node);
  }

  #pageBytesOf({ kind }: Node): number {
    return kind === 'leaf' ? this.#layout.treeLeafBytes : this.#layout.treePageBytes;
  }

  /** `appendedAt`: where the last element is, if that was added just now; else negative. */
  #splitLeaf(leaf: Leaf, turns: readonly Turn[], appendedAt: number): void {
    // What grows at its end leaves full pages behind.
    const isRightmost = turns.every(({ isLast }) => isLast);
    const target = isRightmost && appendedAt > 0 ? appendedAt : leaf.bytes.length / 2;
    const cursor = new LeafCursor(leaf.bytes);
    let lastKey: Buffer = NO_BYTES;
    while (cursor.next() && (cursor.index === 0 || cursor.start < target)) lastKey = cursor.key;
    if (cursor.start === leaf.bytes.length) {
      // The last element is most of the leaf: it goes alone.
      cursor.jump(cursor.index, lastStart(leaf.bytes));
      lastKey = keyBefore(leaf.bytes, cursor.index);
    }
    const bound = boundBetween(lastKey, cursor.key);
    const right: Leaf = { kind: 'leaf', bytes: Buffer.from(leaf.bytes.subarray(cursor.start)) };
    const leftCount = cursor.index;
    leaf.bytes = Buffer.from(leaf.bytes.subarray(0, cursor.start));
    this.#addSibling(leaf, leftCount, right, bound, turns);
  }

  /** Lists `right`, split off `left`, in the parent, which may have to be split itself. */
  #addSibling(left: Node, leftCount: number, right: Node, bound: Buffer, turns: readonly Turn[]): void {
    const turn = turns.at(-1);
    if (turn === undefined) {
      const hasBig = true;
      const first: Branch = { bound: NO_BYTES, id: '', count: leftCount, hasBig, node: left };
      const second: Branch = { bound, id: '', count: this.#count - leftCount, hasBig, node: right };
      this.#root = new Inner([first, second]);
      this.#depth++;
      return;
    }
    const { inner, index, branch } = turn;
    const sibling: Branch = { bound, id: '', count: branch.count - leftCount, hasBig: branch.hasBig, node: right };
    branch.count = leftCount;
    inner.children.splice(index + 1, 0, sibling);
    const rest = turns.slice(0, -1);
    if (sizeOf(inner) > this.#limitOf(inner, rest)) this.#splitInner(inner, rest);
  }

  #splitInner(inner: Inner, turns: readonly Turn[]): void {
    const half = sizeOf(inner) / 2;
    let bytes = 0;
    let at = 0;
    let leftCount = 0;
    while (at < inner.children.length - 1 && (at === 0 || bytes < half)) {
      const child = inner.children[at];
      assert(child !== undefined, 'an inner node that is split has children');
      bytes += childLength(child);
      leftCount += child.count;
      at++;
    }
    const right = new Inner(inner.children.splice(at));
    this.#addSibling(inner, leftCount, right, right.children[0]?.bound ?? NO_BYTES, turns);
  }

  /** Drops empty children and merges small ones that were changed, from the leaves up. */
  #settle(inner: Inner, depth: number, reader: PageReader): void {
    let isAsListed = true;
    for (const { id, count, node } of inner.touched) {
      if (id !== '' || node === null) continue;
      if (node.kind === 'inner') this.#settle(node, depth - 1, reader);
      if (count === 0 || this.#isSmall(node)) isAsListed = false;
    }
    if (isAsListed) return;
    if (inner.children.some(({ count }) => count === 0)) {
      inner.children = inner.children.filter(({ count }) => count > 0);
    }
    for (let i = 0; i < inner.children.length; i++) {
      const branch = inner.children[i];
      if (branch === undefined || branch.id !== '' || branch.node === null) continue;
      if (!this.#isSmall(branch.node)) continue;
      const left = i + 1 < inner.children.length ? i : i - 1;
      if (left >= 0 && this.#merge(inner, left, depth, reader)) i = Math.max(-1, left - 1);
    }
  }

  #isSmall(node: Node): boolean {
    return sizeOf(node) * 4 < this.#pageBytesOf(node);
  }

  /** Merges the children `left` and `left + 1` if they fit well into one; false if not, or if a page is missing. */
  #merge(inner: Inner, left: number, depth: number, reader: PageReader): boolean {
    const a = inner.children[left];
    const b = inner.children[left + 1];
    if (a === undefined || b === undefined) return false;
    for (const branch of [a, b]) {
      if (branch.node !== null) continue;
      const bytes = reader.readUnlessHole(branch.id);
      if (bytes !== null) branch.node = decode(bytes, depth - 1);
    }
    if (a.node === null || b.node === null) return false;
    if ((sizeOf(a.node) + sizeOf(b.node)) * 4 > this.#pageBytesOf(a.node) * 3) return false;
    let node: Node;
    if (a.node.kind === 'leaf' && b.node.kind === 'leaf') {
      node = { kind: 'leaf', bytes: Buffer.concat([a.node.bytes, b.node.bytes]) };
    } else {
      assert(a.node.kind === 'inner' && b.node.kind === 'inner', 'siblings are of one kind');
      const [first] = b.node.children;
      if (first !== undefined) first.bound = b.bound;
      node = new Inner([...a.node.children, ...b.node.children]);
    }
    const merged: Branch = { bound: a.bound, id: '', count: a.count + b.count, hasBig: a.hasBig || b.hasBig, node };
    inner.children.splice(left, 2, merged);
    return true;
  }

  #encode(node: Node): Buffer {
    if (node.kind === 'leaf') return node.bytes;
    for (const branch of node.touched) {
      if (branch.id !== '') continue;
      const child = branch.node;
      assert(child !== null, 'what was changed is in memory');
      const bytes = this.#encode(child);
      if (branch.hasBig) branch.hasBig = child.kind === 'leaf' ? leafHasBig(bytes) : innerHasBig(bytes);
      branch.id = this.#pages.write(bytes);
    }
    return node.encode();
  }
}

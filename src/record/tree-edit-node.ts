import { assert } from '../base/assert.ts';
import { type Child, childLength, encodeInnerNode, InnerCursor, LeafCursor, writeChild } from './tree-node.ts';

/*
 * Nodes as a TreeEditor has them in memory.
 */

export interface Leaf {
  readonly kind: 'leaf';
  bytes: Buffer;
}

export type Node = Leaf | Inner;

/** A child; its id is '' once it differs from its page. */
export interface Branch extends Child {
  node: Node | null;
}

/** A step from the root towards a leaf. */
export interface Turn {
  readonly inner: Inner;
  readonly index: number;
  readonly branch: Branch;
  /** There is no child behind it. */
  readonly isLast: boolean;
}

/** A turn, and the rank below it. */
export interface RankTurn extends Turn {
  readonly rank: number;
}

/** A child of a node that is still in its stored bytes, and where in those it is. */
interface Opened {
  readonly branch: Branch;
  readonly start: number;
  readonly end: number;
}

/**
 * Most changes concern one child of a node that has hundreds: as long as none comes or goes, the others stay as bytes.
 * With the first look at `children` all of them become objects.
 */
export class Inner {
  readonly kind = 'inner';
  /** As stored; null once the children are listed. */
  #bytes: Buffer | null;
  /** Children of the stored bytes that somebody has turned to, by their indexes. */
  readonly #opened = new Map<number, Opened>();
  #children: Branch[] = [];
  #turns = 0;

  constructor(content: Buffer | Branch[]) {
    if (Buffer.isBuffer(content)) {
      this.#bytes = content;
    } else {
      this.#bytes = null;
      this.#children = content;
    }
  }

  get children(): Branch[] {
    this.#list();
    return this.#children;
  }

  set children(children: Branch[]) {
    this.#bytes = null;
    this.#opened.clear();
    this.#children = children;
  }

  /** The children that may have been changed. */
  get touched(): Iterable<Branch> {
    return this.#bytes === null ? this.#children : this.#openedBranches();
  }

  /** It has one child, or none. */
  get isNarrow(): boolean {
    if (this.#bytes === null) return this.#children.length <= 1;
    const cursor = new InnerCursor(this.#bytes);
    return !cursor.next() || cursor.end === this.#bytes.length;
  }

  /** Bytes that it takes when stored. */
  get size(): number {
    let bytes = this.#bytes?.length ?? 0;
    for (const branch of this.#children) bytes += childLength(branch);
    for (const { branch, start, end } of this.#opened.values()) bytes += childLength(branch) - (end - start);
    return bytes;
  }

  /** To the last child whose bound is not above the key. */
  turnToKey(key: Buffer): Turn {
    this.#listIfBusy();
    if (this.#bytes !== null) {
      const cursor = new InnerCursor(this.#bytes);
      let start = 0;
      let isLast = true;
      while (cursor.next()) {
        if (cursor.index > 0 && cursor.isAbove(key)) {
          isLast = false;
          break;
        }
        start = cursor.idStart;
      }
      const index = isLast ? cursor.index : cursor.index - 1;
      return { inner: this, index, branch: this.#open(this.#bytes, index, start), isLast };
    }
    const children = this.#children;
    let low = 0;
    let high = children.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      const bound = children[middle]?.bound ?? NO_BYTES;
      if (bound.compare(key) <= 0) low = middle;
      else high = middle - 1;
    }
    return { inner: this, index: low, branch: this.#childAt(low), isLast: low === children.length - 1 };
  }

  /** To the child in which the element at `rank` is, or to the last. */
  turnToRank(rank: number): RankTurn {
    let left = rank;
    this.#listIfBusy();
    if (this.#bytes !== null) {
      const cursor = new InnerCursor(this.#bytes);
      while (cursor.next()) {
        const count = this.#opened.get(cursor.index)?.branch.count ?? cursor.count;
        const isLast = cursor.end === this.#bytes.length;
        if (left < count || isLast) {
          const branch = this.#open(this.#bytes, cursor.index, cursor.idStart);
          return { inner: this, index: cursor.index, branch, isLast, rank: left };
        }
        left -= count;
      }
    }
    const last = this.#children.length - 1;
    let index = 0;
    for (; index < last; index++) {
      const { count } = this.#childAt(index);
      if (left < count) break;
      left -= count;
    }
    return { inner: this, index, branch: this.#childAt(index), isLast: index === last, rank: left };
  }

  /** As it is stored; every child has its id. */
  encode(): Buffer {
    const bytes = this.#bytes;
    if (bytes === null) return encodeInnerNode(this.#children);
    if (this.#opened.size === 0) return bytes;
    const encoded = Buffer.allocUnsafe(this.size);
    let from = 0;
    let at = 0;
    for (const [, { branch, start, end }] of [...this.#opened].sort(([a], [b]) => a - b)) {
      encoded.set(bytes.subarray(from, start), at);
      at = writeChild(encoded, at + start - from, branch);
      from = end;
    }
    encoded.set(bytes.subarray(from), at);
    return encoded;
  }

  /** To find one in the bytes is to pass over those before it: with many to be found, a list is faster. */
  #listIfBusy(): void {
    if (this.#bytes !== null && ++this.#turns > TURNS_IN_BYTES) this.#list();
  }

  #list(): void {
    if (this.#bytes === null) return;
    const cursor = new InnerCursor(this.#bytes);
    while (cursor.next()) this.#children.push(this.#opened.get(cursor.index)?.branch ?? branchAt(cursor));
    this.#bytes = null;
    this.#opened.clear();
  }

  #openedBranches(): Branch[] {
    return Array.from(this.#opened.values(), ({ branch }) => branch);
  }

  #childAt(index: number): Branch {
    const branch = this.#children[index];
    assert(branch !== undefined, 'an inner node has children');
    return branch;
  }

  #open(bytes: Buffer, index: number, start: number): Branch {
    const opened = this.#opened.get(index);
    if (opened !== undefined) return opened.branch;
    const cursor = new InnerCursor(bytes);
    assert(cursor.jump(index, start), 'an inner node has children');
    const branch = branchAt(cursor);
    this.#opened.set(index, { branch, start, end: cursor.end });
    return branch;
  }
}

const NO_BYTES = Buffer.alloc(0);
/** About what it takes to make a list of the children of a full node. */
const TURNS_IN_BYTES = 16;

function branchAt({ bound, id, count, hasBig }: InnerCursor): Branch {
  return { bound, id, count, hasBig, node: null };
}

/** Whether some value below may have pages of its own. */
export function innerHasBig(bytes: Buffer): boolean {
  const cursor = new InnerCursor(bytes);
  while (cursor.next()) if (cursor.hasBig) return true;
  return false;
}

export function leafHasBig(bytes: Buffer): boolean {
  const cursor = new LeafCursor(bytes);
  while (cursor.next()) if (cursor.isBig) return true;
  return false;
}

export function lastStart(leaf: Buffer): number {
  const cursor = new LeafCursor(leaf);
  let start = 0;
  while (cursor.next()) start = cursor.start;
  return start;
}

export function keyBefore(leaf: Buffer, index: number): Buffer {
  const cursor = new LeafCursor(leaf);
  cursor.goTo(index - 1);
  return cursor.key;
}

export function sizeOf(node: Node): number {
  return node.kind === 'leaf' ? node.bytes.length : node.size;
}

export function decode(bytes: Buffer, depth: number): Node {
  return depth === 0 ? { kind: 'leaf', bytes } : new Inner(bytes);
}

/** Of all elements of a leaf, keys and values. */
export function bytesOfLeaf(leaf: Buffer): number {
  const cursor = new LeafCursor(leaf);
  let bytes = 0;
  while (cursor.next()) bytes += cursor.elementBytes;
  return bytes;
}

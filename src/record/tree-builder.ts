import { limits } from '../base/limits.ts';
import {
  boundBetween,
  type Child,
  childLength,
  encodeElement,
  encodeInnerNode,
  type TreeLayout,
  writeBig,
} from './tree-node.ts';
import type { PageAccess, Tree } from './value.ts';

const NO_BYTES = Buffer.alloc(0);
/** So full are the pages of a new tree: some changes must fit in before they split. */
const FILL = 0.8;

/** Makes a tree of elements given in order; each page is written as soon as it is full. */
export class TreeBuilder {
  readonly #pages: PageAccess;
  readonly #layout: TreeLayout;
  /** Elements of the leaf that is being filled. */
  #elements: Buffer[] = [];
  #length = 0;
  #hasBig = false;
  #bound: Buffer = NO_BYTES;
  #lastKey: Buffer = NO_BYTES;
  #leaves: Child[] = [];
  #count = 0;
  #bytes = 0;

  constructor(pages: PageAccess, layout: TreeLayout = limits) {
    this.#pages = pages;
    this.#layout = layout;
  }

  /** The key is above that of the element before, or all keys are empty. */
  add(key: Buffer, value: Buffer): void {
    const isBig = value.length > this.#layout.treeBigValueBytes;
    this.#add(key, encodeElement(key, isBig ? writeBig(value, this.#pages) : value, isBig), isBig);
    this.#bytes += key.length + value.length;
  }

  finish(): Tree {
    const { treeRootBytes } = this.#layout;
    if (this.#leaves.length === 0 && this.#length <= treeRootBytes) {
      const root = Buffer.concat(this.#elements, this.#length);
      return { count: this.#count, bytes: this.#bytes, depth: 0, root };
    }
    if (this.#elements.length > 0) this.#endLeaf();
    let children = this.#leaves;
    let depth = 1;
    while (lengthOf(children) > treeRootBytes) {
      children = this.#level(children);
      depth++;
    }
    return { count: this.#count, bytes: this.#bytes, depth, root: encodeInnerNode(children) };
  }

  #add(key: Buffer, element: Buffer, isBig: boolean): void {
    if (this.#length > 0 && this.#length + element.length > this.#layout.treeLeafBytes * FILL) {
      this.#endLeaf();
      this.#bound = boundBetween(this.#lastKey, key);
    }
    this.#elements.push(element);
    this.#length += element.length;
    this.#hasBig ||= isBig;
    this.#lastKey = key;
    this.#count++;
  }

  #endLeaf(): void {
    const id = this.#pages.write(Buffer.concat(this.#elements, this.#length));
    this.#leaves.push({ bound: this.#bound, id, count: this.#elements.length, hasBig: this.#hasBig });
    this.#elements = [];
    this.#length = 0;
    this.#hasBig = false;
  }

  /** One level of inner nodes above these. */
  #level(children: readonly Child[]): Child[] {
    const above: Child[] = [];
    let from = 0;
    while (from < children.length) {
      let length = 0;
      let to = from;
      for (; to < children.length; to++) {
        const child = children[to];
        const bytes = child === undefined ? 0 : childLength(child);
        if (to > from + 1 && length + bytes > this.#layout.treePageBytes * FILL) break;
        length += bytes;
      }
      const below = children.slice(from, to);
      above.push({
        bound: below[0]?.bound ?? NO_BYTES,
        id: this.#pages.write(encodeInnerNode(below)),
        count: below.reduce((sum, { count }) => sum + count, 0),
        hasBig: below.some(({ hasBig }) => hasBig),
      });
      from = to;
    }
    return above;
  }
}

function lengthOf(children: readonly Child[]): number {
  return children.reduce((sum, child) => sum + childLength(child), 0);
}

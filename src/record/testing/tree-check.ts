import type { PageId } from '../state.ts';
import { type Child, InnerCursor, LeafCursor, readBig, type TreeLayout } from '../tree-node.ts';
import type { PageAccess, Tree } from '../value.ts';

/** For tests: all elements of a tree in order, as text; throws where the tree is not as it should be. */
export function checkedElements(tree: Tree, layout: TreeLayout, pages: PageAccess): (readonly [string, string])[] {
  const found: (readonly [string, string])[] = [];
  let bytes = 0;
  const walk = (node: Buffer, depth: number, low: Buffer | null, high: Buffer | null): number => {
    if (depth === 0) {
      const cursor = new LeafCursor(node);
      let count = 0;
      while (cursor.next()) {
        if (low !== null && cursor.key.compare(low) < 0) throw new Error('a key is below its bound');
        if (high !== null && cursor.key.length > 0 && cursor.key.compare(high) >= 0) throw new Error('a key is above');
        const value = cursor.isBig ? readBig(cursor.stored, pages) : cursor.stored;
        if (cursor.isBig !== value.length > layout.treeBigValueBytes)
          throw new Error('a value is not where it belongs');
        if (cursor.elementBytes !== cursor.key.length + value.length) throw new Error('the size of an element');
        bytes += cursor.elementBytes;
        found.push([cursor.key.toString('latin1'), value.toString('latin1')]);
        count++;
      }
      return count;
    }
    const children = childrenOf(node);
    if (children.length === 0) throw new Error('an inner node without children');
    let count = 0;
    for (const [i, child] of children.entries()) {
      const page = pages.read(child.id);
      if (page.length > (depth === 1 ? layout.treeLeafBytes : layout.treePageBytes))
        throw new Error(`a page of ${page.length} bytes`);
      const below = walk(page, depth - 1, i === 0 ? low : child.bound, children[i + 1]?.bound ?? high);
      if (below !== child.count || below === 0) throw new Error(`a child of ${child.count} has ${below}`);
      if (!child.hasBig && hasBigBelow(page, depth - 1, pages)) throw new Error('a big value that its parent denies');
      count += below;
    }
    return count;
  };
  if (tree.root.length > Math.max(layout.treeRootBytes, tree.depth === 1 ? layout.treePageBytes : 0)) {
    throw new Error('the root is too long');
  }
  if (walk(tree.root, tree.depth, null, null) !== tree.count) throw new Error('the count of the tree');
  if (bytes !== tree.bytes) throw new Error(`the bytes of the tree: ${tree.bytes} instead of ${bytes}`);
  return found;
}

function hasBigBelow(node: Buffer, depth: number, pages: PageAccess): boolean {
  if (depth > 0) return childrenOf(node).some(({ id }) => hasBigBelow(pages.read(id), depth - 1, pages));
  const cursor = new LeafCursor(node);
  while (cursor.next()) if (cursor.isBig) return true;
  return false;
}

/** For tests: all pages that a tree rests on may be read, and reads are counted. */
export class CountedPages implements PageAccess {
  readonly #disk: Map<PageId, Buffer>;
  #made = 0;
  /** Different pages read, and pages written, since `reset`. */
  readonly distinct = new Set<PageId>();
  written = 0;

  constructor(disk: Map<PageId, Buffer> = new Map()) {
    this.#disk = disk;
  }

  get touched(): number {
    return this.distinct.size + this.written;
  }

  reset(): void {
    this.distinct.clear();
    this.written = 0;
  }

  read(id: PageId): Buffer {
    const page = this.#disk.get(id);
    if (page === undefined) throw new Error('a page that is not there');
    this.distinct.add(id);
    return page;
  }

  write(bytes: Buffer): PageId {
    const id = String(this.#made++).padStart(16, '0');
    this.#disk.set(id, bytes);
    this.written++;
    return id;
  }
}

function childrenOf(node: Buffer): Child[] {
  const children: Child[] = [];
  const cursor = new InnerCursor(node);
  while (cursor.next()) {
    children.push({ bound: cursor.bound, id: cursor.id, count: cursor.count, hasBig: cursor.hasBig });
  }
  return children;
}

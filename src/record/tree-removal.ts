import type { Branch, Node } from './tree-edit-node.ts';
import { LeafCursor } from './tree-node.ts';

const NO_BYTES = Buffer.alloc(0);

/** Removes many elements by their ranks from nodes in memory: each leaf is made anew once. */
export class Removal {
  /** Of the keys and values removed. */
  bytes = 0;
  /** Nodes went unread, so that `bytes` is not exact. */
  isReckoned = false;
  readonly #open: (branch: Branch, depth: number) => Node;

  /** `open`: the node of a child, `depth` levels above the leaves. May throw NeedPages. */
  constructor(open: (branch: Branch, depth: number) => Node) {
    this.#open = open;
  }

  /**
   * All but the elements from rank `from` up to, not including, `to`, ranks within the node. A node that goes whole is not
   * read: its elements are reckoned at `averageBytes`.
   */
  keep(node: Node, depth: number, from: number, to: number, averageBytes: number): void {
    if (node.kind === 'leaf') {
      node.bytes = this.#kept(node.bytes, from, to);
      return;
    }
    const kept: Branch[] = [];
    let first = 0;
    for (const branch of node.children) {
      const { count } = branch;
      const low = Math.max(from, first) - first;
      const high = Math.min(to, first + count) - first;
      first += count;
      if (low >= high) {
        this.bytes += Math.round(count * averageBytes);
        this.isReckoned = true;
        continue;
      }
      kept.push(branch);
      if (high - low === count) continue;
      this.keep(this.#open(branch, depth - 1), depth - 1, low, high, averageBytes);
      branch.id = '';
      branch.count = high - low;
    }
    node.children = kept;
  }

  /**
   * The elements at those of `ranks` from the one at `next` on that are below the node, whose first element has the rank
   * `first`. Returns the index of the first rank behind the node.
   */
  deleteRanks(node: Node, depth: number, first: number, ranks: readonly number[], next: number): number {
    if (node.kind === 'leaf') {
      const { bytes, at } = this.#without(node.bytes, first, ranks, next);
      node.bytes = bytes;
      return at;
    }
    let at = next;
    let rank = first;
    for (const branch of node.children) {
      const end = rank + branch.count;
      if ((ranks[at] ?? end) < end) {
        const before = at;
        at = this.deleteRanks(this.#open(branch, depth - 1), depth - 1, rank, ranks, at);
        branch.id = '';
        branch.count -= at - before;
      }
      rank = end;
    }
    return at;
  }

  #kept(leaf: Buffer, from: number, to: number): Buffer {
    const cursor = new LeafCursor(leaf);
    let start = 0;
    let end = 0;
    while (cursor.next()) {
      if (cursor.index === from) start = cursor.start;
      if (cursor.index >= from && cursor.index < to) end = cursor.end;
      else this.bytes += cursor.elementBytes;
    }
    return from < to ? Buffer.from(leaf.subarray(start, end)) : NO_BYTES;
  }

  #without(leaf: Buffer, first: number, ranks: readonly number[], next: number): { bytes: Buffer; at: number } {
    const pieces: Buffer[] = [];
    const cursor = new LeafCursor(leaf);
    let keptFrom = 0;
    let at = next;
    while (cursor.next()) {
      if (ranks[at] !== first + cursor.index) continue;
      pieces.push(leaf.subarray(keptFrom, cursor.start));
      keptFrom = cursor.end;
      this.bytes += cursor.elementBytes;
      at++;
    }
    pieces.push(leaf.subarray(keptFrom));
    return { bytes: Buffer.concat(pieces), at };
  }
}

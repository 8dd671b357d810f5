import { type Child, childLength, decodeInnerNode, LeafCursor } from './tree-node.ts';

/*
 * Nodes as a TreeEditor has them in memory.
 */

export interface Leaf {
  readonly kind: 'leaf';
  bytes: Buffer;
}

export interface Inner {
  readonly kind: 'inner';
  children: Branch[];
}

export type Node = Leaf | Inner;

/** A child; its id is '' once it differs from its page. */
export interface Branch extends Child {
  node: Node | null;
}

/** Whether some value below may have pages of its own. */
export function isBig({ hasBig }: Branch): boolean {
  return hasBig;
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
  if (node.kind === 'leaf') return node.bytes.length;
  let bytes = 0;
  for (const child of node.children) bytes += childLength(child);
  return bytes;
}

export function decode(bytes: Buffer, depth: number): Node {
  if (depth === 0) return { kind: 'leaf', bytes };
  return { kind: 'inner', children: decodeInnerNode(bytes).map((child) => ({ ...child, node: null })) };
}

/** Of all elements of a leaf, keys and values. */
export function bytesOfLeaf(leaf: Buffer): number {
  const cursor = new LeafCursor(leaf);
  let bytes = 0;
  while (cursor.next()) bytes += cursor.elementBytes;
  return bytes;
}

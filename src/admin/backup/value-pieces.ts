import { limits } from '../../base/limits.ts';
import { PageReader } from '../../record/page-reader.ts';
import type { PageId } from '../../record/state.ts';
import { leafIds } from '../../record/string-tree.ts';
import { bigString, encodeElement, InnerCursor, LeafCursor } from '../../record/tree-node.ts';
import { NeedPages, type PagedCollection, type PagedString } from '../../record/value.ts';
import { BackupProblem } from './backup-problem.ts';

/** The next page of a backup's record, which must be this one. Throws BackupProblem. */
export type TakePage = (wanted: PageId) => Promise<Buffer>;

/**
 * A part of a value. `offset` and `length` count its bytes; of a collection in trees its elements (element-pieces.ts).
 * `isHole`: nothing but zeros that nobody wrote, neither the first nor the last part.
 */
export interface ValuePiece {
  readonly offset: number;
  readonly length: number;
  readonly bytes: Buffer;
  readonly isHole: boolean;
}

/** The first pieces of a value, and all of them where they come to no more than about `maxBytes`. */
export async function takePieces(
  pieces: AsyncGenerator<ValuePiece>,
  maxBytes: number,
): Promise<{ readonly pieces: readonly ValuePiece[]; readonly bytes: number; readonly isAll: boolean }> {
  const taken: ValuePiece[] = [];
  let bytes = 0;
  while (bytes <= maxBytes) {
    const { value, done } = await pieces.next();
    if (done === true) return { pieces: taken, bytes, isAll: true };
    taken.push(value);
    bytes += value.bytes.length;
  }
  return { pieces: taken, bytes, isAll: false };
}

/** A paged string in pieces of limits.backupPieceBytes. Pages come as `listPages` lists them: inner ones first. */
export async function* stringPieces(value: PagedString, page: TakePage): AsyncGenerator<ValuePiece> {
  const inner = new Map<PageId, Buffer>();
  if (value.depth === 1) for (const id of value.root) if (id !== '') inner.set(id, await page(id));
  for (let offset = 0; offset < value.length; offset += limits.backupPieceBytes) {
    const length = Math.min(limits.backupPieceBytes, value.length - offset);
    const bytes = Buffer.alloc(length);
    const ids = leavesOf(value, offset, length, inner);
    for (const [i, id] of ids.entries()) {
      if (id !== '') (await page(id)).copy(bytes, i * limits.pageBytes);
    }
    const isLast = offset + length === value.length;
    yield { offset, length, bytes, isHole: offset > 0 && !isLast && ids.every((id) => id === '') };
  }
}

/** The leaves from `offset` on, which is a multiple of their size. */
function leavesOf(value: PagedString, offset: number, length: number, inner: ReadonlyMap<PageId, Buffer>): PageId[] {
  const first = offset / limits.pageBytes;
  const last = Math.ceil((offset + length) / limits.pageBytes) - 1;
  const reader = new PageReader({
    read(id) {
      const bytes = inner.get(id);
      if (bytes === undefined) throw new NeedPages([id]);
      return bytes;
    },
    write: () => '',
  });
  const ids = leafIds(value, first, last, reader, limits);
  reader.throwIfMissing();
  return ids;
}

/**
 * A collection in trees: its elements, one tree after the other, in pieces of about limits.backupElementsBytes that each are of
 * one tree; a longer element is a piece of its own. In memory are that, and a node of each level.
 */
export async function* treePieces(value: PagedCollection, page: TakePage): AsyncGenerator<ValuePiece> {
  let before = 0;
  for (const tree of value.trees) {
    const gathered = new Gathered();
    let count = 0;
    for await (const leaf of treeLeaves(tree.root, tree.depth, page)) {
      const cursor = new LeafCursor(leaf);
      while (cursor.next()) {
        const element = cursor.isBig
          ? encodeElement(cursor.key, await bigValue(cursor.stored, page), false)
          : leaf.subarray(cursor.start, cursor.end);
        if (gathered.bytes > 0 && gathered.bytes + element.length > limits.backupElementsBytes) {
          yield gathered.take(before + count - gathered.length);
        }
        gathered.add(element);
        count++;
      }
    }
    if (count !== tree.count) throw new BackupProblem('a collection has not as many elements as it says');
    if (gathered.length > 0 || before + count === 0) yield gathered.take(before + count - gathered.length);
    before += count;
  }
}

/** Elements of the next piece. */
class Gathered {
  bytes = 0;
  #elements: Buffer[] = [];

  get length(): number {
    return this.#elements.length;
  }

  add(element: Buffer): void {
    this.#elements.push(element);
    this.bytes += element.length;
  }

  take(offset: number): ValuePiece {
    const piece = { offset, length: this.length, bytes: Buffer.concat(this.#elements, this.bytes), isHole: false };
    this.#elements = [];
    this.bytes = 0;
    return piece;
  }
}

/** Pages come as `listPages` lists them: a node, then what is below it; the pages of a leaf's long values behind the leaf. */
async function* treeLeaves(node: Buffer, depth: number, page: TakePage): AsyncGenerator<Buffer> {
  if (depth === 0) {
    yield node;
    return;
  }
  const cursor = new InnerCursor(node);
  while (cursor.next()) yield* treeLeaves(await page(cursor.id), depth - 1, page);
}

async function bigValue(stored: Buffer, page: TakePage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  const string = bigString(stored);
  for await (const { bytes } of stringPieces(string, page)) pieces.push(bytes);
  return Buffer.concat(pieces, string.length);
}

import type { RunContext, Step, StepResult } from '../quorum/operation.ts';
import { appendPiece, readPiece } from '../record/element-pieces.ts';
import type { LiveRecord } from '../record/state.ts';
import { EMPTY_TREE } from '../record/tree.ts';
import type { PageAccess, PagedCollection, Tree } from '../record/value.ts';
import { ErrorReply, type Reply } from '../resp/reply.ts';
import { type BackedUpRecord, kept, keyExpiryOf, pastOf, refusal, written } from './backup-record.ts';

/** Where a piece of a collection goes. */
export interface PiecePlace {
  readonly tree: number;
  /** Of its first element, in that tree. */
  readonly rank: number;
}

const OTHER_ELEMENTS = new ErrorReply('BADPARAM the elements are not those that the record tells of');

/** Elements of all trees: what the pieces of a collection are counted in. */
export function elementTotal({ trees }: PagedCollection): number {
  return trees.reduce((total, { count }) => total + count, 0);
}

/** The place of `length` elements that come behind `offset` others; null if they are not all of one tree. */
export function placeOfPiece({ trees }: PagedCollection, offset: number, length: number): PiecePlace | null {
  let rank = offset;
  for (const [tree, { count }] of trees.entries()) {
    if (rank < count || (rank === count && length === 0)) return rank + length <= count ? { tree, rank } : null;
    rank -= count;
  }
  return null;
}

/**
 * Writes a piece of a collection in trees: one tree after the other, each from its first element on. Nobody sees the record
 * until the last piece has come. Every piece may be repeated, and those that a restore before this one wrote stay.
 */
export class RestoreTreesStep implements Step<Reply> {
  readonly access = 'write';
  readonly needs = 'meta';
  readonly seesUnfinished = true;
  readonly #record: BackedUpRecord;
  readonly #outline: PagedCollection;
  readonly #offset: number;
  readonly #piece: Buffer;
  readonly #length: number;
  readonly #overOlder: boolean;

  /** `length`: elements of the piece, which have their place in `outline`. */
  constructor(
    record: BackedUpRecord,
    outline: PagedCollection,
    offset: number,
    piece: Buffer,
    length: number,
    overOlder: boolean,
  ) {
    this.#record = record;
    this.#outline = outline;
    this.#offset = offset;
    this.#piece = piece;
    this.#length = length;
    this.#overOlder = overOlder;
  }

  run(found: LiveRecord | null, { nowMs, pages }: RunContext): StepResult<Reply> {
    const refused = refusal(found, this.#record, nowMs, this.#offset === 0 && this.#overOlder);
    if (refused !== null) return refused;
    const end = this.#offset + this.#length;
    const isLast = end === elementTotal(this.#outline);
    const begun = this.#begun(found);
    const held = begun === null ? 0 : elementTotal(begun);
    if (held < this.#offset) return kept();
    if (held >= end && begun !== null && !isLast) return written(null);
    const trees = this.#append((begun ?? this.#outline).trees, begun === null, held - this.#offset, pages);
    if (isLast && trees.some(({ count }, i) => count !== this.#outline.trees[i]?.count)) {
      return { reply: OTHER_ELEMENTS, change: null };
    }
    return written({
      kind: 'put',
      value: { ...this.#outline, trees },
      expiresAtMs: keyExpiryOf(this.#record),
      restored: pastOf(this.#record, isLast),
    });
  }

  /** What is there of this very value; null: nothing. */
  #begun(found: LiveRecord | null): PagedCollection | null {
    const { content } = this.#record;
    const isSame =
      found !== null &&
      found.recordVersion === content.recordVersion &&
      found.creationTimeMs === content.creationTimeMs;
    if (!isSame || !found.value.paged || found.value.type !== this.#outline.type) return null;
    const { encoding, length, trees } = found.value;
    const isAlike =
      encoding === this.#outline.encoding &&
      length === this.#outline.length &&
      trees.length === this.#outline.trees.length;
    return isAlike ? found.value : null;
  }

  #append(before: readonly Tree[], isNew: boolean, skipped: number, pages: PageAccess): Tree[] {
    const place = placeOfPiece(this.#outline, this.#offset, this.#length);
    return before.map((tree, i) => {
      const begun = isNew ? EMPTY_TREE : tree;
      return i === place?.tree ? appendPiece(begun, this.#piece, skipped, pages) : begun;
    });
  }
}

/** The elements behind `offset` others as a piece; or what differs of the collections, in a word. May throw NeedPages. */
export function elementsOf(
  found: PagedCollection,
  outline: PagedCollection,
  offset: number,
  length: number,
  pages: PageAccess,
): Buffer | 'encoding' | 'size' {
  if (found.encoding !== outline.encoding) return 'encoding';
  const isAlike = found.trees.length === outline.trees.length;
  if (!isAlike || found.trees.some(({ count }, i) => count !== outline.trees[i]?.count)) return 'size';
  const place = placeOfPiece(outline, offset, length);
  const tree = place === null ? undefined : found.trees[place.tree];
  if (place === null || tree === undefined) return 'size';
  return readPiece(tree, place.rank, place.rank + length, pages);
}

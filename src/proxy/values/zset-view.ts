import { ItemCursor, packedCount } from '../../record/packed-items.ts';
import { EMPTY_TREE, elementAt, needKeys, placeInTree, visitTree, visitTreeBackwards } from '../../record/tree.ts';
import type { LeafCursor } from '../../record/tree-node.ts';
import type { CollectionValue, PageAccess, PagedCollection, Tree } from '../../record/value.ts';
import { packedBytes } from './collection-value.ts';
import { KeyedView } from './keyed-view.ts';
import { decodeScore } from './score.ts';
import { type Scored, scoreBoundKey, scoredKeyOf, scoredOf } from './scored-elements.ts';
import {
  inLexRange,
  inScoreRange,
  isEmptyLexRange,
  isEmptyScoreRange,
  type LexBound,
  type LexRange,
  NO_RANKS,
  type RankRange,
  type ScoreRange,
} from './zset-ranges.ts';

/** The tree by score and member; the one by member is the first. */
export function scoreTreeOf(value: PagedCollection): Tree {
  return value.trees[1] ?? EMPTY_TREE;
}

/** Reads a sorted set. Every method may throw NeedPages. */
export class ZsetView {
  readonly count: number;
  /** The same by member; an element's value is its score. */
  readonly byMember: KeyedView;
  readonly #value: CollectionValue;
  readonly #packed: Buffer | null;
  readonly #scores: Tree;
  readonly #pages: PageAccess;
  #all: readonly Scored[] | null = null;

  constructor(value: CollectionValue, pages: PageAccess) {
    this.byMember = new KeyedView(value, 2, pages);
    this.#value = value;
    this.#pages = pages;
    this.#packed = value.paged ? null : packedBytes(value);
    this.#scores = value.paged ? scoreTreeOf(value) : EMPTY_TREE;
    this.count = this.#packed === null ? this.#scores.count : packedCount(this.#packed);
  }

  /** Bytes of a member and its score, on average. */
  get elementBytes(): number {
    const bytes = this.#packed === null ? this.#scores.bytes : this.#packed.length;
    return Math.ceil(bytes / Math.max(1, this.count));
  }

  /** The same set by way of other pages. */
  through(pages: PageAccess): ZsetView {
    return new ZsetView(this.#value, pages);
  }

  scoreOf(member: Buffer): number | null {
    const bytes = this.byMember.find(member);
    return bytes === null ? null : decodeScore(bytes);
  }

  /** The rank of a member that has this score. */
  rankOf(member: Buffer, score: number): number {
    if (this.#packed === null) return placeInTree(this.#scores, scoredKeyOf(member, score), this.#pages).rank;
    return this.#elements().findIndex((one) => one.member.equals(member));
  }

  inScoreRange(range: ScoreRange): RankRange {
    if (isEmptyScoreRange(range)) return NO_RANKS;
    if (this.#packed !== null) return inScoreRange(this.#elements(), range);
    const { min, max } = range;
    const fromKey = scoreBoundKey(min.score, min.isExclusive);
    const toKey = scoreBoundKey(max.score, !max.isExclusive);
    needKeys(this.#scores, [fromKey, toKey], this.#pages);
    const from = placeInTree(this.#scores, fromKey, this.#pages).rank;
    return { from, to: placeInTree(this.#scores, toKey, this.#pages).rank };
  }

  /** `isReverse` matters where scores differ: then Redis promises nothing. */
  inLexRange(range: LexRange, isReverse: boolean): RankRange {
    if (isEmptyLexRange(range)) return NO_RANKS;
    if (this.#packed !== null) return inLexRange(this.#elements(), range, isReverse);
    const { min, max } = range;
    const { score } = scoredOf(elementAt(this.#scores, 0, this.#pages), this.#pages);
    const keys = [min, max].flatMap((bound) => (bound.kind === 'member' ? [scoredKeyOf(bound.member, score)] : []));
    needKeys(this.#scores, keys, this.#pages);
    const from = this.#placeOf(min, score, true);
    return { from, to: Math.max(from, this.#placeOf(max, score, false)) };
  }

  /** Calls `see` with the elements of these ranks, in order, or from the last to the first. */
  visit({ from, to }: RankRange, isReverse: boolean, see: (member: Buffer, score: number) => void): void {
    if (this.#packed === null) {
      const visit = isReverse ? visitTreeBackwards : visitTree;
      visit(this.#scores, from, to, this.#pages, (element: LeafCursor) => {
        const { member, score } = scoredOf(element, this.#pages);
        see(member, score);
      });
      return;
    }
    const elements = this.#elements();
    const step = isReverse ? -1 : 1;
    for (let rank = isReverse ? to - 1 : from; rank >= from && rank < to; rank += step) {
      const element = elements[rank];
      if (element !== undefined) see(element.member, element.score);
    }
  }

  /** The elements of these ranks, in order, or from the last to the first. */
  elements(range: RankRange, isReverse = false): Scored[] {
    const found: Scored[] = [];
    this.visit(range, isReverse, (member, score) => found.push({ member, score }));
    return found;
  }

  #elements(): readonly Scored[] {
    if (this.#all === null) this.#all = this.#packed === null ? [] : unpackScored(this.#packed);
    return this.#all;
  }

  /** How many elements are before the bound; its own member is with those before it if it belongs there. */
  #placeOf(bound: LexBound, score: number, isMin: boolean): number {
    if (bound.kind !== 'member') return bound.kind === 'lowest' ? 0 : this.count;
    const { rank, isThere } = placeInTree(this.#scores, scoredKeyOf(bound.member, score), this.#pages);
    return isThere && bound.isExclusive === isMin ? rank + 1 : rank;
  }
}

/** The elements of a packed sorted set: each a member and its score, in order. */
export function unpackScored(packed: Buffer): Scored[] {
  const found: Scored[] = [];
  const cursor = new ItemCursor(packed);
  while (cursor.next()) {
    const member = cursor.item;
    cursor.next();
    found.push({ member, score: decodeScore(packed, cursor.itemStart) });
  }
  return found;
}

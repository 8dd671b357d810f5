import { limits } from '../../base/limits.ts';
import { packedEncoding } from '../../record/packed-items.ts';
import { EMPTY_TREE, needKeys, placeInTree } from '../../record/tree.ts';
import { TreeBuilder } from '../../record/tree-builder.ts';
import { TreeEditor } from '../../record/tree-editor.ts';
import { type CollectionValue, Encoding, type PageAccess, type Tree, ValueType } from '../../record/value.ts';
import { packedBytes } from './collection-value.ts';
import { elementValue, treeKeyOf, treeValueOf } from './keyed-elements.ts';
import { treeOf } from './keyed-view.ts';
import { type InlineScores, MappedScores, PackedScores, packScored } from './packed-scores.ts';
import { decodeScore, encodeScore } from './score.ts';
import { type Scored, scoredKeyOf, scoredValueOf } from './scored-elements.ts';
import type { RankRange } from './zset-ranges.ts';
import { scoreTreeOf, ZsetView } from './zset-view.ts';

/** Up to so many changes are made in the packed bytes, each by a pass over them. */
const FEW_CHANGES = 4;

/** The two trees of a sorted set, being changed. */
interface TwoTrees {
  readonly before: { readonly members: Tree; readonly scores: Tree };
  readonly members: TreeEditor;
  readonly scores: TreeEditor;
}

/** What one command changes in a sorted set. Every method may throw NeedPages, after which it is of no use any more. */
export class ZsetEdit {
  /** How Redis would keep it by now; never back to a listpack. */
  encoding: Encoding;
  readonly #pages: PageAccess;
  readonly #inline: InlineScores | null;
  readonly #trees: TwoTrees | null;

  /** `value` null: it does not exist yet, and will be as `encoding` says. `changes`: about how many there will be. */
  constructor(value: CollectionValue | null, encoding: Encoding, changes: number, pages: PageAccess) {
    this.#pages = pages;
    if (value?.paged === true) {
      this.encoding = value.encoding;
      const before = { members: treeOf(value), scores: scoreTreeOf(value) };
      const members = new TreeEditor(before.members, pages);
      this.#trees = { before, members, scores: new TreeEditor(before.scores, pages) };
      this.#inline = null;
      return;
    }
    const packed = value === null ? null : packedBytes(value);
    this.encoding = packed === null ? encoding : packedEncoding(packed);
    this.#inline = changes <= FEW_CHANGES ? new PackedScores(packed) : new MappedScores(packed);
    this.#trees = null;
  }

  get count(): number {
    return this.#inline?.count ?? this.#trees?.members.count ?? 0;
  }

  /** Loads what changing these members needs, level by level; `scores` are those that they get, if they get any. */
  need(members: readonly Buffer[], scores: readonly number[] = []): void {
    if (this.#trees === null) return;
    const { before } = this.#trees;
    needKeys(before.members, members.map(treeKeyOf), this.#pages);
    const keys: Buffer[] = [];
    members.forEach((member, i) => {
      const old = this.find(member);
      if (old !== null) keys.push(scoredKeyOf(member, old));
      const score = scores[i];
      if (score !== undefined && score !== old) keys.push(scoredKeyOf(member, score));
    });
    needKeys(before.scores, keys, this.#pages);
  }

  /** The member's score, null if it is not there. */
  find(member: Buffer): number | null {
    if (this.#trees === null) return this.#inline?.find(member) ?? null;
    const element = this.#trees.members.find(treeKeyOf(member));
    return element === null ? null : decodeScore(elementValue(element, this.#pages));
  }

  /** `old` is the member's score by now, null if it is new. The bytes are kept by reference and must not change. */
  set(member: Buffer, score: number, old: number | null): void {
    if (this.#trees === null) {
      this.#inline?.set(member, score);
      return;
    }
    const { members, scores } = this.#trees;
    if (old !== null) scores.delete(scoredKeyOf(member, old));
    members.put(treeKeyOf(member), treeValueOf(member, encodeScore(score)));
    scores.put(scoredKeyOf(member, score), scoredValueOf(member, score));
  }

  /** False if there is no such member. */
  delete(member: Buffer): boolean {
    if (this.#trees === null) return this.#inline?.delete(member) ?? false;
    const old = this.find(member);
    if (old === null) return false;
    this.#trees.members.delete(treeKeyOf(member));
    this.#trees.scores.delete(scoredKeyOf(member, old));
    return true;
  }

  /** Deletes the elements of these ranks, before any other change; `members` are theirs. Each leaf is made anew once. */
  deleteRange({ from, to }: RankRange, members: readonly Buffer[]): void {
    if (this.#trees === null) {
      for (const member of members) this.#inline?.delete(member);
      return;
    }
    const { before } = this.#trees;
    const keys = members.map(treeKeyOf);
    needKeys(before.members, keys, this.#pages);
    const ranks = Float64Array.from(keys, (key) => placeInTree(before.members, key, this.#pages).rank).sort();
    this.#trees.members.deleteRanks(Array.from(ranks));
    this.#trees.scores.deleteRanks(Array.from({ length: to - from }, (_, i) => from + i));
  }

  /** Null if nothing is left. */
  finish(): CollectionValue | null {
    if (this.count === 0) return null;
    if (this.#inline !== null) return this.#finishInline(this.#inline);
    if (this.#trees === null) return null;
    const { encoding } = this;
    const trees = [this.#trees.members.finish(), this.#trees.scores.finish()];
    const { depth, bytes: length } = trees[0] ?? EMPTY_TREE;
    const value: CollectionValue = { type: ValueType.zset, paged: true, encoding, length, trees };
    if (depth > 0 || length > limits.treeRootBytes) return value;
    // What has become small goes back into the record.
    const view = new ZsetView(value, this.#pages);
    const bytes = packScored(encoding, view.elements({ from: 0, to: view.count }));
    return { type: ValueType.zset, paged: false, bytes };
  }

  #finishInline(edit: InlineScores): CollectionValue {
    const isTable = this.encoding !== Encoding.listpack;
    if (edit.length > (isTable ? limits.inlineTableBytes : limits.inlineListBytes)) {
      return zsetInTrees(edit.elements(), this.#pages);
    }
    return { type: ValueType.zset, paged: false, bytes: edit.pack(this.encoding) };
  }
}

/** A sorted set of these elements, which are in order: in the record if they are few. */
export function zsetOf(elements: readonly Scored[], encoding: Encoding, pages: PageAccess): CollectionValue {
  const bytes = packScored(encoding, elements);
  if (bytes.length > limits.inlineTableBytes) return zsetInTrees(elements, pages);
  return { type: ValueType.zset, paged: false, bytes };
}

/** What has outgrown the record; Redis would call it a skip list. */
function zsetInTrees(elements: readonly Scored[], pages: PageAccess): CollectionValue {
  const scores = new TreeBuilder(pages);
  const keyed = elements.map(({ member, score }) => ({ key: scoredKeyOf(member, score), member, score }));
  // Only long members can be out of order here.
  for (const { key, member, score } of keyed.sort((a, b) => a.key.compare(b.key))) {
    scores.add(key, scoredValueOf(member, score));
  }
  const byMember = elements.map(({ member, score }) => ({ key: treeKeyOf(member), member, score }));
  const members = new TreeBuilder(pages);
  for (const { key, member, score } of byMember.sort((a, b) => a.key.compare(b.key))) {
    members.add(key, treeValueOf(member, encodeScore(score)));
  }
  const trees = [members.finish(), scores.finish()];
  const length = trees[0]?.bytes ?? 0;
  return { type: ValueType.zset, paged: true, encoding: Encoding.skiplist, length, trees };
}

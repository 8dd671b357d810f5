import { assert } from '../../base/assert.ts';
import { ItemCursor, packedCount, packedEncoding } from '../../record/packed-items.ts';
import { EMPTY_TREE, elementsAt, findInTree, placeInTree, visitTree } from '../../record/tree.ts';
import { type CollectionValue, Encoding, type PageAccess, type Tree } from '../../record/value.ts';
import { packedBytes } from './collection-value.ts';
import {
  afterKey,
  decodeTime,
  needInTrees,
  TIME_BYTES,
  type TimedField,
  timedFieldOf,
  timedKeyOf,
} from './hash-times.ts';
import { elementValue, type KeyedElement, prefixOfName, treeKeyOf } from './keyed-elements.ts';
import { type KeyedReader, type KeyedScan, KeyedView, needBig, needBigBetween } from './keyed-view.ts';

/**
 * Reads a hash some of whose fields expire, as it is at one moment: what has expired is not there. Every method may throw
 * NeedPages.
 */
export class HashView implements KeyedReader {
  readonly #nowMs: number;
  readonly #pages: PageAccess;
  /** Those that are there, of a small hash. */
  readonly #inline: readonly TimedField[] | null;
  readonly #packed: Buffer | null;
  readonly #plain: KeyedView;
  readonly #fields: KeyedView;
  /** As in `hash-times.ts`. */
  readonly #trees: readonly [plain: Tree, fields: Tree, times: Tree];
  readonly #soonestMs: number;
  /** How many fields of the trees have expired; -1: not counted yet. */
  #expired = -1;

  constructor(value: CollectionValue, nowMs: number, pages: PageAccess) {
    this.#nowMs = nowMs;
    this.#pages = pages;
    this.#soonestMs = value.fieldTimes?.soonestMs ?? 0;
    this.#packed = value.paged ? null : packedBytes(value);
    this.#inline = this.#packed === null ? null : unpackTimed(this.#packed, nowMs);
    const [plain = EMPTY_TREE, fields = EMPTY_TREE, times = EMPTY_TREE] = value.paged ? value.trees : [];
    this.#trees = [plain, fields, times];
    this.#plain = viewOfTree(value, plain, pages);
    this.#fields = viewOfTree(value, fields, pages);
  }

  get count(): number {
    return this.#inline?.length ?? this.#plain.count + this.#trees[2].count - this.#expiredCount();
  }

  /** A field that expires is there. */
  get hasTimes(): boolean {
    if (this.#inline !== null) return (this.#inline[0]?.timeMs ?? 0) !== 0;
    return this.#trees[2].count > this.#expiredCount();
  }

  /** About how many of the value's bytes are those of fields that are there. */
  liveBytes(sizeBytes: number): number {
    const stored = this.#packed === null ? this.#plain.count + this.#trees[2].count : packedCount(this.#packed);
    return stored === this.count ? sizeBytes : Math.ceil((sizeBytes / stored) * this.count);
  }

  get encoding(): Encoding {
    return this.#packed === null ? Encoding.hashtable : packedEncoding(this.#packed);
  }

  need(names: readonly Buffer[]): void {
    if (this.#inline !== null) return;
    const [plain, fields, times] = this.#trees;
    const keys = names.map(treeKeyOf);
    needInTrees(
      [
        [plain, keys],
        [fields, keys],
      ],
      this.#pages,
    );
    const timedKeys: Buffer[] = [];
    names.forEach((name, i) => {
      const timeMs = this.#liveTime(keys[i] ?? name);
      if (timeMs > 0) timedKeys.push(timedKeyOf(name, timeMs));
    });
    needInTrees([[times, timedKeys]], this.#pages);
  }

  find(name: Buffer): Buffer | null {
    if (this.#inline !== null) return this.#findInline(name)?.value ?? null;
    const key = treeKeyOf(name);
    const element = this.#findPlain(key);
    if (element !== null) return elementValue(element, this.#pages);
    const timeMs = this.#liveTime(key);
    return timeMs === 0 ? null : this.#valueAt(name, timeMs);
  }

  has(name: Buffer): boolean {
    return this.timeOf(name) !== null;
  }

  /** When the field expires, 0: never; null: it is not there. Without reading its value. */
  timeOf(name: Buffer): number | null {
    if (this.#inline !== null) return this.#findInline(name)?.timeMs ?? null;
    const key = treeKeyOf(name);
    if (this.#findPlain(key) !== null) return 0;
    const timeMs = this.#liveTime(key);
    return timeMs === 0 ? null : timeMs;
  }

  visit(see: (name: Buffer, value: Buffer) => void, from = 0, to = this.count): void {
    this.visitTimed(({ name, value }) => see(name, value), from, to);
  }

  /** As `visit`, with the times. */
  visitTimed(see: (field: TimedField) => void, from = 0, to = this.count): void {
    if (this.#inline !== null) {
      for (const field of this.#inline.slice(from, to)) see(field);
      return;
    }
    const { count } = this.#plain;
    if (from < count) this.#plain.visit((name, value) => see({ name, value, timeMs: 0 }), from, Math.min(to, count));
    if (to <= count) return;
    const times = this.#trees[2];
    const before = this.#expiredCount() - count;
    const [first, end] = [Math.max(from, count) + before, to + before];
    needBigBetween(times, first, end, this.#pages);
    visitTree(times, first, end, this.#pages, (element) => see(timedFieldOf(element, this.#pages)));
  }

  at(ranks: readonly number[]): KeyedElement[] {
    const inline = this.#inline;
    if (inline !== null) return ranks.flatMap((rank) => inline[rank] ?? []);
    const { count } = this.#plain;
    const plain = this.#plain.at(ranks.filter((rank) => rank < count));
    const before = this.#expiredCount() - count;
    const timed = ranks.filter((rank) => rank >= count).map((rank) => rank + before);
    const order = timed.map((_, i) => i).sort((a, b) => (timed[a] ?? 0) - (timed[b] ?? 0));
    const cursors = elementsAt(
      this.#trees[2],
      order.map((i) => timed[i] ?? 0),
      this.#pages,
    );
    needBig(cursors, this.#pages);
    const found = new Array<KeyedElement>(timed.length);
    cursors.forEach((cursor, i) => {
      found[order[i] ?? 0] = timedFieldOf(cursor, this.#pages);
    });
    let [nextPlain, nextTimed] = [0, 0];
    return ranks.flatMap((rank) => (rank < count ? plain[nextPlain++] : found[nextTimed++]) ?? []);
  }

  /** Both by the same cursor: it ends where the one ends that came less far. */
  scan(cursor: number, count: number): KeyedScan {
    if (this.#inline !== null) return { next: 0, elements: this.#inline };
    const plain = this.#plain.scan(cursor, count);
    const timed = this.#fields.scan(cursor, count);
    const next = plain.next === 0 || timed.next === 0 ? plain.next + timed.next : Math.min(plain.next, timed.next);
    const isIn = ({ name }: KeyedElement): boolean => next === 0 || prefixOfName(name) < next;
    const live = timed.elements.filter((one) => isIn(one) && decodeTime(one.value) > this.#nowMs);
    needInTrees([[this.#trees[2], live.map(({ name, value }) => timedKeyOf(name, decodeTime(value)))]], this.#pages);
    const elements = plain.elements.filter(isIn);
    for (const { name, value } of live) elements.push({ name, value: this.#valueAt(name, decodeTime(value)) });
    return { next, elements };
  }

  #findInline(name: Buffer): TimedField | null {
    return this.#inline?.find((field) => field.name.equals(name)) ?? null;
  }

  /** Asks for the pages of both trees by field at once. */
  #findPlain(key: Buffer): ReturnType<typeof findInTree> {
    const [plain, fields] = this.#trees;
    needInTrees(
      [
        [plain, [key]],
        [fields, [key]],
      ],
      this.#pages,
    );
    return findInTree(plain, key, this.#pages);
  }

  /** 0: it has none, or has expired. */
  #liveTime(key: Buffer): number {
    const element = findInTree(this.#trees[1], key, this.#pages);
    if (element === null) return 0;
    const timeMs = decodeTime(elementValue(element, this.#pages));
    return timeMs > this.#nowMs ? timeMs : 0;
  }

  #valueAt(name: Buffer, timeMs: number): Buffer {
    const element = findInTree(this.#trees[2], timedKeyOf(name, timeMs), this.#pages);
    assert(element !== null, 'a field with a time has a value at that time');
    return timedFieldOf(element, this.#pages).value;
  }

  #expiredCount(): number {
    if (this.#expired < 0) {
      const isNone = this.#soonestMs > this.#nowMs;
      this.#expired = isNone ? 0 : placeInTree(this.#trees[2], afterKey(this.#nowMs), this.#pages).rank;
    }
    return this.#expired;
  }
}

/** The fields of a packed hash with times, without those that have expired. */
export function unpackTimed(packed: Buffer, nowMs: number): TimedField[] {
  const found: TimedField[] = [];
  const cursor = new ItemCursor(packed);
  while (cursor.next()) {
    const name = cursor.item;
    cursor.next();
    const value = cursor.item;
    cursor.next();
    const timeMs = cursor.end - cursor.itemStart < TIME_BYTES ? 0 : packed.readUIntBE(cursor.itemStart, TIME_BYTES);
    if (timeMs === 0 || timeMs > nowMs) found.push({ name, value, timeMs });
  }
  return found;
}

function viewOfTree(value: CollectionValue, tree: Tree, pages: PageAccess): KeyedView {
  const { type } = value;
  return new KeyedView(
    { type, paged: true, encoding: Encoding.hashtable, length: tree.bytes, trees: [tree] },
    2,
    pages,
  );
}

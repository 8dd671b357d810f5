import { limits } from '../../base/limits.ts';
import { packedEncoding } from '../../record/packed-items.ts';
import { EMPTY_TREE, visitTree } from '../../record/tree.ts';
import { TreeEditor } from '../../record/tree-editor.ts';
import type { LeafCursor } from '../../record/tree-node.ts';
import { type CollectionValue, Encoding, type PageAccess, type Tree, ValueType } from '../../record/value.ts';
import { packedBytes } from './collection-value.ts';
import { type HashTrees, hashInTrees, hashOfFields } from './hash-build.ts';
import {
  decodeTime,
  encodeTime,
  hasLongName,
  isKeptAlike,
  needInTrees,
  type TimedField,
  timedFieldOf,
  timedKeyOf,
  timedNameOf,
  timedValueOf,
  timeOf,
} from './hash-times.ts';
import { HashView, unpackTimed } from './hash-view.ts';
import { collectionOf, type HashEditor, KeyedEdit } from './keyed-edit.ts';
import { elementValue, treeKeyOf, treeValueOf } from './keyed-elements.ts';
import { needBig } from './keyed-view.ts';
import { PackedEdit } from './packed-edit.ts';

const HASH_WIDTH = 2;

/** Changes also when fields expire. */
export interface TimedHashEditor extends HashEditor {
  /** When the field expires, 0: never; null: it is not there. */
  timeOf(name: Buffer): number | null;
  /** From now on a field that is there expires then, or, with 0, never. */
  setTime(name: Buffer, timeMs: number): void;
}

/**
 * What one command changes in a hash at a moment; what has expired by then is not there any more. `value` null: it does not
 * exist yet, and will be as `encoding` says. `changes`: about how many there will be.
 */
export function editHash(
  value: CollectionValue | null,
  encoding: Encoding,
  changes: number,
  nowMs: number,
  pages: PageAccess,
): HashEditor {
  if (value?.fieldTimes !== undefined) return editTimes(value, encoding, changes, nowMs, pages);
  return new KeyedEdit(ValueType.hash, HASH_WIDTH, value, encoding, changes, pages);
}

/** The same for a command that may make fields expire. */
export function editTimes(
  value: CollectionValue | null,
  encoding: Encoding,
  changes: number,
  nowMs: number,
  pages: PageAccess,
): TimedHashEditor {
  return value?.paged === true
    ? new HashTreesEdit(value, value.trees, changes, nowMs, pages)
    : new SmallHashEdit(value, encoding, nowMs, pages);
}

/** A hash that is in the record. */
class SmallHashEdit implements TimedHashEditor {
  encoding: Encoding;
  readonly #fields = new Map<string, TimedField>();
  readonly #pages: PageAccess;

  constructor(value: CollectionValue | null, encoding: Encoding, nowMs: number, pages: PageAccess) {
    this.#pages = pages;
    const packed = value === null ? null : packedBytes(value);
    this.encoding = packed === null ? encoding : packedEncoding(packed);
    if (packed === null) return;
    if (value?.fieldTimes !== undefined) {
      for (const field of unpackTimed(packed, nowMs)) this.#put(field);
    } else {
      for (const element of new PackedEdit(packed, HASH_WIDTH).elements()) this.#put({ ...element, timeMs: 0 });
    }
  }

  get count(): number {
    return this.#fields.size;
  }

  need(): void {
    // All of it is here.
  }

  find(name: Buffer): Buffer | null {
    return this.#get(name)?.value ?? null;
  }

  timeOf(name: Buffer): number | null {
    return this.#get(name)?.timeMs ?? null;
  }

  set(name: Buffer, value: Buffer, keepsTime = false): boolean {
    const old = this.#get(name);
    // In the order of their times, those without come last.
    if (old !== undefined && old.timeMs !== 0 && !keepsTime) this.delete(name);
    this.#put({ name: old?.name ?? name, value, timeMs: keepsTime ? (old?.timeMs ?? 0) : 0 });
    return old === undefined;
  }

  setTime(name: Buffer, timeMs: number): void {
    const old = this.#get(name);
    if (old === undefined) return;
    this.delete(name);
    this.#put({ ...old, timeMs });
  }

  delete(name: Buffer): boolean {
    return this.#fields.delete(name.toString('latin1'));
  }

  finish(): CollectionValue | null {
    return hashOfFields([...this.#fields.values()], this.encoding, this.#pages);
  }

  #get(name: Buffer): TimedField | undefined {
    return this.#fields.get(name.toString('latin1'));
  }

  #put(field: TimedField): void {
    this.#fields.set(field.name.toString('latin1'), field);
  }
}

/** The three trees of a hash, being changed. */
class HashTreesEdit implements TimedHashEditor {
  encoding: Encoding = Encoding.hashtable;
  readonly #nowMs: number;
  readonly #pages: PageAccess;
  readonly #before: HashTrees;
  readonly #plain: TreeEditor;
  readonly #fields: TreeEditor;
  readonly #times: TreeEditor;
  /** None expires before; infinite where none does. */
  #soonestMs: number;

  constructor(value: CollectionValue, trees: readonly Tree[], changes: number, nowMs: number, pages: PageAccess) {
    const [plain = EMPTY_TREE, fields = EMPTY_TREE, times = EMPTY_TREE] = trees;
    this.#nowMs = nowMs;
    this.#pages = pages;
    this.#before = [plain, fields, times];
    this.#plain = new TreeEditor(plain, pages);
    this.#fields = new TreeEditor(fields, pages);
    this.#times = new TreeEditor(times, pages);
    this.#soonestMs = value.fieldTimes?.soonestMs ?? Number.POSITIVE_INFINITY;
    if (this.#soonestMs <= nowMs) this.#reap(limits.reapedFields + 2 * changes);
  }

  get count(): number {
    return this.#plain.count + this.#times.count;
  }

  need(names: readonly Buffer[]): void {
    const [plain, fields, times] = this.#before;
    const keys = names.map(treeKeyOf);
    needInTrees([[fields, keys]], this.#pages);
    const plainKeys: Buffer[] = [];
    const timedKeys: Buffer[] = [];
    names.forEach((name, i) => {
      const key = keys[i] ?? name;
      const timeMs = this.#storedTime(key);
      if (timeMs === 0) plainKeys.push(key);
      else timedKeys.push(timedKeyOf(name, timeMs));
    });
    needInTrees(
      [
        [plain, plainKeys],
        [times, timedKeys],
      ],
      this.#pages,
    );
  }

  find(name: Buffer): Buffer | null {
    const key = treeKeyOf(name);
    const timeMs = this.#storedTime(key);
    if (timeMs !== 0) return timeMs <= this.#nowMs ? null : this.#valueAt(name, timeMs);
    const element = this.#plain.find(key);
    return element === null ? null : elementValue(element, this.#pages);
  }

  timeOf(name: Buffer): number | null {
    const key = treeKeyOf(name);
    const timeMs = this.#storedTime(key);
    if (timeMs !== 0) return timeMs <= this.#nowMs ? null : timeMs;
    return this.#plain.find(key) === null ? null : 0;
  }

  set(name: Buffer, value: Buffer, keepsTime = false): boolean {
    const key = treeKeyOf(name);
    const timeMs = this.#storedTime(key);
    if (timeMs > this.#nowMs && keepsTime) {
      this.#times.put(timedKeyOf(name, timeMs), timedValueOf(name, value));
      return false;
    }
    if (timeMs !== 0) this.#removeTimed(name, key, timeMs);
    const isNew = this.#plain.put(key, treeValueOf(name, value));
    return isNew && timeMs <= this.#nowMs;
  }

  setTime(name: Buffer, timeMs: number): void {
    const key = treeKeyOf(name);
    const oldMs = this.#storedTime(key);
    if (oldMs === timeMs || (oldMs !== 0 && oldMs <= this.#nowMs)) return;
    const oldKey = oldMs === 0 ? key : timedKeyOf(name, oldMs);
    const from = oldMs === 0 ? this.#plain : this.#times;
    const element = from.find(oldKey)?.copy();
    if (element === undefined) return;
    // Long values stay where they are; the two trees differ in when a name counts as long.
    const value = (oldMs === 0) !== (timeMs === 0) && !isKeptAlike(name) ? this.find(name) : null;
    from.delete(oldKey);
    const to = timeMs === 0 ? this.#plain : this.#times;
    const toKey = timeMs === 0 ? key : timedKeyOf(name, timeMs);
    if (value === null) to.putFrom(toKey, element);
    else to.put(toKey, timeMs === 0 ? treeValueOf(name, value) : timedValueOf(name, value));
    if (timeMs === 0) {
      this.#fields.delete(key);
      return;
    }
    this.#fields.put(key, treeValueOf(name, encodeTime(timeMs)));
    this.#soonestMs = Math.min(this.#soonestMs, timeMs);
  }

  delete(name: Buffer): boolean {
    const key = treeKeyOf(name);
    const timeMs = this.#storedTime(key);
    if (timeMs === 0) return this.#plain.delete(key);
    this.#removeTimed(name, key, timeMs);
    return timeMs > this.#nowMs;
  }

  finish(): CollectionValue | null {
    const isTimed = this.#times.count > 0;
    const lastMs = isTimed && this.#plain.count === 0 ? timeOf(this.#times.at(this.#times.count - 1)) : 0;
    if (this.#plain.count === 0 && lastMs <= this.#nowMs) return null;
    const plain = this.#plain.finish();
    if (!isTimed) return collectionOf(ValueType.hash, HASH_WIDTH, plain, this.encoding, this.#pages);
    const trees: HashTrees = [plain, this.#fields.finish(), this.#times.finish()];
    const value = hashInTrees(trees, { soonestMs: this.#soonestMs, vanishesAtMs: lastMs });
    const isLarge = trees.some(({ depth }) => depth > 0) || plain.bytes + trees[2].bytes > limits.treeRootBytes;
    if (isLarge) return value;
    // What has become small goes back into the record.
    const fields: TimedField[] = [];
    new HashView(value, this.#nowMs, this.#pages).visitTimed((field) => fields.push(field));
    return hashOfFields(fields, this.encoding, this.#pages);
  }

  /** Removes what has expired, up to so many fields. */
  #reap(most: number): void {
    const [, fields, times] = this.#before;
    const expired: LeafCursor[] = [];
    visitTree(times, 0, Math.min(most, times.count), this.#pages, (element) => {
      if (timeOf(element) <= this.#nowMs) expired.push(element.copy());
    });
    needBig(expired.filter(hasLongName), this.#pages);
    const keys = expired.map((element) => treeKeyOf(timedNameOf(element, this.#pages)));
    needInTrees([[fields, keys]], this.#pages);
    for (const key of keys) this.#fields.delete(key);
    this.#times.deleteRanks(keys.map((_, rank) => rank));
    this.#soonestMs = this.#times.count === 0 ? Number.POSITIVE_INFINITY : timeOf(this.#times.at(0));
  }

  /** Also that of a field that has expired; 0: the field has none. */
  #storedTime(key: Buffer): number {
    const element = this.#fields.count === 0 ? null : this.#fields.find(key);
    return element === null ? 0 : decodeTime(elementValue(element, this.#pages));
  }

  #valueAt(name: Buffer, timeMs: number): Buffer | null {
    const element = this.#times.find(timedKeyOf(name, timeMs));
    return element === null ? null : timedFieldOf(element, this.#pages).value;
  }

  #removeTimed(name: Buffer, key: Buffer, timeMs: number): void {
    this.#fields.delete(key);
    this.#times.delete(timedKeyOf(name, timeMs));
  }
}

import { limits } from '../../base/limits.ts';
import { packedEncoding } from '../../record/packed-items.ts';
import { needKeys } from '../../record/tree.ts';
import { TreeBuilder } from '../../record/tree-builder.ts';
import { TreeEditor } from '../../record/tree-editor.ts';
import { type CollectionType, type CollectionValue, Encoding, type PageAccess, type Tree } from '../../record/value.ts';
import { packedBytes } from './collection-value.ts';
import { elementValue, type KeyedElement, treeKeyOf, treeValueOf } from './keyed-elements.ts';
import { KeyedView, treeOf, type Width } from './keyed-view.ts';
import { type InlineEdit, MapEdit, PackedEdit } from './packed-edit.ts';

/** Up to so many changes are made in the packed bytes, each by a pass over them. */
const FEW_CHANGES = 4;

/** Changes the fields of a hash. Every method may throw NeedPages, after which it is of no use any more. */
export interface HashEditor {
  encoding: Encoding;
  /** Of a hash in trees also of fields that have expired, and are still to be removed. */
  readonly count: number;
  need(names: readonly Buffer[]): void;
  find(name: Buffer): Buffer | null;
  /** True if the name is new. A field that is there never expires any more, or, with `keepsTime`, when it did. */
  set(name: Buffer, value: Buffer, keepsTime?: boolean): boolean;
  delete(name: Buffer): boolean;
  finish(): CollectionValue | null;
}

/** What one command changes in a hash, none of whose fields expires, or a set. Every method may throw NeedPages, after which it is of no use any more. */
export class KeyedEdit implements HashEditor {
  /** How Redis would keep it by now; never back to a listpack or an intset. */
  encoding: Encoding;
  readonly #type: CollectionType;
  readonly #width: Width;
  readonly #pages: PageAccess;
  readonly #inline: InlineEdit | null;
  readonly #tree: TreeEditor | null;
  readonly #before: Tree | null;

  /** `value` null: it does not exist yet, and will be as `encoding` says. `changes`: about how many there will be. */
  constructor(
    type: CollectionType,
    width: Width,
    value: CollectionValue | null,
    encoding: Encoding,
    changes: number,
    pages: PageAccess,
  ) {
    this.#type = type;
    this.#width = width;
    this.#pages = pages;
    if (value?.paged === true) {
      this.encoding = value.encoding;
      this.#before = treeOf(value);
      this.#tree = new TreeEditor(this.#before, pages);
      this.#inline = null;
      return;
    }
    const packed = value === null ? null : packedBytes(value);
    this.encoding = packed === null ? encoding : packedEncoding(packed);
    this.#inline = changes <= FEW_CHANGES ? new PackedEdit(packed, width) : new MapEdit(packed, width);
    this.#tree = null;
    this.#before = null;
  }

  get count(): number {
    return this.#inline?.count ?? this.#tree?.count ?? 0;
  }

  /** Loads what changing these names needs, a level of the tree at a time. */
  need(names: readonly Buffer[]): void {
    if (this.#before !== null) needKeys(this.#before, names.map(treeKeyOf), this.#pages);
  }

  /** The value of this name, empty in a set; null if it is not there. */
  find(name: Buffer): Buffer | null {
    if (this.#inline !== null) return this.#inline.find(name);
    const element = this.#tree?.find(treeKeyOf(name)) ?? null;
    return element === null ? null : elementValue(element, this.#pages);
  }

  /** True if the name is new. The bytes are kept by reference and must not change. */
  set(name: Buffer, value: Buffer): boolean {
    if (this.#inline !== null) return this.#inline.set(name, value);
    const key = treeKeyOf(name);
    if (this.#width === 1 && this.#tree?.find(key) !== null) return false;
    return this.#tree?.put(key, treeValueOf(name, value)) ?? false;
  }

  delete(name: Buffer): boolean {
    return this.#inline?.delete(name) ?? this.#tree?.delete(treeKeyOf(name)) ?? false;
  }

  /** Null if nothing is left. */
  finish(): CollectionValue | null {
    if (this.count === 0) return null;
    if (this.#inline !== null) return this.#finishInline(this.#inline);
    const tree = this.#tree?.finish();
    if (tree === undefined) return null;
    const { encoding } = this;
    return collectionOf(this.#type, this.#width, tree, encoding, this.#pages);
  }

  #finishInline(edit: InlineEdit): CollectionValue {
    const isTable = this.encoding === Encoding.hashtable;
    if (edit.length > (isTable ? limits.inlineTableBytes : limits.inlineListBytes)) {
      return toTree(this.#type, edit.elements(), this.#pages);
    }
    return { type: this.#type, paged: false, bytes: edit.pack(this.encoding) };
  }
}

/** A hash or a set of the elements of a tree: what is small goes into the record. */
export function collectionOf(
  type: CollectionType,
  width: Width,
  tree: Tree,
  encoding: Encoding,
  pages: PageAccess,
): CollectionValue {
  const value: CollectionValue = { type, paged: true, encoding, length: tree.bytes, trees: [tree] };
  if (tree.depth > 0 || tree.bytes > limits.treeRootBytes) return value;
  const edit = new MapEdit(null, width);
  new KeyedView(value, width, pages).visit((name, bytes) => edit.set(name, bytes));
  return { type, paged: false, bytes: edit.pack(encoding) };
}

/** What has outgrown the record; Redis would call it a hash table. */
export function toTree(type: CollectionType, elements: readonly KeyedElement[], pages: PageAccess): CollectionValue {
  const keyed = elements.map(({ name, value }) => ({ key: treeKeyOf(name), name, value }));
  keyed.sort((a, b) => a.key.compare(b.key));
  const builder = new TreeBuilder(pages);
  for (const { key, name, value } of keyed) builder.add(key, treeValueOf(name, value));
  const tree = builder.finish();
  return { type, paged: true, encoding: Encoding.hashtable, length: tree.bytes, trees: [tree] };
}

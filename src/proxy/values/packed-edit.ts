import { ItemCursor, packedCount, packItems, spliceItems } from '../../record/packed-items.ts';
import { Encoding } from '../../record/value.ts';
import { parseInteger } from '../../resp/integer.ts';
import type { KeyedElement } from './keyed-elements.ts';
import type { Width } from './keyed-view.ts';

/** Changes a hash or a set that is one piece of bytes, or will be. */
export interface InlineEdit {
  readonly count: number;
  /** Bytes that `pack` will give. */
  readonly length: number;
  find(name: Buffer): Buffer | null;
  /** True if the name is new. */
  set(name: Buffer, value: Buffer): boolean;
  delete(name: Buffer): boolean;
  elements(): KeyedElement[];
  pack(encoding: Encoding): Buffer;
}

const NO_BYTES = Buffer.alloc(0);

/** For few changes: each is made in the bytes. */
export class PackedEdit implements InlineEdit {
  #packed: Buffer;
  readonly #width: Width;
  #count: number;

  constructor(packed: Buffer | null, width: Width) {
    this.#packed = packed ?? packItems(Encoding.hashtable, 0, []);
    this.#width = width;
    this.#count = packedCount(this.#packed);
  }

  get count(): number {
    return this.#count;
  }

  get length(): number {
    return this.#packed.length;
  }

  find(name: Buffer): Buffer | null {
    const cursor = new ItemCursor(this.#packed);
    return this.#seek(cursor, name) < 0 ? null : this.#width === 1 ? NO_BYTES : cursor.item;
  }

  set(name: Buffer, value: Buffer): boolean {
    const cursor = new ItemCursor(this.#packed);
    const start = this.#seek(cursor, name);
    const isNew = start < 0;
    if (!isNew && this.#width === 1) return false;
    if (isNew) this.#count++;
    const items = this.#width === 1 ? [name] : [name, value];
    this.#packed = spliceItems(this.#packed, isNew ? cursor.start : start, cursor.end, items, this.#count);
    return isNew;
  }

  delete(name: Buffer): boolean {
    const cursor = new ItemCursor(this.#packed);
    const start = this.#seek(cursor, name);
    if (start < 0) return false;
    this.#count--;
    this.#packed = spliceItems(this.#packed, start, cursor.end, [], this.#count);
    return true;
  }

  elements(): KeyedElement[] {
    const found: KeyedElement[] = [];
    const cursor = new ItemCursor(this.#packed);
    while (cursor.next()) {
      const name = cursor.item;
      if (this.#width === 2) cursor.next();
      found.push({ name, value: this.#width === 2 ? cursor.item : NO_BYTES });
    }
    return found;
  }

  pack(encoding: Encoding): Buffer {
    if (encoding === Encoding.intset) return packSorted(this.elements());
    if (this.#packed[0] === encoding) return this.#packed;
    const packed = Buffer.from(this.#packed);
    packed[0] = encoding;
    return packed;
  }

  /** Where the element of this name begins, with the cursor at its last item; negative, with the cursor at the end. */
  #seek(cursor: ItemCursor, name: Buffer): number {
    while (cursor.next()) {
      const { start } = cursor;
      const isThere = cursor.is(name);
      if (this.#width === 2) cursor.next();
      if (isThere) return start;
    }
    return -1;
  }
}

/** For many changes: all elements by their names, in the order in which they came. */
export class MapEdit implements InlineEdit {
  readonly #elements = new Map<string, KeyedElement>();
  readonly #width: Width;
  #length: number;

  constructor(packed: Buffer | null, width: Width) {
    this.#width = width;
    this.#length = packed?.length ?? 0;
    if (packed === null) return;
    for (const element of new PackedEdit(packed, width).elements()) {
      this.#elements.set(element.name.toString('latin1'), element);
    }
  }

  get count(): number {
    return this.#elements.size;
  }

  /** Without the lengths of what was added, and with what was taken away: enough to tell large from small. */
  get length(): number {
    return this.#length;
  }

  find(name: Buffer): Buffer | null {
    return this.#elements.get(name.toString('latin1'))?.value ?? null;
  }

  set(name: Buffer, value: Buffer): boolean {
    const text = name.toString('latin1');
    const old = this.#elements.get(text);
    this.#elements.set(text, old === undefined ? { name, value } : { name: old.name, value });
    this.#length += old === undefined ? name.length + value.length + this.#width : value.length - old.value.length;
    return old === undefined;
  }

  delete(name: Buffer): boolean {
    const text = name.toString('latin1');
    const old = this.#elements.get(text);
    if (old === undefined) return false;
    this.#length -= old.name.length + old.value.length + this.#width;
    return this.#elements.delete(text);
  }

  elements(): KeyedElement[] {
    return [...this.#elements.values()];
  }

  pack(encoding: Encoding): Buffer {
    if (encoding === Encoding.intset) return packSorted(this.elements());
    const items: Buffer[] = [];
    for (const { name, value } of this.#elements.values()) {
      items.push(name);
      if (this.#width === 2) items.push(value);
    }
    return packItems(encoding, this.count, items);
  }
}

/** An intset: its members, all of them integers, from the smallest to the largest. */
function packSorted(elements: readonly KeyedElement[]): Buffer {
  const members = elements.map(({ name }) => ({ name, number: parseInteger(name) ?? 0 }));
  members.sort((a, b) => (a.number < b.number ? -1 : a.number > b.number ? 1 : 0));
  return packItems(
    Encoding.intset,
    members.length,
    members.map(({ name }) => name),
  );
}

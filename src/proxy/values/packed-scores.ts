import { ItemCursor, packedCount, packItems, spliceItems } from '../../record/packed-items.ts';
import { compareAt } from '../../record/tree-node.ts';
import { Encoding } from '../../record/value.ts';
import { decodeScore, encodeScore } from './score.ts';
import { compareScored, type Scored } from './scored-elements.ts';
import { unpackScored } from './zset-view.ts';

/** Changes a sorted set that is one piece of bytes, or will be: each element its member and its score, in order. */
export interface InlineScores {
  readonly count: number;
  /** Bytes that `pack` will give, about. */
  readonly length: number;
  find(member: Buffer): number | null;
  /** The member may be there already. */
  set(member: Buffer, score: number): void;
  delete(member: Buffer): boolean;
  /** In order. */
  elements(): Scored[];
  pack(encoding: Encoding): Buffer;
}

/** A score and the lengths of both items. */
const SCORE_ITEM_BYTES = 10;

/** For few changes: each is made in the bytes. */
export class PackedScores implements InlineScores {
  #packed: Buffer;
  #count: number;

  constructor(packed: Buffer | null) {
    this.#packed = packed ?? packItems(Encoding.listpack, 0, []);
    this.#count = packedCount(this.#packed);
  }

  get count(): number {
    return this.#count;
  }

  get length(): number {
    return this.#packed.length;
  }

  find(member: Buffer): number | null {
    const cursor = new ItemCursor(this.#packed);
    return seekMember(cursor, member) < 0 ? null : decodeScore(this.#packed, cursor.itemStart);
  }

  set(member: Buffer, score: number): void {
    this.delete(member);
    const cursor = new ItemCursor(this.#packed);
    let at = this.#packed.length;
    while (cursor.next()) {
      const { start, itemStart, end } = cursor;
      cursor.next();
      const other = decodeScore(this.#packed, cursor.itemStart);
      if (other < score || (other === score && compareAt(this.#packed, itemStart, end, member) < 0)) continue;
      at = start;
      break;
    }
    this.#packed = spliceItems(this.#packed, at, at, [member, encodeScore(score)], ++this.#count);
  }

  delete(member: Buffer): boolean {
    const cursor = new ItemCursor(this.#packed);
    const start = seekMember(cursor, member);
    if (start < 0) return false;
    this.#packed = spliceItems(this.#packed, start, cursor.end, [], --this.#count);
    return true;
  }

  elements(): Scored[] {
    return unpackScored(this.#packed);
  }

  pack(encoding: Encoding): Buffer {
    if (this.#packed[0] === encoding) return this.#packed;
    const packed = Buffer.from(this.#packed);
    packed[0] = encoding;
    return packed;
  }
}

/** Where the element of this member begins, with the cursor at its score; negative if there is none. */
function seekMember(cursor: ItemCursor, member: Buffer): number {
  while (cursor.next()) {
    const { start } = cursor;
    const isThere = cursor.is(member);
    cursor.next();
    if (isThere) return start;
  }
  return -1;
}

/** For many changes: all elements by their members. */
export class MappedScores implements InlineScores {
  readonly #elements = new Map<string, Scored>();
  #length: number;

  constructor(packed: Buffer | null) {
    this.#length = packed?.length ?? 0;
    if (packed === null) return;
    for (const element of unpackScored(packed)) this.#elements.set(element.member.toString('latin1'), element);
  }

  get count(): number {
    return this.#elements.size;
  }

  get length(): number {
    return this.#length;
  }

  find(member: Buffer): number | null {
    return this.#elements.get(member.toString('latin1'))?.score ?? null;
  }

  set(member: Buffer, score: number): void {
    const before = this.#elements.size;
    this.#elements.set(member.toString('latin1'), { member, score });
    if (this.#elements.size > before) this.#length += member.length + SCORE_ITEM_BYTES;
  }

  delete(member: Buffer): boolean {
    if (!this.#elements.delete(member.toString('latin1'))) return false;
    this.#length -= member.length + SCORE_ITEM_BYTES;
    return true;
  }

  elements(): Scored[] {
    return [...this.#elements.values()].sort(compareScored);
  }

  pack(encoding: Encoding): Buffer {
    return packScored(encoding, this.elements());
  }
}

/** Elements in order as one piece of bytes. */
export function packScored(encoding: Encoding, elements: readonly Scored[]): Buffer {
  const items: Buffer[] = [];
  // A listpack keeps whole numbers as such: Redis loses the sign of a zero there.
  const isListpack = encoding === Encoding.listpack;
  for (const { member, score } of elements) items.push(member, encodeScore(isListpack ? score + 0 : score));
  return packItems(encoding, elements.length, items);
}

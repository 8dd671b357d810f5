import { limits } from '../../base/limits.ts';
import { readRange, stringLength, writeRange } from '../../record/paged-string.ts';
import type { PageId } from '../../record/state.ts';
import { NeedPages, type PageAccess, type StringValue, ValueType } from '../../record/value.ts';
import { parseInteger } from '../../resp/integer.ts';

/*
 * Strings as bits: the first one is the highest of the first byte, as Redis counts them.
 */

/** A search for a bit reads so many bytes first, then ever more at once. */
const FIRST_SEARCH_BYTES = 4 * limits.pageBytes;
const SEARCH_GROWTH = 4;

const ONES_OF_BYTE = Uint8Array.from({ length: 256 }, (_, byte) => {
  let ones = 0;
  for (let rest = byte; rest > 0; rest >>= 1) ones += rest & 1;
  return ones;
});

/** The bit offset that an argument names; null if it is none, or beyond the longest string. */
export function parseBitOffset(bytes: Buffer): number | null {
  const offset = parseInteger(bytes);
  return offset === null ? null : checkedBitOffset(BigInt(offset));
}

/** Null if no string has such a bit. */
export function checkedBitOffset(offset: bigint): number | null {
  return offset < 0n || offset >> 3n >= BigInt(limits.maxStringBytes) ? null : Number(offset);
}

/** The byte at `at`, 0 behind the end. */
export function byteAt(value: StringValue, at: number, pages: PageAccess): number {
  return readRange(value, at, at + 1, pages)[0]?.[0] ?? 0;
}

/** The ones from bit `from` up to, not including, `to`, both within the string. */
export function countOnes(value: StringValue, from: number, to: number, pages: PageAccess): number {
  const firstByte = Math.floor(from / 8);
  const lastByte = Math.floor((to - 1) / 8);
  let ones = 0;
  for (const piece of readRange(value, firstByte, lastByte + 1, pages)) {
    for (let i = 0; i < piece.length; i++) ones += ONES_OF_BYTE[piece[i] ?? 0] ?? 0;
  }
  const before = byteAt(value, firstByte, pages) >> (8 - (from % 8));
  const behind = to % 8 === 0 ? 0 : byteAt(value, lastByte, pages) & (255 >> (to % 8));
  return ones - (ONES_OF_BYTE[before] ?? 0) - (ONES_OF_BYTE[behind] ?? 0);
}

/** The first such bit from `from` up to, not including, `to`, both within the string; -1 if there is none. */
export function findBit(value: StringValue, bit: 0 | 1, from: number, to: number, pages: PageAccess): number {
  const endByte = Math.ceil(to / 8);
  let width = FIRST_SEARCH_BYTES;
  for (let at = Math.floor(from / 8); at < endByte; width *= SEARCH_GROWTH) {
    const next = Math.min(endByte, at + width);
    let start = at;
    for (const piece of readRange(value, at, next, pages)) {
      const found = findInPiece(piece, bit, Math.max(0, from - start * 8));
      if (found >= 0) return start * 8 + found < to ? start * 8 + found : -1;
      start += piece.length;
    }
    at = next;
  }
  return -1;
}

/** From the bit `from` on, which is in the first byte unless it is 0. */
function findInPiece(piece: Buffer, bit: 0 | 1, from: number): number {
  const flip = bit === 1 ? 0 : 255;
  for (let i = Math.floor(from / 8); i < piece.length; i++) {
    let byte = (piece[i] ?? 0) ^ flip;
    if (i * 8 < from) byte &= 255 >> (from % 8);
    if (byte !== 0) return i * 8 + Math.clz32(byte) - 24;
  }
  return -1;
}

/** Loads the pages of these ranges of bytes, all at once: [start, end) each. */
export function needRanges(
  value: StringValue,
  ranges: readonly (readonly [number, number])[],
  pages: PageAccess,
): void {
  const missing = new Set<PageId>();
  for (const [start, end] of ranges) {
    try {
      readRange(value, start, end, pages);
    } catch (error) {
      if (!(error instanceof NeedPages)) throw error;
      for (const id of error.pageIds) missing.add(id);
    }
  }
  if (missing.size > 0) throw new NeedPages([...missing]);
}

/** Bits of a string that a command reads and changes; the changed bytes are written together. */
export class BitEdit {
  readonly #value: StringValue | null;
  readonly #pages: PageAccess;
  readonly #changed = new Map<number, number>();
  #length: number;

  /** `value` null: there is no string yet. */
  constructor(value: StringValue | null, length: number, pages: PageAccess) {
    this.#value = value;
    this.#length = length;
    this.#pages = pages;
  }

  get isChanged(): boolean {
    return this.#changed.size > 0;
  }

  /** Zeros up to this length, where it is shorter. */
  growTo(length: number): void {
    if (length <= this.#length) return;
    this.#changed.set(length - 1, 0);
    this.#length = length;
  }

  /** `bits` bits from bit `at` on, the highest first. */
  read(at: number, bits: number): bigint {
    const first = Math.floor(at / 8);
    const end = Math.ceil((at + bits) / 8);
    let number = 0n;
    for (let i = first; i < end; i++) number = (number << 8n) | BigInt(this.#byte(i));
    return BigInt.asUintN(bits, number >> BigInt(end * 8 - at - bits));
  }

  /** The lowest `bits` bits of `number`, which may be negative; the string is long enough. */
  write(at: number, bits: number, number: bigint): void {
    const first = Math.floor(at / 8);
    const end = Math.ceil((at + bits) / 8);
    const shift = BigInt(end * 8 - at - bits);
    const mask = ((1n << BigInt(bits)) - 1n) << shift;
    const set = BigInt.asUintN(bits, number) << shift;
    for (let i = end - 1, down = 0n; i >= first; i--, down += 8n) {
      const old = this.#byte(i);
      const byte = (old & ~Number((mask >> down) & 255n)) | Number((set >> down) & 255n);
      if (byte !== old) this.#changed.set(i, byte);
    }
  }

  /** The string with the changes. The changed bytes of a page are written at once. */
  finish(): StringValue {
    const offsets = [...this.#changed.keys()].sort((a, b) => a - b);
    let value: StringValue = this.#value ?? EMPTY_STRING;
    for (let i = 0; i < offsets.length; ) {
      const first = offsets[i] ?? 0;
      const page = Math.floor(first / limits.pageBytes);
      let end = i;
      while (end < offsets.length && Math.floor((offsets[end] ?? 0) / limits.pageBytes) === page) end++;
      const last = offsets[end - 1] ?? first;
      const bytes = Buffer.alloc(last + 1 - first);
      let at = 0;
      for (const piece of readRange(value, first, last + 1, this.#pages)) at += piece.copy(bytes, at);
      for (; i < end; i++) bytes[(offsets[i] ?? 0) - first] = this.#changed.get(offsets[i] ?? 0) ?? 0;
      value = writeRange(value, first, bytes, this.#pages);
    }
    return value;
  }

  #byte(at: number): number {
    const changed = this.#changed.get(at);
    if (changed !== undefined) return changed;
    if (this.#value === null || at >= stringLength(this.#value)) return 0;
    return byteAt(this.#value, at, this.#pages);
  }
}

const EMPTY_STRING: StringValue = { type: ValueType.string, paged: false, bytes: Buffer.alloc(0) };

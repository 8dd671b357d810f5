/*
 * LZF, in which Redis compresses strings of DUMP payloads and RDB files. Compressing makes the same choices as liblzf does in
 * Redis, so that equal strings give equal bytes.
 *
 *   000LLLLL  L+1 bytes follow as they are
 *   LLLooooo oooooooo            L+2 bytes (L < 7) from o+1 bytes before
 *   111ooooo LLLLLLLL oooooooo   L+9 bytes from there
 */

const HASH_BITS = 16;
const HASH_MASK = (1 << HASH_BITS) - 1;
const MAX_LITERALS = 32;
const MAX_OFFSET = 8_192;
const MAX_REFERENCE = 264;
const UNBOUNDED = 16;
/** Positions are kept as numbers that no earlier call used, up to here: so the table is rarely emptied. */
const POSITIONS = 2 ** 31 - 1;

const table = new Int32Array(1 << HASH_BITS);
let usedPositions = 1;

function slotOf(hash: number): number {
  return ((hash >>> 8) - hash * 5) & HASH_MASK;
}

/** Exactly `length` bytes, or null where the bytes do not say that. */
export function decompressLzf(bytes: Buffer, length: number): Buffer | null {
  // No input byte can stand for more than so many.
  if (length > bytes.length * MAX_REFERENCE) return null;
  const result = Buffer.allocUnsafe(length);
  let at = 0;
  let end = 0;
  while (at < bytes.length) {
    const control = bytes[at++] ?? 0;
    if (control < MAX_LITERALS) {
      const count = control + 1;
      if (at + count > bytes.length || end + count > length) return null;
      bytes.copy(result, end, at, at + count);
      at += count;
      end += count;
      continue;
    }
    let count = control >> 5;
    if (count === 7) count += bytes[at++] ?? 0;
    const low = bytes[at++];
    count += 2;
    if (low === undefined) return null;
    const from = end - (((control & 31) << 8) | low) - 1;
    if (from < 0 || end + count > length) return null;
    // The ranges may overlap: what is written is read again.
    for (let i = 0; i < count; i++) result[end + i] = result[from + i] ?? 0;
    end += count;
  }
  return end === length ? result : null;
}

/** Null where that does not save at least four bytes, as in Redis. */
export function compressLzf(bytes: Buffer): Buffer | null {
  const { length } = bytes;
  const room = length - 4;
  if (room <= 0) return null;
  const base = takePositions(length);
  const out = Buffer.allocUnsafe(room);
  let at = 0;
  let end = 1;
  let literals = 0;
  let hash = ((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0);
  const note = (): void => {
    hash = (hash << 8) | (bytes[at + 2] ?? 0);
    table[slotOf(hash)] = base + at++;
  };
  while (at < length - 2) {
    hash = (hash << 8) | (bytes[at + 2] ?? 0);
    const slot = slotOf(hash);
    const from = (table[slot] ?? 0) - base;
    table[slot] = base + at;
    if (from <= 0 || at - from > MAX_OFFSET || !sameThree(bytes, from, at)) {
      if (end >= room) return null;
      out[end++] = bytes[at++] ?? 0;
      if (++literals === MAX_LITERALS) {
        out[end - literals - 1] = literals - 1;
        literals = 0;
        end++;
      }
      continue;
    }
    if (end - (literals === 0 ? 1 : 0) + 4 >= room) return null;
    out[end - literals - 1] = (literals - 1) & 255;
    if (literals === 0) end--;
    const count = matchLength(bytes, from, at);
    end = writeReference(out, end, at - from - 1, count - 2);
    literals = 0;
    end++;
    at += count;
    if (at >= length - 2) break;
    at -= 2;
    hash = ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
    note();
    note();
  }
  return finishLiterals(bytes, at, out, end, literals);
}

function takePositions(length: number): number {
  if (usedPositions + length >= POSITIONS) {
    table.fill(0);
    usedPositions = 1;
  }
  const base = usedPositions;
  usedPositions += length;
  return base;
}

function sameThree(bytes: Buffer, a: number, b: number): boolean {
  return bytes[a] === bytes[b] && bytes[a + 1] === bytes[b + 1] && bytes[a + 2] === bytes[b + 2];
}

/**
 * Bytes that are the same from both places on, at least three. As liblzf counts them: of a long rest so many are compared
 * without a look at how many there should be at most.
 */
function matchLength(bytes: Buffer, from: number, at: number): number {
  const most = Math.min(bytes.length - at - 2, MAX_REFERENCE);
  let count = 3;
  if (most > UNBOUNDED) {
    while (count < 3 + UNBOUNDED && bytes[from + count] === bytes[at + count]) count++;
    if (count < 3 + UNBOUNDED) return count;
  }
  while (count < most && bytes[from + count] === bytes[at + count]) count++;
  return count;
}

/** Returns the offset behind it. */
function writeReference(out: Buffer, offset: number, distance: number, count: number): number {
  let end = offset;
  if (count < 7) {
    out[end++] = (distance >> 8) + (count << 5);
  } else {
    out[end++] = (distance >> 8) + (7 << 5);
    out[end++] = count - 7;
  }
  out[end++] = distance & 255;
  return end;
}

function finishLiterals(bytes: Buffer, from: number, out: Buffer, start: number, before: number): Buffer | null {
  let end = start;
  let literals = before;
  if (end + 3 > out.length) return null;
  for (let at = from; at < bytes.length; at++) {
    out[end++] = bytes[at] ?? 0;
    if (++literals === MAX_LITERALS) {
      out[end - literals - 1] = literals - 1;
      literals = 0;
      end++;
    }
  }
  out[end - literals - 1] = (literals - 1) & 255;
  return out.subarray(0, literals === 0 ? end - 1 : end);
}

import { limits } from '../../base/limits.ts';
import { ErrorReply, MapReply, type Reply } from '../../resp/reply.ts';

export interface LcsOptions {
  readonly lengthOnly: boolean;
  readonly withIndexes: boolean;
  readonly withMatchLength: boolean;
  /** Shorter matches are left out of the indexes. */
  readonly minMatchLength: number | bigint;
}

const TABLE_TOO_LARGE = new ErrorReply('ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len');
/** Redis's table has so many bytes in a cell; the bound on cells that follows bounds our time. */
const REDIS_CELL_BYTES = 4;

/**
 * The longest common subsequence of two strings, replied as Redis's LCS does: among equally long ones the one that its
 * walk from the end finds. Takes time for a.length x b.length cells, and one bit of transient memory for each.
 */
export function lcs(a: Buffer, b: Buffer, options: LcsOptions): Reply {
  if ((a.length + 1) * (b.length + 1) * REDIS_CELL_BYTES > limits.maxStringBytes) return TABLE_TOO_LARGE;
  const table = compare(a, b);
  if (options.withIndexes) {
    return new MapReply([
      ['matches', matches(a, b, table, options)],
      ['len', table.length],
    ]);
  }
  return options.lengthOnly ? table.length : subsequence(a, b, table);
}

interface LcsTable {
  /** Of the longest common subsequence. */
  readonly length: number;
  /**
   * Bit (i - 1) * b.length + (j - 1), where a[i - 1] and b[j - 1] differ: the first i bytes of `a` and j of `b` have a
   * longer common subsequence without the last of `a` than without the last of `b`.
   */
  readonly shortenFirst: Uint8Array;
}

function compare(a: Buffer, b: Buffer): LcsTable {
  if (a.length === 0 || b.length === 0) return { length: 0, shortenFirst: new Uint8Array(0) };
  const shortenFirst = new Uint8Array(Math.ceil((a.length * b.length) / 8));
  // Lengths for the first i bytes of `a` and the first j of `b`, by j. The bound on cells keeps them below 2^16.
  const lengths = new Uint16Array(b.length + 1);
  let bit = 0;
  for (let i = 0; i < a.length; i++) {
    const byte = a[i];
    let diagonal = 0;
    let left = 0;
    for (let j = 0; j < b.length; j++, bit++) {
      const above = lengths[j + 1] ?? 0;
      if (byte === b[j]) {
        left = diagonal + 1;
      } else if (above > left) {
        left = above;
        shortenFirst[bit >> 3] = (shortenFirst[bit >> 3] ?? 0) | (1 << (bit & 7));
      }
      lengths[j + 1] = left;
      diagonal = above;
    }
  }
  return { length: lengths[b.length] ?? 0, shortenFirst };
}

function isFirstShortened({ shortenFirst }: LcsTable, bit: number): boolean {
  return ((shortenFirst[bit >> 3] ?? 0) & (1 << (bit & 7))) !== 0;
}

function subsequence(a: Buffer, b: Buffer, table: LcsTable): Buffer {
  const result = Buffer.allocUnsafe(table.length);
  let free = table.length;
  let i = a.length;
  let j = b.length;
  while (free > 0) {
    const byte = a[i - 1] ?? 0;
    if (byte === b[j - 1]) {
      result[--free] = byte;
      i--;
      j--;
    } else if (isFirstShortened(table, (i - 1) * b.length + j - 1)) {
      i--;
    } else {
      j--;
    }
  }
  return result;
}

/** Ranges that match, from the end of the strings: [[a start, a end], [b start, b end], length if wanted]. */
function matches(a: Buffer, b: Buffer, table: LcsTable, options: LcsOptions): Reply[] {
  const found: Reply[] = [];
  let i = a.length;
  let j = b.length;
  while (i > 0 && j > 0) {
    if (a[i - 1] !== b[j - 1]) {
      if (isFirstShortened(table, (i - 1) * b.length + j - 1)) i--;
      else j--;
      continue;
    }
    const aEnd = i - 1;
    const bEnd = j - 1;
    while (i > 0 && j > 0 && a[i - 1] === b[j - 1]) {
      i--;
      j--;
    }
    const matchLength = aEnd - i + 1;
    if (matchLength < options.minMatchLength) continue;
    const ranges: Reply[] = [
      [i, aEnd],
      [j, bEnd],
    ];
    found.push(options.withMatchLength ? [...ranges, matchLength] : ranges);
  }
  return found;
}

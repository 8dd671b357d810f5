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
const CELL_BYTES = 4;

/**
 * The longest common subsequence of two strings, replied as Redis's LCS does: among equally long ones the one that its
 * walk from the end finds. Takes time and transient memory (4 bytes each) for (a.length + 1) x (b.length + 1) cells.
 */
export function lcs(a: Buffer, b: Buffer, options: LcsOptions): Reply {
  const width = b.length + 1;
  if ((a.length + 1) * width * CELL_BYTES > limits.maxStringBytes) return TABLE_TOO_LARGE;
  const table = lengthTable(a, b);
  const length = table[a.length * width + b.length] ?? 0;
  if (options.withIndexes) {
    return new MapReply([
      ['matches', matches(a, b, table, options)],
      ['len', length],
    ]);
  }
  return options.lengthOnly ? length : subsequence(a, b, table, length);
}

/** Row i, column j: the length for the first i bytes of `a` and the first j of `b`. */
function lengthTable(a: Buffer, b: Buffer): Uint32Array {
  const width = b.length + 1;
  const table = new Uint32Array((a.length + 1) * width);
  for (let i = 1; i <= a.length; i++) {
    const byte = a[i - 1];
    const row = i * width;
    const above = row - width;
    let left = 0;
    for (let j = 1; j <= b.length; j++) {
      if (byte === b[j - 1]) {
        left = (table[above + j - 1] ?? 0) + 1;
      } else {
        const up = table[above + j] ?? 0;
        if (up > left) left = up;
      }
      table[row + j] = left;
    }
  }
  return table;
}

/** Which string to shorten where the last bytes differ. */
function shortenFirst(table: Uint32Array, width: number, i: number, j: number): boolean {
  return (table[(i - 1) * width + j] ?? 0) > (table[i * width + j - 1] ?? 0);
}

function subsequence(a: Buffer, b: Buffer, table: Uint32Array, length: number): Buffer {
  const width = b.length + 1;
  const result = Buffer.allocUnsafe(length);
  let free = length;
  let i = a.length;
  let j = b.length;
  while (free > 0) {
    const byte = a[i - 1] ?? 0;
    if (byte === b[j - 1]) {
      result[--free] = byte;
      i--;
      j--;
    } else if (shortenFirst(table, width, i, j)) {
      i--;
    } else {
      j--;
    }
  }
  return result;
}

/** Ranges that match, from the end of the strings: [[a start, a end], [b start, b end], length if wanted]. */
function matches(a: Buffer, b: Buffer, table: Uint32Array, options: LcsOptions): Reply[] {
  const width = b.length + 1;
  const found: Reply[] = [];
  let i = a.length;
  let j = b.length;
  while (i > 0 && j > 0) {
    if (a[i - 1] !== b[j - 1]) {
      if (shortenFirst(table, width, i, j)) i--;
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

/*
 * The checksum of DUMP payloads and RDB files: CRC-64/Jones, as Redis has it. No 64-bit integers: two halves, and eight bytes
 * at a time by as many tables.
 */

/** Reflected. */
const POLYNOMIAL_HIGH = 0x95ac9329;
const POLYNOMIAL_LOW = 0xac4bc9b5;
const TABLES = 8;
const ENTRIES = 256;

export const CRC64_BYTES = 8;

const tableLow = new Uint32Array(TABLES * ENTRIES);
const tableHigh = new Uint32Array(TABLES * ENTRIES);

for (let byte = 0; byte < ENTRIES; byte++) {
  let low = byte;
  let high = 0;
  for (let bit = 0; bit < 8; bit++) {
    const isOdd = (low & 1) === 1;
    low = (low >>> 1) | ((high & 1) << 31);
    high >>>= 1;
    if (!isOdd) continue;
    low ^= POLYNOMIAL_LOW;
    high ^= POLYNOMIAL_HIGH;
  }
  tableLow[byte] = low;
  tableHigh[byte] = high;
}
for (let at = ENTRIES; at < TABLES * ENTRIES; at++) {
  const low = tableLow[at - ENTRIES] ?? 0;
  const high = tableHigh[at - ENTRIES] ?? 0;
  tableLow[at] = ((low >>> 8) | (high << 24)) ^ (tableLow[low & 255] ?? 0);
  tableHigh[at] = (high >>> 8) ^ (tableHigh[low & 255] ?? 0);
}

function entryOf(table: Uint32Array, place: number, byte: number): number {
  return table[place * ENTRIES + (byte & 255)] ?? 0;
}

/** The checksum of all bytes that it was given. */
export class Crc64 {
  #low = 0;
  #high = 0;

  update(bytes: Buffer, from = 0, to = bytes.length): void {
    let low = this.#low;
    let high = this.#high;
    let at = from;
    for (; at + TABLES <= to; at += TABLES) {
      low ^= bytes.readInt32LE(at);
      high ^= bytes.readInt32LE(at + 4);
      const a = low;
      const b = high;
      low = eight(tableLow, a, b);
      high = eight(tableHigh, a, b);
    }
    for (; at < to; at++) {
      const byte = (low ^ (bytes[at] ?? 0)) & 255;
      low = ((low >>> 8) | (high << 24)) ^ (tableLow[byte] ?? 0);
      high = (high >>> 8) ^ (tableHigh[byte] ?? 0);
    }
    this.#low = low;
    this.#high = high;
  }

  /** Eight bytes, the lowest first, as Redis writes them. */
  write(target: Buffer, offset: number): void {
    target.writeInt32LE(this.#low | 0, offset);
    target.writeInt32LE(this.#high | 0, offset + 4);
  }

  /** Whether these eight bytes at `offset` are it. */
  isAt(source: Buffer, offset: number): boolean {
    return source.readInt32LE(offset) === (this.#low | 0) && source.readInt32LE(offset + 4) === (this.#high | 0);
  }
}

function eight(table: Uint32Array, low: number, high: number): number {
  return (
    entryOf(table, 7, low) ^
    entryOf(table, 6, low >>> 8) ^
    entryOf(table, 5, low >>> 16) ^
    entryOf(table, 4, low >>> 24) ^
    entryOf(table, 3, high) ^
    entryOf(table, 2, high >>> 8) ^
    entryOf(table, 1, high >>> 16) ^
    entryOf(table, 0, high >>> 24)
  );
}

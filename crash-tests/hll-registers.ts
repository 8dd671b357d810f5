const HEADER_BYTES = 16;
const REGISTERS = 16_384;
const DENSE = 0;
const BITS = 6;

/** Whether a string begins as a HyperLogLog does. */
export function isHyperLogLog(bytes: Buffer): boolean {
  return bytes.length > HEADER_BYTES && bytes.toString('latin1', 0, 4) === 'HYLL';
}

/**
 * The registers of a HyperLogLog, one byte each, from either of Redis's encodings (hyperloglog.c). How many runs a sparse one
 * has, and the count in its header, are a matter of what was done to it and not of its content. Throws if it is none.
 */
export function hllRegisters(bytes: Buffer): Buffer {
  const registers = Buffer.alloc(REGISTERS);
  const at = bytes[4] === DENSE ? fillDense(bytes, registers) : fillSparse(bytes, registers);
  if (at !== REGISTERS) throw new Error(`a HyperLogLog of ${at} registers`);
  return registers;
}

function fillDense(bytes: Buffer, registers: Buffer): number {
  for (let i = 0; i < REGISTERS; i++) {
    const bit = i * BITS;
    const place = HEADER_BYTES + (bit >> 3);
    const pair = (bytes[place] ?? 0) | ((bytes[place + 1] ?? 0) << 8);
    registers[i] = (pair >> (bit & 7)) & 63;
  }
  return bytes.length === HEADER_BYTES + (REGISTERS * BITS) / 8 ? REGISTERS : -1;
}

function fillSparse(bytes: Buffer, registers: Buffer): number {
  let at = 0;
  for (let i = HEADER_BYTES; i < bytes.length; i++) {
    const code = bytes[i] ?? 0;
    if (code >= 0x80) {
      const length = (code & 3) + 1;
      registers.fill(((code >> 2) & 31) + 1, at, at + length);
      at += length;
    } else if (code >= 0x40) {
      i++;
      at += (((code & 63) << 8) | (bytes[i] ?? 0)) + 1;
    } else {
      at += (code & 63) + 1;
    }
  }
  return at;
}

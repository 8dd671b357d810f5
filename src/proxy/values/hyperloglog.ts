/*
 * HyperLogLogs as Redis keeps them in strings, sparse or dense:
 *
 *   header = "HYLL" encoding:u8 zeros:3 cardinality:u64le    ; its highest bit: not known
 *   dense  = 16384 registers of 6 bits, the lowest bits first
 *   sparse = *( 00xxxxxx: zeros | 01xxxxxx yyyyyyyy: zeros | 1vvvvvxx: a value )   ; lengths and values less one
 */

const REGISTERS = 16_384;
const INDEX_BITS = 14n;
const MAX_COUNT = 50;
const HEADER_BYTES = 16;
const DENSE_BYTES = HEADER_BYTES + (REGISTERS * 6) / 8;
const DENSE = 0;
const SPARSE = 1;
const MAX_SPARSE_VALUE = 32;
/** Redis's hll-sparse-max-bytes by default. */
const MAX_SPARSE_BYTES = 3_000;
const ALPHA = 0.721_347_520_444_481_7;
const SEED = 0xadc83b19n;
const MULTIPLIER = 0xc6a4a7935bd1e995n;
const SHIFT = 47n;

/** The registers of a HyperLogLog; 'invalid' if the bytes are none, 'corrupted' if they only begin as one. */
export function registersOf(bytes: Buffer): Uint8Array | 'invalid' | 'corrupted' {
  const encoding = bytes[4];
  if (bytes.length < HEADER_BYTES || bytes.toString('latin1', 0, 4) !== 'HYLL') return 'invalid';
  if (encoding === DENSE) return bytes.length === DENSE_BYTES ? fromDense(bytes) : 'invalid';
  return encoding === SPARSE ? (fromSparse(bytes) ?? 'corrupted') : 'invalid';
}

export function emptyRegisters(): Uint8Array {
  return new Uint8Array(REGISTERS);
}

/** True if a register changed. */
export function addTo(registers: Uint8Array, element: Buffer): boolean {
  const hash = murmurHash64(element);
  const index = Number(hash & BigInt(REGISTERS - 1));
  let rest = hash >> INDEX_BITS;
  let count = 1;
  while (count <= MAX_COUNT && (rest & 1n) === 0n) {
    rest >>= 1n;
    count++;
  }
  if (count <= (registers[index] ?? 0)) return false;
  registers[index] = count;
  return true;
}

/** Sparse unless it was dense, or does not fit. The cardinality is left to be found. */
export function encodeRegisters(registers: Uint8Array, wasDense: boolean): Buffer {
  const sparse = wasDense ? null : toSparse(registers);
  const bytes = sparse ?? toDense(registers);
  bytes.write('HYLL', 0, 'latin1');
  bytes[4] = sparse === null ? DENSE : SPARSE;
  bytes[HEADER_BYTES - 1] = 0x80;
  return bytes;
}

export function isDense(bytes: Buffer): boolean {
  return bytes[4] === DENSE;
}

/** About how many different elements were added: Redis's estimate. */
export function cardinality(registers: Uint8Array): number {
  const histogram = new Array<number>(64).fill(0);
  for (const value of registers) histogram[value] = (histogram[value] ?? 0) + 1;
  let z = REGISTERS * tau((REGISTERS - (histogram[MAX_COUNT + 1] ?? 0)) / REGISTERS);
  for (let value = MAX_COUNT; value >= 1; value--) z = (z + (histogram[value] ?? 0)) * 0.5;
  z += REGISTERS * sigma((histogram[0] ?? 0) / REGISTERS);
  return Math.round((ALPHA * REGISTERS * REGISTERS) / z);
}

function sigma(start: number): number {
  if (start === 1) return Number.POSITIVE_INFINITY;
  let x = start;
  let y = 1;
  let z = x;
  for (let before = Number.NaN; before !== z; ) {
    x *= x;
    before = z;
    z += x * y;
    y += y;
  }
  return z;
}

function tau(start: number): number {
  if (start === 0 || start === 1) return 0;
  let x = start;
  let y = 1;
  let z = 1 - x;
  for (let before = Number.NaN; before !== z; ) {
    x = Math.sqrt(x);
    before = z;
    y *= 0.5;
    z -= (1 - x) ** 2 * y;
  }
  return z / 3;
}

/** MurmurHash64A, as Redis has it. */
function murmurHash64(bytes: Buffer): bigint {
  let hash = SEED ^ BigInt.asUintN(64, BigInt(bytes.length) * MULTIPLIER);
  const blocks = bytes.length & ~7;
  for (let at = 0; at < blocks; at += 8) {
    let block = BigInt.asUintN(64, bytes.readBigUInt64LE(at) * MULTIPLIER);
    block = BigInt.asUintN(64, (block ^ (block >> SHIFT)) * MULTIPLIER);
    hash = BigInt.asUintN(64, (hash ^ block) * MULTIPLIER);
  }
  if (blocks < bytes.length) {
    for (let at = blocks; at < bytes.length; at++) hash ^= BigInt(bytes[at] ?? 0) << BigInt((at - blocks) * 8);
    hash = BigInt.asUintN(64, hash * MULTIPLIER);
  }
  hash = BigInt.asUintN(64, (hash ^ (hash >> SHIFT)) * MULTIPLIER);
  return hash ^ (hash >> SHIFT);
}

function fromDense(bytes: Buffer): Uint8Array {
  const registers = emptyRegisters();
  for (let i = 0; i < REGISTERS; i++) {
    const bit = i * 6;
    const at = HEADER_BYTES + (bit >> 3);
    registers[i] = ((((bytes[at + 1] ?? 0) << 8) | (bytes[at] ?? 0)) >> (bit & 7)) & 63;
  }
  return registers;
}

function toDense(registers: Uint8Array): Buffer {
  const bytes = Buffer.alloc(DENSE_BYTES);
  for (let i = 0; i < REGISTERS; i++) {
    const bit = i * 6;
    const at = HEADER_BYTES + (bit >> 3);
    const shifted = (registers[i] ?? 0) << (bit & 7);
    bytes[at] = (bytes[at] ?? 0) | (shifted & 255);
    if (shifted > 255) bytes[at + 1] = (bytes[at + 1] ?? 0) | (shifted >> 8);
  }
  return bytes;
}

/** Null if the registers are not as many as they must be. */
function fromSparse(bytes: Buffer): Uint8Array | null {
  const registers = emptyRegisters();
  let index = 0;
  for (let at = HEADER_BYTES; at < bytes.length; at++) {
    const code = bytes[at] ?? 0;
    let value = 0;
    let length = (code & 63) + 1;
    if (code >= 128) {
      value = ((code >> 2) & 31) + 1;
      length = (code & 3) + 1;
    } else if (code >= 64) {
      at++;
      if (at >= bytes.length) return null;
      length = (((code & 63) << 8) | (bytes[at] ?? 0)) + 1;
    }
    if (index + length > REGISTERS) return null;
    registers.fill(value, index, index + length);
    index += length;
  }
  return index === REGISTERS ? registers : null;
}

/** With room for the header; null if it does not fit. */
function toSparse(registers: Uint8Array): Buffer | null {
  const codes: number[] = [];
  for (let index = 0; index < REGISTERS; ) {
    const value = registers[index] ?? 0;
    if (value > MAX_SPARSE_VALUE) return null;
    const most = value === 0 ? REGISTERS : 4;
    let length = 1;
    while (length < most && index + length < REGISTERS && registers[index + length] === value) length++;
    if (value > 0) codes.push(128 | ((value - 1) << 2) | (length - 1));
    else if (length <= 64) codes.push(length - 1);
    else codes.push(64 | ((length - 1) >> 8), (length - 1) & 255);
    index += length;
  }
  if (codes.length + HEADER_BYTES > MAX_SPARSE_BYTES) return null;
  return Buffer.concat([Buffer.alloc(HEADER_BYTES), Buffer.from(codes)]);
}

import { assert } from '../base/assert.ts';

/** Slots of the whole key space, as in Redis Cluster. */
export const SLOT_COUNT = 16_384;

const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

const CRC16_TABLE = buildTable();

/** CRC16-XMODEM: polynomial 0x1021, initial value 0, nothing reflected. */
function buildTable(): Uint16Array {
  const table = new Uint16Array(256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte << 8;
    for (let bit = 0; bit < 8; bit++) {
      crc = (crc & 0x8000) !== 0 ? (crc << 1) ^ 0x1021 : crc << 1;
    }
    table[byte] = crc & 0xffff;
  }
  return table;
}

/** CRC16-XMODEM of `bytes[from, to)`. */
export function crc16(bytes: Uint8Array, from: number, to: number): number {
  let crc = 0;
  for (let i = from; i < to; i++) {
    crc = ((crc << 8) & 0xffff) ^ (CRC16_TABLE[(crc >>> 8) ^ (bytes[i] as number)] as number);
  }
  return crc;
}

/**
 * The slot of a key, 0-16383: CRC16 of what stands between the first `{` and the next `}`, if that is not empty, else of
 * the whole key (Redis Cluster specification, "Hash tags").
 */
export function slotOf(key: Uint8Array): number {
  const length = key.length;
  // A loop beats indexOf on the short keys that most are: no call into native code.
  let open = 0;
  while (open < length && key[open] !== OPEN_BRACE) open++;
  if (open < length) {
    let close = open + 1;
    while (close < length && key[close] !== CLOSE_BRACE) close++;
    if (close < length && close > open + 1) return crc16(key, open + 1, close) & (SLOT_COUNT - 1);
  }
  return crc16(key, 0, length) & (SLOT_COUNT - 1);
}

/** Which shard holds a slot. Shards are contiguous ranges of slots; `shards` is a power of two up to 16384. */
export function shardOf(slot: number, shards: number): number {
  return (slot * shards) >>> 14;
}

/** The slots of a shard, first and last, both inclusive. */
export function slotsOfShard(shard: number, shards: number): { readonly first: number; readonly last: number } {
  assert(isShardCount(shards) && shard >= 0 && shard < shards, 'no such shard');
  const width = SLOT_COUNT / shards;
  return { first: shard * width, last: (shard + 1) * width - 1 };
}

/** A cluster may have a power of two of shards, from 1 to 16384. */
export function isShardCount(shards: number): boolean {
  return Number.isInteger(shards) && shards >= 1 && shards <= SLOT_COUNT && (shards & (shards - 1)) === 0;
}

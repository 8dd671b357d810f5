import { limits } from './limits.ts';

const EMPTY = Buffer.alloc(0);

let slab: Buffer = EMPTY;
let used = 0;

/**
 * Memory for bytes that stay for long. `Buffer.allocUnsafe` cuts small ones from pieces of 64 KB that it shares with all that is
 * read and written: one that stays keeps all of its piece, and V8, which counts what is kept so, collects garbage far too often.
 */
export function allocateKept(length: number): Buffer {
  if (length > limits.keptSlabBytes / 8) return Buffer.allocUnsafeSlow(length);
  if (used + length > slab.length) {
    slab = Buffer.allocUnsafeSlow(limits.keptSlabBytes);
    used = 0;
  }
  const from = used;
  used += length;
  return slab.subarray(from, used);
}

/** These bytes, for keeping: as they are if they have their memory nearly to themselves, or with others that stay; else a copy. */
export function keep(bytes: Buffer): Buffer {
  const { length } = bytes;
  if (length === 0) return EMPTY;
  const room = bytes.buffer.byteLength;
  if (room === limits.keptSlabBytes || length * 2 > room) return bytes;
  return keptCopy(bytes);
}

export function keptCopy(bytes: Buffer): Buffer {
  const kept = allocateKept(bytes.length);
  kept.set(bytes);
  return kept;
}

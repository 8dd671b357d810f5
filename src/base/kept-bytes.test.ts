import { describe, expect, it } from 'vitest';
import { allocateKept, keep } from './kept-bytes.ts';
import { limits } from './limits.ts';

describe('bytes that stay', () => {
  it('share pieces, without touching each other', () => {
    const all = Array.from({ length: 1_000 }, (_, i) => allocateKept((i * 7) % 90).fill(i % 256));
    for (const [i, bytes] of all.entries()) {
      expect(bytes.length).toBe((i * 7) % 90);
      expect(bytes.every((byte) => byte === i % 256)).toBe(true);
    }
    const pieces = new Set(all.map((bytes) => bytes.buffer));
    expect(pieces.size).toBeLessThan(10);
    for (const piece of pieces) expect(piece.byteLength).toBeLessThanOrEqual(limits.keptSlabBytes);
  });

  it('have memory of their own where they are large', () => {
    const large = allocateKept(limits.keptSlabBytes);
    const larger = allocateKept(10 * limits.keptSlabBytes);
    expect([large.buffer.byteLength, larger.buffer.byteLength]).toEqual([large.length, larger.length]);
  });

  it('are copied out of a large piece that is mostly something else', () => {
    const chunk = Buffer.alloc(65_536, 'abc');
    for (const length of [1, 100, 5_000, 30_000]) {
      const bytes = chunk.subarray(10, 10 + length);
      const kept = keep(bytes);
      expect(kept.equals(bytes)).toBe(true);
      expect(kept.buffer).not.toBe(chunk.buffer);
      expect(kept.buffer.byteLength).toBeLessThanOrEqual(Math.max(length, limits.keptSlabBytes));
      // Once is enough.
      expect(keep(kept)).toBe(kept);
    }
    const most = chunk.subarray(0, 40_000);
    expect(keep(most)).toBe(most);
  });

  it('keep nothing where there is nothing to keep', () => {
    expect(keep(Buffer.alloc(65_536).subarray(5, 5)).buffer.byteLength).toBe(0);
  });
});

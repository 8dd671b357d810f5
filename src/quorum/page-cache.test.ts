import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { PageCache } from './page-cache.ts';

const RECORD = 'r'.repeat(16);
const page = (fill: number, length = 1_000): Buffer => Buffer.alloc(length, fill);
const name = (i: number): string => String(i).padStart(16, '0');

describe('the page cache', () => {
  it('gives what it was given, by record and page', () => {
    const cache = new PageCache(100_000);
    cache.add(RECORD, name(1), page(1));
    expect(cache.get(RECORD, name(1))).toEqual(page(1));
    expect(cache.get(RECORD, name(2))).toBeUndefined();
    expect(cache.get('s'.repeat(16), name(1))).toBeUndefined();
    expect([cache.hits, cache.misses]).toEqual([1, 2]);
  });

  it('never holds more than its limit', () => {
    const cache = new PageCache(20_000);
    for (let i = 0; i < 1_000; i++) {
      cache.add(RECORD, name(i), page(i, 100 + ((i * 37) % 3_000)));
      if (i % 3 === 0) cache.get(RECORD, name(i - 2));
      expect(cache.sizeBytes).toBeLessThanOrEqual(20_000);
    }
    expect(cache.sizeBytes).toBeGreaterThan(15_000);
    expect(cache.get(RECORD, name(999))).toBeDefined();
  });

  it('passes over once what was used', () => {
    const cache = new PageCache(10 * (1_000 + 256));
    for (let i = 0; i < 10; i++) cache.add(RECORD, name(i), page(i));
    cache.get(RECORD, name(0));
    for (let i = 10; i < 19; i++) cache.add(RECORD, name(i), page(i));
    expect(cache.get(RECORD, name(0))).toEqual(page(0));
    expect(cache.get(RECORD, name(1))).toBeUndefined();
    // All in use: somebody has to go all the same.
    for (let i = 10; i < 19; i++) cache.get(RECORD, name(i));
    cache.add(RECORD, name(20), page(20));
    expect(cache.sizeBytes).toBeLessThanOrEqual(10 * (1_000 + 256));
  });

  it('keeps no memory that a page was a part of, and no page above its size', () => {
    const cache = new PageCache(10_000_000);
    const request = Buffer.alloc(1_000_000, 7);
    cache.add(RECORD, name(1), request.subarray(10, 1_010));
    expect(cache.get(RECORD, name(1))).toEqual(page(7));
    expect(cache.get(RECORD, name(1))?.buffer.byteLength).toBe(1_000);
    cache.add(RECORD, name(2), Buffer.alloc(limits.cachedPageBytes + 1));
    expect(cache.get(RECORD, name(2))).toBeUndefined();
  });

  it('of no bytes keeps nothing', () => {
    const cache = new PageCache(0);
    cache.add(RECORD, name(1), page(1));
    expect(cache.get(RECORD, name(1))).toBeUndefined();
    expect(cache.sizeBytes).toBe(0);
  });
});

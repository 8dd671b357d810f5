import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeCursor, encodeCursor, lastIdOf, prefixOf } from './scan-cursor.ts';

const ids = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes).toString('latin1'));

describe('scan cursor', () => {
  it('keeps shard and position, below 2^53', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 16_383 }),
        fc.integer({ min: -1, max: 2 ** 38 - 1 }),
        (shard, donePrefix) => {
          const cursor = encodeCursor({ shard, donePrefix });
          expect(Number.isSafeInteger(Number(cursor))).toBe(true);
          expect(decodeCursor(cursor, 16_384)).toEqual({ shard, donePrefix });
        },
      ),
    );
  });

  it('has no position but the start that reads "0"', () => {
    expect(encodeCursor({ shard: 0, donePrefix: -1 })).toBe('0');
    expect(encodeCursor({ shard: 0, donePrefix: 0 })).not.toBe('0');
    expect(encodeCursor({ shard: 1, donePrefix: -1 })).not.toBe('0');
  });

  it('finds every id either done or still to come', () => {
    fc.assert(
      fc.property(ids, ids, (a, b) => {
        const done = lastIdOf(prefixOf(a));
        expect(done >= a).toBe(true);
        expect(b > done).toBe(prefixOf(b) > prefixOf(a));
      }),
    );
  });

  it('refuses shards that do not exist', () => {
    expect(decodeCursor(encodeCursor({ shard: 16, donePrefix: 3 }), 16)).toBeNull();
  });
});

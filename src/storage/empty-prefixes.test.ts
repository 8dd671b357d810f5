import { describe, expect, it } from 'vitest';
import { pageKey, pageRange, recordRange, shardDroppedRange, shardPageRange } from '../record/record-id.ts';
import { EmptyPrefixes } from './empty-prefixes.ts';

const id = 'i'.repeat(16);
const key = (shard: number): Buffer => pageKey(shard, id, id);
const all = (range: { from: Buffer; to: Buffer }) => ({ ...range, limit: 10, limitBytes: 1e6, keysOnly: true });
const value = Buffer.from('page');

function known(shard: number): EmptyPrefixes {
  const prefixes = new EmptyPrefixes();
  const range = all(shardPageRange(shard));
  prefixes.scanned(range, prefixes.scanning(range), false);
  return prefixes;
}

describe('EmptyPrefixes', () => {
  it.each([0, 7, 0xff, 0xfffe, 0xffff])('knows shard %i once a scan of all of it has found nothing', (shard) => {
    const prefixes = known(shard);
    expect(prefixes.covers(all(shardPageRange(shard)))).toBe(true);
    expect(prefixes.covers(all(pageRange(shard, id)))).toBe(true);
    expect(prefixes.covers(all({ from: key(shard), to: shardPageRange(shard).to }))).toBe(true);
    for (const other of [shard ^ 1, (shard + 2) & 0xffff]) {
      expect(prefixes.covers(all(shardPageRange(other)))).toBe(false);
      expect(prefixes.covers(all(pageRange(other, id)))).toBe(false);
    }
    expect(prefixes.covers(all(shardDroppedRange(shard)))).toBe(false);
    expect(prefixes.covers(all({ from: key(shard), to: key(0xffff) }))).toBe(shard === 0xffff);
    expect(prefixes.covers(all({ from: Buffer.alloc(0), to: Buffer.from([0xff]) }))).toBe(false);
  });

  it('learns nothing from a scan that found something, nor from one of a part', () => {
    const prefixes = new EmptyPrefixes();
    const whole = all(shardPageRange(3));
    prefixes.scanned(whole, prefixes.scanning(whole), true);
    for (const part of [
      all(pageRange(3, id)),
      all(recordRange(3, id)),
      all({ from: whole.from, to: key(3) }),
      all({ from: Buffer.from([0]), to: whole.to }),
    ]) {
      prefixes.scanned(part, prefixes.scanning(part), false);
    }
    expect(prefixes.covers(whole)).toBe(false);
    expect(prefixes.covers(all(pageRange(3, id)))).toBe(false);
  });

  it('forgets what is written to, and only that; a deletion puts nothing there', () => {
    const prefixes = known(3);
    prefixes.written([
      { key: key(3), value: null },
      { key: key(4), value },
    ]);
    expect(prefixes.covers(all(shardPageRange(3)))).toBe(true);
    prefixes.written([
      { key: key(2), value },
      { key: key(3), value },
    ]);
    expect(prefixes.covers(all(shardPageRange(3)))).toBe(false);
  });

  it('does not trust a scan during which something was written, however the two ended', () => {
    const range = all(shardPageRange(3));
    const changes = [{ key: key(3), value }];
    const before = new EmptyPrefixes();
    const early = before.scanning(range);
    before.written(changes);
    before.written(changes);
    before.scanned(range, early, false);
    expect(before.covers(range)).toBe(false);

    // The scan came before the change, and ends while the write is still under way.
    const during = new EmptyPrefixes();
    during.written(changes);
    during.scanned(range, during.scanning(range), false);
    during.written(changes);
    expect(during.covers(range)).toBe(false);

    // An older scan ends after a newer one has begun.
    const two = new EmptyPrefixes();
    const first = two.scanning(range);
    two.written(changes);
    const second = two.scanning(range);
    two.scanned(range, first, false);
    expect(two.covers(range)).toBe(false);
    two.scanned(range, second, true);
    expect(two.covers(range)).toBe(false);
  });
});

import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { pageKey, pageRange, recordRange, shardDroppedRange, shardPageRange } from '../record/record-id.ts';
import { EmptyPrefixes, type LookAhead } from './empty-prefixes.ts';

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

describe('looking ahead', () => {
  const whole = (shard: number) => all(shardPageRange(shard));
  function lookBehind(prefixes: EmptyPrefixes, shard: number): LookAhead {
    const look = prefixes.scanned(whole(shard), prefixes.scanning(whole(shard)), false);
    if (look === null) throw new Error('no look');
    return look;
  }
  const coveredOf = (prefixes: EmptyPrefixes, shards: number) =>
    Array.from({ length: shards }, (_, shard) => shard).filter((shard) => prefixes.covers(whole(shard)));

  it('goes from behind an empty shard as far as the first key', () => {
    const prefixes = new EmptyPrefixes();
    const look = lookBehind(prefixes, 2);
    expect(look.range.from).toEqual(shardPageRange(3).from);
    expect(look.range.to).toEqual(shardPageRange(3 + limits.emptyPrefixesAhead).from);
    prefixes.lookedAhead(look, key(6));
    expect(coveredOf(prefixes, 9)).toEqual([2, 3, 4, 5]);
  });

  it('knows all of them where there is no key', () => {
    const prefixes = new EmptyPrefixes();
    prefixes.lookedAhead(lookBehind(prefixes, 2), null);
    expect(coveredOf(prefixes, limits.emptyPrefixesAhead + 5)).toHaveLength(limits.emptyPrefixesAhead + 1);
    expect(prefixes.covers(all(shardDroppedRange(3)))).toBe(false);
  });

  it('ends where another kind of key begins', () => {
    const prefixes = new EmptyPrefixes();
    const look = lookBehind(prefixes, 0xfffd);
    expect(look.range.to).toEqual(Buffer.from([0x71, 0, 0]));
    prefixes.lookedAhead(look, null);
    expect([0xfffc, 0xfffd, 0xfffe, 0xffff].map((shard) => prefixes.covers(whole(shard)))).toEqual([
      false,
      true,
      true,
      true,
    ]);
    const last = new EmptyPrefixes();
    expect(last.scanned(whole(0xffff), last.scanning(whole(0xffff)), false)).toBeNull();
  });

  it('does not trust what was written to meanwhile, nor a look that failed', () => {
    const prefixes = new EmptyPrefixes();
    const look = lookBehind(prefixes, 2);
    prefixes.written([{ key: key(4), value }]);
    prefixes.lookedAhead(look, key(6));
    expect(coveredOf(prefixes, 9)).toEqual([2, 3, 5]);
    const failed = new EmptyPrefixes();
    failed.lookedAhead(lookBehind(failed, 2), undefined);
    expect(coveredOf(failed, 9)).toEqual([2]);
  });

  it('is not done for what is known, and once at a time', () => {
    const prefixes = new EmptyPrefixes();
    const look = lookBehind(prefixes, 2);
    expect(prefixes.scanned(whole(7), prefixes.scanning(whole(7)), false)).toBeNull();
    prefixes.lookedAhead(look, key(5));
    expect(prefixes.scanned(whole(3), prefixes.scanning(whole(3)), false)).toBeNull();
    expect(prefixes.scanned(whole(4), prefixes.scanning(whole(4)), false)).not.toBeNull();
  });
});

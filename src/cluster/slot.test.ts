import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { crc16, isShardCount, SLOT_COUNT, shardOf, slotOf, slotsOfShard } from './slot.ts';

const slot = (key: string): number => slotOf(Buffer.from(key));

/** Bit by bit, straight from the definition. */
function slowCrc16(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = ((crc & 0x8000) !== 0 ? (crc << 1) ^ 0x1021 : crc << 1) & 0xffff;
  }
  return crc;
}

describe('slotOf', () => {
  it('agrees with the check value of the Redis Cluster specification', () => {
    expect(crc16(Buffer.from('123456789'), 0, 9)).toBe(0x31c3);
  });

  it('agrees with CLUSTER KEYSLOT of a real Redis', () => {
    expect(slot('')).toBe(0);
    expect(slot('foo')).toBe(12182);
    expect(slot('bar')).toBe(5061);
    expect(slot('somekey')).toBe(11058);
    expect(slot('foo{hash_tag}')).toBe(2515);
    expect(slot('bar{hash_tag}')).toBe(2515);
  });

  it('hashes only the first tag, and the whole key when the tag is empty or open', () => {
    expect(slot('{user1000}.following')).toBe(slot('user1000'));
    expect(slot('foo{{bar}}zap')).toBe(slot('{bar'));
    expect(slot('foo{bar}{zap}')).toBe(slot('bar'));
    for (const whole of ['foo{}{bar}', '{}', '{', '}', 'a{b', 'a}b{c']) {
      expect(slot(whole)).toBe(slowCrc16(Buffer.from(whole)) & 0x3fff);
    }
  });

  it('agrees with the bitwise definition for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(crc16(bytes, 0, bytes.length)).toBe(slowCrc16(bytes));
        expect(slotOf(bytes)).toBeLessThan(SLOT_COUNT);
      }),
    );
  });
});

describe('shards', () => {
  it('are contiguous ranges that cover every slot once', () => {
    for (const shards of [1, 2, 16, 1024, 16_384]) {
      let next = 0;
      for (let shard = 0; shard < shards; shard++) {
        const { first, last } = slotsOfShard(shard, shards);
        expect(first).toBe(next);
        expect(shardOf(first, shards)).toBe(shard);
        expect(shardOf(last, shards)).toBe(shard);
        next = last + 1;
      }
      expect(next).toBe(SLOT_COUNT);
    }
  });

  it('number a power of two up to 16384', () => {
    expect([1, 2, 1024, 16_384].every(isShardCount)).toBe(true);
    expect([0, -2, 3, 1000, 32_768, 1.5, Number.NaN].some(isShardCount)).toBe(false);
  });
});

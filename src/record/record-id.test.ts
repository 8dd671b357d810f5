import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { KeyRange } from './record-id.ts';
import {
  makePageId,
  nodeKey,
  nodeRange,
  pageBallot,
  pageKey,
  pageRange,
  parseNodeKey,
  parsePageKey,
  parseRecordKey,
  recordIdFromBytes,
  recordIdToBytes,
  recordKey,
  recordRange,
  shardPageRange,
} from './record-id.ts';

const idArbitrary = fc
  .uint8Array({ minLength: 16, maxLength: 16 })
  .map((bytes) => recordIdFromBytes(Buffer.from(bytes)));
const id = recordIdFromBytes(Buffer.from('000102030405060708090a0b0c0d0eff', 'hex'));

function within(range: KeyRange, key: Buffer): boolean {
  return Buffer.compare(range.from, key) <= 0 && Buffer.compare(key, range.to) < 0;
}

describe('engine keys', () => {
  it('have pinned bytes', () => {
    const pageId = makePageId({ time: 0x1_0000_0002, proposer: 0xa0b0_c0d0 }, 3);
    expect(recordKey(0x1234, id).toString('hex')).toBe('721234000102030405060708090a0b0c0d0eff');
    expect(Buffer.from(pageId, 'latin1').toString('hex')).toBe('0000000100000002a0b0c0d000000003');
    expect(pageKey(0x1234, id, pageId).toString('hex')).toBe(
      '701234000102030405060708090a0b0c0d0eff0000000100000002a0b0c0d000000003',
    );
    expect(nodeKey('ceiling').toString()).toBe('nceiling');
    expect(recordIdToBytes(id).toString('hex')).toBe('000102030405060708090a0b0c0d0eff');
  });

  it('are parsed back, and only by their own parser', () => {
    fc.assert(
      fc.property(fc.nat(0xffff), idArbitrary, idArbitrary, (shard, recordId, pageId) => {
        expect(parseRecordKey(recordKey(shard, recordId))).toEqual({ shard, id: recordId });
        expect(parsePageKey(pageKey(shard, recordId, pageId))).toEqual({ shard, id: recordId, pageId });
        expect(parsePageKey(recordKey(shard, recordId))).toBeNull();
        expect(parseRecordKey(pageKey(shard, recordId, pageId))).toBeNull();
        expect(parseNodeKey(recordKey(shard, recordId))).toBeNull();
      }),
    );
    expect(parseNodeKey(nodeKey('map'))).toBe('map');
    expect(parseRecordKey(nodeKey('map'))).toBeNull();
    expect(parsePageKey(nodeKey('map'))).toBeNull();
    expect(parseRecordKey(Buffer.alloc(0))).toBeNull();
  });

  it('refuse ids of another length', () => {
    expect(() => recordKey(1, 'short')).toThrow('16 bytes');
    expect(() => pageKey(1, id, 'short')).toThrow('16 bytes');
    expect(() => recordIdFromBytes(Buffer.alloc(15))).toThrow('16 bytes');
    expect(() => recordIdToBytes('')).toThrow('16 bytes');
  });
});

describe('ranges', () => {
  it('hold exactly what they are for, at every edge', () => {
    const low = '\0'.repeat(16);
    const high = '\xff'.repeat(16);
    const shards = [0, 1, 0xff, 0x100, 0xfffe, 0xffff];
    const keys = shards.flatMap((shard) =>
      [low, id, high].flatMap((record) => [
        { shard, record, kind: 'record', key: recordKey(shard, record) },
        { shard, record, kind: 'page', key: pageKey(shard, record, low) },
        { shard, record, kind: 'page', key: pageKey(shard, record, high) },
      ]),
    );
    for (const shard of shards) {
      for (const entry of keys) {
        const own = entry.shard === shard;
        expect(within(recordRange(shard), entry.key)).toBe(own && entry.kind === 'record');
        expect(within(shardPageRange(shard), entry.key)).toBe(own && entry.kind === 'page');
        expect(within(pageRange(shard, id), entry.key)).toBe(own && entry.kind === 'page' && entry.record === id);
        expect(within(pageRange(shard, high), entry.key)).toBe(own && entry.kind === 'page' && entry.record === high);
        expect(within(nodeRange(), entry.key)).toBe(false);
      }
    }
    expect(within(nodeRange(), nodeKey('ceiling'))).toBe(true);
  });

  it('continue behind an id', () => {
    fc.assert(
      fc.property(fc.nat(0xffff), idArbitrary, idArbitrary, (shard, after, other) => {
        expect(within(recordRange(shard, after), recordKey(shard, other))).toBe(other > after);
        expect(within(recordRange(shard, after), recordKey(shard, after))).toBe(false);
      }),
    );
  });
});

describe('page ids', () => {
  it('sort by ballot and index, and tell their ballot', () => {
    const first = makePageId({ time: 1, proposer: 2 }, 0);
    const ids = [
      first,
      makePageId({ time: 1, proposer: 2 }, 1),
      makePageId({ time: 1, proposer: 3 }, 0),
      makePageId({ time: 256, proposer: 0 }, 0),
    ];
    expect([...ids].sort()).toEqual(ids);
    expect(pageBallot(first)).toEqual({ time: 1, proposer: 2 });
    expect(pageBallot('')).toBeNull();
    expect(() => makePageId({ time: 0, proposer: 0 }, 1)).toThrow('belongs to a write');
  });
});

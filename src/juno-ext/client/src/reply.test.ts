import { describe, expect, it } from 'vitest';
import { readContext, readError, readFields, readInspection, readLocation, UnexpectedReply } from './reply.ts';

const flat = [
  Buffer.from('recordVersion'),
  3,
  Buffer.from('creationTime'),
  10,
  Buffer.from('lastModified'),
  20,
  Buffer.from('ttl'),
  2,
  Buffer.from('pttl'),
  1500,
  Buffer.from('requestId'),
  null,
];
const parsed = { recordVersion: 3, creationTimeMs: 10, lastModifiedMs: 20, ttlMs: 1500, requestId: null };

describe('map replies', () => {
  it('are read alike from flat arrays, objects and Maps', () => {
    const object = Object.fromEntries(
      Array.from({ length: flat.length / 2 }, (_, i) => [String(flat[2 * i]), flat[2 * i + 1]]),
    );
    for (const reply of [flat, object, new Map(Object.entries(object))]) {
      expect(readContext(readFields(reply))).toEqual(parsed);
    }
  });

  it('of a record without expiry have a ttl of null', () => {
    const reply = flat.map((item, index) => (index === 9 ? -1 : item));
    expect(readContext(readFields(reply)).ttlMs).toBeNull();
  });

  it.each([
    ['no map', 5],
    ['a text', Buffer.from('recordVersion')],
    ['nil', null],
    ['a name without a value', flat.slice(0, 5)],
    ['a field that is missing', flat.slice(0, 8)],
    ['a field of another type', flat.map((item, index) => (index === 1 ? Buffer.from('three') : item))],
    ['a name that is none', [1, 2]],
  ])('that are %s are unexpected', (_, reply) => {
    expect(() => readContext(readFields(reply))).toThrow(UnexpectedReply);
  });

  it('of locate and inspect', () => {
    const node = ['zone', Buffer.from('a'), 'nodeId', 4, 'host', Buffer.from('h'), 'port', 7000, 'up', 1];
    expect(readLocation(['slot', 1, 'shard', 2, 'shardEpoch', 9, 'mapEpoch', 3, 'nodes', [node]])).toEqual({
      slot: 1,
      shard: 2,
      mapEpoch: 3,
      nodes: [{ zone: 'a', nodeId: 4, host: 'h', port: 7000, up: true }],
    });
    expect(readInspection([['zone', Buffer.from('a'), 'recordVersion', 4, 'paged', null]])).toEqual([
      { zone: 'a', recordVersion: 4, paged: null },
    ]);
    expect(() => readLocation(['slot', 1])).toThrow(UnexpectedReply);
    expect(() => readInspection(7)).toThrow(UnexpectedReply);
  });
});

describe('error replies', () => {
  it.each([
    ['DUPKEY recordVersion=2 created=30: the key exists', 'duplicate-key'],
    ['NOKEY there is no such key', 'no-key'],
    ['VERSIONCONFLICT recordVersion=2 created=30: not version 1', 'version-conflict'],
    ['BADPARAM ttl', 'bad-parameter'],
    ['WRONGTYPE Operation against a key', 'wrong-type'],
    ['NOPERM this user has no permissions', 'not-permitted'],
    ['NOAUTH Authentication required.', 'not-permitted'],
    ['WRONGPASS invalid username-password pair', 'not-permitted'],
    ['UNAVAILABLE no majority', 'unavailable'],
    ['LOADING starting', 'unavailable'],
    ['BUSY namespace x is over its limit', 'busy'],
    ['UNCERTAIN no answer', 'uncertain'],
    ['ERR syntax error', 'server'],
    ['', 'server'],
  ])('%s', (message, kind) => {
    expect(readError(message, 'id')).toMatchObject({ kind, message });
  });

  it('say what the record is now, where the server told', () => {
    const current = { recordVersion: 2, creationTimeMs: 30 };
    expect(readError('DUPKEY recordVersion=2 created=30: x', null)).toHaveProperty('current', current);
    expect(readError('VERSIONCONFLICT recordVersion=2 created=30: x', null)).toHaveProperty('current', current);
    expect(readError('VERSIONCONFLICT in other words', null)).toHaveProperty('current', null);
    expect(readError('UNCERTAIN x', 'id')).toHaveProperty('requestId', 'id');
  });
});

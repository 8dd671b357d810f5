import { describe, expect, it } from 'vitest';
import type { EngineChange } from './engine.ts';
import { entryLength } from './journal-format.ts';
import { UnsettledRecords } from './unsettled-records.ts';

const put = (key: string, value: string): EngineChange => ({
  key: Buffer.from(key, 'latin1'),
  value: Buffer.from(value, 'latin1'),
});
const remove = (key: string): EngineChange => ({ key: Buffer.from(key, 'latin1'), value: null });

function add(records: UnsettledRecords, ...changes: EngineChange[]): boolean {
  if (records.prepare(changes, entryLength(changes)) === null) return false;
  records.commit();
  return true;
}

const find = (records: UnsettledRecords, key: string): string | null | undefined => {
  const value = records.find(Buffer.from(key, 'latin1'));
  return value === undefined || value === null ? value : value.toString('latin1');
};

function settleOldest(records: UnsettledRecords, into: Map<string, string | null>): void {
  const segment = records.oldestFull();
  if (segment === null) throw new Error('nothing to settle');
  const cursor = records.cursor(segment);
  for (let isLast = false; !isLast; ) {
    const changes: EngineChange[] = [];
    isLast = records.take(cursor, 5, 1_000_000, changes);
    expect(changes.length).toBeLessThanOrEqual(5);
    for (const { key, value } of changes) into.set(key.toString('latin1'), value?.toString('latin1') ?? null);
  }
  segment.settled = true;
  records.forget(segment, 0, segment.changes);
  records.free(segment);
}

describe('UnsettledRecords', () => {
  it('shows an entry once it is committed, and the newest change of a key', () => {
    const records = new UnsettledRecords(4_096, 3);
    const changes = [put('a', '1'), put('b', '1'), put('a', '2'), remove('c')];
    expect(records.prepare(changes, entryLength(changes))).toMatchObject({ position: 0 });
    expect(find(records, 'a')).toBe(undefined);
    records.commit();
    expect(['a', 'b', 'c', 'd'].map((key) => find(records, key))).toEqual(['2', '1', null, undefined]);
    add(records, remove('a'), put('c', '3'));
    expect(['a', 'b', 'c'].map((key) => find(records, key))).toEqual([null, '1', '3']);
  });

  it('tells records apart whose ids differ in a single byte, wherever that is', () => {
    const ids = ['\0'.repeat(16), '0'.repeat(16)];
    for (let at = 0; at < 16; at++) {
      ids.push(`${'0'.repeat(at)}1${'0'.repeat(15 - at)}`, `${'\0'.repeat(at)}\x01${'\0'.repeat(15 - at)}`);
    }
    const keys = ids.map((id) => `r\0\0${id}`);
    // And keys of that length that are no record's.
    keys.push(...keys.map((key) => `p${key.slice(1)}`));
    const records = new UnsettledRecords(16_384, 3);
    for (const [i, key] of keys.entries()) add(records, put(key, `old ${i}`));
    for (const [i, key] of keys.entries()) if (i % 2 === 0) add(records, put(key, `new ${i}`));
    for (const [i, key] of keys.entries()) expect(find(records, key)).toBe(`${i % 2 === 0 ? 'new' : 'old'} ${i}`);
    records.seal();
    const settled = new Map<string, string | null>();
    settleOldest(records, settled);
    expect(settled.size).toBe(keys.length);
    for (const key of keys) expect(find(records, key)).toBe(undefined);
  });

  it('forgets a prepared entry that was not committed', () => {
    const records = new UnsettledRecords(4_096, 3);
    const failed = [put('a', 'failed')];
    records.prepare(failed, entryLength(failed));
    const { sequence } = records;
    add(records, put('b', '1'));
    expect([find(records, 'a'), find(records, 'b'), records.sequence]).toEqual([undefined, '1', sequence + 1]);
  });

  it('gives values that stay as they are when the segment is used again', () => {
    const records = new UnsettledRecords(512, 3);
    add(records, put('a', 'kept'));
    const value = records.find(Buffer.from('a'));
    for (let round = 0; round < 9; round++) {
      expect(add(records, put('x', 'y'.repeat(400)))).toBe(true);
      if (records.isCrowded) settleOldest(records, new Map());
    }
    expect(value?.toString()).toBe('kept');
  });

  it('has no room when every segment is in use, until the oldest is free', () => {
    const records = new UnsettledRecords(512, 3);
    const large = 'v'.repeat(400);
    expect([add(records, put('a', large)), add(records, put('b', large)), add(records, put('c', large))]).toEqual([
      true,
      true,
      true,
    ]);
    expect(add(records, put('d', large))).toBe(false);
    const settled = new Map<string, string | null>();
    settleOldest(records, settled);
    expect([...settled.keys()]).toEqual(['a']);
    expect(add(records, put('d', large))).toBe(true);
  });

  it('does not hand out what was overwritten', () => {
    const records = new UnsettledRecords(2_048, 4);
    for (const key of ['k1', 'k2', 'k1', 'k3', 'k1']) add(records, put(key, 'v'));
    records.seal();
    add(records, put('k2', 'newer'));
    const settled = new Map<string, string | null>();
    settleOldest(records, settled);
    expect([...settled.keys()].sort()).toEqual(['k1', 'k3']);
    expect([find(records, 'k1'), find(records, 'k2')]).toEqual([undefined, 'newer']);
  });

  it('hands out a segment about in key order, in pieces as small as asked for', () => {
    const records = new UnsettledRecords(65_536, 3);
    const keys = Array.from({ length: 400 }, (_, i) => {
      const key = Buffer.from('r\0\0\0aaa');
      key.writeUInt16BE((i * 7) % 400, 1);
      return key;
    });
    for (const key of keys) add(records, { key, value: Buffer.from('v') });
    records.seal();
    const segment = records.oldestFull();
    if (segment === null) throw new Error('no segment');
    const cursor = records.cursor(segment);
    const taken: EngineChange[] = [];
    let pieces = 0;
    while (!records.take(cursor, 1_000, 10 * (7 + 7 + 1), taken)) pieces++;
    expect(pieces).toBeGreaterThanOrEqual(39);
    expect(taken.map((change) => change.key.readUInt16BE(1))).toEqual(Array.from({ length: 400 }, (_, i) => i));
  });

  it('collects a range in order, deletions too, whatever part of the keys it is', () => {
    const records = new UnsettledRecords(65_536, 4);
    const model = new Map<string, string | null>();
    let seed = 5;
    const below = (n: number): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return Math.floor((seed / 2_147_483_648) * n);
    };
    const randomKey = (): string =>
      String.fromCharCode(...Array.from({ length: below(7) }, (_, i) => (i === 0 ? 114 + below(2) : below(4) * 85)));
    for (let i = 0; i < 1_500; i++) {
      const key = randomKey();
      const value = below(4) === 0 ? null : `${i}`;
      expect(add(records, value === null ? remove(key) : put(key, value))).toBe(true);
      model.set(key, value);
      if (i === 700) records.seal();
    }
    const sorted = [...model].sort(([a], [b]) => (a < b ? -1 : 1));
    for (let i = 0; i < 500; i++) {
      // Every other range lies within what three bytes begin, as those of a shard do.
      const from = randomKey();
      const to = i % 2 === 0 ? randomKey() : `${from.slice(0, 3)}${String.fromCharCode(below(256))}`;
      const expected = sorted.filter(([key]) => key >= from && key < to);
      const found = records.collect(Buffer.from(from, 'latin1'), Buffer.from(to, 'latin1'), false);
      expect(found.map(({ key, value }) => [key.toString('latin1'), value?.toString('latin1') ?? null])).toEqual(
        expected,
      );
    }
    const all = records.collect(Buffer.from(''), Buffer.from([255]), true);
    expect(all.map(({ value }) => value?.length ?? null)).toEqual(
      sorted.map(([, value]) => (value === null ? null : 0)),
    );
  });

  it('agrees with a plain map over many random changes and settlings', () => {
    const records = new UnsettledRecords(4_096, 4);
    const model = new Map<string, string | null>();
    const table = new Map<string, string | null>();
    let seed = 11;
    const below = (n: number): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return Math.floor((seed / 2_147_483_648) * n);
    };
    for (let i = 0; i < 6_000; i++) {
      const changes = Array.from({ length: 1 + below(4) }, () => {
        const key = `key${below(300)}`;
        return below(5) === 0 ? remove(key) : put(key, `${i}`);
      });
      while (!add(records, ...changes)) settleOldest(records, table);
      for (const { key, value } of changes) model.set(key.toString(), value?.toString() ?? null);
      if (i % 50 === 0) {
        for (const [key, value] of model) {
          const unsettled = find(records, key);
          expect(unsettled === undefined ? table.get(key) : unsettled).toBe(value);
        }
      }
    }
    expect(table.size).toBeGreaterThan(200);
  });
});

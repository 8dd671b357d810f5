import { describe, expect, it } from 'vitest';
import { checkKey, type HistoryOp, type KeyOp, type SimReply } from './checker.ts';

interface Line {
  readonly at: readonly [invokedMs: number, returnedMs: number];
  readonly op: KeyOp;
  /** 'unknown' and 'none' are outcomes without a reply. */
  readonly reply: SimReply | 'unknown' | 'none';
  /** How far its proxy's clock is ahead. */
  readonly aheadMs?: number;
}

function history(lines: readonly Line[]): HistoryOp[] {
  return lines.map(({ at: [invokedMs, returnedMs], op, reply, aheadMs = 0 }, index) => ({
    id: index + 1,
    client: 'C',
    key: 'k',
    op,
    invokedUs: invokedMs * 1000,
    returnedUs: returnedMs * 1000,
    lowestWallMs: invokedMs + aheadMs,
    highestWallMs: returnedMs + aheadMs,
    outcome: reply === 'unknown' || reply === 'none' ? { kind: reply } : { kind: 'reply', reply },
  }));
}

const get: KeyOp = { kind: 'get' };
const incr: KeyOp = { kind: 'incr' };
const set = (value: string): KeyOp => ({ kind: 'set', value });
const setUntil = (value: string, expiresAtMs: number): KeyOp => ({ kind: 'setpxat', value, expiresAtMs });

const juno = (write: 'create' | 'update' | 'set' | 'destroy', value: string, requestId = `id${value}`): KeyOp => ({
  kind: 'juno',
  write,
  value,
  requestId,
});

const good: Record<string, readonly Line[]> = {
  'a GET during a SET may see either': [
    { at: [0, 10], op: set('1'), reply: '+OK' },
    { at: [1, 2], op: get, reply: null },
    { at: [3, 4], op: get, reply: '1' },
  ],
  'an unknown write that is never seen': [
    { at: [0, 1], op: set('1'), reply: 'unknown' },
    { at: [2, 3], op: get, reply: null },
  ],
  'an unknown write that takes effect late': [
    { at: [0, 1], op: set('1'), reply: 'unknown' },
    { at: [2, 3], op: get, reply: null },
    { at: [4, 5], op: get, reply: '1' },
  ],
  'two INCRs at once, in either order': [
    { at: [0, 9], op: incr, reply: 2 },
    { at: [0, 9], op: incr, reply: 1 },
  ],
  'a CAS that fails because of a write at the same time': [
    { at: [0, 9], op: set('2'), reply: '+OK' },
    { at: [0, 9], op: { kind: 'cas', expected: null, value: '3' }, reply: 0 },
  ],
  'a value that expires by the clock of whoever looks': [
    { at: [0, 1], op: setUntil('1', 100), reply: '+OK' },
    { at: [50, 51], op: get, reply: null, aheadMs: 60 },
    { at: [60, 61], op: get, reply: null },
  ],
  'a slow clock sees the value for longer': [
    { at: [0, 1], op: setUntil('1', 100), reply: '+OK' },
    { at: [120, 121], op: get, reply: '1', aheadMs: -50 },
    { at: [130, 131], op: get, reply: null },
  ],
  'expired by an operation that failed': [
    { at: [0, 1], op: setUntil('1', 100), reply: '+OK' },
    { at: [50, 60], op: get, reply: 'none', aheadMs: 60 },
    { at: [70, 71], op: get, reply: null },
  ],
  'a request that is repeated after others have written': [
    { at: [0, 1], op: juno('set', '1'), reply: 'created' },
    { at: [2, 3], op: set('2'), reply: '+OK' },
    { at: [4, 5], op: juno('set', '1'), reply: 'created' },
    { at: [6, 7], op: get, reply: '2' },
  ],
  'a request without an answer, done late and once': [
    { at: [0, 1], op: juno('create', '1'), reply: 'unknown' },
    { at: [2, 3], op: get, reply: null },
    { at: [4, 5], op: juno('create', '1'), reply: 'created' },
    { at: [6, 7], op: { kind: 'del' }, reply: 1 },
    { at: [8, 9], op: juno('create', '1'), reply: 'created' },
    { at: [10, 11], op: get, reply: null },
  ],
  'a request that failed before it succeeded': [
    { at: [0, 1], op: juno('update', '1'), reply: '-NOKEY' },
    { at: [2, 3], op: set('2'), reply: '+OK' },
    { at: [4, 5], op: juno('create', '3'), reply: '-DUPKEY' },
    { at: [6, 7], op: juno('update', '1'), reply: 'updated' },
    { at: [8, 9], op: get, reply: '1' },
  ],
  'a destroy whose repeat spares a later record': [
    { at: [0, 1], op: juno('destroy', '1'), reply: '+OK' },
    { at: [2, 3], op: juno('set', '2'), reply: 'created' },
    { at: [4, 5], op: juno('destroy', '1'), reply: '+OK' },
    { at: [6, 7], op: get, reply: '2' },
  ],
  'a request that may have been forgotten': [
    { at: [0, 1], op: set('1'), reply: '+OK' },
    { at: [2, 3], op: juno('set', '2'), reply: '-UNCERTAIN' },
    { at: [4, 5], op: get, reply: '1' },
  ],
  'an unknown request that was written over, and its repeat': [
    { at: [0, 1], op: juno('set', '1'), reply: 'unknown' },
    { at: [0, 1], op: set('2'), reply: 'unknown' },
    { at: [2, 3], op: juno('set', '1'), reply: 'created' },
    { at: [4, 5], op: get, reply: '2' },
  ],
};

const bad: Record<string, readonly Line[]> = {
  'a stale GET': [
    { at: [0, 1], op: set('1'), reply: '+OK' },
    { at: [2, 3], op: get, reply: null },
  ],
  'two GETs in the wrong order during a SET': [
    { at: [0, 10], op: set('1'), reply: '+OK' },
    { at: [1, 2], op: get, reply: '1' },
    { at: [3, 4], op: get, reply: null },
  ],
  'an INCR that counted twice': [
    { at: [0, 1], op: incr, reply: 1 },
    { at: [2, 3], op: get, reply: '2' },
  ],
  'two INCRs with one answer': [
    { at: [0, 9], op: incr, reply: 1 },
    { at: [0, 9], op: incr, reply: 1 },
  ],
  'a write that was UNAVAILABLE and took effect': [
    { at: [0, 1], op: set('1'), reply: 'none' },
    { at: [2, 3], op: get, reply: '1' },
  ],
  'an unknown write that takes effect twice': [
    { at: [0, 1], op: set('1'), reply: 'unknown' },
    { at: [2, 3], op: get, reply: '1' },
    { at: [4, 5], op: set('2'), reply: '+OK' },
    { at: [6, 7], op: get, reply: '1' },
  ],
  'a lost acknowledged write': [
    { at: [0, 1], op: { kind: 'setnx', value: '1' }, reply: 1 },
    { at: [2, 3], op: { kind: 'setnx', value: '2' }, reply: 1 },
  ],
  'a deleted value that comes back': [
    { at: [0, 1], op: set('1'), reply: '+OK' },
    { at: [2, 3], op: { kind: 'del' }, reply: 1 },
    { at: [4, 5], op: get, reply: '1' },
  ],
  'an expired value that comes back': [
    { at: [0, 1], op: setUntil('1', 100), reply: '+OK' },
    { at: [50, 51], op: get, reply: null, aheadMs: 60 },
    { at: [60, 61], op: get, reply: '1' },
  ],
  'a value gone before any clock has reached its moment': [
    { at: [0, 1], op: setUntil('1', 100), reply: '+OK' },
    { at: [50, 51], op: get, reply: null, aheadMs: 20 },
  ],
  'a value seen by whoever began after its moment': [
    { at: [0, 1], op: setUntil('1', 100), reply: '+OK' },
    { at: [120, 121], op: get, reply: '1' },
  ],
  'a SET XX that answers OK on an expired value that was answered nil': [
    { at: [0, 1], op: setUntil('1', 100), reply: '+OK' },
    { at: [90, 130], op: { kind: 'setxx', value: '2' }, reply: '+OK' },
    { at: [105, 110], op: get, reply: null },
    { at: [140, 141], op: get, reply: null },
  ],
  'a request done twice': [
    { at: [0, 1], op: juno('set', '1'), reply: 'created' },
    { at: [2, 3], op: set('2'), reply: '+OK' },
    { at: [4, 5], op: juno('set', '1'), reply: 'updated' },
  ],
  'a request done twice although it answers as if it were not': [
    { at: [0, 1], op: juno('set', '1'), reply: 'created' },
    { at: [2, 3], op: set('2'), reply: '+OK' },
    { at: [4, 5], op: juno('set', '1'), reply: 'created' },
    { at: [6, 7], op: get, reply: '1' },
  ],
  'an unknown request and its repeat, both done': [
    { at: [0, 1], op: juno('set', '1'), reply: 'unknown' },
    { at: [2, 3], op: get, reply: '1' },
    { at: [4, 5], op: set('2'), reply: '+OK' },
    { at: [6, 7], op: juno('set', '1'), reply: 'created' },
    { at: [8, 9], op: get, reply: '1' },
  ],
  'two sendings of a request without an answer, both done': [
    { at: [0, 1], op: juno('set', '1'), reply: 'unknown' },
    { at: [0, 1], op: juno('set', '1'), reply: 'unknown' },
    { at: [2, 3], op: get, reply: '1' },
    { at: [4, 5], op: set('2'), reply: '+OK' },
    { at: [6, 7], op: get, reply: '1' },
  ],
  'a destroy done again': [
    { at: [0, 1], op: juno('destroy', '1'), reply: '+OK' },
    { at: [2, 3], op: set('2'), reply: '+OK' },
    { at: [4, 5], op: juno('destroy', '1'), reply: '+OK' },
    { at: [6, 7], op: get, reply: null },
  ],
  'an expired record that lets a request be done again': [
    { at: [0, 1], op: setUntil('0', 100), reply: '+OK' },
    { at: [2, 3], op: juno('update', '1'), reply: 'updated' },
    { at: [110, 111], op: juno('update', '1'), reply: '-NOKEY' },
  ],
  'a forgotten request that was done': [
    { at: [0, 1], op: set('1'), reply: '+OK' },
    { at: [2, 3], op: juno('set', '2'), reply: '-UNCERTAIN' },
    { at: [4, 5], op: get, reply: '2' },
  ],
};

describe('checkKey', () => {
  for (const [name, lines] of Object.entries(good)) {
    it(`accepts ${name}`, () => expect(checkKey(history(lines)).kind).toBe('linearizable'));
  }
  for (const [name, lines] of Object.entries(bad)) {
    it(`refuses ${name}`, () => expect(checkKey(history(lines)).kind).toBe('violation'));
  }

  it('says where it got stuck', () => {
    expect(checkKey(history(bad['a stale GET'] ?? []))).toEqual({ kind: 'violation', longest: [1], stuck: [2] });
  });

  it('decides many unknown writes at once', () => {
    const lines: Line[] = Array.from({ length: 14 }, (_, i) => ({ at: [i, i + 1], op: set(`${i}`), reply: 'unknown' }));
    for (let i = 0; i < 20; i++) lines.push({ at: [100 + i, 100 + i + 0.5], op: incr, reply: i + 1 });
    lines.push({ at: [200, 201], op: get, reply: 'never' });
    expect(checkKey(history(lines)).kind).toBe('violation');
  });
});

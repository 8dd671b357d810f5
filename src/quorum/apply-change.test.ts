import { describe, expect, it } from 'vitest';
import { InvariantError } from '../base/assert.ts';
import type { LiveRecord, RequestRecord } from '../record/state.ts';
import { type Value, ValueType } from '../record/value.ts';
import { applyChange, valueSizeBytes } from './apply-change.ts';

const key = Buffer.from('k');
const requestIds: readonly RequestRecord[] = [{ requestId: 'r'.repeat(16), recordVersion: 4, appliedAtMs: 9 }];

function inline(text: string): Value {
  return { type: ValueType.string, paged: false, bytes: Buffer.from(text) };
}

const live: LiveRecord = {
  key,
  recordVersion: 4,
  creationTimeMs: 10,
  lastModifiedMs: 20,
  requestIds,
  expiresAtMs: 500,
  sizeBytes: 3,
  value: inline('old'),
};

describe('applyChange', () => {
  it('creates with recordVersion 1 and the tombstone request ids', () => {
    const next = applyChange(null, requestIds, key, { kind: 'put', value: inline('hello'), expiresAtMs: 77 }, 30);
    expect(next).toEqual({
      key,
      recordVersion: 1,
      creationTimeMs: 30,
      lastModifiedMs: 30,
      requestIds,
      expiresAtMs: 77,
      sizeBytes: 5,
      value: inline('hello'),
    });
  });

  it('put raises recordVersion and keeps creation time and request ids', () => {
    const next = applyChange(live, [], key, { kind: 'put', value: inline('ab'), expiresAtMs: 0 }, 30);
    expect(next).toEqual({
      ...live,
      recordVersion: 5,
      lastModifiedMs: 30,
      expiresAtMs: 0,
      sizeBytes: 2,
      value: inline('ab'),
    });
  });

  it('expire changes nothing else but lastModified, also where the bytes were not fetched', () => {
    const meta: LiveRecord = { ...live, value: { type: ValueType.string, paged: false, bytes: null } };
    expect(applyChange(meta, [], key, { kind: 'expire', expiresAtMs: 900 }, 30)).toEqual({
      ...meta,
      expiresAtMs: 900,
      lastModifiedMs: 30,
    });
  });

  it('delete gives null', () => {
    expect(applyChange(live, [], key, { kind: 'delete' }, 30)).toBeNull();
    expect(applyChange(null, [], key, { kind: 'delete' }, 30)).toBeNull();
  });

  it('takes the size of a paged value from its length', () => {
    const paged: Value = { type: ValueType.string, paged: true, length: 100_000, depth: 0, root: ['', ''] };
    expect(applyChange(live, [], key, { kind: 'put', value: paged, expiresAtMs: 0 }, 30)?.sizeBytes).toBe(100_000);
  });

  it('refuses what no step may ask for', () => {
    expect(() => applyChange(null, [], key, { kind: 'expire', expiresAtMs: 1 }, 30)).toThrow(InvariantError);
    expect(() => valueSizeBytes({ type: ValueType.string, paged: false, bytes: null })).toThrow(InvariantError);
  });
});

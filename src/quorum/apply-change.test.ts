import { describe, expect, it } from 'vitest';
import { InvariantError } from '../base/assert.ts';
import { NO_PAST } from '../record/request-history.ts';
import { type LiveRecord, type RecordPast, RequestAction, type RequestHistory } from '../record/state.ts';
import { type Value, ValueType } from '../record/value.ts';
import { applyChange, isNoChange, pastAfterDelete, valueSizeBytes } from './apply-change.ts';

const key = Buffer.from('k');
const firstId = 'r'.repeat(16);
const requests: RequestHistory = {
  entries: [
    {
      requestId: firstId,
      action: RequestAction.updated,
      recordVersion: 4,
      creationTimeMs: 10,
      expiresAtMs: 0,
      appliedAtMs: 9,
    },
  ],
  forgottenUntilMs: 0,
  forgotUntimed: false,
};
const past: RecordPast = { recordVersion: 4, creationTimeMs: 10, lastModifiedMs: 20, requests };

function inline(text: string): Value {
  return { type: ValueType.string, paged: false, bytes: Buffer.from(text) };
}

const live: LiveRecord = { ...past, key, expiresAtMs: 500, sizeBytes: 3, value: inline('old') };

describe('applyChange', () => {
  it('creates with recordVersion 1 and the requests that the tombstone remembers', () => {
    const next = applyChange(null, past, key, { kind: 'put', value: inline('hello'), expiresAtMs: 77 }, 30);
    expect(next).toEqual({
      key,
      recordVersion: 1,
      creationTimeMs: 30,
      lastModifiedMs: 30,
      requests,
      expiresAtMs: 77,
      sizeBytes: 5,
      value: inline('hello'),
    });
  });

  it('gives each incarnation a later creation time, even where the clock does not', () => {
    const put = { kind: 'put', value: inline('x'), expiresAtMs: 0 } as const;
    expect(applyChange(null, past, key, put, 10)?.creationTimeMs).toBe(11);
    expect(applyChange(null, past, key, put, 3)?.creationTimeMs).toBe(11);
  });

  it('put raises recordVersion and keeps creation time and requests', () => {
    const next = applyChange(live, live, key, { kind: 'put', value: inline('ab'), expiresAtMs: 0 }, 30);
    expect(next).toEqual({
      ...live,
      recordVersion: 5,
      lastModifiedMs: 30,
      expiresAtMs: 0,
      sizeBytes: 2,
      value: inline('ab'),
    });
  });

  it('remembers a put with a request id, as what it did', () => {
    const requestId = 's'.repeat(16);
    const put = { kind: 'put', value: inline('x'), expiresAtMs: 700, requestId } as const;
    const updated = applyChange(live, live, key, put, 30)?.requests.entries;
    expect(updated?.map((entry) => entry.requestId)).toEqual([firstId, requestId]);
    expect(updated?.at(-1)).toEqual({
      requestId,
      action: RequestAction.updated,
      recordVersion: 5,
      creationTimeMs: 10,
      expiresAtMs: 700,
      appliedAtMs: 30,
    });
    const created = applyChange(null, NO_PAST, key, put, 30)?.requests.entries;
    expect(created).toMatchObject([{ action: RequestAction.created, recordVersion: 1, creationTimeMs: 30 }]);
  });

  it('expire changes nothing else, also where the bytes were not fetched', () => {
    const meta: LiveRecord = { ...live, value: { type: ValueType.string, paged: false, bytes: null } };
    const next = applyChange(meta, meta, key, { kind: 'expire', expiresAtMs: 900 }, 30);
    expect(next).toEqual({ ...meta, expiresAtMs: 900 });
  });

  it('delete gives null; its tombstone remembers the request, also where nothing was deleted', () => {
    expect(applyChange(live, live, key, { kind: 'delete' }, 30)).toBeNull();
    expect(applyChange(null, NO_PAST, key, { kind: 'delete' }, 30)).toBeNull();
    expect(isNoChange(null, { kind: 'delete' })).toBe(true);
    expect(isNoChange(live, { kind: 'delete' })).toBe(false);
    const change = { kind: 'delete', requestId: 's'.repeat(16) } as const;
    expect(isNoChange(null, change)).toBe(false);
    expect(pastAfterDelete(past, { kind: 'delete' }, 30)).toBe(past);
    expect(pastAfterDelete(past, change, 30).requests.entries).toMatchObject([
      { requestId: firstId },
      { requestId: change.requestId, action: RequestAction.destroyed, recordVersion: 4, appliedAtMs: 30 },
    ]);
  });

  it('takes the size of a paged value from its length', () => {
    const paged: Value = { type: ValueType.string, paged: true, length: 100_000, depth: 0, root: ['', ''] };
    expect(applyChange(live, live, key, { kind: 'put', value: paged, expiresAtMs: 0 }, 30)?.sizeBytes).toBe(100_000);
  });

  it('refuses what no step may ask for', () => {
    expect(() => applyChange(null, NO_PAST, key, { kind: 'expire', expiresAtMs: 1 }, 30)).toThrow(InvariantError);
    expect(() => valueSizeBytes({ type: ValueType.string, paged: false, bytes: null })).toThrow(InvariantError);
  });
});

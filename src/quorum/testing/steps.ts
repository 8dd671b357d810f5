import { assert } from '../../base/assert.ts';
import { append, readRange, stringFromBytes, stringLength } from '../../record/paged-string.ts';
import type { LiveRecord } from '../../record/state.ts';
import { type PageAccess, type StringValue, ValueType } from '../../record/value.ts';
import type { Step } from '../operation.ts';

/** What the steps of tests reply: strings as text. */
export type TestReply = string | number | null;

function stringOf(record: LiveRecord): StringValue {
  assert(record.value.type === ValueType.string, 'the records of tests hold strings');
  return record.value;
}

function textOf(record: LiveRecord, pages: PageAccess, start = 0, end = Number.MAX_SAFE_INTEGER): string {
  const to = Math.min(end, stringLength(stringOf(record)));
  return Buffer.concat(readRange(stringOf(record), start, to, pages)).toString('latin1');
}

export const GET: Step<TestReply> = {
  access: 'read',
  needs: 'value',
  run: (record, { pages }) => ({ reply: record === null ? null : textOf(record, pages), change: null }),
};

/** The bytes from `start` up to, not including, `end`. */
export function getRange(start: number, end: number): Step<TestReply> {
  return {
    access: 'read',
    needs: 'value',
    run: (record, { pages }) => ({ reply: record === null ? null : textOf(record, pages, start, end), change: null }),
  };
}

export const EXISTS: Step<TestReply> = {
  access: 'read',
  needs: 'meta',
  run: (record) => ({ reply: record === null ? 0 : 1, change: null }),
};

/** Milliseconds left; -1 without expiry, -2 without a record. */
export const PTTL: Step<TestReply> = {
  access: 'read',
  needs: 'meta',
  run: (record, { nowMs }) => {
    if (record === null) return { reply: -2, change: null };
    return { reply: record.expiresAtMs === 0 ? -1 : record.expiresAtMs - nowMs, change: null };
  },
};

export interface SetOptions {
  readonly nx?: boolean;
  readonly xx?: boolean;
  readonly expiresAtMs?: number;
}

/** OK, or null if a condition did not hold. */
export function set(text: string, options: SetOptions = {}): Step<TestReply> {
  const bytes = Buffer.from(text, 'latin1');
  return {
    access: 'write',
    needs: 'meta',
    run: (record, { pages }) => {
      if ((options.nx === true && record !== null) || (options.xx === true && record === null)) {
        return { reply: null, change: null };
      }
      const value = stringFromBytes(bytes, pages);
      return { reply: 'OK', change: { kind: 'put', value, expiresAtMs: options.expiresAtMs ?? 0 } };
    },
  };
}

/** The number after one was added. */
export const INCR: Step<TestReply> = {
  access: 'write',
  needs: 'value',
  run: (record, { pages }) => {
    const next = (record === null ? 0 : Number(textOf(record, pages))) + 1;
    const value = stringFromBytes(Buffer.from(String(next)), pages);
    return { reply: next, change: { kind: 'put', value, expiresAtMs: record?.expiresAtMs ?? 0 } };
  },
  runMany: (record, { pages }, times, replies) => {
    const first = record === null ? 0 : Number(textOf(record, pages));
    for (let i = 1; i <= times; i++) replies.push(first + i);
    const value = stringFromBytes(Buffer.from(String(first + times)), pages);
    return { kind: 'put', value, expiresAtMs: record?.expiresAtMs ?? 0, times };
  },
};

/** The new length. */
export function appendText(text: string): Step<TestReply> {
  return {
    access: 'write',
    needs: 'value',
    run: (record, { pages }) => {
      const value = append(record === null ? null : stringOf(record), Buffer.from(text, 'latin1'), pages);
      const change = { kind: 'put', value, expiresAtMs: record?.expiresAtMs ?? 0 } as const;
      return { reply: stringLength(value), change };
    },
  };
}

export const DEL: Step<TestReply> = {
  access: 'write',
  needs: 'meta',
  run: (record) => ({ reply: record === null ? 0 : 1, change: record === null ? null : { kind: 'delete' } }),
};

/** Sets the moment of expiry: 1, or 0 without a record. */
export function expireAt(expiresAtMs: number): Step<TestReply> {
  return {
    access: 'write',
    needs: 'meta',
    run: (record) => ({
      reply: record === null ? 0 : 1,
      change: record === null ? null : { kind: 'expire', expiresAtMs },
    }),
  };
}

import { describe, expect, it } from 'vitest';
import { ballotRow } from '../record/ballot-row.ts';
import { NO_PAST } from '../record/request-history.ts';
import { type LiveRecord, type SealedState, StateKind } from '../record/state.ts';
import { ValueType } from '../record/value.ts';
import { applyChange } from './apply-change.ts';
import type { OpenedBase } from './attempt.ts';
import { ownBase } from './express-base.ts';
import { NO_NODES } from './replica-order.ts';

/** What a client, or a node, sent at once. */
const chunk = Buffer.alloc(65_536, 'sent ');
const ballot = { time: 1, proposer: 1 };

/** All memory that `base` keeps alive. */
function memoryOf({ state, live, past }: OpenedBase): Set<ArrayBufferLike> {
  const value = live?.value;
  const found = [state?.meta, state?.value, live?.key, value?.paged === false ? value.bytes : null];
  for (const bytes of Object.values(past)) if (Buffer.isBuffer(bytes)) found.push(bytes);
  const [old] = Object.values(past).filter((part) => part !== null && typeof part === 'object' && 'bytes' in part);
  if (old !== undefined && Buffer.isBuffer(old.bytes)) found.push(old.bytes);
  return new Set(found.flatMap((bytes) => (bytes === null || bytes === undefined ? [] : [bytes.buffer])));
}

describe('what a proxy remembers of a record', () => {
  const live: LiveRecord = {
    ...NO_PAST,
    key: chunk.subarray(10, 20),
    expiresAtMs: 0,
    sizeBytes: 100,
    value: { type: ValueType.string, paged: false, bytes: chunk.subarray(100, 200) },
  };
  const state: SealedState = {
    header: {
      kind: StateKind.live,
      origin: ballot,
      lineage: ballotRow([ballot]),
      birth: true,
      expiresAtMs: 0,
      sizeBytes: 100,
      namespace: 0,
      generation: 0,
      paged: false,
      remembers: false,
    },
    meta: chunk.subarray(300, 500),
    value: chunk.subarray(600, 1_300),
  };
  const arrived: OpenedBase = {
    accepted: ballot,
    state,
    live,
    past: live,
    differ: false,
    chained: false,
    holders: NO_NODES,
  };

  it('does not keep what was sent at once alive', () => {
    expect(memoryOf(arrived)).toContain(chunk.buffer);
    const kept = ownBase(arrived);
    expect(memoryOf(kept)).not.toContain(chunk.buffer);
    expect(kept).toEqual(arrived);
    expect(ownBase(kept)).toBe(kept);
  });

  it('nor where it has no value', () => {
    const dead = { ...arrived, live: null, past: NO_PAST };
    expect(memoryOf(ownBase(dead))).not.toContain(chunk.buffer);
    expect(ownBase({ ...dead, state: null }).state).toBeNull();
  });

  it('nor does a record that was just made of a command, or changed again and again by others', () => {
    let record: LiveRecord | null = null;
    for (let i = 0; i < 3; i++) {
      const bytes = chunk.subarray(1_000 * i, 1_000 * i + 50);
      const value = { type: ValueType.string, paged: false, bytes } as const;
      const key = chunk.subarray(10, 20);
      record = applyChange(record, record ?? NO_PAST, key, { kind: 'put', expiresAtMs: 0, value }, 1_000 + i);
      expect(record?.value).toEqual(value);
      expect(record?.key.equals(key)).toBe(true);
      const made: OpenedBase = { ...arrived, state: null, live: record, past: record ?? NO_PAST };
      expect(memoryOf(made)).not.toContain(chunk.buffer);
      expect(ownBase(made)).toBe(made);
    }
  });
});

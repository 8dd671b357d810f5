import { describe, expect, it } from 'vitest';
import { limits } from '../src/base/limits.ts';
import { checkRequests } from './check-requests.ts';
import type { HistoryOp } from './checker.ts';

let nextId = 1;

function sent(requestId: string, reply: string, answer?: string): HistoryOp {
  return {
    id: nextId++,
    client: 'R',
    key: 'k',
    op: { kind: 'juno', write: 'set', value: '1', requestId },
    invokedUs: 0,
    returnedUs: 1,
    lowestWallMs: 0,
    highestWallMs: 0,
    outcome: { kind: 'reply', reply },
    ...(answer === undefined ? {} : { answer }),
  };
}

const crowd = (count: number): HistoryOp[] =>
  Array.from({ length: count }, (_, i) => sent(`id${i}`, 'updated', `recordVersion ${i}`));

describe('checkRequests', () => {
  it('wants the same answer of all sendings of one request', () => {
    const history = [sent('a', 'created', 'one'), sent('b', 'updated', 'two'), sent('a', 'created', 'one')];
    expect(checkRequests([], history)).toEqual([]);
    expect(checkRequests([], [...history, sent('a', 'created', 'three')])).toEqual([
      expect.stringMatching(/answers three; .* one$/),
    ]);
  });

  it('wants no request forgotten while there was room for it', () => {
    const forgotten = sent('id0', '-UNCERTAIN');
    expect(checkRequests([], [...crowd(limits.requestIdsPerRecord), forgotten])).toHaveLength(1);
    expect(checkRequests([], [...crowd(limits.requestIdsPerRecord + 1), forgotten])).toEqual([]);
  });

  it('expects nothing of the kind where a clock was far ahead', () => {
    const fault = { kind: 'wild-clock', atUs: 0, forUs: 1, machine: 0, aheadUs: 1 } as const;
    expect(checkRequests([fault], [sent('a', '-UNCERTAIN')])).toEqual([]);
    expect(checkRequests([fault], [sent('a', 'created', 'one'), sent('a', 'created', 'two')])).toHaveLength(1);
  });
});

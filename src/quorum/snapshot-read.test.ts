import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import type { Outcome } from './operation.ts';
import { SnapshotRead } from './snapshot-read.ts';
import { TransactionDeadline } from './transaction-deadline.ts';
import type { TransactionHost } from './transaction-host.ts';

const DEADLINE_MS = 10_000;

function readUntilDeadline(): { read: SnapshotRead<string>; outcomes: Outcome<string>[]; ends: string[] } {
  const outcomes: Outcome<string>[] = [];
  const ends: string[] = [];
  // All that is asked of the host before anything was sent.
  const host = { counters: { add() {} } } as unknown as TransactionHost<string>;
  const operation = {
    keys: [],
    access: 'read',
    needs: 'meta',
    run: () => 'reply',
    done: (outcome: Outcome<string>) => outcomes.push(outcome),
  } as const;
  const read = new SnapshotRead(host, operation, new TransactionDeadline(DEADLINE_MS), {
    onEnded: () => ends.push('ended'),
    onIntentsNeeded: () => ends.push('intents'),
  });
  return { read, outcomes, ends };
}

describe('the deadline of a snapshot', () => {
  it('is answered once', () => {
    const { read, outcomes, ends } = readUntilDeadline();
    read.onTick(DEADLINE_MS - 1);
    expect(outcomes).toEqual([]);
    read.onTick(DEADLINE_MS);
    expect(outcomes).toMatchObject([{ ok: false, failure: { kind: 'unavailable' } }]);
    expect(ends).toEqual(['ended']);
  });

  it('is later for a process that stood still, within bounds', () => {
    const { read, outcomes } = readUntilDeadline();
    read.forgive(300);
    read.onTick(DEADLINE_MS + 299);
    expect(outcomes).toEqual([]);
    read.forgive(3_600_000);
    const mostMs = DEADLINE_MS + limits.deadlineWhenLateMs - limits.deadlineMs;
    read.onTick(mostMs - 1);
    expect(outcomes).toEqual([]);
    read.onTick(mostMs);
    expect(outcomes).toHaveLength(1);
  });
});

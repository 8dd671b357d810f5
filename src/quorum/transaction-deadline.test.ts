import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { TransactionDeadline } from './transaction-deadline.ts';

const UNTIL_MS = 10_000;
const LAST_MS = UNTIL_MS + limits.deadlineWhenLateMs - limits.deadlineMs;

describe('the deadline of a transaction', () => {
  it('is over when nobody is waited for, and asks that only then', () => {
    const deadline = new TransactionDeadline(UNTIL_MS);
    const never = (): boolean => {
      throw new Error('asked before its time');
    };
    expect(deadline.isOver(UNTIL_MS - 1, never)).toBe(false);
    expect(deadline.isOver(UNTIL_MS, () => false)).toBe(true);
  });

  it('moves along while nodes are waited for that are there, within bounds', () => {
    const deadline = new TransactionDeadline(UNTIL_MS);
    expect(deadline.isOver(UNTIL_MS, () => true)).toBe(false);
    expect(deadline.untilMs).toBe(UNTIL_MS + limits.resendDelayMs);
    expect(deadline.isOver(UNTIL_MS + limits.resendDelayMs, () => false)).toBe(true);
    expect(deadline.isOver(LAST_MS - 1, () => true)).toBe(false);
    expect(deadline.untilMs).toBe(LAST_MS);
    expect(deadline.isOver(LAST_MS, () => true)).toBe(true);
  });

  it('is later for a process that stood still, within the same bounds', () => {
    const deadline = new TransactionDeadline(UNTIL_MS);
    deadline.forgive(300);
    expect(deadline.untilMs).toBe(UNTIL_MS + 300);
    deadline.forgive(3_600_000);
    expect(deadline.untilMs).toBe(LAST_MS);
  });

  it('moves as far as pages that are on their way need', () => {
    const deadline = new TransactionDeadline(UNTIL_MS);
    deadline.progressed(2 * LAST_MS);
    expect(deadline.untilMs).toBe(2 * LAST_MS + limits.deadlineMs);
    deadline.forgive(1);
    expect(deadline.untilMs).toBe(2 * LAST_MS + limits.deadlineMs);
  });
});

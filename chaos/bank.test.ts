import { describe, expect, it } from 'vitest';
import type { SerialTxn } from '../sim/serial-checker.ts';
import { BankPool } from './bank.ts';

const TXN: SerialTxn = { id: 1, invokedUs: 0, returnedUs: 1, outcome: 'done', accesses: [] };

describe('a pool of banks', () => {
  it('gives a bank up after some hundred transactions, and hands its history on when the last has ended', () => {
    const done: number[] = [];
    const pool = new BankPool((history) => done.push(history.length));
    const first = pool.take();
    first.history.push(TXN);
    const slow = pool.take();
    expect(slow).toBe(first);
    pool.release(first);
    let bank = first;
    while (bank === first) {
      bank = pool.take();
      bank.history.push(TXN);
      pool.release(bank);
    }
    expect(bank.accounts).not.toEqual(first.accounts);
    expect(first.history.length).toBeGreaterThan(100);
    expect(done).toEqual([]);
    pool.release(slow);
    expect(done).toEqual([first.history.length]);
    pool.finish();
    expect(done).toEqual([first.history.length, 1]);
  });
});

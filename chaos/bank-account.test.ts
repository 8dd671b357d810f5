import { describe, expect, it } from 'vitest';
import { BankAccount } from './bank-account.ts';

describe('a bank account', () => {
  it('adds up when every payment was acknowledged', () => {
    const account = new BankAccount('a');
    account.paid(5, 5);
    account.paid(7, 12);
    account.audit(12);
    expect(account.problems).toEqual([]);
  });

  it('may hold uncertain payments or not, also later', () => {
    const account = new BankAccount('a');
    account.paid(5, 5);
    account.mayBePaid(100);
    account.paid(1, 6);
    account.paid(1, 107);
    account.audit(107);
    expect(account.problems).toEqual([]);
  });

  it.each([4, 111])('does not add up to %i after 10 acknowledged and 100 uncertain', (balance) => {
    const account = new BankAccount('a');
    account.paid(10, 10);
    account.mayBePaid(100);
    account.audit(balance);
    expect(account.problems).toHaveLength(1);
  });

  it('notices a payment that was lost or made twice at the next one', () => {
    const lost = new BankAccount('a');
    lost.paid(5, 5);
    lost.paid(5, 5);
    expect(lost.problems).not.toEqual([]);
    const doubled = new BankAccount('b');
    doubled.paid(5, 10);
    expect(doubled.problems).not.toEqual([]);
  });
});

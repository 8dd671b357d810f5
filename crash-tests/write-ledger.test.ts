import { describe, expect, it } from 'vitest';
import { WriteLedger } from './write-ledger.ts';

function ledger(...successes: (readonly [string, number])[]): WriteLedger {
  const made = new WriteLedger();
  for (const [token, version] of successes) made.succeeded(token, version);
  return made;
}

describe('WriteLedger.checkCounter', () => {
  it('takes a value that equals the successes', () => {
    expect(ledger(['1', 1], ['2', 2]).checkCounter('2', 2)).toEqual([]);
  });

  it('takes one more only where a write is open', () => {
    const made = ledger(['1', 1]);
    expect(made.checkCounter('2', 2)).not.toEqual([]);
    made.leftOpen('2');
    expect(made.checkCounter('1', 1)).toEqual([]);
    expect(made.checkCounter('2', 2)).toEqual([]);
    expect(made.checkCounter('3', 3)).not.toEqual([]);
  });

  it('finds a lost increment, and two who made the same version', () => {
    expect(ledger(['1', 1], ['2', 2]).checkCounter('1', 1)).not.toEqual([]);
    const twice = ledger(['1', 1], ['2', 2]);
    twice.succeeded('2b', 2);
    expect(twice.checkCounter('3', 3).join()).toContain('both 2 and 2b');
  });

  it('finds a value that was written over an older one', () => {
    expect(ledger(['1', 1], ['2', 2], ['2', 3]).checkCounter('2', 3)).not.toEqual([]);
  });
});

describe('WriteLedger.checkLog', () => {
  it('takes each success once, in the order of the versions', () => {
    expect(ledger(['a', 2], ['b', 3]).checkLog('a b ', 3)).toEqual([]);
    expect(ledger().checkLog('', 1)).toEqual([]);
  });

  it('finds a token that is there twice, also where another is missing', () => {
    const problems = ledger(['a', 2], ['b', 3]).checkLog('a a ', 3);
    expect(problems.join()).toContain('a was appended twice');
    expect(problems.join()).toContain('b was acknowledged, and is lost');
  });

  it('finds what was refused, what nobody wrote, and what stands elsewhere', () => {
    const made = ledger(['a', 2], ['b', 3]);
    made.refused('c');
    expect(made.checkLog('a b c ', 4).join()).toContain('c was refused, and appended');
    expect(made.checkLog('a b d ', 4).join()).toContain("d is nobody's");
    expect(made.checkLog('b a ', 3).join()).toContain('a was told version 2, and made 3');
    expect(made.checkLog('a b ', 4).join()).toContain('2 tokens in version 4');
  });

  it('allows an open write, or its absence', () => {
    const made = ledger(['a', 2]);
    made.leftOpen('b');
    expect(made.checkLog('a b ', 3)).toEqual([]);
    expect(made.checkLog('a ', 2)).toEqual([]);
  });
});

describe('WriteLedger.checkReplaced', () => {
  it('takes the token of the last version, if there were as many as successes', () => {
    expect(ledger(['a', 1], ['b', 2]).checkReplaced('b', 2)).toEqual([]);
  });

  it('finds a second application by the version, and a wrong value', () => {
    expect(ledger(['a', 1], ['b', 2]).checkReplaced('b', 3)).not.toEqual([]);
    expect(ledger(['a', 1], ['b', 2]).checkReplaced('a', 2)).not.toEqual([]);
    expect(ledger(['a', 1], ['b', 2]).checkReplaced('a', 1)).not.toEqual([]);
  });

  it('allows an open write to be the last', () => {
    const made = ledger(['a', 1]);
    made.leftOpen('b');
    expect(made.checkReplaced('b', 2)).toEqual([]);
    expect(made.checkReplaced('c', 2)).not.toEqual([]);
  });
});

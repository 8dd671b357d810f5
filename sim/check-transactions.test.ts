import { describe, expect, it } from 'vitest';
import { checkTogether } from './check-transactions.ts';
import type { HistoryOp, KeyOp, OpOutcome, SimReply } from './checker.ts';

let lastId = 0;

interface Part {
  readonly key: string;
  readonly op: KeyOp;
  readonly reply?: SimReply;
}

/** Answered with the replies of its parts; `to` null: its end is unknown. */
function together(from: number, to: number | null, ...parts: Part[]): HistoryOp[] {
  const txn = lastId + 1;
  return parts.map(({ key, op, reply }) => {
    const outcome: OpOutcome = to === null ? { kind: 'unknown' } : { kind: 'reply', reply: reply ?? null };
    const times = { invokedUs: from, returnedUs: to ?? Number.POSITIVE_INFINITY, lowestWallMs: 0, highestWallMs: 0 };
    return { id: ++lastId, client: 'C', key, op, ...(parts.length > 1 ? { txn } : {}), ...times, outcome };
  });
}

const get = (key: string, reply: SimReply): Part => ({ key, op: { kind: 'get' }, reply });
const set = (key: string, value: string): Part => ({ key, op: { kind: 'set', value }, reply: '+OK' });
const pay = (key: string, amount: number, value: string, reply: SimReply): Part => ({
  key,
  op: { kind: 'pay', amount, value },
  reply,
});

function problemsOf(...groups: HistoryOp[][]): string {
  return checkTogether(groups.flat()).join('; ');
}

describe('operations that happen together', () => {
  it('may be found whole', () => {
    const paid = together(0, 1, pay('a1', -5, 'x', null), pay('a2', 5, 'x', null));
    expect(problemsOf(paid, together(2, 3, get('a1', '-5|x'), get('a2', '5|x')))).toBe('');
    expect(problemsOf(paid, together(0, 3, get('a1', null), get('a2', null)))).toBe('');
  });

  it('must not be found in part, by one who looks or by two', () => {
    const paid = together(0, null, pay('a1', -5, 'x', null), pay('a2', 5, 'x', null));
    expect(problemsOf(paid, together(2, 3, get('a1', '-5|x'), get('a2', null)))).toContain('-5 in all accounts');
    const first = together(2, 3, get('a1', '-5|x'));
    expect(problemsOf(paid, first, together(4, 5, get('a2', null)))).toContain('no serial order');
  });

  it('must not happen twice', () => {
    const appended = together(0, 1, { key: 'k', op: { kind: 'getappend', value: ',1' } }, set('j', '1'));
    expect(problemsOf(appended, together(2, 3, get('k', ',1'), get('j', '1')))).toBe('');
    expect(problemsOf(appended, together(2, 3, get('k', ',1,1')))).toContain('twice');
  });

  it('are looked at key by key while a flush goes on', () => {
    const written = together(0, 1, set('k', '1'), set('j', '1'));
    const half = together(4, 5, get('k', null), get('j', '1'));
    const flushed = together(3, 6, { key: 'k', op: { kind: 'flush' }, reply: '+OK' }).concat(
      together(3, 6, { key: 'j', op: { kind: 'flush' }, reply: '+OK' }),
    );
    expect(problemsOf(written, flushed, half)).toBe('');
    expect(problemsOf(written, together(4, 5, get('k', null), get('j', '1')))).not.toBe('');
    const later = together(7, 8, get('k', null), get('j', '1'));
    expect(problemsOf(written, flushed, later)).not.toBe('');
  });

  it('what was refused must not be found', () => {
    const refused = together(0, 1, set('k', '1'), set('j', '1')).map(
      (entry): HistoryOp => ({ ...entry, outcome: { kind: 'none' } }),
    );
    expect(problemsOf(refused, together(2, 3, get('k', null), get('j', null)))).toBe('');
    expect(problemsOf(refused, together(2, 3, get('j', '1')))).toContain('was refused');
  });

  it('keep what is handed on in one place', () => {
    const made = together(0, 1, { key: 'h1', op: { kind: 'setnx', value: '1' }, reply: 1 });
    const moved = together(
      3,
      4,
      { key: 'h1', op: { kind: 'getdel' }, reply: '1' },
      { key: 'h2', op: { kind: 'setnx', value: '2' }, reply: 1 },
    );
    const seen = (at: number, first: SimReply, second: SimReply): HistoryOp[] =>
      together(at, at + 1, get('h1', first), get('h2', second));
    expect(problemsOf(made, seen(1, '1', null), moved, seen(5, null, '2'))).toBe('');
    expect(problemsOf(made, moved, seen(5, '1', '2'))).toContain('in 2 places');
    expect(problemsOf(made, seen(1, '1', null), moved, seen(5, null, null))).toContain('nowhere');
  });
});

import { balanceOf, type HistoryOp } from './checker.ts';
import { ACCOUNT, HOLDER } from './plan-transactions.ts';
import { checkTransactions } from './serial-history.ts';
import { pairOf } from './swap-keys.ts';

/**
 * What transactions must keep, seen by those who look at all keys that belong together: nothing of the money is lost or made,
 * and what is handed on is in one place at a time. And their serial order. Where something was flushed (protocol §8) only the order.
 */
export function checkTogether(whole: readonly HistoryOp[]): string[] {
  // A swap keeps the promise to each key alone, as a flush does.
  const history = whole.filter(({ key }) => pairOf(key) === null);
  const problems = [...checkTransactions(history)];
  if (history.some(({ op }) => op.kind === 'flush')) return problems;
  const looks = looksOf(history);
  const accounts = namesOf(history, ACCOUNT);
  const holders = namesOf(history, HOLDER);
  let heldSinceUs = Number.POSITIVE_INFINITY;
  for (const look of looks) {
    const id = look[0]?.id ?? 0;
    const found = new Map(look.map(({ key, outcome }) => [key, outcome.kind === 'reply' ? outcome.reply : null]));
    const valuesOf = (keys: readonly string[]): (string | null)[] | null =>
      keys.length > 0 && keys.every((key) => found.has(key)) ? keys.map((key) => textOf(found.get(key))) : null;
    const balances = valuesOf(accounts)?.map(balanceOf) ?? [];
    const sum = balances.reduce((total, balance) => total + balance, 0);
    if (sum !== 0) problems.push(`#${id} finds ${sum} in all accounts together: ${balances.join(' ')}`);
    const held = valuesOf(holders)?.filter((value) => value !== null).length;
    if (held === undefined) continue;
    if (held > 1) problems.push(`#${id} finds it in ${held} places`);
    if (held === 0 && heldSinceUs < (look[0]?.invokedUs ?? 0)) problems.push(`#${id} finds it nowhere`);
    if (held === 1) heldSinceUs = Math.min(heldSinceUs, look[0]?.returnedUs ?? 0);
  }
  return problems;
}

/** Answered transactions that changed nothing, in the order in which they ended. */
function looksOf(history: readonly HistoryOp[]): HistoryOp[][] {
  const groups = new Map<number, HistoryOp[]>();
  for (const entry of history) {
    if (entry.txn === undefined) continue;
    const group = groups.get(entry.txn);
    if (group === undefined) groups.set(entry.txn, [entry]);
    else group.push(entry);
  }
  return [...groups.values()]
    .filter((group) => group.every(({ op, outcome }) => op.kind === 'get' && outcome.kind === 'reply'))
    .sort((a, b) => (a[0]?.returnedUs ?? 0) - (b[0]?.returnedUs ?? 0));
}

function namesOf(history: readonly HistoryOp[], pattern: RegExp): string[] {
  return [...new Set(history.map(({ key }) => key).filter((key) => pattern.test(key)))].sort();
}

function textOf(reply: string | number | null | undefined): string | null {
  return reply === undefined || reply === null ? null : String(reply);
}

import { limits } from '../src/base/limits.ts';
import { FORGOTTEN_REPLY, type HistoryOp } from './checker.ts';
import type { Fault } from './plan-faults.ts';

/**
 * What `checkKey` does not look at: all that answer one request answer the same, in full, and none is told that it may have
 * been forgotten while its record had room for every request that there was. (A clock that is an hour ahead makes every
 * request look old.)
 */
export function checkRequests(faults: readonly Fault[], history: readonly HistoryOp[]): string[] {
  const problems: string[] = [];
  // A flush takes with it what is remembered.
  if (history.some(({ op }) => op.kind === 'flush')) return problems;
  const answers = new Map<string, HistoryOp>();
  const idsOfKeys = new Map<string, Set<string>>();
  for (const entry of history) {
    const { op, key, answer } = entry;
    if (op.kind !== 'juno') continue;
    const ids = idsOfKeys.get(key) ?? new Set();
    idsOfKeys.set(key, ids.add(op.requestId));
    if (answer === undefined) continue;
    const first = answers.get(op.requestId);
    if (first === undefined) answers.set(op.requestId, entry);
    else if (first.answer !== answer) {
      problems.push(
        `operation ${entry.id} answers ${answer}; operation ${first.id}, the same request, ${first.answer}`,
      );
    }
  }
  if (faults.some(({ kind }) => kind === 'wild-clock')) return problems;
  for (const { id, key, op, outcome } of history) {
    const isForgotten = op.kind === 'juno' && outcome.kind === 'reply' && outcome.reply === FORGOTTEN_REPLY;
    const known = idsOfKeys.get(key)?.size ?? 0;
    if (isForgotten && known <= limits.requestIdsPerRecord) {
      problems.push(`operation ${id} was told that its request may be forgotten, one of ${known} of its record`);
    }
  }
  return problems;
}

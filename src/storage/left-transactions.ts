import { limits } from '../base/limits.ts';
import type { KnownTransaction } from '../quorum/transaction-settler.ts';
import { NO_NAMESPACE, type RecordPlace, StateKind } from '../record/state.ts';
import { decodeStored } from '../record/state-codec.ts';
import { decisionOf, transactionBallot } from '../record/transaction-record.ts';
import type { OwnRecord } from './own-records.ts';
import type { SweepTools } from './sweep-range.ts';

/** A transaction that a record shows to be unfinished; `place`: of a record that carries its intent. */
interface LeftTransaction {
  readonly transaction: KnownTransaction;
  readonly place: RecordPlace | null;
}

/**
 * Ends what coordinators have left behind, once it is old (protocol §9.5): intents, and transactions' own records. Returns how
 * many; `end` is called for each, later.
 */
export function settleLeft(
  { server, repairer, counts }: SweepTools,
  shard: number,
  records: readonly OwnRecord[],
  end: () => void,
): number {
  const { clock } = server.parts;
  const oldestUs = clock.wallUs() - limits.transactionSweepAgeMs * 1000;
  const left = records.map((record) => leftTransaction(shard, record, oldestUs)).filter((one) => one !== null);
  if (left.length > 0) {
    clock.endOfTurn(() => {
      for (const { transaction, place } of left) {
        repairer.transactions.settle(transaction, place, (ok) => {
          if (ok) counts.repaired++;
          end();
        });
      }
    });
  }
  return left.length;
}

/** The transaction that has left an intent here, or whose own record this is, if it began before `oldestUs`; else null. */
function leftTransaction(shard: number, { id, glance, value }: OwnRecord, oldestUs: number): LeftTransaction | null {
  if (glance === null || !(glance.hasIntent || glance.namespace === NO_NAMESPACE)) return null;
  if (glance.namespace === NO_NAMESPACE && glance.kind === StateKind.dead) return null;
  const state = decodeStored(value)?.state;
  if (state === undefined) return null;
  const { intent, header } = state;
  if (intent !== undefined) {
    const place = { id, shard, namespace: header.namespace, generation: header.generation };
    return intent.ballot.time <= oldestUs ? { transaction: intent, place } : null;
  }
  const decision = decisionOf(state);
  const begun = transactionBallot(id);
  if (decision === null || begun === null || begun.time > oldestUs) return null;
  return { transaction: { transaction: id, shard, records: decision.records }, place: null };
}

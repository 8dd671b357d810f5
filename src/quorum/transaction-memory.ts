import type { RecordId } from '../record/state.ts';
import { resolvedState } from '../record/transaction-record.ts';
import { type OpenedBase, openBase } from './attempt.ts';
import type { PreparedBase } from './prepare-round.ts';
import type { RepairLink } from './repair.ts';
import { NO_NODES } from './replica-order.ts';
import type { Placement } from './task-context.ts';
import type { TransactionKey } from './transaction.ts';
import type { IntentWrite } from './transaction-attempt.ts';
import type { TransactionHost } from './transaction-host.ts';
import type { TransactionRecords } from './transaction-records.ts';

/** What was found, with its seal off: what the proxy remembers under the same ballot was opened before. Null: the seal does not hold. */
export function baseOf<R>(
  host: TransactionHost<R>,
  key: TransactionKey | undefined,
  placement: Placement,
  { accepted, state, differ, holders }: PreparedBase,
): OpenedBase | null {
  const known = key === undefined ? null : host.known(key);
  if (known !== null && host.rounds.rules.confirms(known.accepted, accepted)) {
    return { ...known, differ, chained: false, holders };
  }
  return openBase(host.seal, placement.address.id, accepted, state, differ, holders);
}

/** The records as a committed transaction, which has been resolved, has left them; those that `links` tell the ballot of. */
export function rememberResolved<R>(
  host: TransactionHost<R>,
  keys: readonly TransactionKey[],
  writes: readonly IntentWrite[],
  records: TransactionRecords<R>,
  links: ReadonlyMap<RecordId, RepairLink>,
): void {
  for (const [i, key] of keys.entries()) {
    const commit = writes[i]?.commit;
    const link = commit === undefined ? undefined : links.get(commit.address.id);
    if (commit === undefined || link === undefined) continue;
    const { live, past } = records.attempt(i);
    const state = resolvedState(commit.state, 'committed');
    host.remember(key, { accepted: link.ballot, state, live, past, differ: false, chained: false, holders: NO_NODES });
  }
}

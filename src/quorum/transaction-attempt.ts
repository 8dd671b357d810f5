import { assert } from '../base/assert.ts';
import { limits } from '../base/limits.ts';
import { type Ballot, NO_BALLOT } from '../record/ballot.ts';
import type { Intent, PageManifest, RecordId, RecordPlace, SealedState } from '../record/state.ts';
import { transactionId } from '../record/transaction-record.ts';
import { type CommitRequest, MessageType } from '../rpc/messages.ts';
import { type AttemptPages, type OpenedBase, openBase, type WrittenPage } from './attempt.ts';
import { deadFromAbsent } from './lineage.ts';
import { buildState } from './new-state.ts';
import type { PreparedBase } from './prepare-round.ts';
import type { SealPort } from './seal-port.ts';
import type { Placement } from './task-context.ts';
import type { TransactionKey } from './transaction.ts';
import type { TransactionHost } from './transaction-host.ts';
import type { TransactionRecords } from './transaction-records.ts';

const NO_BYTES = Buffer.alloc(0);

/** A COMMIT that puts an intent on one record, and the pages to go ahead of it. */
export interface IntentWrite {
  readonly placement: Placement;
  readonly commit: CommitRequest;
  readonly pages: readonly WrittenPage[];
}

/** What the intents of a transaction have in common. */
export interface IntentFrame {
  readonly transaction: RecordId;
  readonly shard: number;
  readonly ballot: Ballot;
  /** Asked for with all of its COMMITs, for the writes that clear up behind it; null: these prepare. */
  readonly next: Ballot | null;
  /** All of its records. */
  readonly records: readonly RecordPlace[];
  /** Whether each intent names them all. */
  readonly listed: boolean;
}

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

/** A new one for these records, whose first one's shard it is in. */
export function intentFrame<R>(
  host: TransactionHost<R>,
  placements: readonly Placement[],
  ballot: Ballot,
): IntentFrame {
  const [first] = placements;
  assert(first !== undefined, 'a transaction has records');
  const records = placements.map(placeOf);
  return {
    transaction: transactionId(host.random.below(2 ** 32), ballot),
    shard: first.address.shard,
    ballot,
    next: host.express ? host.rounds.ballots.next() : null,
    records,
    listed: records.length <= limits.intentListRecords,
  };
}

export function placeOf({ address, generation }: Placement): RecordPlace {
  const { id, shard, namespace } = address;
  return { id, shard, namespace, generation };
}

/**
 * The COMMIT of §9.2 for one record: its present state, unchanged, with an intent that holds the proposed one. That is sealed here, under
 * B_T, so that nodes without keys can put it in force.
 */
export function intentWrite<R>(
  seal: SealPort,
  placement: Placement,
  frame: IntentFrame,
  base: OpenedBase,
  records: TransactionRecords<R>,
  index: number,
  pages: AttemptPages,
): IntentWrite {
  const { address, generation } = placement;
  const { id, namespace } = address;
  const attempt = records.attempt(index);
  const isWritten = attempt.changed || attempt.expired;
  const built = isWritten
    ? buildState(seal, id, namespace, generation, frame.ballot, base, attempt, pages)
    : { state: null, pages: null };
  const present: SealedState = base.state ?? {
    header: deadFromAbsent(namespace, generation),
    meta: NO_BYTES,
    value: NO_BYTES,
  };
  assert(present.value !== null, 'the present state is written back whole');
  const intent: Intent = {
    transaction: frame.transaction,
    shard: frame.shard,
    ballot: frame.ballot,
    records: frame.listed ? frame.records : [placeOf(placement)],
    proposed: built.state,
    pages: built.pages,
  };
  const { header, meta, value } = present;
  const added = built.pages === null ? [] : pages.written.map(({ pageId }) => pageId);
  const manifest: PageManifest = { complete: false, added, dropped: [] };
  const commit: CommitRequest = {
    type: MessageType.commit,
    address,
    ballot: frame.ballot,
    baseOrigin: base.state?.header.origin ?? NO_BALLOT,
    state: { header, meta, value, intent },
    pages: header.paged || added.length > 0 ? manifest : null,
    next: frame.next,
    encoded: undefined,
  };
  return { placement, commit, pages: built.pages === null ? [] : pages.written };
}

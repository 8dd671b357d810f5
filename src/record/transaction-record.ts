import { assert } from '../base/assert.ts';
import type { Ballot } from './ballot.ts';
import { rowBehind } from './ballot-row.ts';
import { BALLOT_BYTES, readBallot, writeBallot } from './bytes.ts';
import { ID_BYTES } from './record-id.ts';
import { NO_NAMESPACE, type RecordId, type RecordPlace, type SealedState, StateKind } from './state.ts';
import { PLACE_BYTES, readPlace, writePlace } from './state-codec.ts';

/*
 * A transaction's own record T (protocol §9.3). It is in no namespace and not sealed: storage nodes, which have no key,
 * decide and resolve what its coordinator has left behind. It holds nothing but the outcome and record ids.
 *
 *   id   = 4 random bytes, then B_T: time:u64 proposer:u32
 *   meta = outcome:u8 [ count:u32 count*place ]          ; no places in a tombstone, which keeps the outcome
 */

export type TransactionOutcome = 'committed' | 'aborted';

const OUTCOMES = { committed: 1, aborted: 2 } as const;
const NOTHING = Buffer.alloc(0);
const RANDOM_BYTES = ID_BYTES - BALLOT_BYTES;

/** What a value of T says. */
export interface Decision {
  readonly outcome: TransactionOutcome;
  /** Those that are known, of a transaction that is not dead yet. */
  readonly records: readonly RecordPlace[];
}

/** `random`: 32 bits, so that ids spread over their range. */
export function transactionId(random: number, ballot: Ballot): RecordId {
  const bytes = Buffer.allocUnsafe(ID_BYTES);
  writeBallot(bytes, bytes.writeUInt32BE(random, 0), ballot);
  return bytes.toString('latin1');
}

/** B_T; null if this is no transaction's id. */
export function transactionBallot(id: RecordId): Ballot | null {
  return readBallot(Buffer.from(id, 'latin1'), RANDOM_BYTES);
}

/** T with this outcome, written under `ballot`. */
export function decidedState(decision: Decision, ballot: Ballot): SealedState {
  const { outcome, records } = decision;
  const meta = Buffer.allocUnsafe(1 + 4 + records.length * PLACE_BYTES);
  let at = meta.writeUInt32BE(records.length, meta.writeUInt8(OUTCOMES[outcome], 0));
  for (const place of records) at = writePlace(meta, at, place);
  return stateOf(StateKind.live, meta, ballot);
}

/** T's tombstone, which keeps the outcome. */
export function forgottenState(outcome: TransactionOutcome, ballot: Ballot): SealedState {
  return stateOf(StateKind.dead, Buffer.from([OUTCOMES[outcome]]), ballot);
}

function stateOf(kind: StateKind, meta: Buffer, ballot: Ballot): SealedState {
  const header = {
    kind,
    origin: ballot,
    lineage: rowBehind(ballot, [], 0),
    birth: false,
    expiresAtMs: 0,
    sizeBytes: 0,
    namespace: NO_NAMESPACE,
    generation: 0,
    paged: false,
    remembers: false,
  };
  return { header, meta, value: NOTHING };
}

/** Null: nothing has been decided (a tombstone made from absent), or the bytes are no transaction's. */
export function decisionOf({ header, meta }: SealedState): Decision | null {
  const outcome = outcomeOf(meta[0]);
  if (outcome === null || header.namespace !== NO_NAMESPACE) return null;
  if (header.kind === StateKind.dead) return { outcome, records: [] };
  if (meta.length < 5 || meta.length !== 5 + meta.readUInt32BE(1) * PLACE_BYTES) return null;
  const records: RecordPlace[] = [];
  for (let at = 5; at < meta.length; at += PLACE_BYTES) records.push(readPlace(meta, at));
  return { outcome, records };
}

function outcomeOf(byte: number | undefined): TransactionOutcome | null {
  if (byte === OUTCOMES.committed) return 'committed';
  return byte === OUTCOMES.aborted ? 'aborted' : null;
}

/** The record as it is without the intent of a transaction that has ended so. */
export function resolvedState(state: SealedState, outcome: TransactionOutcome): SealedState {
  const { header, meta, value, intent } = state;
  assert(intent !== undefined, 'an intent is resolved');
  return outcome === 'committed' && intent.proposed !== null ? intent.proposed : { header, meta, value };
}

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Ballot } from './ballot.ts';
import { type Intent, NO_NAMESPACE, type RecordPlace, type SealedState, StateKind } from './state.ts';
import { decodeState, decodeStored, encodeState, encodeStored } from './state-codec.ts';
import { glanceAtStored } from './stored-glance.ts';
import {
  decidedState,
  decisionOf,
  forgottenState,
  resolvedState,
  transactionBallot,
  transactionId,
} from './transaction-record.ts';

const B_T: Ballot = { time: 1_700_000_000_000_001, proposer: 7 };
const LATER: Ballot = { time: 1_700_000_000_000_900, proposer: 8 };
const PLACES: readonly RecordPlace[] = [
  { id: 'a'.repeat(16), shard: 3, namespace: 0, generation: 1 },
  { id: '\0\xff'.repeat(8), shard: 16_383, namespace: 17, generation: 9 },
];

function state(kind: StateKind, text: string): SealedState {
  const header = {
    kind,
    origin: B_T,
    lineage: [B_T.time, B_T.proposer],
    birth: true,
    expiresAtMs: 0,
    sizeBytes: text.length,
    namespace: 0,
    generation: 1,
    paged: false,
    remembers: false,
  };
  return { header, meta: Buffer.from(text), value: Buffer.from(`${text} value`) };
}

function intent(overrides: Partial<Intent> = {}): Intent {
  return {
    transaction: transactionId(5, B_T),
    shard: 3,
    ballot: B_T,
    records: PLACES,
    proposed: state(StateKind.live, 'new'),
    pages: { complete: false, added: ['p'.repeat(16)], dropped: ['q'.repeat(16), 'r'.repeat(16)] },
    ...overrides,
  };
}

describe('a transaction record', () => {
  it('has an id that tells its ballot', () => {
    expect(transactionBallot(transactionId(0xffff_ffff, B_T))).toEqual(B_T);
    expect(transactionId(1, B_T)).not.toBe(transactionId(2, B_T));
  });

  it('tells its outcome and records, and as a tombstone still its outcome', () => {
    const committed = decidedState({ outcome: 'committed', records: PLACES }, B_T);
    expect(decisionOf(committed)).toEqual({ outcome: 'committed', records: PLACES });
    expect(committed.header.namespace).toBe(NO_NAMESPACE);
    const dead = forgottenState('aborted', LATER);
    expect(dead.header.kind).toBe(StateKind.dead);
    expect(decisionOf(dead)).toEqual({ outcome: 'aborted', records: [] });
  });

  it('tells nothing where nothing was decided, and of other records', () => {
    const absent = { ...forgottenState('aborted', LATER), meta: Buffer.alloc(0) };
    expect(decisionOf(absent)).toBeNull();
    expect(decisionOf(state(StateKind.live, '\x01'))).toBeNull();
    const cut = decidedState({ outcome: 'committed', records: PLACES }, B_T);
    expect(decisionOf({ ...cut, meta: cut.meta.subarray(0, cut.meta.length - 1) })).toBeNull();
  });

  it('leaves the proposed state where it was committed, and the present one otherwise', () => {
    const before = state(StateKind.live, 'old');
    const held = { ...before, intent: intent() };
    expect(resolvedState(held, 'committed')).toEqual(intent().proposed);
    expect(resolvedState(held, 'aborted')).toEqual(before);
    expect(resolvedState({ ...before, intent: intent({ proposed: null, pages: null }) }, 'committed')).toEqual(before);
  });
});

describe('an intent', () => {
  const forms = [intent(), intent({ proposed: null, pages: null }), intent({ records: [] }), intent({ pages: null })];

  it('is stored and sent with its record', () => {
    for (const one of forms) {
      const held = { ...state(StateKind.dead, 'old'), intent: one };
      expect(decodeStored(encodeStored(LATER, held))).toEqual({ accepted: LATER, state: held });
      expect(decodeState(encodeState(held))).toEqual(held);
      expect(decodeState(encodeState({ ...held, value: null }))).toEqual({ ...held, value: null });
      expect(glanceAtStored(encodeStored(LATER, held))?.hasIntent).toBe(true);
    }
    expect(glanceAtStored(encodeStored(LATER, state(StateKind.live, 'x')))?.hasIntent).toBe(false);
  });

  it('is refused when cut off anywhere, changed anywhere, or within another', () => {
    const bytes = encodeState({ ...state(StateKind.live, 'old'), intent: intent() });
    for (let length = 0; length < bytes.length; length++) expect(decodeState(bytes.subarray(0, length))).toBeNull();
    const nested = { ...state(StateKind.live, 'old'), intent: intent() };
    expect(decodeState(encodeState({ ...nested, intent: intent({ proposed: nested }) }))).toBeNull();
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(255), (at, byte) => {
        const changed = Buffer.from(bytes);
        changed[at] = byte;
        const read = decodeState(changed);
        // Whatever it is read as is what would be written for it.
        if (read !== null) expect(encodeState(read).length).toBe(bytes.length);
      }),
    );
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import type { Random } from '../base/random.ts';
import { SystemRandom } from '../base/system-random.ts';
import { NO_BALLOT } from '../record/ballot.ts';
import { ballotRow } from '../record/ballot-row.ts';
import { makePageId } from '../record/record-id.ts';
import { NO_PAST } from '../record/request-history.ts';
import { type RecordContent, RequestAction, type SealedState, type StateHeader, StateKind } from '../record/state.ts';
import { decodeStored, encodeStored } from '../record/state-codec.ts';
import type { Value } from '../record/value.ts';
import { ValueType } from '../record/value.ts';
import { keyRingOf } from './key-ring.ts';
import { RecordSealer, SEAL_OVERHEAD_BYTES } from './record-sealer.ts';

/** Bytes that count up, so that sealed bytes can be pinned. */
class CountingRandom implements Random {
  #next = 0;
  fill(target: Uint8Array): void {
    for (let i = 0; i < target.length; i++) target[i] = this.#next++;
  }
  unit(): number {
    return 0;
  }
  below(): number {
    return 0;
  }
}

const keyOne = Buffer.alloc(32, 1);
const ring = keyRingOf(1, new Map([[1, keyOne]]));
const sealer = new RecordSealer(ring, new SystemRandom());
const id = '0123456789abcdef';
const otherId = '0123456789abcdeg';
const origin = { time: 1_000, proposer: 3 };

function header(change: Partial<StateHeader> = {}): StateHeader {
  return {
    kind: StateKind.live,
    origin,
    lineage: ballotRow([origin, { time: 900, proposer: 2 }]),
    birth: true,
    expiresAtMs: 5,
    sizeBytes: 5,
    namespace: 1,
    generation: 2,
    paged: false,
    remembers: false,
    ...change,
  };
}

function stringOf(bytes: Buffer): Value {
  return { type: ValueType.string, paged: false, bytes };
}

function content(value: Value | null): RecordContent {
  const request = { requestId: 'abcdefghijklmnop', action: RequestAction.created, recordVersion: 1, appliedAtMs: 9 };
  const entries = [{ ...request, creationTimeMs: 2, expiresAtMs: 0 }];
  const requests = { entries, forgottenUntilMs: 0, forgotUntimed: false };
  return { key: Buffer.from('the key'), recordVersion: 1, creationTimeMs: 2, lastModifiedMs: 3, requests, value };
}

const pagedValue: Value = {
  type: ValueType.string,
  paged: true,
  length: 70_000,
  depth: 0,
  root: [makePageId(origin, 0), ''],
};
const small = content(stringOf(Buffer.from('hello')));
const large = content(stringOf(Buffer.alloc(limits.embeddedValueBytes + 1, 0x61)));

function flip(bytes: Buffer, index: number): Buffer {
  const changed = Buffer.from(bytes);
  changed[index] = (changed[index] ?? 0) ^ 1;
  return changed;
}

describe('sealing a record', () => {
  it.each<[string, StateHeader, RecordContent]>([
    ['a small value', header(), small],
    ['an empty value', header(), content(stringOf(Buffer.alloc(0)))],
    ['the largest embedded value', header(), content(stringOf(Buffer.alloc(limits.embeddedValueBytes, 0x62)))],
    ['a separate value', header(), large],
    ['a paged value', header({ paged: true }), content(pagedValue)],
    ['a tombstone', header({ kind: StateKind.dead }), content(null)],
    ['no lineage', header({ lineage: [], origin: NO_BALLOT }), small],
    ['the longest lineage', header({ lineage: ballotRow(new Array(limits.lineageLength).fill(origin)) }), small],
  ])('opens to what was sealed: %s', (_name, head, sealedContent) => {
    const state = sealer.seal(id, head, sealedContent);
    expect(state.header).toBe(head);
    expect(sealer.open(id, state)).toEqual({ header: head, content: sealedContent });
    expect(sealer.lastFailure).toBeNull();
  });

  it('embeds small values and seals larger ones apart', () => {
    expect(sealer.seal(id, header(), small).value).toHaveLength(0);
    const state = sealer.seal(id, header(), large);
    expect(state.value).toHaveLength(SEAL_OVERHEAD_BYTES + limits.embeddedValueBytes + 1);
    expect(state.meta.length).toBeLessThan(200);
  });

  it('opens the metadata alone', () => {
    const state = { ...sealer.seal(id, header(), large), value: null };
    expect(sealer.open(id, state)?.content).toEqual({ ...large, value: { ...large.value, bytes: null } });
    const embedded = { ...sealer.seal(id, header(), small), value: null };
    expect(sealer.open(id, embedded)?.content).toEqual(small);
  });

  it('makes larger values where they will be stored, for one ballot; for another they are copied', () => {
    fc.assert(
      fc.property(fc.integer({ min: 300, max: 6_000 }), fc.nat({ max: 3 }), (length, ballots) => {
        const lineage = ballotRow([origin, ...Array.from({ length: ballots }, (_, i) => ({ time: i, proposer: i }))]);
        const value = Buffer.alloc(length, 'some value ');
        const state = sealer.seal(id, header({ lineage }), content(stringOf(value)));
        const plain: SealedState = { header: state.header, meta: state.meta, value: state.value };
        const expected = encodeStored(origin, plain);
        const first = encodeStored(origin, state);
        expect(first.equals(expected)).toBe(true);
        expect(first.buffer === state.value?.buffer).toBe(length > limits.embeddedValueBytes);
        const later = { time: 2_000, proposer: 9 };
        const second = encodeStored(later, state);
        expect(second.equals(encodeStored(later, plain))).toBe(true);
        // The first one is on its way to a disk.
        expect(first.equals(expected)).toBe(true);
        expect(sealer.open(id, state)?.content.value).toEqual(stringOf(value));
        expect(decodeStored(first)).toEqual({ accepted: origin, state: plain });
      }),
    );
  });

  it('shows nothing of key and value', () => {
    for (const sealed of [small, large]) {
      const state = sealer.seal(id, header(), sealed);
      const all = Buffer.concat([state.meta, state.value ?? Buffer.alloc(0)]);
      for (const secret of ['the key', 'hello', 'aaaaaaaa', 'abcdefgh']) expect(all.includes(secret)).toBe(false);
    }
  });

  it('has pinned bytes', () => {
    const pinned = new RecordSealer(ring, new CountingRandom());
    const state = pinned.seal(id, header(), small);
    expect(state.meta.toString('hex')).toBe(
      '00000001000102030405060708090a0b0c0d0e0f101112131415161779d0db859d91d788e2466a48143276b0f7b69ccef84b80d2230cfbb1e8087b0691b82bf0c1df4299164bcfa7d2fb02a8a30ac8fd29ace335573de2e1701b79dca962879ca407702a4084d0f21191cb1e45df8e52be2ad19a8fcd14ef8fed35e5a2ef700012415b85e0e3bcdced8a43e17235df753073',
    );
    expect(pinned.sealPage(id, makePageId(origin, 1), Buffer.from('page')).toString('hex')).toBe(
      '0000000118191a1b1c1d1e1f202122232425262728292a2b2c2d2e2fdecf73e2f0f71933ad96b38f72a65190af4620a7',
    );
  });

  it('never uses a nonce twice', () => {
    const nonces = new Set<string>();
    const page = Buffer.from('x');
    const count = 2_000;
    for (let i = 0; i < count; i++) nonces.add(sealer.sealPage(id, makePageId(origin, i), page).toString('hex', 4, 28));
    expect(nonces.size).toBe(count);
    const state = sealer.seal(id, header(), large);
    expect(state.meta.subarray(4, 28).equals(state.value?.subarray(4, 28) ?? Buffer.alloc(0))).toBe(false);
  });

  it('hands out buffers that later calls leave alone', () => {
    const state = sealer.seal(id, header(), small);
    const copy = Buffer.from(state.meta);
    const opened = sealer.open(id, state);
    for (let i = 0; i < 300; i++) sealer.open(otherId, sealer.seal(otherId, header(), large));
    expect(state.meta.equals(copy)).toBe(true);
    expect(opened?.content).toEqual(small);
  });

  it('round trips whatever it is given', () => {
    const bytes = fc.uint8Array({ maxLength: 2_000 }).map((array) => Buffer.from(array));
    fc.assert(
      fc.property(bytes, bytes, fc.boolean(), (key, value, sendValue) => {
        const made = { ...content(stringOf(value)), key };
        const state = sealer.seal(id, header(), made);
        const sent: SealedState = sendValue ? state : { ...state, value: null };
        const expected = sendValue || value.length <= limits.embeddedValueBytes ? value : null;
        expect(sealer.open(id, sent)?.content).toEqual({ ...made, value: { ...made.value, bytes: expected } });
      }),
      { numRuns: 200 },
    );
  });
});

describe('what does not open', () => {
  function expectDamaged(stateId: string, state: SealedState): void {
    expect(sealer.open(stateId, state)).toBeNull();
    expect(sealer.lastFailure).toEqual({ kind: 'damaged' });
  }

  it.each<[string, Partial<StateHeader>]>([
    ['kind', { kind: StateKind.dead }],
    ['origin', { origin: { time: 1_001, proposer: 3 } }],
    ['proposer of the origin', { origin: { time: 1_000, proposer: 4 } }],
    ['lineage', { lineage: ballotRow([origin, { time: 901, proposer: 2 }]) }],
    ['length of the lineage', { lineage: ballotRow([origin]) }],
    ['birth', { birth: false }],
    ['expiresAtMs', { expiresAtMs: 6 }],
    ['sizeBytes', { sizeBytes: 6 }],
    ['namespace', { namespace: 2 }],
    ['generation', { generation: 3 }],
    ['paged', { paged: true }],
    ['remembers', { remembers: true }],
  ])('a header with another %s', (_name, change) => {
    for (const sealed of [small, large]) {
      // As it comes back from a disk or a wire: the header is only what it says.
      const { meta, value } = sealer.seal(id, header(), sealed);
      expectDamaged(id, { header: header(change), meta, value });
    }
  });

  it('a record moved to another id', () => expectDamaged(otherId, sealer.seal(id, header(), small)));

  it('any changed byte of metadata, value or page', () => {
    const state = sealer.seal(id, header(), large);
    const value = state.value ?? Buffer.alloc(0);
    // The first four bytes name the key version: a change there is an unknown version.
    for (let i = 4; i < state.meta.length; i++) expectDamaged(id, { ...state, meta: flip(state.meta, i) });
    for (let i = 4; i < value.length; i += 13) expectDamaged(id, { ...state, value: flip(value, i) });
    const pageId = makePageId(origin, 0);
    const page = sealer.sealPage(id, pageId, Buffer.from('page'));
    for (let i = 4; i < page.length; i++) expect(sealer.openPage(id, pageId, flip(page, i))).toBeNull();
  });

  it('a cut anywhere', () => {
    const state = sealer.seal(id, header(), small);
    for (let i = 1; i < state.meta.length; i++) expectDamaged(id, { ...state, meta: state.meta.subarray(0, i) });
    const pageId = makePageId(origin, 0);
    const page = sealer.sealPage(id, pageId, Buffer.from('page'));
    for (let i = 0; i < page.length; i++) expect(sealer.openPage(id, pageId, page.subarray(0, i))).toBeNull();
  });

  it('parts that were swapped, mixed or left out', () => {
    const state = sealer.seal(id, header(), large);
    const same = sealer.seal(id, header(), small);
    expectDamaged(id, { ...state, meta: state.value ?? Buffer.alloc(0), value: state.meta });
    expectDamaged(id, { ...state, value: Buffer.alloc(0) });
    expectDamaged(id, { ...state, meta: Buffer.alloc(0) });
    expectDamaged(id, { ...same, value: state.value });
    const dead = header({ kind: StateKind.dead, remembers: true });
    expectDamaged(id, { ...sealer.seal(id, dead, content(null)), meta: Buffer.alloc(0) });
  });

  it('a page under another record, another page id, or as a record', () => {
    const pageId = makePageId(origin, 0);
    const page = sealer.sealPage(id, pageId, Buffer.from('page'));
    expect(sealer.openPage(id, pageId, page)?.toString()).toBe('page');
    expect(sealer.openPage(otherId, pageId, page)).toBeNull();
    expect(sealer.openPage(id, makePageId(origin, 1), page)).toBeNull();
    expectDamaged(id, { header: header(), meta: page, value: Buffer.alloc(0) });
  });

  it('with a wrong key, or with a key version that is not known, which is told apart', () => {
    const state = sealer.seal(id, header(), small);
    const wrong = new RecordSealer(keyRingOf(1, new Map([[1, Buffer.alloc(32, 2)]])), new SystemRandom());
    expect(wrong.open(id, state)).toBeNull();
    expect(wrong.lastFailure).toEqual({ kind: 'damaged' });
    const older = new RecordSealer(keyRingOf(7, new Map([[7, keyOne]])), new SystemRandom());
    expect(older.open(id, state)).toBeNull();
    expect(older.lastFailure).toEqual({ kind: 'unknown-key-version', keyVersion: 1 });
    expect(older.open(id, older.seal(id, header(), small))).not.toBeNull();
    expect(older.lastFailure).toBeNull();
  });

  it('but older key versions stay readable after a rotation', () => {
    const state = sealer.seal(id, header(), small);
    const keys = new Map([
      [1, keyOne],
      [2, Buffer.alloc(32, 2)],
    ]);
    const rotated = new RecordSealer(keyRingOf(2, keys), new SystemRandom());
    expect(rotated.open(id, state)?.content).toEqual(small);
    expect(rotated.seal(id, header(), small).meta.readUInt32BE(0)).toBe(2);
  });
});

describe('a tombstone made without keys', () => {
  const fromAbsent = { kind: StateKind.dead, origin: NO_BALLOT, lineage: [], remembers: false };
  const byNode = { kind: StateKind.dead, remembers: false };
  it.each([
    ['from absent', fromAbsent],
    ['by a storage node, over an expired record', byNode],
  ])('%s opens to nothing', (_name, change) => {
    const state = { header: header(change), meta: Buffer.alloc(0), value: Buffer.alloc(0) };
    const opened = sealer.open(id, state);
    expect(opened?.header).toBe(state.header);
    expect(opened?.content).toMatchObject({ ...NO_PAST, value: null });
    expect(opened?.content.key).toHaveLength(0);
    expect(sealer.open(id, { ...state, value: null })).not.toBeNull();
    expect(sealer.open(id, { ...state, value: Buffer.from('x') })).toBeNull();
  });

  it('cannot say that it remembers requests, or that it is in pages', () => {
    const state = { meta: Buffer.alloc(0), value: Buffer.alloc(0) };
    expect(sealer.open(id, { ...state, header: header({ ...byNode, remembers: true }) })).toBeNull();
    expect(sealer.open(id, { ...state, header: header({ ...byNode, paged: true }) })).toBeNull();
  });
});

describe('seal', () => {
  it('refuses content that does not agree with its header', () => {
    expect(() => sealer.seal(id, header({ kind: StateKind.dead }), small)).toThrow('dead ones none');
    expect(() => sealer.seal(id, header(), content(null))).toThrow('live states have a value');
    expect(() => sealer.seal(id, header({ paged: true }), small)).toThrow('being paged');
    expect(() => sealer.seal(id, header(), content(pagedValue))).toThrow('being paged');
    const unloaded = content({ type: ValueType.string, paged: false, bytes: null });
    expect(() => sealer.seal(id, header(), unloaded)).toThrow('must be loaded');
    expect(() => sealer.seal('short', header(), small)).toThrow('16 bytes');
  });
});

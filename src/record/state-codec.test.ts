import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { NO_BALLOT } from './ballot.ts';
import { ballotRow } from './ballot-row.ts';
import type { SealedState, StateHeader } from './state.ts';
import { StateKind } from './state.ts';
import {
  decodeState,
  decodeStored,
  encodeState,
  encodeStored,
  readState,
  stateLength,
  writeState,
} from './state-codec.ts';

const live: SealedState = {
  header: {
    kind: StateKind.live,
    origin: { time: 0x1_0000_0002, proposer: 7 },
    lineage: ballotRow([
      { time: 0x1_0000_0002, proposer: 7 },
      { time: 5, proposer: 0xffff_ffff },
    ]),
    birth: true,
    expiresAtMs: 1_700_000_000_000,
    sizeBytes: 3,
    namespace: 15,
    generation: 2,
    paged: false,
    remembers: false,
  },
  meta: Buffer.from('meta'),
  value: Buffer.from('abc'),
};

const tombstone: SealedState = {
  header: {
    kind: StateKind.dead,
    origin: NO_BALLOT,
    lineage: [],
    birth: true,
    expiresAtMs: 0,
    sizeBytes: 0,
    namespace: 0,
    generation: 0,
    paged: false,
    remembers: false,
  },
  meta: Buffer.alloc(0),
  value: Buffer.alloc(0),
};

const accepted = { time: 9_007_199_254_740_991, proposer: 1 };

const goldenLive = [
  '01', // formatVersion
  '001fffffffffffff00000001', // accepted
  '0a', // flags: live, birth
  '000000010000000200000007', // origin
  '02', // lineage
  '000000010000000200000007',
  '0000000000000005ffffffff',
  '0000018bcfe56800', // expiresAtMs
  '0000000000000003', // sizeBytes
  '0000000f', // namespace
  '00000002', // generation
  '00000000', // intent
  '000000046d657461', // meta
  '00000003616263', // value
].join('');
const goldenLiveCrc = 'c8c6fd6b';

const goldenTombstone =
  '01001fffffffffffff00000001090000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000009e1d731';

const ballotArbitrary = fc.record({
  time: fc.maxSafeNat(),
  proposer: fc.nat(0xffff_ffff),
});

const headerArbitrary: fc.Arbitrary<StateHeader> = fc.record({
  kind: fc.constantFrom(StateKind.dead, StateKind.live),
  origin: ballotArbitrary,
  lineage: fc.array(ballotArbitrary, { maxLength: limits.lineageLength }).map(ballotRow),
  birth: fc.boolean(),
  expiresAtMs: fc.maxSafeNat(),
  sizeBytes: fc.maxSafeNat(),
  namespace: fc.nat(0xffff_ffff),
  generation: fc.nat(0xffff_ffff),
  paged: fc.boolean(),
  remembers: fc.boolean(),
});

const bytesArbitrary = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));

describe('stored records', () => {
  it('have pinned bytes', () => {
    expect(encodeStored(accepted, live).toString('hex')).toBe(goldenLive + goldenLiveCrc);
    expect(encodeStored(accepted, tombstone).toString('hex')).toBe(goldenTombstone);
  });

  it('are read back from the pinned bytes', () => {
    expect(decodeStored(Buffer.from(goldenLive + goldenLiveCrc, 'hex'))).toEqual({ accepted, state: live });
    const dead = decodeStored(Buffer.from(goldenTombstone, 'hex'));
    expect(dead).toEqual({ accepted, state: tombstone });
    expect(dead?.state.header.origin).toBe(NO_BALLOT);
  });

  it('show that request ids are remembered, and until when a tombstone is kept', () => {
    const header = { ...tombstone.header, remembers: true, expiresAtMs: 1_700_000_000_000 };
    const bytes = encodeStored(accepted, { ...tombstone, header, meta: Buffer.from('meta') });
    expect(bytes[13]).toBe(0x49);
    expect(bytes.readBigUInt64BE(27)).toBe(1_700_000_000_000n);
    expect(decodeStored(bytes)?.state.header).toEqual(header);
  });

  it('notice every flipped bit, every changed byte, every cut and every addition', () => {
    const golden = Buffer.from(goldenLive + goldenLiveCrc, 'hex');
    for (let i = 0; i < golden.length; i++) {
      for (const change of [1, 2, 4, 8, 16, 32, 64, 128, 255]) {
        const damaged = Buffer.from(golden);
        damaged[i] = (damaged[i] ?? 0) ^ change;
        expect(decodeStored(damaged), `byte ${i} changed by ${change}`).toBeNull();
      }
      expect(decodeStored(golden.subarray(0, i)), `cut to ${i}`).toBeNull();
    }
    expect(decodeStored(Buffer.concat([golden, Buffer.alloc(1)]))).toBeNull();
  });

  it('round trip', () => {
    fc.assert(
      fc.property(ballotArbitrary, headerArbitrary, bytesArbitrary, bytesArbitrary, (ballot, header, meta, value) => {
        const state = { header, meta, value };
        expect(decodeStored(encodeStored(ballot, state))).toEqual({ accepted: ballot, state });
      }),
      { numRuns: 200 },
    );
  });

  it('refuse a state whose value is missing, or whose lineage is too long', () => {
    expect(() => encodeStored(accepted, { ...live, value: null })).toThrow('without its value');
    const lineage = Array.from({ length: limits.lineageLength + 1 }, (_, i) => ({ time: i + 1, proposer: 1 }));
    const header = { ...live.header, lineage: ballotRow(lineage) };
    expect(() => encodeStored(accepted, { ...live, header })).toThrow('lineage is too long');
  });
});

describe('stored records with a right checksum and wrong content', () => {
  /** What a defect of a writer could leave: the checksum holds, the bytes make no sense. */
  async function withChecksum(change: (bytes: Buffer) => void): Promise<Buffer> {
    const { crc32 } = await import('node:zlib');
    const bytes = Buffer.from(goldenLive + goldenLiveCrc, 'hex');
    change(bytes);
    bytes.writeUInt32BE(crc32(bytes.subarray(0, -4)), bytes.length - 4);
    return bytes;
  }

  const intentAt = goldenLive.length / 2 - 7 - 8 - 4;
  const cases: [string, (bytes: Buffer) => void][] = [
    ['another format version', (bytes) => bytes.writeUInt8(2, 0)],
    ['an unsafe ballot time', (bytes) => bytes.writeUInt32BE(0x20_0000, 1)],
    ['no kind', (bytes) => bytes.writeUInt8(0x08, 13)],
    ['an unknown flag', (bytes) => bytes.writeUInt8(0x8a, 13)],
    ['a flag of messages only', (bytes) => bytes.writeUInt8(0x2a, 13)],
    ['an intent flag', (bytes) => bytes.writeUInt8(0x1a, 13)],
    ['an unsafe origin', (bytes) => bytes.writeUInt32BE(0x20_0000, 14)],
    ['a lineage that is too long', (bytes) => bytes.writeUInt8(limits.lineageLength + 1, 26)],
    ['a lineage past the end', (bytes) => bytes.writeUInt8(limits.lineageLength, 26)],
    ['an unsafe lineage entry', (bytes) => bytes.writeUInt32BE(0x20_0000, 27)],
    ['an intent', (bytes) => bytes.writeUInt32BE(1, intentAt)],
    ['a meta length past the end', (bytes) => bytes.writeUInt32BE(0xffff_ffff, intentAt + 4)],
    ['a meta length that hides the value', (bytes) => bytes.writeUInt32BE(4 + 4 + 3, intentAt + 4)],
    ['a value length past the end', (bytes) => bytes.writeUInt32BE(4, intentAt + 12)],
    ['bytes behind the value', (bytes) => bytes.writeUInt32BE(2, intentAt + 12)],
  ];
  it.each(cases)('%s', async (_name, change) => {
    expect(decodeStored(await withChecksum(() => {}))).not.toBeNull();
    expect(decodeStored(await withChecksum(change))).toBeNull();
  });
});

describe('states in messages', () => {
  it('have pinned bytes', () => {
    const hex = goldenLive.slice(26);
    const header = hex.slice(0, -38);
    expect(encodeState(live).toString('hex')).toBe(`${header}000000046d65746100000003616263`);
    expect(encodeState({ ...live, value: null }).toString('hex')).toBe(`2a${header.slice(2)}000000046d657461`);
  });

  it('round trip in the middle of a buffer, with and without the value', () => {
    const value = fc.option(bytesArbitrary, { nil: null });
    fc.assert(
      fc.property(headerArbitrary, bytesArbitrary, value, fc.nat(20), (header, meta, sent, offset) => {
        const state = { header, meta, value: sent };
        const target = Buffer.alloc(offset + stateLength(state) + 3, 0xee);
        expect(writeState(target, offset, state)).toBe(target.length - 3);
        expect(readState(target, offset)).toEqual({ state, next: target.length - 3 });
        expect(decodeState(target.subarray(offset, target.length - 3))).toEqual(state);
        expect(decodeState(target.subarray(offset))).toBeNull();
      }),
      { numRuns: 200 },
    );
  });

  it('are null when cut anywhere', () => {
    for (const state of [live, { ...live, value: null }]) {
      const bytes = encodeState(state);
      for (let i = 0; i < bytes.length; i++) expect(decodeState(bytes.subarray(0, i))).toBeNull();
    }
  });

  it('are views, not copies', () => {
    const bytes = encodeState(live);
    const state = decodeState(bytes);
    bytes.fill(0x7a);
    expect(state?.meta.toString()).toBe('zzzz');
    expect(state?.value?.toString()).toBe('zzz');
  });
});

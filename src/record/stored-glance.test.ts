import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { ballotRow } from './ballot-row.ts';
import { type StateHeader, StateKind } from './state.ts';
import { decodeStored, encodeStored } from './state-codec.ts';
import { glanceAtStored } from './stored-glance.ts';

const ballot = fc.record({ time: fc.maxSafeNat(), proposer: fc.nat(0xffff_ffff) });
const bytes = fc.uint8Array({ maxLength: 100 }).map((array) => Buffer.from(array));
const header: fc.Arbitrary<StateHeader> = fc.record({
  kind: fc.constantFrom(StateKind.dead, StateKind.live),
  origin: ballot,
  lineage: fc.array(ballot, { maxLength: limits.lineageLength }).map(ballotRow),
  birth: fc.boolean(),
  expiresAtMs: fc.maxSafeNat(),
  sizeBytes: fc.maxSafeNat(),
  namespace: fc.nat(0xffff_ffff),
  generation: fc.nat(0xffff_ffff),
  paged: fc.boolean(),
  remembers: fc.boolean(),
});

describe('a glance at a stored record', () => {
  it('sees what the whole record says', () => {
    fc.assert(
      fc.property(ballot, header, bytes, bytes, (accepted, given, meta, value) => {
        const stored = encodeStored(accepted, { header: given, meta, value });
        const { kind, expiresAtMs, namespace, generation, remembers } = given;
        expect(glanceAtStored(stored)).toEqual({
          accepted,
          kind,
          expiresAtMs,
          namespace,
          generation,
          remembers,
          hasIntent: false,
        });
      }),
    );
  });

  it('is null wherever the whole record cannot be read', () => {
    const anything = fc.tuple(header, fc.nat(), fc.integer({ min: 1, max: 255 }));
    fc.assert(
      fc.property(anything, ([given, at, change]) => {
        const stored = encodeStored(
          { time: 5, proposer: 1 },
          { header: given, meta: Buffer.from('m'), value: Buffer.alloc(0) },
        );
        stored[at % stored.length] = (stored[at % stored.length] ?? 0) ^ change;
        expect(decodeStored(stored)).toBeNull();
        expect(glanceAtStored(stored)).toBeNull();
        expect(glanceAtStored(stored.subarray(0, at % stored.length))).toBeNull();
      }),
    );
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NO_BALLOT } from '../record/ballot.ts';
import { pageKey, recordKey } from '../record/record-id.ts';
import { NO_NAMESPACE, type StateHeader, StateKind } from '../record/state.ts';
import { encodeStored } from '../record/state-codec.ts';
import { MemoryEngine } from './memory-engine.ts';

const BALLOT = { time: 7, proposer: 1 };
/** About what an entry of the engine costs beside its bytes. */
const ENTRY_BYTES = 200;
const id = (n: number): string => String(n).padStart(16, '0');
const KEY_BYTES = recordKey(0, id(0)).length;

function stored(changes: Partial<StateHeader>, valueBytes = 0): Buffer {
  const header: StateHeader = {
    kind: StateKind.live,
    origin: NO_BALLOT,
    lineage: [7, 1, 6, 1],
    birth: true,
    expiresAtMs: 0,
    sizeBytes: valueBytes,
    namespace: 0,
    generation: 1,
    paged: false,
    remembers: false,
    ...changes,
  };
  return encodeStored(BALLOT, { header, meta: Buffer.alloc(40), value: Buffer.alloc(valueBytes) });
}

function write(engine: MemoryEngine, n: number, value: Buffer | null): void {
  engine.write([{ key: recordKey(1, id(n)), value }], () => {});
}

const first = (_namespace: number, generation: number): boolean => generation === 1;

describe('what live records take in a memory engine', () => {
  it('follows each record as it comes, grows, expires, dies and goes', () => {
    const engine = new MemoryEngine();
    const small = stored({}, 10);
    write(engine, 1, small);
    const one = KEY_BYTES + small.length + ENTRY_BYTES;
    expect(engine.liveUse(first)).toEqual({ bytes: one, expiringRecords: 0 });
    write(engine, 2, stored({ expiresAtMs: 5 }, 10));
    expect(engine.liveUse(first)).toEqual({ bytes: 2 * one, expiringRecords: 1 });
    write(engine, 2, stored({ expiresAtMs: 5 }, 110));
    expect(engine.liveUse(first)).toEqual({ bytes: 2 * one + 100, expiringRecords: 1 });
    write(engine, 2, stored({ kind: StateKind.dead }));
    expect(engine.liveUse(first)).toEqual({ bytes: one, expiringRecords: 0 });
    write(engine, 2, null);
    write(engine, 1, null);
    expect(engine.liveUse(first)).toEqual({ bytes: 0, expiringRecords: 0 });
    expect(engine.sizeBytes()).toBe(0);
  });

  it('counts a value in pages with its record, and no pages that nothing rests on', () => {
    const engine = new MemoryEngine();
    const paged = stored({ paged: true, sizeBytes: 1_000_000 });
    engine.write([{ key: pageKey(1, id(1), id(2)), value: Buffer.alloc(65_536) }], () => {});
    expect(engine.liveUse(first).bytes).toBe(0);
    write(engine, 1, paged);
    expect(engine.liveUse(first).bytes).toBe(1_000_000 + KEY_BYTES + paged.length + ENTRY_BYTES);
    write(engine, 1, stored({ kind: StateKind.dead }));
    expect(engine.liveUse(first).bytes).toBe(0);
  });

  it('leaves out flushed generations, records of transactions and what is no record', () => {
    const engine = new MemoryEngine();
    write(engine, 1, stored({ generation: 2 }));
    write(engine, 2, stored({ namespace: NO_NAMESPACE }));
    write(engine, 3, Buffer.from('nonsense'));
    engine.write([{ key: Buffer.from('node'), value: stored({}) }], () => {});
    expect(engine.liveUse(first).bytes).toBe(0);
    expect(engine.liveUse((namespace, generation) => namespace === 0 && generation === 2).bytes).toBeGreaterThan(0);
  });

  it('equals a count of all, whatever was written', () => {
    const change = fc.record({
      n: fc.nat(5),
      value: fc.option(
        fc.record({
          kind: fc.constantFrom(StateKind.live, StateKind.dead),
          expiresAtMs: fc.constantFrom(0, 9),
          namespace: fc.nat(2),
          sizeBytes: fc.nat(50),
        }),
        { nil: null },
      ),
    });
    fc.assert(
      fc.property(fc.array(change), (changes) => {
        const engine = new MemoryEngine();
        const held = new Map<number, Buffer>();
        let expiring = new Set<number>();
        for (const { n, value } of changes) {
          const bytes = value === null ? null : stored(value, value.sizeBytes);
          write(engine, n, bytes);
          expiring.delete(n);
          held.delete(n);
          if (bytes === null || value?.kind !== StateKind.live) continue;
          held.set(n, bytes);
          if (value.expiresAtMs !== 0) expiring = expiring.add(n);
        }
        const bytes = [...held.values()].reduce((sum, { length }) => sum + KEY_BYTES + length + ENTRY_BYTES, 0);
        expect(engine.liveUse(first)).toEqual({ bytes, expiringRecords: expiring.size });
      }),
    );
  });
});

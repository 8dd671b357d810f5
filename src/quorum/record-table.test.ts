import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RecordEntry, RecordTable } from './record-table.ts';
import type { Placement } from './task-context.ts';
import { ADDRESS } from './testing/round-kit.ts';

const PLACEMENT: Placement = {
  address: ADDRESS,
  nodes: [1, 2, 3],
  generation: 1,
  mapEpoch: 1,
  isSwapped: false,
  joint: false,
};
const entryOf = (name: string, namespace = 0) => new RecordEntry<string>(namespace, name, PLACEMENT);

/** As when a value of so many bytes was seen. */
function hold(table: RecordTable<string>, entry: RecordEntry<string>, bytes: number): void {
  entry.costBytes = 600 + bytes;
  table.grown(entry);
}

describe('record table', () => {
  it('keeps all of what fits, and finds it by namespace and name', () => {
    const table = new RecordTable<string>(60_000);
    const entries = Array.from({ length: 100 }, (_, i) => entryOf(`k${i >> 1}`, i & 1));
    for (const entry of entries) table.add(entry);
    expect(table.sizeBytes).toBe(60_000);
    for (let round = 0; round < 5; round++) {
      for (const entry of entries) expect(table.find(entry.namespace, entry.name)).toBe(entry);
    }
    expect(table.find(7, 'k1')).toBeUndefined();
  });

  it('drops what was not used, and keeps what is', () => {
    const table = new RecordTable<string>(60_000);
    const used = entryOf('used', 3);
    table.add(used);
    for (let i = 0; i < 2_000; i++) {
      table.add(entryOf(`k${i}`, i % 3));
      expect(table.find(3, 'used')).toBe(used);
      expect(table.sizeBytes).toBeLessThanOrEqual(66_000);
    }
  });

  it('never drops what is on the express lane', () => {
    const table = new RecordTable<string>(6_000);
    const busy = Array.from({ length: 20 }, (_, i) => entryOf(`busy${i}`));
    for (const entry of busy) {
      entry.express = true;
      table.add(entry);
    }
    for (let i = 0; i < 500; i++) table.add(entryOf(`k${i}`));
    for (const entry of busy) expect(table.find(0, entry.name)).toBe(entry);
    for (const entry of busy) entry.express = false;
    for (let i = 0; i < 500; i++) table.add(entryOf(`m${i}`));
    expect(table.sizeBytes).toBeLessThanOrEqual(6_000);
  });

  it('counts what it holds, whatever becomes of the entries', () => {
    const step = fc.record({
      kind: fc.constantFrom('add' as const, 'find' as const, 'hold' as const, 'forget' as const),
      key: fc.nat(30),
      bytes: fc.nat(3_000),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), fc.constantFrom(2_000, 10_000, 1_000_000), (steps, budget) => {
        const table = new RecordTable<string>(budget);
        const kept: RecordEntry<string>[] = [];
        for (const { kind, key, bytes } of steps) {
          const found = table.find(key % 4, `k${key}`);
          if (kind === 'add' && found === undefined) {
            const entry = entryOf(`k${key}`, key % 4);
            table.add(entry);
            kept.push(entry);
          }
          // Also one that the table has dropped, as where it was found before.
          const entry = found ?? kept.findLast(({ name }) => name === `k${key}`);
          if (entry !== undefined && kind === 'hold') hold(table, entry, bytes);
          if (entry !== undefined && kind === 'forget') entry.forget();
        }
        const present = kept.filter((entry) => table.find(entry.namespace, entry.name) === entry);
        expect(table.sizeBytes).toBe(present.reduce((sum, { countedBytes }) => sum + countedBytes, 0));
        for (const entry of kept) expect(entry.isCounted).toBe(present.includes(entry));
      }),
    );
  });
});

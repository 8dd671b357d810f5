import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { describeEngine, getMany, scan, write } from './engine-conformance.ts';
import { MemoryEngine } from './memory-engine.ts';

describeEngine('memory', async () => ({ engine: new MemoryEngine() }));

describe('MemoryEngine', () => {
  it('holds a quarter of a million keys in any order, and gives all of their size back', async () => {
    const engine = new MemoryEngine();
    const count = 250_000;
    const key = (i: number): Buffer => {
      const bytes = Buffer.alloc(8);
      // 7919 has no factor in common with the count: every key comes once, in no order.
      bytes.writeUInt32BE((i * 7_919) % count, 4);
      return bytes;
    };
    for (let i = 0; i < count; i += 500) {
      const changes = Array.from({ length: 500 }, (_, j) => ({ key: key(i + j), value: key(i + j) }));
      await write(engine, changes);
    }
    const all = await scan(engine, {});
    expect(all.length).toBe(count);
    expect(all.every((entry, i) => entry.key.readUInt32BE(4) === i && entry.value.equals(entry.key))).toBe(true);
    expect(engine.sizeBytes()).toBeGreaterThan(count * 16);
    for (let i = 0; i < count; i += 500) {
      await write(
        engine,
        Array.from({ length: 500 }, (_, j) => ({ key: key(i + j), value: null })),
      );
    }
    expect(await scan(engine, {})).toEqual([]);
    expect(engine.sizeBytes()).toBe(0);
  });

  it('keeps its order through puts and deletions, few and many between two scans', async () => {
    const key = (i: number): Buffer => Buffer.from(`${100_000 + i}`);
    const index = fc.nat({ max: 999 });
    const write1 = fc.record({ i: index, isPut: fc.boolean() });
    const steps = fc.array(fc.array(write1, { maxLength: 40 }), { maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(steps, async (batches) => {
        const engine = new MemoryEngine();
        const model = new Set(Array.from({ length: 1_000 }, (_, i) => i).filter((i) => i % 3 > 0));
        await write(
          engine,
          [...model].map((i) => ({ key: key(i), value: key(i) })),
        );
        for (const batch of batches) {
          const changes = batch.map(({ i, isPut }) => ({ key: key(i), value: isPut ? key(i) : null }));
          await write(engine, changes);
          for (const { i, isPut } of batch) isPut ? model.add(i) : model.delete(i);
          const expected = [...model].sort((a, b) => a - b).map((i) => `${100_000 + i}`);
          expect((await scan(engine, {})).map((entry) => entry.key.toString())).toEqual(expected);
        }
      }),
      { numRuns: 50 },
    );
  });

  it('does not keep a large buffer for a small value in it', async () => {
    const engine = new MemoryEngine();
    const frame = Buffer.alloc(1_000_000, 1);
    const own = Buffer.alloc(100, 2);
    await write(engine, [
      { key: Buffer.from('part'), value: frame.subarray(10, 110) },
      { key: Buffer.from('own'), value: own },
    ]);
    const [part, kept] = await getMany(engine, ['part', 'own']);
    expect(part?.buffer.byteLength).toBe(100);
    expect(kept).toBe(own);
  });
});

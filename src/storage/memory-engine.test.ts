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

import { describe, expect, it } from 'vitest';
import { addTo, cardinality, emptyRegisters, encodeRegisters, isDense, registersOf } from './hyperloglog.ts';

function filled(count: number): Uint8Array {
  const registers = emptyRegisters();
  for (let i = 0; i < count; i++) addTo(registers, Buffer.from(`element-${i}`));
  return registers;
}

describe('a HyperLogLog', () => {
  it.each([0, 1, 10, 300, 3_000, 20_000])('of %i elements is the same in both formats, and counts them', (count) => {
    const registers = filled(count);
    expect(Math.abs(cardinality(registers) - count)).toBeLessThanOrEqual(count * 0.03);
    const dense = encodeRegisters(registers, true);
    expect(dense.length).toBe(12_304);
    expect(isDense(dense)).toBe(true);
    expect(registersOf(dense)).toEqual(registers);
    const shortest = encodeRegisters(registers, false);
    expect(isDense(shortest)).toBe(count >= 3_000);
    expect(registersOf(shortest)).toEqual(registers);
  });

  it('says whether an element is new to it', () => {
    const registers = filled(100);
    expect(addTo(registers, Buffer.from('element-7'))).toBe(false);
    expect(addTo(registers, Buffer.from('another'))).toBe(true);
  });

  it('is no other bytes', () => {
    const good = encodeRegisters(filled(10), false);
    expect(registersOf(Buffer.from('HYLL'))).toBe('invalid');
    expect(registersOf(Buffer.from(good).fill('X', 0, 1))).toBe('invalid');
    expect(registersOf(Buffer.from(good).fill(2, 4, 5))).toBe('invalid');
    expect(registersOf(encodeRegisters(filled(10), true).subarray(0, -1))).toBe('invalid');
    expect(registersOf(good.subarray(0, -1))).toBe('corrupted');
    expect(registersOf(Buffer.concat([good, Buffer.from([0])]))).toBe('corrupted');
  });
});

import { describe, expect, it } from 'vitest';
import { hllRegisters, isHyperLogLog } from './hll-registers.ts';

const HEADER = Buffer.concat([Buffer.from('HYLL'), Buffer.alloc(12)]);

function sparse(...code: number[]): Buffer {
  const header = Buffer.from(HEADER);
  header[4] = 1;
  return Buffer.concat([header, Buffer.from(code)]);
}

describe('the registers of a HyperLogLog', () => {
  it('are the same from sparse and dense bytes', () => {
    // 100 zeros, three times 5, the rest zeros: 16384 - 103 = 0x3f99.
    const one = sparse(0x7f & (0x40 | 0), 99, 0x80 | (4 << 2) | 2, 0x40 | 0x3f, 0x98);
    const dense = Buffer.concat([HEADER, Buffer.alloc(12_288)]);
    for (const register of [100, 101, 102]) {
      for (let bit = 0; bit < 6; bit++) {
        const place = register * 6 + bit;
        if ((5 >> bit) & 1) dense[16 + (place >> 3)] = (dense[16 + (place >> 3)] ?? 0) | (1 << (place & 7));
      }
    }
    const registers = hllRegisters(one);
    expect([...registers.subarray(99, 104)]).toEqual([0, 5, 5, 5, 0]);
    expect(hllRegisters(dense).equals(registers)).toBe(true);
  });

  it('do not depend on how runs are cut', () => {
    const whole = sparse(0x40 | 0x3f, 0xff);
    const cut = sparse(0x3f, 0x40 | 0x3f, 0xbf);
    expect(hllRegisters(cut).equals(hllRegisters(whole))).toBe(true);
  });

  it('are 16384, or it throws', () => {
    expect(() => hllRegisters(sparse(0x3f))).toThrow('of 64 registers');
    expect(() => hllRegisters(Buffer.concat([HEADER, Buffer.alloc(100)]))).toThrow();
    expect(isHyperLogLog(Buffer.from('HYLL'))).toBe(false);
    expect(isHyperLogLog(sparse(0))).toBe(true);
  });
});

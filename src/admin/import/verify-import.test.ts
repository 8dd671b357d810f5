import { describe, expect, it } from 'vitest';
import { addTo, emptyRegisters, encodeRegisters } from '../../proxy/values/hyperloglog.ts';
import { sameValue } from './verify-import.ts';

const string = (bytes: Buffer) => ({ kind: 'string', bytes }) as const;

function hyperLogLog(isDense: boolean, cachedCount: number, ...elements: string[]): Buffer {
  const registers = emptyRegisters();
  for (const element of elements) addTo(registers, Buffer.from(element));
  const bytes = encodeRegisters(registers, isDense);
  bytes.writeBigUInt64LE(BigInt(cachedCount), 8);
  return bytes;
}

describe('whether two values are the same', () => {
  it('takes HyperLogLogs by their registers', () => {
    const one = string(hyperLogLog(false, 2, 'a', 'b'));
    expect(sameValue(one, string(hyperLogLog(false, 0, 'a', 'b')))).toBe(true);
    expect(sameValue(one, string(hyperLogLog(true, 2, 'a', 'b')))).toBe(true);
    expect(sameValue(one, string(hyperLogLog(false, 2, 'a', 'c')))).toBe(false);
  });

  it('takes other strings by their bytes', () => {
    expect(sameValue(string(Buffer.from('HYLLa')), string(Buffer.from('HYLLa')))).toBe(true);
    expect(sameValue(string(Buffer.from('HYLLa')), string(Buffer.from('HYLLb')))).toBe(false);
  });

  it('does not mind the order of a set, and minds that of a list', () => {
    const items = [Buffer.from('a'), Buffer.from('b')];
    const other = [...items].reverse();
    expect(sameValue({ kind: 'set', items }, { kind: 'set', items: other })).toBe(true);
    expect(sameValue({ kind: 'list', items }, { kind: 'list', items: other })).toBe(false);
  });
});

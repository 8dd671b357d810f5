import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SessionRunner, type ShownReply } from '../testing/session-runner.ts';
import { fitted, fromBits, parseFieldType } from './bit-fields.ts';

/** Far enough apart for several pages. */
const offset = fc.oneof(
  fc.nat(40),
  fc.nat(1_200_000),
  fc.constantFrom(524_280, 524_287, 524_288, 1_048_575, 1_048_576),
);

function bitOf(bytes: Buffer, at: number): number {
  return ((bytes[Math.floor(at / 8)] ?? 0) >> (7 - (at % 8))) & 1;
}

function flipped(bytes: Buffer, at: number, bit: number): Buffer {
  const longer = Buffer.alloc(Math.max(bytes.length, Math.floor(at / 8) + 1));
  bytes.copy(longer);
  const mask = 128 >> (at % 8);
  const byte = longer[Math.floor(at / 8)] ?? 0;
  longer[Math.floor(at / 8)] = bit === 1 ? byte | mask : byte & ~mask;
  return longer;
}

describe('bits of a string', () => {
  it('are those of its bytes, in pages or not', async () => {
    const change = fc.record({ at: offset, bits: fc.integer({ min: 1, max: 20 }), ones: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 6 }), offset, offset, async (changes, a, b) => {
        const session = new SessionRunner();
        const run = async (line: string): Promise<ShownReply | undefined> => session.run(line);
        let model: Buffer = Buffer.alloc(0);
        for (const { at, bits, ones } of changes) {
          const number = ones ? 2 ** bits - 1 : 0;
          await run(`BITFIELD k SET u${bits} ${at} ${number}`);
          for (let i = 0; i < bits; i++) model = flipped(model, at + i, ones ? 1 : 0);
          expect(await run(`BITFIELD_RO k GET u${bits} ${at}`)).toEqual([BigInt(number)]);
        }
        expect(await run('STRLEN k')).toBe(model.length);
        expect(await run('GET k')).toBe(model.toString('latin1'));
        const ones: number[] = [];
        for (let at = 0; at < model.length * 8; at++) if (bitOf(model, at) === 1) ones.push(at);
        expect(await run('BITCOUNT k')).toBe(ones.length);
        expect(await run('BITPOS k 1')).toBe(ones[0] ?? -1);
        const [low, high] = [Math.min(a, b), Math.max(a, b)];
        expect(await run(`BITCOUNT k ${low} ${high} BIT`)).toBe(ones.filter((at) => at >= low && at <= high).length);
        expect(await run(`BITPOS k 1 ${low} ${high} BIT`)).toBe(ones.find((at) => at >= low && at <= high) ?? -1);
        expect(await run(`GETBIT k ${a}`)).toBe(bitOf(model, a));
        expect(await run(`SETBIT k ${a} 1`)).toBe(bitOf(model, a));
        expect(await run('GET k')).toBe(flipped(model, a, 1).toString('latin1'));
      }),
      { numRuns: 15 },
    );
  });
});

describe('fields', () => {
  it('have the types of Redis', () => {
    expect(['i1', 'i64', 'u1', 'u63'].map((text) => parseFieldType(Buffer.from(text)) !== null)).not.toContain(false);
    for (const text of ['u64', 'i65', 'u0', 'u08', 'x8', 'U8', '', 'u', 'i100', 'u-1']) {
      expect(parseFieldType(Buffer.from(text))).toBeNull();
    }
  });

  it('wrap, stop at their ends, or refuse', () => {
    const signed = { isSigned: true, bits: 8 };
    const unsigned = { isSigned: false, bits: 8 };
    expect(fromBits(signed, 255n)).toBe(-1n);
    expect(fromBits(unsigned, 255n)).toBe(255n);
    expect([127n, 128n, -129n].map((number) => fitted(signed, number, 'wrap'))).toEqual([127n, -128n, 127n]);
    expect([127n, 128n, -129n].map((number) => fitted(signed, number, 'sat'))).toEqual([127n, 127n, -128n]);
    expect([127n, 128n, -129n].map((number) => fitted(signed, number, 'fail'))).toEqual([127n, null, null]);
    expect([255n, 256n, -1n].map((number) => fitted(unsigned, number, 'wrap'))).toEqual([255n, 0n, 255n]);
    expect([255n, 256n, -1n].map((number) => fitted(unsigned, number, 'sat'))).toEqual([255n, 255n, 0n]);
  });
});

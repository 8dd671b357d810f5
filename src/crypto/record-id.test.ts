import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RecordIdHasher } from './record-id.ts';
import { sodium } from './sodium.ts';

const hasher = new RecordIdHasher(Buffer.alloc(32, 9));

function hex(id: string): string {
  return Buffer.from(id, 'latin1').toString('hex');
}

describe('record ids', () => {
  it('are pinned', () => {
    expect(hex(hasher.recordId(0, 0, Buffer.from('key')))).toBe('1bcfd2954cbc059625d389226ce43111');
  });

  it('are the keyed hash of namespace, generation and key, for short and long keys', () => {
    fc.assert(
      fc.property(
        fc.nat(15),
        fc.nat(0xffff_ffff),
        fc.uint8Array({ maxLength: 1_500 }),
        (namespace, generation, key) => {
          const prefix = Buffer.alloc(8);
          prefix.writeUInt32BE(namespace, 0);
          prefix.writeUInt32BE(generation, 4);
          const expected = Buffer.alloc(16);
          sodium().crypto_generichash(expected, Buffer.concat([prefix, key]), Buffer.alloc(32, 9));
          expect(hex(hasher.recordId(namespace, generation, Buffer.from(key)))).toBe(expected.toString('hex'));
        },
      ),
      { numRuns: 200 },
    );
  });

  it('differ by namespace, generation, key and hash key', () => {
    const key = Buffer.from('key');
    const ids = new Set([
      hasher.recordId(0, 0, key),
      hasher.recordId(1, 0, key),
      hasher.recordId(0, 1, key),
      hasher.recordId(0, 0, Buffer.from('kez')),
      hasher.recordId(0, 0, Buffer.alloc(0)),
      new RecordIdHasher(Buffer.alloc(32, 8)).recordId(0, 0, key),
    ]);
    expect(ids.size).toBe(6);
    for (const id of ids) expect(id).toHaveLength(16);
  });

  it('need a key of 32 bytes', () => {
    expect(() => new RecordIdHasher(Buffer.alloc(16))).toThrow('32 bytes');
  });
});

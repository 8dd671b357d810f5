import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Crc64 } from './crc64.ts';
import { openDump, readDump, sealDump } from './dump-payload.ts';
import { compressLzf, decompressLzf } from './lzf.ts';
import { readListpack } from './packed-forms.ts';
import { RdbCursor } from './rdb-cursor.ts';
import { RdbType, type RdbValue } from './rdb-format.ts';
import { readRdbValue } from './rdb-value.ts';
import { RdbWriter } from './rdb-writer.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

function textsOf(value: ReturnType<typeof readDump>): unknown {
  if (typeof value === 'string') return value;
  if (value.kind === 'string') return value.bytes.toString('latin1');
  return value.items.map((item) => item.toString('latin1'));
}

describe('the checksum', () => {
  it("is Redis's", () => {
    const crc = new Crc64();
    crc.update(Buffer.from('123456789'));
    const bytes = Buffer.alloc(8);
    crc.write(bytes, 0);
    expect(bytes.readBigUInt64LE(0)).toBe(0xe9c6d914c4b8d9can);
  });

  it('is the same in parts', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(100), (array, place) => {
        const bytes = Buffer.from(array);
        const whole = new Crc64();
        whole.update(bytes);
        const parts = new Crc64();
        const middle = Math.min(place, bytes.length);
        parts.update(bytes, 0, middle);
        parts.update(bytes, middle);
        const written = Buffer.alloc(8);
        whole.write(written, 0);
        expect(parts.isAt(written, 0)).toBe(true);
      }),
    );
  });
});

describe('LZF', () => {
  const compressible = fc
    .tuple(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.nat(300), fc.uint8Array({ maxLength: 30 }))
    .map(([part, times, end]) => Buffer.concat([...Array<Uint8Array>(times).fill(part), end]));

  it('gives back what was compressed', () => {
    fc.assert(
      fc.property(compressible, (bytes) => {
        const compressed = compressLzf(bytes);
        if (compressed === null) return;
        expect(compressed.length).toBeLessThanOrEqual(bytes.length - 4);
        expect(decompressLzf(compressed, bytes.length)?.equals(bytes)).toBe(true);
        expect(decompressLzf(compressed, bytes.length - 1)).toBeNull();
        expect(decompressLzf(compressed, bytes.length + 1)).toBeNull();
      }),
      { numRuns: 1_000 },
    );
  });

  it('compresses text', () => {
    expect(compressLzf(Buffer.alloc(10_000, 'some text, '))?.length).toBeLessThan(200);
  });

  it('answers nothing to bytes that are not compressed, or a length that they cannot have', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(2 ** 40), (array, length) => {
        const found = decompressLzf(Buffer.from(array), length);
        expect(found === null || found.length === length).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('a string', () => {
  it.each([
    ['0', 'c0 00'],
    ['-128', 'c0 80'],
    ['128', 'c1 80 00'],
    ['-32769', 'c2 ff 7f ff ff'],
    ['2147483647', 'c2 ff ff ff 7f'],
    ['2147483648', '0a 32 31 34 37 34 38 33 36 34 38'],
    ['-0', '02 2d 30'],
    ['01', '02 30 31'],
    ['', '00'],
    ['a'.repeat(64), 'c3 09 4040 01 6161 e0 33 00 01 6161'],
  ])('%s is written as Redis does', (text, bytes) => {
    const writer = new RdbWriter();
    writer.string(Buffer.from(text));
    const written = writer.finish();
    expect(written.toString('hex')).toBe(hex(bytes).toString('hex'));
    const cursor = new RdbCursor(written, 0, written.length, 1_000);
    expect(cursor.string().toString()).toBe(text);
    expect(cursor.isAtEnd && !cursor.isBad).toBe(true);
  });

  it.each([1, 63, 64, 16_383, 16_384, 2 ** 32 - 1, 2 ** 32, 2 ** 40 + 5])('a length of %i is read again', (length) => {
    const writer = new RdbWriter();
    writer.count(length);
    const written = writer.finish();
    expect(new RdbCursor(written, 0, written.length, 0).count()).toBe(length);
  });
});

describe('a listpack', () => {
  it('has integers of all widths, and strings of all lengths', () => {
    const sink = { items: [] as Buffer[], most: 100 };
    const entries = [
      '05 01',
      'df ff 02',
      'f1 00 80 03',
      'f2 00 00 80 04',
      'f3 00 00 00 80 05',
      'f4 00 00 00 00 00 00 00 80 09',
      '83 61 62 63 04',
      `e0 40 ${'78'.repeat(64)} 42`,
      `f0 03 00 00 00 ${'79'.repeat(3)} 08`,
    ];
    const body = hex(entries.join(' '));
    const header = Buffer.alloc(6);
    header.writeUInt32LE(6 + body.length + 1, 0);
    header.writeUInt16LE(entries.length, 4);
    expect(readListpack(Buffer.concat([header, body, hex('ff')]), sink)).toBe(true);
    expect(sink.items.map(String)).toEqual([
      '5',
      '-1',
      '-32768',
      '-8388608',
      '-2147483648',
      '-9223372036854775808',
      'abc',
      'x'.repeat(64),
      'yyy',
    ]);
  });
});

/** 1700000000124 */
const SOONEST = '7c 68 e5 cf 8b 01 00 00';
/** f v 0, g 2 1700000000624 */
const LISTPACK_TIMES = ['81 66 02', '81 76 02', '00 01', '81 67 02', '02 01', 'f4 70 6a e5 cf 8b 01 00 00 09'];

/** A listpack of these entries, as a string of an RDB. */
function listpackOf(entries: readonly string[]): string {
  const body = hex(entries.join(' '));
  const header = Buffer.alloc(6);
  header.writeUInt32LE(6 + body.length + 1, 0);
  header.writeUInt16LE(entries.length, 4);
  const bytes = Buffer.concat([header, body, hex('ff')]);
  return `${bytes.length.toString(16).padStart(2, '0')} ${bytes.toString('hex')}`;
}

describe('a payload', () => {
  /** Made by redis-server 7.0.15. */
  it.each<[string, string, unknown]>([
    ['a string', '000576616c75650a0081f6c138c1aa9b6e', 'value'],
    ['a compressed string', '00c3094040016161e033000161610a00c3659612ce1cc46c', 'a'.repeat(64)],
    ['a quicklist', '1201020d0d0000000200816102816202ff0a0068eb0a891341bbb1', ['a', 'b']],
    ['an intset', '0b0c0200000002000000010002000a006f7938b134eb202e', ['1', '2']],
    ['a set', '020101610a006296e97e44d21a6d', ['a']],
    ['a hash in a listpack', '101111000000040081660281760201010201ff0a001a4df2175e0bff9b', ['f', 'v', '1', '2']],
    ['a hash table', '04010166c3094046017878e039000178780a003e6c955f2e52e7c1', ['f', 'x'.repeat(70)]],
    ['a sorted set in a listpack', '111414000000040081610283312e35048162020201ff0a00fa02b425af188763', ['a', 'b']],
    ['a skip list', '0501c3094041017a7ae03400017a7a000000000000f83f0a0087a7453bb5e95ee8', ['z'.repeat(65)]],
  ])('of %s is read', (_name, payload, content) => {
    const value = readDump(hex(payload));
    expect(textsOf(value)).toEqual(content);
    if (typeof value !== 'string' && value.kind === 'zset') expect(value.scores[0]).toBe(1.5);
  });

  /** As Redis 7.4 and its release candidates write them: Redis's RDB_TYPE_HASH_METADATA, _LISTPACK_EX and their _PRE_GA. */
  it.each([
    [RdbType.hashFieldExpiry, `${SOONEST} 02 00 01 66 01 76 41 f5 01 67 c0 02`],
    [RdbType.hashFieldExpiryEarly, `02 00 01 66 01 76 81 ${'0000018bcfe56a70'} 01 67 c0 02`],
    [RdbType.hashFieldExpiryListpack, `${SOONEST} ${listpackOf(LISTPACK_TIMES)}`],
    [RdbType.hashFieldExpiryListpackEarly, listpackOf(LISTPACK_TIMES)],
  ])('of a hash whose fields expire, of type %i, is read', (type, bytes) => {
    const value = hex(bytes);
    const read = readRdbValue(type, value, 0, value.length);
    if (typeof read === 'string' || read.kind !== 'hash') throw new Error('a hash');
    expect(read.items.map(String)).toEqual(['f', 'v', 'g', '2']);
    expect(read.times).toEqual([0, 1_700_000_000_624]);
  });

  it.each([
    ['is beyond what Redis has', RdbType.hashFieldExpiry, `${'ff'.repeat(6)} 00 00 01 05 01 66 01 76`],
    ['is no number', RdbType.hashFieldExpiryListpack, `${SOONEST} ${listpackOf(['81 66 02', '81 76 02', '81 78 02'])}`],
    ['is not there', RdbType.hashFieldExpiryListpack, `${SOONEST} ${listpackOf(['81 66 02', '81 76 02'])}`],
    ['is cut off', RdbType.hashFieldExpiry, '00 00 00'],
  ])('of a hash with a time that %s is malformed', (_name, type, bytes) => {
    const value = hex(bytes);
    expect(readRdbValue(type, value, 0, value.length)).toBe('malformed');
  });

  it('says where it is not whole', () => {
    const payload = sealDump(RdbType.string, (writer) => writer.string(Buffer.from('value')));
    expect(openDump(payload)).not.toBeNull();
    for (let at = 0; at < payload.length; at++) {
      const changed = Buffer.from(payload);
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(readDump(changed)).toBe('checksum');
      expect(readDump(payload.subarray(0, at))).toBe('checksum');
    }
  });

  it('of any bytes is a value or a problem, and takes no more memory than it may', () => {
    fc.assert(
      fc.property(fc.nat(26), fc.uint8Array({ maxLength: 300 }), (type, bytes) => {
        const value: RdbValue | string = readRdbValue(type, Buffer.from(bytes), 0, bytes.length, {
          bytes: 5_000,
          items: 50,
        });
        if (typeof value === 'string') return;
        if (value.kind === 'string') expect(value.bytes.length).toBeLessThanOrEqual(5_000);
        else expect(value.items.length).toBeLessThanOrEqual(50);
      }),
      { numRuns: 20_000 },
    );
  });

  it('of more than it may be is too large', () => {
    const writer = new RdbWriter();
    writer.count(51);
    for (let i = 0; i < 51; i++) writer.string(Buffer.from(`member ${i}`));
    const bytes = writer.finish();
    expect(readRdbValue(RdbType.set, bytes, 0, bytes.length, { bytes: 5_000, items: 50 })).toBe('too-large');
    const long = new RdbWriter();
    long.string(Buffer.alloc(6_000, 'x'));
    const compressed = long.finish();
    const value = readRdbValue(RdbType.string, compressed, 0, compressed.length, { bytes: 5_000, items: 50 });
    expect(value).toBe('too-large');
  });
});

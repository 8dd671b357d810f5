import { describe, expect, it } from 'vitest';
import type { EngineChange } from './engine.ts';
import {
  changeEnd,
  ENTRY_HEADER_BYTES,
  entryLength,
  holdsLaterEntry,
  isDelete,
  keyLength,
  keyStart,
  readEntry,
  valueLength,
  writeEntry,
} from './journal-format.ts';
import { decodeMark, markChange } from './journal-mark.ts';

const CHANGES: EngineChange[] = [
  { key: Buffer.from('rkey'), value: Buffer.from('value') },
  { key: Buffer.from('gone'), value: null },
  { key: Buffer.from(''), value: Buffer.from('') },
];

/** The bytes on disks: a change of them needs a new format version. */
const GOLDEN =
  '6a6b766a' + // magic
  '01' + // format version
  '08e60c1a' + // crc32
  '0000003b' + // length
  '0000000102030405' + // sequence
  '00000003' + // count
  '010004' +
  '00000005' +
  '726b6579' +
  '76616c7565' +
  '020004' +
  '00000000' +
  '676f6e65' +
  '010000' +
  '00000000';

function encoded(sequence: number, changes: readonly EngineChange[]): Buffer {
  const bytes = Buffer.alloc(entryLength(changes));
  expect(writeEntry(bytes, 0, sequence, changes)).toBe(bytes.length);
  return bytes;
}

describe('journal entries', () => {
  it('have these bytes', () => {
    expect(encoded(0x1_0203_0405, CHANGES).toString('hex')).toBe(GOLDEN);
  });

  it('are read as they were written, wherever they stand', () => {
    const entry = encoded(7, CHANGES);
    const bytes = Buffer.concat([Buffer.alloc(13, 0xff), entry, Buffer.alloc(5, 0xff)]);
    expect(readEntry(bytes, 13)).toEqual({ sequence: 7, count: 3, end: 13 + entry.length });
    const found: (string | null)[][] = [];
    for (let at = 13 + ENTRY_HEADER_BYTES; at < 13 + entry.length; at = changeEnd(bytes, at)) {
      const middle = keyStart(at) + keyLength(bytes, at);
      expect(changeEnd(bytes, at)).toBe(middle + valueLength(bytes, at));
      const value = isDelete(bytes, at) ? null : bytes.toString('latin1', middle, changeEnd(bytes, at));
      found.push([bytes.toString('latin1', keyStart(at), middle), value]);
    }
    expect(found).toEqual([
      ['rkey', 'value'],
      ['gone', null],
      ['', ''],
    ]);
  });

  it('take keys up to 64 KiB and values of megabytes', () => {
    const changes = [{ key: Buffer.alloc(65_535, 'k'), value: Buffer.alloc(20_000_000, 'v') }];
    const entry = encoded(1, changes);
    expect(readEntry(entry, 0)).toMatchObject({ count: 1, end: entry.length });
    expect(keyLength(entry, ENTRY_HEADER_BYTES)).toBe(65_535);
    expect(valueLength(entry, ENTRY_HEADER_BYTES)).toBe(20_000_000);
  });

  it('are refused with any one bit turned, and with anything of their end missing', () => {
    const entry = encoded(7, CHANGES);
    for (let bit = 0; bit < entry.length * 8; bit++) {
      const damaged = Buffer.from(entry);
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(readEntry(damaged, 0)).toBe(null);
    }
    for (let length = 0; length < entry.length; length++) expect(readEntry(entry.subarray(0, length), 0)).toBe(null);
  });
});

describe('holdsLaterEntry', () => {
  it('finds a whole entry with a higher number behind damage, and nothing else', () => {
    const bytes = Buffer.concat([Buffer.alloc(100, 'jkvj'), encoded(9, CHANGES), Buffer.alloc(30)]);
    expect(holdsLaterEntry(bytes, 0, 8)).toBe(true);
    expect(holdsLaterEntry(bytes, 0, 9)).toBe(false);
    expect(holdsLaterEntry(bytes, 101, 8)).toBe(false);
    bytes[110] = (bytes[110] ?? 0) ^ 1;
    expect(holdsLaterEntry(bytes, 0, 8)).toBe(false);
    expect(holdsLaterEntry(Buffer.alloc(0), 0, 0)).toBe(false);
  });
});

describe('the mark of the journal', () => {
  const mark = { floor: 0x1_0203_0405, segments: 8, segmentBytes: 8_388_608 };

  it('has these bytes', () => {
    const { key, value } = markChange(mark);
    expect(key.toString()).toBe('j');
    expect(value?.toString('hex')).toBe('01' + '0000000102030405' + '0008' + '00800000');
    expect(decodeMark(value ?? Buffer.alloc(0))).toEqual({ ok: true, mark });
  });

  it.each([
    ['02' + '0000000102030405' + '0008' + '00800000', /format 2, this program reads format 1/],
    ['01' + '0000000102030405' + '0008' + '008000', /damaged/],
    ['01' + 'ffffffffffffffff' + '0008' + '00800000', /damaged/],
    ['01' + '0000000102030405' + '0001' + '00800000', /damaged/],
    ['', /format undefined/],
  ])('refuses %s', (hex, problem) => {
    const decoded = decodeMark(Buffer.from(hex, 'hex'));
    expect(decoded.ok ? '' : decoded.problem).toMatch(problem);
  });
});

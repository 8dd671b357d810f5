import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Crc64 } from './crc64.ts';
import { RdbType } from './rdb-format.ts';
import { type RdbEvent, RdbStream } from './rdb-stream.ts';
import { readRdbValue } from './rdb-value.ts';
import { RdbWriter } from './rdb-writer.ts';

/** A file with this body, and its checksum. */
function file(write: (writer: RdbWriter) => void, version = '0010'): Buffer {
  const writer = new RdbWriter();
  writer.bytes(Buffer.from(`REDIS${version}`));
  write(writer);
  writer.byte(255);
  writer.uint64LE(0);
  const bytes = writer.finish();
  const crc = new Crc64();
  crc.update(bytes, 0, bytes.length - 8);
  crc.write(bytes, bytes.length - 8);
  return bytes;
}

/** All events, pushed in chunks of so many bytes. */
function eventsOf(bytes: Buffer, chunkBytes: number, partBytes?: number): RdbEvent[] {
  const stream = new RdbStream(partBytes);
  const events: RdbEvent[] = [];
  const drain = (): void => {
    for (let event = stream.next(); event !== null; event = stream.next()) events.push(event);
  };
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    stream.push(bytes.subarray(at, at + chunkBytes));
    drain();
  }
  stream.finish();
  drain();
  return events;
}

function shown(event: RdbEvent): unknown {
  switch (event.kind) {
    case 'value': {
      const value = readRdbValue(event.type, event.value, 0, event.value.length);
      const content = typeof value === 'string' ? value : value.kind === 'string' ? value.bytes : value.items;
      return [String(event.key), event.expiresAtMs, Array.isArray(content) ? content.map(String) : String(content)];
    }
    case 'part':
      return event.part.kind === 'string' ? null : [event.isFirst, event.isLast, event.part.items.map(String)];
    case 'skipped':
      return [event.key === null ? null : String(event.key), event.what];
    default:
      return event;
  }
}

function string(writer: RdbWriter, text: string): void {
  writer.string(Buffer.from(text));
}

const SAMPLE = file((writer) => {
  writer.byte(250);
  string(writer, 'redis-ver');
  string(writer, '7.0.15');
  writer.byte(245);
  string(writer, '#!lua name=x');
  writer.byte(254);
  writer.count(3);
  writer.byte(251);
  writer.count(3);
  writer.count(1);
  writer.byte(252);
  writer.uint64LE(1_700_000_000_123);
  writer.byte(248);
  writer.count(70);
  writer.byte(RdbType.string);
  string(writer, 'a');
  string(writer, 'x'.repeat(100));
  writer.byte(249);
  writer.byte(5);
  writer.byte(RdbType.hash);
  string(writer, 'h');
  writer.count(2);
  for (const item of ['f', '1', 'g', '200000']) string(writer, item);
  // A stream without entries or groups, of Redis 7.0.
  writer.byte(RdbType.streamListpacks2);
  string(writer, 's');
  for (let i = 0; i < 9; i++) writer.count(0);
  writer.count(0);
  writer.byte(RdbType.zset2);
  string(writer, 'z');
  writer.count(1);
  string(writer, 'm');
  writer.double(1.5);
});

const EXPECTED = [
  { kind: 'aux', name: 'redis-ver', text: '7.0.15' },
  [null, 'functions'],
  { kind: 'database', database: 3 },
  { kind: 'sizes', keys: 3, expires: 1 },
  ['a', 1_700_000_000_123, 'x'.repeat(100)],
  ['h', 0, ['f', '1', 'g', '200000']],
  ['s', 'stream'],
  ['z', 0, ['m']],
  { kind: 'end' },
];

describe('an RDB stream', () => {
  it.each([1, 2, 7, 1_000])('is taken apart from chunks of %i bytes', (chunkBytes) => {
    expect(eventsOf(SAMPLE, chunkBytes).map(shown)).toEqual(EXPECTED);
  });

  it('leaves what is behind its end', () => {
    const stream = new RdbStream();
    stream.push(Buffer.concat([SAMPLE, Buffer.from('behind')]));
    for (let event = stream.next(); event?.kind !== 'end'; event = stream.next()) expect(event).not.toBeNull();
    expect(stream.rest().toString()).toBe('behind');
    expect(stream.position).toBe(SAMPLE.length);
  });

  it('gives a large collection in parts', () => {
    const bytes = file((writer) => {
      writer.byte(RdbType.list);
      string(writer, 'l');
      writer.count(10);
      for (let i = 0; i < 10; i++) string(writer, `element ${i}`);
    });
    for (const chunkBytes of [1, 5, 1_000]) {
      const events = eventsOf(bytes, chunkBytes, 30).map(shown);
      expect(events).toEqual([
        [true, false, ['element 0', 'element 1', 'element 2']],
        [false, false, ['element 3', 'element 4', 'element 5']],
        [false, false, ['element 6', 'element 7', 'element 8']],
        [false, true, ['element 9']],
        { kind: 'end' },
      ]);
    }
  });

  it.each([1, 4, 1_000])('gives the times of fields, in parts too, from chunks of %i bytes', (chunkBytes) => {
    const bytes = file((writer) => {
      writer.byte(RdbType.hashFieldExpiry);
      string(writer, 'h');
      writer.uint64LE(5_000);
      writer.count(5);
      for (let i = 0; i < 5; i++) {
        writer.count(i % 2 === 0 ? i + 1 : 0);
        string(writer, `field ${i}`);
        string(writer, 'v');
      }
    }, '0012');
    const whole = eventsOf(bytes, chunkBytes);
    expect(whole.map(shown)[0]).toEqual(['h', 0, [0, 1, 2, 3, 4].flatMap((i) => [`field ${i}`, 'v'])]);
    const parts = eventsOf(bytes, chunkBytes, 25).flatMap((event) => (event.kind === 'part' ? [event.part] : []));
    expect(parts.length).toBeGreaterThan(1);
    const times = parts.flatMap((part) => (part.kind === 'hash' ? (part.times ?? []) : []));
    expect(times).toEqual([5_000, 0, 5_002, 0, 5_004]);
  });

  it('says where it is cut short, or changed', () => {
    expect(eventsOf(SAMPLE.subarray(0, -1), 9).at(-1)).toMatchObject({ kind: 'problem' });
    fc.assert(
      fc.property(
        fc.nat(SAMPLE.length - 9),
        fc.integer({ min: 1, max: 255 }),
        fc.integer({ min: 1, max: 50 }),
        (at, flip, chunk) => {
          const changed = Buffer.from(SAMPLE);
          changed[at] = (changed[at] ?? 0) ^ flip;
          expect(eventsOf(changed, chunk).at(-1)?.kind).toBe('problem');
        },
      ),
      { numRuns: 500 },
    );
  });

  it('takes a file without a checksum', () => {
    const bytes = Buffer.from(SAMPLE);
    bytes.fill(0, bytes.length - 8);
    expect(eventsOf(bytes, 100).at(-1)).toEqual({ kind: 'end' });
  });

  it.each(['REDIS0004', 'REDIS0099', 'RUBIS0010', '*1\r\n$4\r\nPI'])('refuses %s', (start) => {
    expect(eventsOf(Buffer.from(start), 100).at(-1)).toMatchObject({ kind: 'problem' });
  });
});

import { describe, expect, it } from 'vitest';
import { BulkEncoder } from './bulk-encoder.ts';
import { ReplyWriter } from './reply-writer.ts';

function sent(items: readonly Buffer[], kind: 'array' | 'set' | 'map', protocol: 2 | 3, expectedBytes = 10): Buffer {
  const encoder = new BulkEncoder(expectedBytes);
  for (const item of items) encoder.add(item);
  const reply = encoder.finish(kind);
  expect(reply.pieces.reduce((sum, piece) => sum + piece.length, 0)).toBe(reply.lengthBytes);
  const writer = new ReplyWriter();
  writer.protocol = protocol;
  writer.write(reply);
  return Buffer.concat(writer.takeChunks());
}

describe('bulk items', () => {
  const two = [Buffer.from('a'), Buffer.from('')];

  it('are an array, a set or a map, and always an array before RESP3', () => {
    const body = '$1\r\na\r\n$0\r\n\r\n';
    for (const kind of ['array', 'set', 'map'] as const) expect(sent(two, kind, 2).toString()).toBe(`*2\r\n${body}`);
    expect(sent(two, 'array', 3).toString()).toBe(`*2\r\n${body}`);
    expect(sent(two, 'set', 3).toString()).toBe(`~2\r\n${body}`);
    expect(sent(two, 'map', 3).toString()).toBe(`%1\r\n${body}`);
    expect(sent([], 'map', 3).toString()).toBe('%0\r\n');
  });

  it('are whole whatever their sizes and number', () => {
    const items = [0, 1, 9, 10, 99, 100, 65_000, 65_536, 200_000, 5].map((length) => Buffer.alloc(length, 'x'));
    const expected = items.map((item) => `$${item.length}\r\n${item}\r\n`).join('');
    for (const expectedBytes of [0, 70_000, 10_000_000]) {
      expect(sent(items, 'array', 2, expectedBytes).toString() === `*${items.length}\r\n${expected}`).toBe(true);
    }
  });
});

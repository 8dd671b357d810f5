import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { FrameParser, type FrameSink } from './frame-parser.ts';

function frame(kind: number, payload: string): Buffer {
  const bytes = Buffer.alloc(5 + payload.length);
  bytes.writeUInt32BE(1 + payload.length, 0);
  bytes.writeUInt8(kind, 4);
  bytes.write(payload, 5, 'latin1');
  return bytes;
}

class Frames implements FrameSink {
  readonly got: [number, string][] = [];
  stopAt = -1;
  onFrame(kind: number, bytes: Buffer, offset: number, end: number): boolean {
    this.got.push([kind, bytes.toString('latin1', offset, end)]);
    return kind !== this.stopAt;
  }
}

const stream = Buffer.concat([frame(1, 'first'), frame(2, ''), frame(3, 'x'.repeat(300)), frame(4, 'last')]);
const expected = [
  [1, 'first'],
  [2, ''],
  [3, 'x'.repeat(300)],
  [4, 'last'],
];

describe('FrameParser', () => {
  it('finds the frames of one read', () => {
    const sink = new Frames();
    expect(new FrameParser(limits.frameBytes).feed(stream, sink)).toBe(true);
    expect(sink.got).toEqual(expected);
  });

  it('finds them split at each offset, and byte by byte', () => {
    for (let at = 1; at < stream.length; at++) {
      const sink = new Frames();
      const parser = new FrameParser(limits.frameBytes);
      expect(parser.feed(stream.subarray(0, at), sink)).toBe(true);
      expect(parser.feed(stream.subarray(at), sink)).toBe(true);
      expect(sink.got).toEqual(expected);
    }
    const sink = new Frames();
    const parser = new FrameParser(limits.frameBytes);
    for (const byte of stream) expect(parser.feed(Buffer.of(byte), sink)).toBe(true);
    expect(sink.got).toEqual(expected);
  });

  it('passes on what lies whole in a read without copying it', () => {
    let seen: Buffer | null = null;
    new FrameParser(limits.frameBytes).feed(stream, {
      onFrame(_kind, bytes) {
        seen = bytes;
        return true;
      },
    });
    expect(seen).toBe(stream);
  });

  it('refuses an empty frame and one above the bound, however its length arrives', () => {
    const lengths = [0, 5_000, 0xffffffff];
    for (const length of lengths) {
      const head = Buffer.alloc(8);
      head.writeUInt32BE(length, 0);
      expect(new FrameParser(4_096).feed(head, new Frames())).toBe(false);
      const parser = new FrameParser(4_096);
      expect(parser.feed(head.subarray(0, 3), new Frames())).toBe(true);
      expect(parser.feed(head.subarray(3), new Frames())).toBe(false);
    }
    const parser = new FrameParser(4_096);
    parser.allowFullFrames();
    const head = Buffer.alloc(8);
    head.writeUInt32BE(limits.frameBytes - 4, 0);
    expect(parser.feed(head, new Frames())).toBe(true);
  });

  it('takes memory as bytes arrive, not as the length announces', () => {
    const before = process.memoryUsage().arrayBuffers;
    const parsers: FrameParser[] = [];
    for (let i = 0; i < 200; i++) {
      const parser = new FrameParser(limits.frameBytes);
      const head = Buffer.alloc(100);
      head.writeUInt32BE(limits.frameBytes - 4, 0);
      parser.feed(head, new Frames());
      parsers.push(parser);
    }
    expect(parsers).toHaveLength(200);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4 * 1024 * 1024);
  });

  it('stops when the sink does', () => {
    const sink = new Frames();
    sink.stopAt = 2;
    expect(new FrameParser(limits.frameBytes).feed(stream, sink)).toBe(false);
    expect(sink.got).toHaveLength(2);
  });
});

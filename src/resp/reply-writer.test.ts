import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import type { Reply } from './reply.ts';
import {
  BooleanReply,
  BulkPieces,
  DoubleReply,
  ErrorReply,
  MapReply,
  NULL_ARRAY,
  OK,
  PONG,
  PushReply,
  SetReply,
  SimpleString,
  SYNTAX_ERROR,
  VerbatimReply,
} from './reply.ts';
import { ReplyBlocks } from './reply-blocks.ts';
import { ReplyWriter } from './reply-writer.ts';

function encode(protocol: 2 | 3, ...replies: readonly Reply[]): Buffer {
  const writer = new ReplyWriter();
  writer.protocol = protocol;
  for (const reply of replies) writer.write(reply);
  const pending = writer.pendingBytes;
  const bytes = Buffer.concat(writer.takeChunks());
  expect(pending).toBe(bytes.length);
  expect(writer.pendingBytes).toBe(0);
  return bytes;
}

const utf8Text = 'Grüße €😀';
const long = 'x'.repeat(200);
const huge = 2n ** 64n;
const map = new MapReply([
  ['a', 1],
  [Buffer.from('b'), new MapReply([])],
]);

/** The reply, and its bytes for RESP2 and for RESP3 (where they differ). */
const golden: readonly (readonly [Reply, string, string?])[] = [
  [OK, '+OK\r\n'],
  [PONG, '+PONG\r\n'],
  [new SimpleString(''), '+\r\n'],
  [new SimpleString('a\r\nb'), '+a  b\r\n'],
  [new SimpleString(utf8Text), `+${utf8Text}\r\n`],
  [new SimpleString(long), `+${long}\r\n`],
  [SYNTAX_ERROR, '-ERR syntax error\r\n'],
  [new ErrorReply("ERR unknown command 'é\r\n+OK'"), "-ERR unknown command 'é  +OK'\r\n"],
  [0, ':0\r\n'],
  [-0, ':0\r\n'],
  [1, ':1\r\n'],
  [9, ':9\r\n'],
  [10, ':10\r\n'],
  [99, ':99\r\n'],
  [100, ':100\r\n'],
  [1_234_567_890, ':1234567890\r\n'],
  [2_147_483_647, ':2147483647\r\n'],
  [2_147_483_648, ':2147483648\r\n'],
  [-1, ':-1\r\n'],
  [-42, ':-42\r\n'],
  [Number.MAX_SAFE_INTEGER, ':9007199254740991\r\n'],
  [Number.MIN_SAFE_INTEGER, ':-9007199254740991\r\n'],
  [2n ** 63n - 1n, ':9223372036854775807\r\n'],
  [-(2n ** 63n), ':-9223372036854775808\r\n'],
  [huge, '$20\r\n18446744073709551616\r\n', '(18446744073709551616\r\n'],
  [Buffer.alloc(0), '$0\r\n\r\n'],
  [Buffer.from('hello'), '$5\r\nhello\r\n'],
  [Buffer.from('a\r\nb'), '$4\r\na\r\nb\r\n'],
  [Buffer.from(long), `$200\r\n${long}\r\n`],
  ['', '$0\r\n\r\n'],
  ['text', '$4\r\ntext\r\n'],
  ['a\r\nb', '$4\r\na\r\nb\r\n'],
  [utf8Text, `$${Buffer.byteLength(utf8Text)}\r\n${utf8Text}\r\n`],
  [long + utf8Text, `$${200 + Buffer.byteLength(utf8Text)}\r\n${long}${utf8Text}\r\n`],
  [null, '$-1\r\n', '_\r\n'],
  [NULL_ARRAY, '*-1\r\n', '_\r\n'],
  [[], '*0\r\n'],
  [[1, 'a', null, [OK]], '*4\r\n:1\r\n$1\r\na\r\n$-1\r\n*1\r\n+OK\r\n', '*4\r\n:1\r\n$1\r\na\r\n_\r\n*1\r\n+OK\r\n'],
  [Array(12).fill(7), `*12\r\n${':7\r\n'.repeat(12)}`],
  [new BooleanReply(true), ':1\r\n', '#t\r\n'],
  [new BooleanReply(false), ':0\r\n', '#f\r\n'],
  [new DoubleReply(1.5), '$3\r\n1.5\r\n', ',1.5\r\n'],
  [new DoubleReply(3), '$1\r\n3\r\n', ',3\r\n'],
  [new DoubleReply(-1e-10), '$6\r\n-1e-10\r\n', ',-1e-10\r\n'],
  [new DoubleReply(Number.POSITIVE_INFINITY), '$3\r\ninf\r\n', ',inf\r\n'],
  [new DoubleReply(Number.NEGATIVE_INFINITY), '$4\r\n-inf\r\n', ',-inf\r\n'],
  [new DoubleReply(Number.NaN), '$3\r\nnan\r\n', ',nan\r\n'],
  [map, '*4\r\n$1\r\na\r\n:1\r\n$1\r\nb\r\n*0\r\n', '%2\r\n$1\r\na\r\n:1\r\n$1\r\nb\r\n%0\r\n'],
  [new SetReply(['a', 2]), '*2\r\n$1\r\na\r\n:2\r\n', '~2\r\n$1\r\na\r\n:2\r\n'],
  [new PushReply(['invalidate', null]), '*2\r\n$10\r\ninvalidate\r\n$-1\r\n', '>2\r\n$10\r\ninvalidate\r\n_\r\n'],
  [new VerbatimReply('txt', 'hi'), '$2\r\nhi\r\n', '=6\r\ntxt:hi\r\n'],
  [new VerbatimReply('m', 'é'), '$2\r\né\r\n', '=6\r\nm  :é\r\n'],
  [new BulkPieces(5, [Buffer.from('he'), Buffer.alloc(0), Buffer.from('llo')]), '$5\r\nhello\r\n'],
  [new BulkPieces(0, []), '$0\r\n\r\n'],
];

const vectors = golden.map(([reply, resp2, resp3 = resp2]) => ({ reply, resp2, resp3 }));

describe('ReplyWriter', () => {
  it.each(vectors)('$resp2', ({ reply, resp2, resp3 }) => {
    expect(encode(2, reply).toString()).toBe(resp2);
    expect(encode(3, reply).toString()).toBe(resp3);
  });

  it('writes replies one after the other', () => {
    const expected = Buffer.from(vectors.map(({ resp3 }) => resp3).join(''));
    expect(encode(3, ...vectors.map(({ reply }) => reply)).equals(expected)).toBe(true);
  });

  it('gives nothing when nothing was written', () => {
    expect(new ReplyWriter().takeChunks()).toEqual([]);
  });

  it('passes large bulk strings by reference, in order', () => {
    const writer = new ReplyWriter();
    const large = Buffer.alloc(limits.replyReferenceBytes, 'L');
    const small = Buffer.alloc(100, 's');
    writer.write(OK);
    writer.write([1, large, small]);
    writer.write(new BulkPieces(large.length + small.length, [small, large]));
    writer.write(PONG);
    const chunks = writer.takeChunks();
    expect(chunks.filter((chunk) => chunk === large)).toHaveLength(2);
    expect(chunks).toHaveLength(5);
    const expected = `+OK\r\n*3\r\n:1\r\n$16384\r\n${large}\r\n$100\r\n${small}\r\n$16484\r\n${small}${large}\r\n+PONG\r\n`;
    expect(Buffer.concat(chunks).toString()).toBe(expected);
  });

  it('passes large text on without copying it into blocks', () => {
    const text = 'é'.repeat(20_000);
    expect(encode(3, new VerbatimReply('txt', text), text).toString()).toBe(
      `=40004\r\ntxt:${text}\r\n$40000\r\n${text}\r\n`,
    );
    expect(encode(2, new SimpleString(text)).toString()).toBe(`+${text}\r\n`);
  });

  it('joins many small replies into few chunks', () => {
    const writer = new ReplyWriter();
    const values = Array.from({ length: 10_000 }, (_, n) => n);
    for (const value of values) writer.write(value);
    const chunks = writer.takeChunks();
    expect(chunks.length).toBeLessThan(10);
    expect(Buffer.concat(chunks).toString()).toBe(values.map((value) => `:${value}\r\n`).join(''));
  });

  it('never touches a chunk again that it has handed out', () => {
    const writer = new ReplyWriter();
    const taken: Buffer[] = [];
    let expected = '';
    for (let n = 0; n < 3_000; n++) {
      const text = `${n}-`.repeat((n * 7) % 400);
      writer.write(text);
      expected += `$${text.length}\r\n${text}\r\n`;
      if (n % 3 === 0) taken.push(...writer.takeChunks());
    }
    taken.push(...writer.takeChunks());
    expect(Buffer.concat(taken).toString() === expected).toBe(true);
  });

  it('shares its block with other writers once its chunks are sent, and never before', () => {
    const blocks = new ReplyBlocks();
    const [one, two, three] = [new ReplyWriter(blocks), new ReplyWriter(blocks), new ReplyWriter(blocks)];
    one.write(1);
    const [first] = one.takeChunks();
    two.write(2);
    const [second] = two.takeChunks();
    expect(second?.buffer).not.toBe(first?.buffer);
    one.write(11);
    one.sent();
    three.write(3);
    expect(three.takeChunks()[0]?.buffer).not.toBe(first?.buffer);
    expect(Buffer.concat(one.takeChunks()).toString()).toBe(':11\r\n');
    expect(first?.toString()).toBe(':1\r\n');
    one.sent();
    two.write(22);
    two.write('x'.repeat(limits.replyBlockBytes));
    const [, third] = two.takeChunks();
    expect(third?.buffer).not.toBe(first?.buffer);
    three.sent();
    three.write(4);
    one.write(5);
    const buffers = [...three.takeChunks(), ...one.takeChunks()].map((chunk) => chunk.buffer);
    expect(new Set(buffers).size).toBe(2);
    expect(buffers).toContain(first?.buffer);
  });

  it('makes no block while one is free', () => {
    const blocks = new ReplyBlocks();
    const seen = new Set<ArrayBufferLike>();
    for (let turn = 0; turn < 1_000; turn++) {
      const writer = new ReplyWriter(blocks);
      for (let n = 0; n < 100; n++) writer.write(n);
      for (const chunk of writer.takeChunks()) seen.add(chunk.buffer);
      writer.sent();
    }
    expect(seen.size).toBe(1);
  });

  it('keeps no large block for an idle connection', () => {
    const writer = new ReplyWriter();
    for (let n = 0; n < 50_000; n++) writer.write(n);
    writer.takeChunks();
    writer.sent();
    writer.write(1);
    writer.takeChunks();
    writer.sent();
    writer.write(1);
    const [chunk] = writer.takeChunks();
    expect(chunk?.buffer.byteLength).toBe(limits.replyBlockBytes);
  });

  it('switches protocol between replies', () => {
    const writer = new ReplyWriter();
    writer.write(null);
    writer.protocol = 3;
    writer.write(null);
    expect(Buffer.concat(writer.takeChunks()).toString()).toBe('$-1\r\n_\r\n');
  });

  it('does not send what is not an integer as one', () => {
    expect(() => encode(2, 1.5)).toThrow('integer');
    expect(() => encode(2, new BulkPieces(3, [Buffer.from('ab')]))).toThrow('pieces');
  });
});

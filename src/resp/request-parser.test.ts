import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { detachArguments, RequestParser } from './request-parser.ts';
import { chunkings, cutBySizes } from './testing/chunking.ts';

interface Outcome {
  readonly commands: string[][];
  readonly error: string | null;
}

function drain(parser: RequestParser): string[][] {
  const commands: string[][] = [];
  for (let args = parser.next(); args !== null; args = parser.next()) {
    commands.push(args.map((arg) => arg.toString('latin1')));
  }
  return commands;
}

function parse(chunks: readonly Buffer[], parser = new RequestParser(true)): Outcome {
  const commands: string[][] = [];
  for (const chunk of chunks) {
    parser.push(chunk);
    commands.push(...drain(parser));
  }
  return { commands, error: parser.takeError() };
}

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');
/** In an ArrayBuffer that nothing else shares. */
function unpooled(text: string): Buffer {
  const buffer = Buffer.alloc(text.length);
  buffer.write(text, 'latin1');
  return buffer;
}

/** A line's end for an inline command that would otherwise be split at it. */
const LINE_TAIL_INLINE = '\n';
const protocolError = (text: string): string => `ERR Protocol error: ${text}`;

const good: readonly (readonly [string, readonly (readonly string[])[]])[] = [
  ['', []],
  ['*1\r\n$4\r\nPING\r\n', [['PING']]],
  ['*2\r\n$3\r\nGET\r\n$1\r\nk\r\n', [['GET', 'k']]],
  ['*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n', [['SET', 'k', '']]],
  ['*2\r\n$4\r\nECHO\r\n$6\r\na\r\nb\0\n\r\n', [['ECHO', 'a\r\nb\0\n']]],
  ['*1\r\n$4\r\nPING\r\n*2\r\n$4\r\nECHO\r\n$2\r\nhi\r\n', [['PING'], ['ECHO', 'hi']]],
  ['*1\r\n$12\r\n\xff\xfe34567890ab\r\n', [['\xff\xfe34567890ab']]],
  // Redis skips two bytes after a bulk string and one after a count, whatever they are.
  ['*1\rX$4\rYPINGZZ', [['PING']]],
  ['*1\r\n$3\r\nPING\r\n', [['PIN']]],
  // Empty commands are passed over.
  ['*0\r\n*-1\r\n*-5\r\n*-9223372036854775808\r\n*1\r\n$1\r\nx\r\n', [['x']]],
  ['\r\n\n  \r\n\t\nPING\r\n', [['PING']]],
  // Inline commands.
  ['PING\r\n', [['PING']]],
  ['PING\n', [['PING']]],
  [
    '  SET  k\tv  \r\nGET k\n',
    [
      ['SET', 'k', 'v'],
      ['GET', 'k'],
    ],
  ],
  ['SET k "a b"\r\n', [['SET', 'k', 'a b']]],
  ["SET k 'a b'\r\n", [['SET', 'k', 'a b']]],
  ['SET k ""\r\n', [['SET', 'k', '']]],
  ['ECHO "\\x41\\xff\\n\\r\\t\\b\\a\\"\\\\\\q\\xg1"\r\n', [['ECHO', 'A\xff\n\r\t\b\x07"\\qxg1']]],
  ["ECHO 'it\\'s \\n \"'\r\n", [['ECHO', 'it\'s \\n "']]],
  ['ECHO foo"bar baz"\r\n', [['ECHO', 'foobar baz']]],
  ['ECHO a\\nb\r\n', [['ECHO', 'a\\nb']]],
  ['a\rb\r\n', [['a', 'b']]],
  ['\v a\vb\r\n', [['a\vb']]],
  ['PING\r\n*1\r\n$4\r\nPING\r\nPING\r\n', [['PING'], ['PING'], ['PING']]],
  ['$4\r\nPING\r\n', [['$4'], ['PING']]],
];

const bad: readonly (readonly [string, string, readonly (readonly string[])[]])[] = [
  ['*\r\n', 'invalid multibulk length', []],
  ['*x\r\n', 'invalid multibulk length', []],
  ['*01\r\n', 'invalid multibulk length', []],
  ['*+1\r\n', 'invalid multibulk length', []],
  ['*-0\r\n', 'invalid multibulk length', []],
  ['* 1\r\n', 'invalid multibulk length', []],
  ['*1 \r\n', 'invalid multibulk length', []],
  ['*1\n$4\nPING\n\r\n', 'invalid multibulk length', []],
  ['*1048577\r\n', 'invalid multibulk length', []],
  ['*2147483648\r\n', 'invalid multibulk length', []],
  ['*9223372036854775807\r\n', 'invalid multibulk length', []],
  ['*9223372036854775808\r\n', 'invalid multibulk length', []],
  ['*99999999999999999999999999\r\n', 'invalid multibulk length', []],
  ['*1\r\nPING\r\n', "expected '$', got 'P'", []],
  ['*1\r\n*1\r\n', "expected '$', got '*'", []],
  ['*1\r\n:1\r\n', "expected '$', got ':'", []],
  ['*1\r\n\r\n', "expected '$', got ' '", []],
  ['*1\r\n\n\r\n', "expected '$', got ' '", []],
  ['*1\r\n$\r\n', 'invalid bulk length', []],
  ['*1\r\n$-1\r\n', 'invalid bulk length', []],
  ['*1\r\n$04\r\nPING\r\n', 'invalid bulk length', []],
  ['*1\r\n$4x\r\nPING\r\n', 'invalid bulk length', []],
  ['*1\r\n$536870913\r\n', 'invalid bulk length', []],
  ['*1\r\n$9223372036854775807\r\n', 'invalid bulk length', []],
  ['*1\r\n$4\r\nPING\r\n*2\r\n$4\r\nECHO\r\n$x\r\n', 'invalid bulk length', [['PING']]],
  ['"PING\r\n', 'unbalanced quotes in request', []],
  ["'PING\r\n", 'unbalanced quotes in request', []],
  ['"PING"x\r\n', 'unbalanced quotes in request', []],
  ["'PING'x\r\n", 'unbalanced quotes in request', []],
  ['ECHO "a\\"\r\n', 'unbalanced quotes in request', []],
  ['ECHO "a\\\r\n', 'unbalanced quotes in request', []],
  ['PING\r\nECHO "\r\nPING\r\n', 'unbalanced quotes in request', [['PING']]],
];

describe('RequestParser', () => {
  it.each(good)('%j, however it is cut', (text, commands) => {
    for (const chunks of chunkings(bytes(text))) expect(parse(chunks)).toEqual({ commands, error: null });
  });

  it.each(bad)('%j is refused with "%s", however it is cut', (text, message, commands) => {
    for (const chunks of chunkings(bytes(text))) {
      expect(parse(chunks)).toEqual({ commands, error: protocolError(message) });
    }
  });

  it('gives its error once and refuses further input', () => {
    const parser = new RequestParser(true);
    parser.push(bytes('*x\r\n*1\r\n$4\r\nPING\r\n'));
    expect(parser.next()).toBeNull();
    expect(parser.failed).toBe(true);
    expect(parser.takeError()).toBe(protocolError('invalid multibulk length'));
    expect(parser.takeError()).toBeNull();
    parser.push(bytes('*1\r\n$4\r\nPING\r\n'));
    expect(parser.next()).toBeNull();
    expect(parser.takeError()).toBeNull();
    expect(parser.bufferedBytes).toBe(0);
  });

  it('waits with what was pushed while nobody asks', () => {
    const parser = new RequestParser(true);
    const text = bytes('*1\r\n$4\r\nPING\r\n*2\r\n$4\r\nECHO\r\n$2\r\nhi\r\nPING\r\n');
    for (const chunk of cutBySizes(text, [5, 7, 3])) parser.push(chunk);
    expect(parser.bufferedBytes).toBeGreaterThanOrEqual(text.length);
    expect(parser.next()?.map(String)).toEqual(['PING']);
    parser.push(bytes('PING late\r\n'));
    expect(drain(parser)).toEqual([['ECHO', 'hi'], ['PING'], ['PING', 'late']]);
    expect(parser.bufferedBytes).toBe(0);
  });
});

describe('limits of a request', () => {
  it('takes the largest announced count and bulk length', () => {
    expect(parse([bytes('*1048576\r\n$536870912\r\nab')])).toEqual({ commands: [], error: null });
  });

  it('has tight limits before authentication', () => {
    const open = (text: string): Outcome => parse([bytes(text)], new RequestParser(false));
    expect(open('*11\r\n').error).toBe(protocolError('unauthenticated multibulk length'));
    expect(open('*1\r\n$16385\r\n').error).toBe(protocolError('unauthenticated bulk length'));
    const large = 'x'.repeat(16_384);
    const text = `*10\r\n${`$16384\r\n${large}\r\n`.repeat(10)}`;
    expect(open(text)).toEqual({ commands: [Array(10).fill(large)], error: null });
  });

  it('lifts them for what follows AUTH in the same chunk', () => {
    const parser = new RequestParser(false);
    parser.push(bytes(`AUTH secret\r\n*11\r\n${'$1\r\na\r\n'.repeat(11)}`));
    expect(parser.next()?.map(String)).toEqual(['AUTH', 'secret']);
    parser.authenticated = true;
    expect(parser.next()).toHaveLength(11);
  });

  it('follows proto-max-bulk-len', () => {
    const parser = new RequestParser(true, 10);
    expect(parse([bytes('*1\r\n$10\r\n0123456789\r\n')], parser).commands).toEqual([['0123456789']]);
    parser.maxBulkBytes = 9;
    expect(parse([bytes('*1\r\n$10\r\n')], parser).error).toBe(protocolError('invalid bulk length'));
  });

  it.each([
    ['', LINE_TAIL_INLINE, 'too big inline request'],
    ['*', '\r\n', 'too big mbulk count string'],
    ['*1\r\n$', '\r\n', 'too big bulk count string'],
    ['*1\r\nx', '\r\n', 'too big bulk count string'],
  ])('bounds the line after %j', (before, tail, message) => {
    const lineStart = before.length - (before.lastIndexOf('\n') + 1);
    const longest = before + '1'.repeat(limits.requestLineBytes - lineStart);
    for (const sizes of [[1_000_000], [1_000], [65_535, 1, 2]]) {
      expect(parse(cutBySizes(bytes(`${longest}${tail}`), sizes)).error).not.toBe(protocolError(message));
      expect(parse(cutBySizes(bytes(`${longest}1${tail}`), sizes)).error).toBe(protocolError(message));
      expect(parse(cutBySizes(bytes(`${longest}1`), sizes)).error).toBe(protocolError(message));
    }
  });
});

describe('memory of a request', () => {
  it('is not taken by an announcement', () => {
    const parsers: RequestParser[] = [];
    const before = process.memoryUsage();
    for (let n = 0; n < 1_000; n++) {
      const parser = new RequestParser(true);
      parse([bytes('*1048576\r\n$536870912\r\nabc')], parser);
      expect(parser.bufferedBytes).toBeLessThan(1_000);
      parsers.push(parser);
    }
    const after = process.memoryUsage();
    expect(after.rss - before.rss).toBeLessThan(64 * 1024 * 1024);
    expect(parsers).toHaveLength(1_000);
  });

  it('follows what has arrived of a large argument', () => {
    const parser = new RequestParser(true);
    parse([bytes('*2\r\n$3\r\nGET\r\n$100000000\r\n')], parser);
    let arrived = 0;
    for (let n = 0; n < 400; n++) {
      const size = n % 3 === 0 ? 20_000 : 700;
      parse([Buffer.alloc(size)], parser);
      arrived += size;
      expect(parser.bufferedBytes).toBeGreaterThanOrEqual(arrived);
      expect(parser.bufferedBytes).toBeLessThan(arrived * 3 + 2_000);
    }
  });

  it('counts each argument of a half-received command', () => {
    const parser = new RequestParser(true);
    parse([bytes(`*1000\r\n${'$0\r\n\r\n'.repeat(900)}`)], parser);
    expect(parser.bufferedBytes).toBeGreaterThanOrEqual(900 * limits.argumentOverheadBytes);
    parse([bytes('$0\r\n\r\n'.repeat(100))], parser);
    expect(parser.bufferedBytes).toBe(0);
  });

  it('does not keep the chunk behind a half-received command', () => {
    const parser = new RequestParser(true);
    const chunk = unpooled('*2\r\n$3\r\nGET\r\n$1\r\n');
    parser.push(chunk);
    expect(parser.next()).toBeNull();
    parser.push(bytes('k\r\n'));
    const args = parser.next();
    expect(args?.map(String)).toEqual(['GET', 'k']);
    expect(args?.[0]?.buffer).not.toBe(chunk.buffer);
  });

  it('copies no argument that lies in one chunk; names are shared', () => {
    const parser = new RequestParser(true);
    const chunk = unpooled('*2\r\n$3\r\nGET\r\n$1\r\nk\r\n');
    parser.push(chunk);
    const [name, key] = parser.next() ?? [];
    expect(name?.buffer).not.toBe(chunk.buffer);
    expect(key?.buffer).toBe(chunk.buffer);
  });

  it('takes linear time over tiny chunks', () => {
    const size = 1_000_000;
    const text = Buffer.alloc(size, 'x');
    const parser = new RequestParser(true);
    parse([bytes(`*2\r\n$4\r\nECHO\r\n$${size}\r\n`)], parser);
    const startedMs = performance.now();
    expect(parse(cutBySizes(text, [3, 1, 2]), parser).commands).toEqual([]);
    expect(parse(cutBySizes(bytes(`${'y'.repeat(60_000)} z\r\n`), [1]), new RequestParser(true)).commands).toHaveLength(
      1,
    );
    // Quadratic work would be 10^12 bytes: minutes.
    expect(performance.now() - startedMs).toBeLessThan(5_000);
    parser.push(bytes('\r\n'));
    expect(parser.next()?.[1]?.equals(text)).toBe(true);
  });

  it('takes a command of many arguments over many chunks', () => {
    const count = 50_000;
    const text = bytes(`*${count}\r\n${Array.from({ length: count }, (_, n) => `$5\r\n${10_000 + n}\r\n`).join('')}`);
    const { commands } = parse(cutBySizes(text, [1_000, 17]));
    expect(commands).toEqual([Array.from({ length: count }, (_, n) => `${10_000 + n}`)]);
  });
});

describe('detachArguments', () => {
  it('copies small arguments together and leaves large ones', () => {
    const chunk = Buffer.alloc(50_000, 'abc');
    const args = [
      chunk.subarray(0, 3),
      chunk.subarray(3, 3),
      chunk.subarray(3, 40_000),
      chunk.subarray(40_000, 40_007),
    ];
    const detached = detachArguments(args);
    expect(detached.map(String)).toEqual(args.map(String));
    expect(detached.map((arg) => arg.buffer === chunk.buffer)).toEqual([false, false, true, false]);
  });
});

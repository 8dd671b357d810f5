import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import type { Reply } from './reply.ts';
import {
  BooleanReply,
  DoubleReply,
  ErrorReply,
  MapReply,
  NULL_ARRAY,
  PushReply,
  SetReply,
  SimpleString,
  VerbatimReply,
} from './reply.ts';
import { ReplyParser } from './reply-parser.ts';
import { ReplyWriter } from './reply-writer.ts';
import { chunkings, cutBySizes } from './testing/chunking.ts';

interface Outcome {
  readonly replies: Reply[];
  readonly failure: string | null;
}

function parse(chunks: readonly Buffer[]): Outcome {
  const parser = new ReplyParser();
  const replies: Reply[] = [];
  for (const chunk of chunks) {
    parser.push(chunk);
    for (let reply = parser.next(); reply !== undefined; reply = parser.next()) replies.push(reply);
  }
  return { replies, failure: parser.failure };
}

const good: readonly (readonly [string, readonly Reply[]])[] = [
  ['+OK\r\n+\r\n', [new SimpleString('OK'), new SimpleString('')]],
  ['-ERR no\r\n', [new ErrorReply('ERR no')]],
  [':0\r\n:12\r\n:-3\r\n:9223372036854775807\r\n', [0, 12, -3, 9223372036854775807n]],
  ['$5\r\nhello\r\n$0\r\n\r\n$-1\r\n', [Buffer.from('hello'), Buffer.alloc(0), null]],
  ['*0\r\n*-1\r\n*2\r\n:1\r\n*1\r\n$1\r\na\r\n', [[], NULL_ARRAY, [1, [Buffer.from('a')]]]],
  ['_\r\n#t\r\n#f\r\n', [null, new BooleanReply(true), new BooleanReply(false)]],
  [',1.5\r\n,-2e-3\r\n,10\r\n,inf\r\n,-inf\r\n', [1.5, -0.002, 10, Infinity, -Infinity].map((n) => new DoubleReply(n))],
  ['(18446744073709551616\r\n(+5\r\n', [2n ** 64n, 5n]],
  ['!5\r\nERR x\r\n', [new ErrorReply('ERR x')]],
  ['=6\r\ntxt:hi\r\n', [new VerbatimReply('txt', 'hi')]],
  [
    '%2\r\n+a\r\n:1\r\n+b\r\n%0\r\n',
    [
      new MapReply([
        [new SimpleString('a'), 1],
        [new SimpleString('b'), new MapReply([])],
      ]),
    ],
  ],
  ['~2\r\n:1\r\n:2\r\n~0\r\n', [new SetReply([1, 2]), new SetReply([])]],
  ['>1\r\n$1\r\nx\r\n:1\r\n', [new PushReply([Buffer.from('x')]), 1]],
  ['|1\r\n+ttl\r\n:3\r\n*2\r\n|0\r\n:1\r\n|1\r\n+k\r\n*1\r\n:9\r\n:2\r\n', [[1, 2]]],
];

const bad: readonly (readonly [string, string])[] = [
  [':x\r\n', 'invalid integer'],
  [':\r\n', 'invalid integer'],
  ['$-2\r\n', 'invalid bulk length'],
  ['$?\r\n', 'invalid bulk length'],
  ['$536870913\r\n', 'invalid bulk length'],
  ['!-1\r\n', 'invalid bulk length'],
  ['*-2\r\n', 'invalid aggregate length'],
  ['%-1\r\n', 'invalid aggregate length'],
  ['*99999999999\r\n', 'invalid aggregate length'],
  ['_x\r\n', 'invalid null'],
  ['#x\r\n', 'invalid boolean'],
  [',1.x\r\n', 'invalid double'],
  [',\r\n', 'invalid double'],
  ['(1.5\r\n', 'invalid big number'],
  ['=2\r\nab\r\n', 'invalid verbatim string'],
  ['@\r\n', "unknown reply type '@'"],
  ['*1\r\n'.repeat(limits.replyDepth + 1), 'aggregates nested too deeply'],
];

describe('ReplyParser', () => {
  it.each(good)('%j, however it is cut', (text, replies) => {
    for (const chunks of chunkings(Buffer.from(text))) expect(parse(chunks)).toStrictEqual({ replies, failure: null });
  });

  it.each(bad)('%j is refused with "%s", however it is cut', (text, failure) => {
    for (const chunks of chunkings(Buffer.from(`:7\r\n${text}:8\r\n`)))
      expect(parse(chunks)).toStrictEqual({ replies: [7], failure });
  });

  it('reads NaN', () => {
    expect(parse([Buffer.from(',nan\r\n')]).replies).toStrictEqual([new DoubleReply(Number.NaN)]);
  });

  it('bounds a line', () => {
    const chunk = Buffer.alloc(1_048_576, 'a');
    const parser = new ReplyParser();
    parser.push(Buffer.from('+'));
    for (let sent = 1; sent + chunk.length <= limits.replyLineBytes; sent += chunk.length) {
      parser.push(chunk);
      expect(parser.next()).toBeUndefined();
      expect(parser.failure).toBeNull();
    }
    parser.push(chunk);
    expect(parser.next()).toBeUndefined();
    expect(parser.failure).toBe('line too long');
    expect(parser.bufferedBytes).toBe(0);
  });

  it('survives random bytes, and cutting them changes nothing', () => {
    const token = fc.constantFrom(
      '*',
      '$',
      '%',
      '|',
      '>',
      ':',
      '+',
      '1',
      '2',
      '-1',
      '\r\n',
      '\r',
      'a',
      '$1\r\na\r\n',
      ':1\r\n',
      '_\r\n',
    );
    const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(fc.array(token, { maxLength: 40 }), sizes, (tokens, cuts) => {
        const bytes = Buffer.from(tokens.join(''));
        expect(parse(cutBySizes(bytes, cuts))).toStrictEqual(parse([bytes]));
      }),
      { numRuns: 800 },
    );
  });
});

/** Text without line ends, for lines. */
const lineText = fc.string({ unit: 'grapheme', maxLength: 40 }).filter((text) => !/[\r\n]/.test(text));
const bulk = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));
const notNegativeZero = (value: number): boolean => !Object.is(value, -0);

const { reply: anyReply } = fc.letrec<{ reply: Reply }>((tie) => ({
  reply: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    bulk,
    fc.maxSafeInteger().filter(notNegativeZero),
    fc.bigInt({ min: 2n ** 60n, max: 2n ** 80n }),
    fc.constant(null),
    lineText.map((text) => new SimpleString(text)),
    lineText.map((text) => new ErrorReply(text)),
    fc.double().map((value) => new DoubleReply(value)),
    fc.boolean().map((value) => new BooleanReply(value)),
    fc.string({ unit: 'grapheme', maxLength: 200 }).map((text) => new VerbatimReply('txt', text)),
    fc.array(tie('reply'), { maxLength: 5 }),
    fc.array(tie('reply'), { maxLength: 5 }).map((items) => new SetReply(items)),
    fc.array(tie('reply'), { maxLength: 5 }).map((items) => new PushReply(items)),
    fc.array(fc.tuple(tie('reply'), tie('reply')), { maxLength: 3 }).map((entries) => new MapReply(entries)),
  ),
}));

describe('ReplyWriter and ReplyParser', () => {
  it('agree on every reply in RESP3, however it is cut', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(fc.array(anyReply, { minLength: 1, maxLength: 4 }), sizes, (replies, cuts) => {
        const writer = new ReplyWriter();
        writer.protocol = 3;
        for (const reply of replies) writer.write(reply);
        const bytes = Buffer.concat(writer.takeChunks());
        expect(parse(cutBySizes(bytes, cuts))).toStrictEqual({ replies, failure: null });
      }),
      { numRuns: 400 },
    );
  });

  it('agree on what a RESP2 client sees', () => {
    fc.assert(
      fc.property(anyReply, (reply) => {
        const writer = new ReplyWriter();
        writer.write(reply);
        expect(parse(writer.takeChunks())).toStrictEqual({ replies: [inResp2(reply)], failure: null });
      }),
      { numRuns: 400 },
    );
  });
});

function inResp2(reply: Reply): Reply {
  if (reply instanceof DoubleReply) return Buffer.from(doubleText(reply.value));
  if (reply instanceof BooleanReply) return reply.value ? 1 : 0;
  if (reply instanceof VerbatimReply) return Buffer.from(reply.text);
  if (reply instanceof MapReply) return reply.entries.flat().map((item) => inResp2(item));
  if (reply instanceof SetReply || reply instanceof PushReply) return reply.items.map(inResp2);
  if (Array.isArray(reply)) return reply.map(inResp2);
  if (typeof reply === 'bigint' && reply >= 2n ** 63n) return Buffer.from(String(reply));
  return reply;
}

function doubleText(value: number): string {
  const writer = new ReplyWriter();
  writer.protocol = 3;
  writer.write(new DoubleReply(value));
  return Buffer.concat(writer.takeChunks()).toString().slice(1, -2);
}

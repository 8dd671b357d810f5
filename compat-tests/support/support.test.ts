import { describe, expect, it } from 'vitest';
import {
  containing,
  exactly,
  inAnyOrder,
  inShape,
  masking,
  nearlySameNumbers,
  oneApart,
  oneByOne,
  pairsInAnyOrder,
  sameEncoding,
  within,
} from './comparisons.ts';
import { commandsOf, encodeCommand, splitLine } from './request.ts';
import { readReply, showReply } from './resp-reply.ts';

const REPLIES = [
  '+OK\r\n',
  ':12\r\n',
  '$-1\r\n',
  '*-1\r\n',
  '$5\r\na\r\nbc\r\n',
  '*2\r\n$1\r\na\r\n*1\r\n:1\r\n',
  '%1\r\n+k\r\n#t\r\n',
  '|1\r\n+a\r\n,1.5\r\n_\r\n',
  '~1\r\n(123\r\n',
  '=7\r\ntxt:abc\r\n',
];

describe('readReply', () => {
  it('ends exactly where a reply ends, whatever follows, and never before', () => {
    for (const reply of REPLIES) {
      const bytes = Buffer.from(`${reply}+next\r\n`);
      expect(readReply(bytes)?.end).toBe(reply.length);
      for (let cut = 0; cut < reply.length; cut++) expect(readReply(bytes.subarray(0, cut))).toBeNull();
    }
  });

  it('refuses what is no reply', () => {
    expect(() => readReply(Buffer.from('hello\r\n'))).toThrow('no reply starts with');
    expect(() => readReply(Buffer.from('$1\r\nabc\r\n'))).toThrow('not followed by CR LF');
  });

  it('shows replies readably', () => {
    expect(showReply({ ...(readReply(Buffer.from('*2\r\n$1\r\na\r\n:1\r\n')) ?? expect.fail()) })).toBe('*[$"a" :1]');
  });
});

it('splitLine takes words and quoted words apart', () => {
  expect(splitLine('SET "a b" x"y \\x "\\x00\\xff\\n"').map((word) => word.toString('latin1'))).toEqual([
    'SET',
    'a b',
    'x"y',
    '\\x',
    '\0\xff\n',
  ]);
  expect(splitLine('GET ""').map(String)).toEqual(['GET', '']);
});

it('commandsOf reads what encodeCommand writes, up to what is no command', () => {
  const bytes = Buffer.concat([encodeCommand(['GET', 'k']), encodeCommand(['PING']), Buffer.from('*1\r\n$x')]);
  expect(commandsOf(bytes)).toEqual([['GET', 'k'], ['PING']]);
});

describe('comparisons', () => {
  const bytes = (text: string): Buffer => Buffer.from(text.replaceAll('|', '\r\n'));

  it('find a difference and overlook only what they name', () => {
    expect(exactly.differ(bytes('+a|'), bytes('+b|'))).toContain('junokv');
    expect(within(1).differ(bytes(':100|'), bytes(':99|'))).toBeNull();
    expect(within(1).differ(bytes(':100|'), bytes(':98|'))).not.toBeNull();
    expect(within(1).differ(bytes(':-1|'), bytes(':-2|'))).not.toBeNull();
    expect(oneApart.differ(bytes(':0|'), bytes(':1|'))).toBeNull();
    expect(oneApart.differ(bytes(':0|'), bytes(':2|'))).not.toBeNull();
    expect(oneApart.differ(bytes(':0|'), bytes('$1|0|'))).not.toBeNull();
    expect(inAnyOrder.differ(bytes('*2|+a|+b|'), bytes('*2|+b|+a|'))).toBeNull();
    expect(inAnyOrder.differ(bytes('*2|+a|+b|'), bytes('*2|+b|+b|'))).not.toBeNull();
    expect(inAnyOrder.differ(bytes('%2|+a|+1|+b|+2|'), bytes('%2|+b|+1|+a|+2|'))).not.toBeNull();
    expect(pairsInAnyOrder.differ(bytes('*4|+a|+1|+b|+2|'), bytes('*4|+b|+2|+a|+1|'))).toBeNull();
    expect(inShape.differ(bytes('*2|:1|$1|x|'), bytes('*2|:2|$1|y|'))).toBeNull();
    expect(inShape.differ(bytes('*1|:1|'), bytes('*1|+1|'))).not.toBeNull();
    expect(masking(/id=\d+/).differ(bytes('+id=1 x|'), bytes('+id=22 x|'))).toBeNull();
    expect(masking(/id=\d+/).differ(bytes('+id=1 x|'), bytes('+id=22 y|'))).not.toBeNull();
    expect(oneByOne([exactly, inAnyOrder]).differ(bytes('*2|:1|*2|+a|+b|'), bytes('*2|:1|*2|+b|+a|'))).toBeNull();
    expect(oneByOne([exactly, exactly]).differ(bytes('*2|:1|*2|+a|+b|'), bytes('*2|:1|*2|+b|+a|'))).toContain('item 2');
    expect(oneByOne([exactly]).differ(bytes('*1|:1|'), bytes('*-1|'))).not.toBeNull();
    expect(sameEncoding.differ(bytes('$3|raw|'), bytes('$6|embstr|'))).toBeNull();
    expect(sameEncoding.differ(bytes('$3|raw|'), bytes('$8|listpack|'))).not.toBeNull();
    expect(nearlySameNumbers.differ(bytes('$18|7296.5473816456451|'), bytes('$18|7296.5473816456442|'))).toBeNull();
    expect(nearlySameNumbers.differ(bytes('$18|7296.5473816456451|'), bytes('$18|7296.5473816556451|'))).not.toBeNull();
    // 13 digits of these are two numbers.
    expect(nearlySameNumbers.differ(bytes('$18|5960.2527100134985|'), bytes('$18|5960.2527100135012|'))).toBeNull();
    expect(nearlySameNumbers.differ(bytes('$4|k-17|'), bytes('$4|k-18|'))).not.toBeNull();
    expect(nearlySameNumbers.differ(bytes('$3|0.5|'), bytes('$3|x.5|'))).not.toBeNull();
    expect(containing(/a:\d/).differ(bytes('+a:1|'), bytes('+b:1|'))).toContain('junokv lacks');
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ReplyFramer } from './reply-framer.ts';

/** What is found in the pieces of a stream: kinds, and texts of errors. */
function frame(pieces: readonly Buffer[]): { found: string[]; failure: string | null } {
  const found: string[] = [];
  const framer = new ReplyFramer((kind, errorText) => found.push(kind === 'error' ? `error ${errorText}` : kind));
  for (const piece of pieces) framer.push(piece);
  return { found, failure: framer.failure };
}

const whole = (text: string) => frame([Buffer.from(text, 'latin1')]);

describe('ReplyFramer', () => {
  it.each<[string, string[]]>([
    ['+OK\r\n', ['value']],
    [':12\r\n$3\r\nabc\r\n', ['value', 'value']],
    ['$0\r\n\r\n$-1\r\n', ['value', 'nil']],
    ['*-1\r\n_\r\n', ['nil', 'nil']],
    ['-ERR no\r\n+OK\r\n', ['error ERR no', 'value']],
    ['*0\r\n*2\r\n$-1\r\n:1\r\n', ['value', 'value']],
    ['*2\r\n*2\r\n:1\r\n:2\r\n$4\r\n\r\n\r\n\r\n+A\r\n', ['value', 'value']],
    ['%1\r\n+key\r\n*1\r\n:1\r\n~1\r\n,1.5\r\n', ['value', 'value']],
    ['*2\r\n:1\r\n-EXECABORT inside\r\n+OK\r\n', ['error EXECABORT inside', 'value']],
    ['!5\r\nERR x\r\n=5\r\ntxt:x\r\n#t\r\n', ['error BULKERROR', 'value', 'value']],
  ])('%j', (text, expected) => {
    expect(whole(text)).toEqual({ found: expected, failure: null });
  });

  it.each(['hello\r\n', '$x\r\n', '$-2\r\n', '+OK\n', '*99999999999999999\r\n', '\r\n'])('%j is no RESP', (text) => {
    const { found, failure } = whole(`${text}+OK\r\n`);
    expect(found).toEqual([]);
    expect(failure).not.toBeNull();
  });

  it('finds the same however the stream was cut', () => {
    const reply = fc.oneof(
      fc.string({ maxLength: 400 }).map((text) => `$${Buffer.byteLength(text, 'latin1')}\r\n${text}\r\n`),
      fc.stringMatching(/^[A-Z]{1,8} [a-z ]{0,600}$/).map((text) => `-${text}\r\n`),
      fc.stringMatching(/^[a-z]{0,600}$/).map((text) => `+${text}\r\n`),
      fc.constantFrom('$-1\r\n', '*-1\r\n', ':5\r\n', '*2\r\n:1\r\n*1\r\n$2\r\n\r\n\r\n'),
    );
    fc.assert(
      fc.property(fc.array(reply, { maxLength: 12 }), fc.array(fc.nat(2_000), { maxLength: 12 }), (replies, cuts) => {
        const bytes = Buffer.from(replies.join(''), 'latin1');
        const places = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b), bytes.length];
        const pieces = places.slice(1).map((end, i) => bytes.subarray(places[i] ?? 0, end));
        const kinds = (found: string[]): string[] => found.map((text) => text.slice(0, 200));
        const cut = frame(pieces);
        expect(cut.failure).toBeNull();
        expect(cut.found).toHaveLength(replies.length);
        expect(kinds(cut.found)).toEqual(kinds(frame([bytes]).found));
        const single = frame(Array.from(bytes, (byte) => Buffer.from([byte])));
        expect(kinds(single.found)).toEqual(kinds(cut.found));
      }),
      { numRuns: 200 },
    );
  });
});

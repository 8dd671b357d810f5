import { describe, expect, it } from 'vitest';
import { globMatches } from './glob.ts';

function matches(pattern: string, string: string, ignoreCase = false): boolean {
  return globMatches(Buffer.from(pattern, 'latin1'), Buffer.from(string, 'latin1'), ignoreCase);
}

/** Exponential in the stars, obviously right: the reference for short inputs. */
function slowMatches(pattern: string, string: string): boolean {
  const [first = '', ...restOfPattern] = pattern;
  const rest = restOfPattern.join('');
  if (pattern === '') return string === '';
  if (first === '*') return slowMatches(rest, string) || (string !== '' && slowMatches(pattern, string.slice(1)));
  return string !== '' && (first === '?' || first === string[0]) && slowMatches(rest, string.slice(1));
}

describe('globMatches', () => {
  const cases: [pattern: string, string: string, expected: boolean][] = [
    ['', '', true],
    ['', 'a', false],
    ['a', '', false],
    ['*', '', true],
    ['**', 'abc', true],
    ['abc', 'abc', true],
    ['abc', 'abcd', false],
    ['abcd', 'abc', false],
    ['a*', 'abc', true],
    ['*c', 'abc', true],
    ['*b*', 'abc', true],
    ['*b', 'abc', false],
    ['a?c', 'abc', true],
    ['a?c', 'ac', false],
    ['?', '', false],
    ['h[ae]llo', 'hallo', true],
    ['h[ae]llo', 'hillo', false],
    ['h[^e]llo', 'hallo', true],
    ['h[^e]llo', 'hello', false],
    ['h[a-b]llo', 'hbllo', true],
    ['h[b-a]llo', 'hallo', true],
    ['h[a-b]llo', 'hcllo', false],
    ['[', '[', false],
    ['[a', 'a', true],
    ['[^', 'x', true],
    ['[]a]', 'a]', false],
    ['[a-]', 'b', false],
    ['[a-]', ']', true],
    ['[\\]]', ']', true],
    ['[\\^a]', '^', true],
    ['\\*', '*', true],
    ['\\*', 'a', false],
    ['a\\', 'a\\', true],
    ['a\\bc', 'abc', true],
    ['user:*:[0-9]?', 'user:anna:42', true],
    ['\xff*\x00', '\xffabc\x00', true],
    ['ABC', 'abc', false],
  ];

  it.each(cases)('%j on %j: %j', (pattern, string, expected) => {
    expect(matches(pattern, string)).toBe(expected);
  });

  it('ignores case where asked to, ranges included, escaped bytes of a class not', () => {
    expect(matches('AbC*', 'aBcD', true)).toBe(true);
    expect(matches('[A-C]', 'b', true)).toBe(true);
    expect(matches('[xyz]', 'Y', true)).toBe(true);
    expect(matches('[\\X]', 'x', true)).toBe(false);
    expect(matches('\\X', 'x', true)).toBe(true);
  });

  it('agrees with the obvious definition on all short patterns', () => {
    const patterns = ['']; // all over {a, b, ?, *} up to length 4
    for (let i = 0; i < patterns.length; i++) {
      const pattern = patterns[i] ?? '';
      if (pattern.length < 4) patterns.push(...['a', 'b', '?', '*'].map((next) => pattern + next));
    }
    const strings = ['', 'a', 'b', 'ab', 'ba', 'aab', 'aba', 'abab', 'bbaab'];
    for (const pattern of patterns) {
      for (const string of strings) {
        expect(matches(pattern, string), `${pattern} on ${string}`).toBe(slowMatches(pattern, string));
      }
    }
  });

  it('needs no exponential time for patterns full of stars', () => {
    const pattern = Buffer.from(`${'a*'.repeat(200)}b`);
    const string = Buffer.alloc(20_000, 'a');
    const startedMs = performance.now();
    expect(globMatches(pattern, string)).toBe(false);
    expect(globMatches(Buffer.from(`${'*[a-z]?'.repeat(300)}!`), string)).toBe(false);
    expect(performance.now() - startedMs).toBeLessThan(2_000);
  });
});

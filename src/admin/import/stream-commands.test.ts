import { describe, expect, it } from 'vitest';
import { readsByPattern, type StreamCommand } from './stream-commands.ts';

function command(...words: string[]): StreamCommand {
  return { name: words[0]?.toLowerCase() ?? '', args: words.map((word) => Buffer.from(word)), bytes: 0 };
}

describe('commands that read keys which they do not name', () => {
  it.each([
    [['SORT', 'k', 'BY', 'w_*', 'STORE', 'd'], true],
    [['SORT', 'k', 'get', 'v_*->f', 'STORE', 'd'], true],
    [['SORT', 'k', 'BY', 'nosort', 'GET', '#', 'STORE', 'd'], false],
    [['SORT', 'by', 'STORE', 'd*'], false],
    [['SORT', 'k', 'GET'], false],
    [['SET', 'k', 'GET', '*'], false],
  ])('%j: %s', (words, expected) => {
    expect(readsByPattern(command(...words))).toBe(expected);
  });
});

import { describe, expect, it } from 'vitest';
import { limits } from '../../base/limits.ts';
import { CommandRunner, type PlainReply } from '../testing/run-command.ts';
import { genericKeyCommands } from './generic-commands.ts';
import { stringCommands } from './string-commands.ts';

function runner(): CommandRunner {
  return new CommandRunner([...stringCommands, ...genericKeyCommands]);
}

type Script = readonly (readonly [command: string, reply: PlainReply])[];

const scripts: Record<string, Script> = {
  'MSET and MGET': [
    ['mset a 1 b 2 a 3', '+OK'],
    ['mget a b c a', ['3', '2', null, '3']],
    ['mset a 1 b', "-ERR wrong number of arguments for 'mset' command"],
  ],
  'MSETNX over one key': [
    ['msetnx a 1', 1],
    ['msetnx a 2', 0],
    ['msetnx b 1 b 2', 1],
    ['mget a b', ['1', '2']],
    ['msetnx a 1 b', "-ERR wrong number of arguments for 'msetnx' command"],
  ],
  'MSETNX over several keys': [
    ['msetnx a 1 b 2', 1],
    ['msetnx b 3 c 3', 0],
    ['mget a b c', ['1', '2', null]],
  ],
  LCS: [
    ['mset a ohmytext b mynewtext', '+OK'],
    ['lcs a b', 'mytext'],
    ['lcs a b len', 6],
    [
      'lcs a b idx',
      [
        [
          'matches',
          [
            [
              [4, 7],
              [5, 8],
            ],
            [
              [2, 3],
              [0, 1],
            ],
          ],
        ],
        ['len', 6],
      ],
    ],
    [
      'lcs a b IDX minmatchlen 4 WITHMATCHLEN',
      [
        ['matches', [[[4, 7], [5, 8], 4]]],
        ['len', 6],
      ],
    ],
    ['lcs a none', ''],
    ['lcs none none len', 0],
    [
      'lcs none b idx',
      [
        ['matches', []],
        ['len', 0],
      ],
    ],
  ],
  'LCS errors': [
    ['lcs a b len idx', '-ERR If you want both the length and indexes, please just use IDX.'],
    ['lcs a b minmatchlen', '-ERR syntax error'],
    ['lcs a b minmatchlen x', '-ERR value is not an integer or out of range'],
    ['lcs a b nothing', '-ERR syntax error'],
  ],
};

describe('commands over several strings', () => {
  it.each(Object.entries(scripts))('%s', (_title, script) => {
    const commands = runner();
    for (const [command, reply] of script) expect([command, commands.line(command)]).toEqual([command, reply]);
  });

  it('LCS reads strings in pages, and refuses a table that is too large', () => {
    const commands = runner();
    const long = `${'x'.repeat(limits.inlineValueBytes)}needle`;
    commands.run('mset', 'long', long, 'short', 'a needle');
    expect(commands.line('lcs long short')).toBe('needle');
    expect(commands.line('lcs long long len')).toBe(
      '-ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len',
    );
  });
});

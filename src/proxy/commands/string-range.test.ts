import { describe, expect, it } from 'vitest';
import { limits } from '../../base/limits.ts';
import { BulkPieces } from '../../resp/reply.ts';
import { CommandRunner, type PlainReply } from '../testing/run-command.ts';
import { genericKeyCommands } from './generic-commands.ts';
import { stringCommands } from './string-commands.ts';

function runner(): CommandRunner {
  return new CommandRunner([...stringCommands, ...genericKeyCommands]);
}

const INTEGER = '-ERR value is not an integer or out of range';
const TOO_LONG = '-ERR string exceeds maximum allowed size (proto-max-bulk-len)';

const ranges: readonly (readonly [start: string, end: string, reply: string])[] = [
  ['0', '-1', 'hello world'],
  ['0', '4', 'hello'],
  ['-5', '-1', 'world'],
  ['-5', '100', 'world'],
  ['3', '3', 'l'],
  ['4', '3', ''],
  ['11', '20', ''],
  ['-1', '-5', ''],
  ['-100', '-99', 'h'],
  ['-99', '-100', ''],
  ['-100', '2', 'hel'],
  ['0', '-100', 'h'],
  ['5', '-100', ''],
  ['-9223372036854775808', '9223372036854775807', 'hello world'],
  ['9223372036854775807', '-1', ''],
  ['x', '1', INTEGER],
  ['1', '', INTEGER],
];

describe('GETRANGE and SUBSTR', () => {
  it.each(ranges)('%s %s', (start, end, reply) => {
    const commands = runner();
    commands.run('set', 'k', 'hello world');
    expect(commands.run('getrange', 'k', start, end)).toBe(reply);
    expect(commands.run('substr', 'k', start, end)).toBe(reply);
  });

  it('of absent and empty strings is empty', () => {
    const commands = runner();
    commands.run('set', 'empty', '');
    for (const key of ['absent', 'empty']) {
      expect(commands.run('getrange', key, '0', '-1')).toBe('');
      expect(commands.run('getrange', key, '-5', '-2')).toBe('');
    }
  });

  it('reads of a paged string the pages that it touches', () => {
    const commands = runner();
    const text = `${'a'.repeat(limits.pageBytes)}${'b'.repeat(limits.pageBytes)}tail`;
    commands.run('set', 'k', text);
    const middle = commands.reply('getrange', 'k', String(limits.pageBytes - 2), String(limits.pageBytes + 1));
    expect(middle).toBeInstanceOf(BulkPieces);
    expect(commands.run('getrange', 'k', String(limits.pageBytes - 2), String(limits.pageBytes + 1))).toBe('aabb');
    expect(commands.run('getrange', 'k', '-5', '-1')).toBe('btail');
    expect(commands.run('getrange', 'k', '0', '-1')).toBe(text);
    expect(commands.run('getrange', 'k', '5', '4')).toBe('');
  });
});

type Script = readonly (readonly [command: string, reply: PlainReply])[];

const scripts: Record<string, Script> = {
  STRLEN: [
    ['strlen k', 0],
    ['set k hello', '+OK'],
    ['strlen k', 5],
  ],
  'APPEND creates and lengthens': [
    ['append k hello', 5],
    ['append k -world', 11],
    ['get k', 'hello-world'],
  ],
  'APPEND and SETRANGE keep the expiry': [
    ['set k v ex 100', '+OK'],
    ['append k w', 2],
    ['setrange k 4 z', 5],
    ['ttl k', 100],
    ['get k', 'vw\0\0z'],
  ],
  SETRANGE: [
    ['setrange k 3 abc', 6],
    ['get k', '\0\0\0abc'],
    ['setrange k 0 xyz', 6],
    ['get k', 'xyzabc'],
    ['setrange k 5 longer', 11],
    ['get k', 'xyzablonger'],
  ],
  'SETRANGE errors': [
    ['setrange k -1 x', '-ERR offset is out of range'],
    ['setrange k x x', INTEGER],
    ['setrange k 9223372036854775808 x', INTEGER],
    ['setrange k 536870911 xx', TOO_LONG],
    ['setrange k 9223372036854775807 x', TOO_LONG],
    ['exists k', 0],
  ],
};

describe('STRLEN, APPEND and SETRANGE', () => {
  it.each(Object.entries(scripts))('%s', (_title, script) => {
    const commands = runner();
    for (const [command, reply] of script) expect([command, commands.line(command)]).toEqual([command, reply]);
  });

  it('with nothing to write change nothing', () => {
    const commands = runner();
    expect(commands.run('setrange', 'k', '5', '')).toBe(0);
    expect(commands.line('exists k')).toBe(0);
    expect(commands.run('append', 'k', '')).toBe(0);
    expect(commands.line('exists k')).toBe(1);
    commands.line('set k abc');
    const { changed } = commands.cluster;
    expect(commands.run('append', 'k', '')).toBe(3);
    expect(commands.run('setrange', 'k', '600000000', '')).toBe(3);
    expect(commands.cluster.changed).toBe(changed);
  });
});

describe('APPEND and SETRANGE on long strings', () => {
  it('cross the inline limit', () => {
    const commands = runner();
    const text = 'x'.repeat(limits.inlineValueBytes);
    commands.run('set', 'k', text);
    expect(commands.run('append', 'k', 'yz')).toBe(limits.inlineValueBytes + 2);
    expect(commands.record('k')?.value.paged).toBe(true);
    expect(commands.line('strlen k')).toBe(limits.inlineValueBytes + 2);
    expect(commands.run('get', 'k')).toBe(`${text}yz`);
  });

  it('agree with a plain string over many steps', () => {
    const commands = runner();
    const size = limits.pageBytes;
    let model = Buffer.alloc(0);
    const steps = [0, size - 10, 3 * size, 5, size * 2 - 3, 7 * size].map((offset, i) => ({
      offset,
      bytes: Buffer.alloc(25 + i * 1_000, 97 + i),
    }));
    for (const { offset, bytes } of steps) {
      const next = Buffer.alloc(Math.max(model.length, offset + bytes.length));
      model.copy(next);
      bytes.copy(next, offset);
      model = Buffer.concat([next, bytes]);
      expect(commands.run('setrange', 'k', String(offset), bytes)).toBe(next.length);
      expect(commands.run('append', 'k', bytes)).toBe(model.length);
      expect(commands.run('get', 'k') === model.toString('latin1')).toBe(true);
    }
    expect(commands.run('append', 'k', Buffer.alloc(2 * size, 98))).toBe(model.length + 2 * size);
  });

  it('change of a far page leaves the others', () => {
    const commands = runner();
    commands.run('setrange', 'k', String(100 * limits.pageBytes), 'end');
    const before = commands.cluster.pages.size;
    commands.run('setrange', 'k', '10', 'start');
    expect(commands.cluster.pages.size - before).toBeLessThanOrEqual(2);
    expect(commands.run('getrange', 'k', '9', '15')).toBe('\0start\0');
  });

  it('end at the largest string', () => {
    const commands = runner();
    expect(commands.run('setrange', 'k', String(limits.maxStringBytes - 1), 'x')).toBe(limits.maxStringBytes);
    expect(commands.run('append', 'k', 'y')).toBe(TOO_LONG);
    expect(commands.run('append', 'k', '')).toBe(limits.maxStringBytes);
    expect(commands.run('getrange', 'k', '-2', '-1')).toBe('\0x');
    expect(commands.run('strlen', 'k')).toBe(limits.maxStringBytes);
  });
});

import { describe, expect, it } from 'vitest';
import { limits } from '../../base/limits.ts';
import { CommandRunner, type PlainReply } from '../testing/run-command.ts';
import { genericKeyCommands } from './generic-commands.ts';
import { stringCommands } from './string-commands.ts';

function runner(): CommandRunner {
  return new CommandRunner([...stringCommands, ...genericKeyCommands]);
}

type Script = readonly (readonly [command: string, reply: PlainReply])[];

const LFU =
  '-ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.';

const scripts: Record<string, Script> = {
  'DEL and UNLINK count a repeated key once': [
    ['mset a 1 b 2 c 3', '+OK'],
    ['del a a none', 1],
    ['unlink b c b', 2],
    ['exists a b c', 0],
    ['del a', 0],
  ],
  'EXISTS and TOUCH count a repeated key each time': [
    ['mset a 1 b 2', '+OK'],
    ['exists a a', 2],
    ['exists a b none', 2],
    ['exists none', 0],
    ['touch a b a none', 3],
  ],
  TYPE: [
    ['type a', '+none'],
    ['set a 1', '+OK'],
    ['type a', '+string'],
  ],
  'OBJECT on absent keys': [
    ['object encoding a', null],
    ['object freq a', null],
    ['object idletime a', null],
    ['object refcount a', null],
  ],
  OBJECT: [
    ['set a 1', '+OK'],
    ['object refcount a', 1],
    ['object freq a', LFU],
    ['OBJECT ENCODING a', 'int'],
  ],
};

describe('generic commands on keys', () => {
  it.each(Object.entries(scripts))('%s', (_title, script) => {
    const commands = runner();
    for (const [command, reply] of script) expect([command, commands.line(command)]).toEqual([command, reply]);
  });

  it.each([
    ['0', 'int'],
    ['-9223372036854775808', 'int'],
    ['9223372036854775807', 'int'],
    ['9223372036854775808', 'embstr'],
    ['01', 'embstr'],
    ['1.5', 'embstr'],
    ['', 'embstr'],
    ['x'.repeat(44), 'embstr'],
    ['x'.repeat(45), 'raw'],
    ['x'.repeat(limits.inlineValueBytes + 1), 'raw'],
  ])('OBJECT ENCODING of %.50j is %s', (value, encoding) => {
    const commands = runner();
    commands.run('set', 'k', value);
    expect(commands.line('object encoding k')).toBe(encoding);
  });

  it('OBJECT IDLETIME counts seconds since the value was last changed', () => {
    const commands = runner();
    commands.line('set k v');
    commands.clock.advance(2_999);
    commands.line('get k');
    expect(commands.line('object idletime k')).toBe(2);
    commands.line('expire k 100');
    expect(commands.line('object idletime k')).toBe(2);
    commands.line('append k w');
    expect(commands.line('object idletime k')).toBe(0);
  });

  it('leave alone what they only look at', () => {
    const commands = runner();
    commands.line('set a 1');
    const { changed } = commands.cluster;
    for (const line of ['exists a', 'touch a', 'type a', 'object encoding a', 'del none', 'unlink none']) {
      commands.line(line);
    }
    expect(commands.cluster.changed).toBe(changed);
  });
});

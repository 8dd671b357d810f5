import { describe, expect, it } from 'vitest';
import { limits } from '../../base/limits.ts';
import { CommandRunner, type PlainReply } from '../testing/run-command.ts';
import { genericKeyCommands } from './generic-commands.ts';
import { stringCommands } from './string-commands.ts';

function runner(): CommandRunner {
  return new CommandRunner([...stringCommands, ...genericKeyCommands]);
}

const INTEGER = '-ERR value is not an integer or out of range';
const OVERFLOW = '-ERR increment or decrement would overflow';
const FLOAT = '-ERR value is not a valid float';

/** [value set first or null, command, reply, value afterwards]. */
const cases: readonly (readonly [string | null, string, PlainReply, string | null])[] = [
  [null, 'incr k', 1, '1'],
  ['41', 'incr k', 42, '42'],
  ['-1', 'incr k', 0, '0'],
  [null, 'decr k', -1, '-1'],
  ['0', 'decr k', -1, '-1'],
  ['abc', 'incr k', INTEGER, 'abc'],
  ['', 'incr k', INTEGER, ''],
  [' 1', 'incr k', INTEGER, ' 1'],
  ['1 ', 'incr k', INTEGER, '1 '],
  ['+1', 'incr k', INTEGER, '+1'],
  ['01', 'incr k', INTEGER, '01'],
  ['1.0', 'incr k', INTEGER, '1.0'],
  ['9223372036854775808', 'incr k', INTEGER, '9223372036854775808'],
  ['9223372036854775807', 'incr k', OVERFLOW, '9223372036854775807'],
  ['9223372036854775806', 'incr k', 9223372036854775807n, '9223372036854775807'],
  ['-9223372036854775808', 'decr k', OVERFLOW, '-9223372036854775808'],
  ['-9223372036854775808', 'incr k', -9223372036854775807n, '-9223372036854775807'],
  ['9007199254740991', 'incr k', 9007199254740992n, '9007199254740992'],
  ['9007199254740992', 'incr k', 9007199254740993n, '9007199254740993'],
  ['9007199254740993', 'decr k', 9007199254740992n, '9007199254740992'],
  ['10', 'incrby k 5', 15, '15'],
  ['10', 'incrby k -25', -15, '-15'],
  ['10', 'incrby k 9223372036854775807', OVERFLOW, '10'],
  ['-10', 'incrby k 9223372036854775807', 9223372036854775797n, '9223372036854775797'],
  ['10', 'incrby k x', INTEGER, '10'],
  ['10', 'incrby k 1.5', INTEGER, '10'],
  ['10', 'incrby k 9223372036854775808', INTEGER, '10'],
  ['abc', 'incrby k x', INTEGER, 'abc'],
  ['10', 'decrby k 3', 7, '7'],
  ['10', 'decrby k -3', 13, '13'],
  ['0', 'decrby k 9223372036854775807', -9223372036854775807n, '-9223372036854775807'],
  ['-2', 'decrby k 9223372036854775807', OVERFLOW, '-2'],
  ['0', 'decrby k -9223372036854775807', 9223372036854775807n, '9223372036854775807'],
  ['0', 'decrby k -9223372036854775808', '-ERR decrement would overflow', '0'],
  ['0', 'decrby k x', INTEGER, '0'],
  [null, 'incrbyfloat k 10.5', '10.5', '10.5'],
  ['10.50', 'incrbyfloat k 0.1', '10.6', '10.6'],
  ['5.0e3', 'incrbyfloat k 2.0e2', '5200', '5200'],
  ['3', 'incrbyfloat k -3', '0', '0'],
  ['abc', 'incrbyfloat k 1', FLOAT, 'abc'],
  ['', 'incrbyfloat k 1', FLOAT, ''],
  ['1', 'incrbyfloat k x', FLOAT, '1'],
  ['1', 'incrbyfloat k nan', FLOAT, '1'],
  ['1', 'incrbyfloat k inf', '-ERR increment would produce NaN or Infinity', '1'],
  ['1', 'incrbyfloat k -inf', '-ERR increment would produce NaN or Infinity', '1'],
];

describe('counting', () => {
  it.each(cases)('%j, %s', (before, command, reply, after) => {
    const commands = runner();
    if (before !== null) commands.run('set', 'k', before);
    expect(commands.line(command)).toEqual(reply);
    expect(commands.line('get k')).toBe(after);
  });

  it.each(['incr k', 'decrby k 2', 'incrbyfloat k 0.5'])('%s keeps the expiry', (command) => {
    const commands = runner();
    commands.line('set k 5 ex 50');
    commands.line(command);
    expect(commands.line('ttl k')).toBe(50);
    commands.clock.advance(50_000);
    commands.line(command);
    expect(commands.line('ttl k')).toBe(-1);
  });

  it('takes no long string for a number', () => {
    const commands = runner();
    commands.run('set', 'k', '1'.repeat(limits.inlineValueBytes + 1));
    expect(commands.line('incr k')).toBe(INTEGER);
    expect(commands.line('incrbyfloat k 1')).toBe(FLOAT);
  });

  it('changes nothing where it answers an error', () => {
    const commands = runner();
    commands.line('set k x');
    const { changed } = commands.cluster;
    commands.line('incr k');
    commands.line('incrbyfloat k 1');
    expect(commands.cluster.changed).toBe(changed);
  });
});

import { describe, expect, it } from 'vitest';
import { limits } from '../../base/limits.ts';
import { CommandRunner, type PlainReply } from '../testing/run-command.ts';
import { genericKeyCommands } from './generic-commands.ts';
import { stringCommands } from './string-commands.ts';

function runner(): CommandRunner {
  return new CommandRunner([...stringCommands, ...genericKeyCommands]);
}

const INTEGER = '-ERR value is not an integer or out of range';
const INCOMPATIBLE = '-ERR NX and XX, GT or LT options at the same time are not compatible';

type Script = readonly (readonly [command: string, reply: PlainReply])[];

/** The wall clock stands at 1700000000000 ms. */
const scripts: Record<string, Script> = {
  'of absent keys': [
    ['expire k 10', 0],
    ['pexpireat k 5', 0],
    ['persist k', 0],
    ['ttl k', -2],
    ['pttl k', -2],
    ['expiretime k', -2],
    ['pexpiretime k', -2],
  ],
  'set and read': [
    ['set k v', '+OK'],
    ['ttl k', -1],
    ['pttl k', -1],
    ['expiretime k', -1],
    ['pexpiretime k', -1],
    ['expire k 10', 1],
    ['ttl k', 10],
    ['pttl k', 10_000],
    ['expiretime k', 1_700_000_010],
    ['pexpiretime k', 1_700_000_010_000],
    ['pexpire k 1500', 1],
    ['pttl k', 1500],
    ['expireat k 1700000020', 1],
    ['ttl k', 20],
    ['pexpireat k 1700000000001', 1],
    ['pttl k', 1],
    ['persist k', 1],
    ['persist k', 0],
    ['ttl k', -1],
    ['get k', 'v'],
  ],
  'seconds are rounded to the nearest': [
    ['set k v px 1499', '+OK'],
    ['ttl k', 1],
    ['pexpire k 1500', 1],
    ['ttl k', 2],
    ['pexpire k 499', 1],
    ['ttl k', 0],
    ['pexpireat k 1700000000499', 1],
    ['expiretime k', 1_700_000_000],
    ['pexpireat k 1700000000500', 1],
    ['expiretime k', 1_700_000_001],
  ],
  'a past moment deletes': [
    ['mset a 1 b 2 c 3 d 4 e 5', '+OK'],
    ['expire a 0', 1],
    ['expire b -1', 1],
    ['pexpire c -9223372036854775808', 1],
    ['expireat d 1700000000', 1],
    ['pexpireat e 1', 1],
    ['exists a b c d e', 0],
  ],
  'NX and XX': [
    ['set k v', '+OK'],
    ['expire k 10 xx', 0],
    ['expire k 10 nx', 1],
    ['expire k 20 NX', 0],
    ['ttl k', 10],
    ['expire k 20 XX', 1],
    ['ttl k', 20],
  ],
  'GT and LT': [
    ['set k v', '+OK'],
    ['expire k 10 gt', 0],
    ['expire k 10 lt', 1],
    ['expire k 10 gt', 0],
    ['expire k 10 lt', 0],
    ['expire k 20 gt', 1],
    ['expire k 15 lt', 1],
    ['ttl k', 15],
    ['expire k 5 xx gt', 0],
    ['expire k 25 gt xx', 1],
    ['expire k 20 lt xx', 1],
    ['persist k', 1],
    ['expire k 20 lt xx', 0],
    ['expire k -1 gt', 0],
    ['expire k -1 lt', 1],
    ['exists k', 0],
  ],
  'option errors come before all others': [
    ['expire k x foo', '-ERR Unsupported option foo'],
    ['expire k 10 nx xx', INCOMPATIBLE],
    ['expire k 10 nx gt', INCOMPATIBLE],
    ['expire k x lt nx', INCOMPATIBLE],
    ['expire k 10 gt lt', '-ERR GT and LT options at the same time are not compatible'],
    ['expire k 10 nx nx', 0],
  ],
  'time errors, also of absent keys': [
    ['expire k x', INTEGER],
    ['expire k 1.5', INTEGER],
    ['pexpireat k 9223372036854775808', INTEGER],
    ['expire k 9223372036854775807', "-ERR invalid expire time in 'expire' command"],
    ['expire k -9223372036854775808', "-ERR invalid expire time in 'expire' command"],
    ['expire k 9223372036854775', "-ERR invalid expire time in 'expire' command"],
    ['pexpire k 9223372036854775807', "-ERR invalid expire time in 'pexpire' command"],
    ['expireat k 9223372036854776', "-ERR invalid expire time in 'expireat' command"],
    ['pexpireat k 9223372036854775807', 0],
  ],
  'a far expiry is kept as the farthest': [
    ['set k v', '+OK'],
    ['pexpireat k 9223372036854775807', 1],
    ['pexpiretime k', limits.maxExpiresAtMs],
    ['expireat k 9223372036854775', 1],
    ['pexpiretime k', limits.maxExpiresAtMs],
    ['pexpire k 9007199254740991', 1],
    ['pexpiretime k', limits.maxExpiresAtMs],
  ],
};

describe('expiry commands', () => {
  it.each(Object.entries(scripts))('%s', (_title, script) => {
    const commands = runner();
    for (const [command, reply] of script) expect([command, commands.line(command)]).toEqual([command, reply]);
  });

  it('count down', () => {
    const commands = runner();
    commands.line('set k v');
    commands.line('expire k 100');
    commands.clock.advance(40_250);
    expect(commands.line('pttl k')).toBe(59_750);
    expect(commands.line('ttl k')).toBe(60);
    commands.clock.advance(59_750);
    expect(commands.line('ttl k')).toBe(-2);
    expect(commands.line('persist k')).toBe(0);
  });

  it('keep the value, also in pages, and its recordVersion', () => {
    const commands = runner();
    for (const value of ['short', 'v'.repeat(limits.inlineValueBytes + 1)]) {
      commands.run('set', 'k', value);
      const before = commands.record('k');
      commands.line('expire k 100');
      expect(commands.record('k')?.value).toEqual(before?.value);
      expect(commands.record('k')?.recordVersion).toBe(before?.recordVersion);
      expect(commands.run('get', 'k') === value).toBe(true);
    }
  });

  it('change nothing where nothing would change', () => {
    const commands = runner();
    commands.line('set k v ex 10');
    const { changed } = commands.cluster;
    for (const line of ['expire k 10 nx', 'expire k 5 gt', 'ttl k', 'persist none', 'expire none 10']) {
      commands.line(line);
    }
    expect(commands.cluster.changed).toBe(changed);
    // As in Redis: a transaction that watches the key is to know.
    expect(commands.line('expire k 10')).toBe(1);
    expect(commands.cluster.changed).toBe(changed + 1);
  });
});

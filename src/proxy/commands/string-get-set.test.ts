import { describe, expect, it } from 'vitest';
import { limits } from '../../base/limits.ts';
import { BulkPieces } from '../../resp/reply.ts';
import { CommandRunner, type PlainReply } from '../testing/run-command.ts';
import { genericKeyCommands } from './generic-commands.ts';
import { stringCommands } from './string-commands.ts';

function runner(): CommandRunner {
  return new CommandRunner([...stringCommands, ...genericKeyCommands]);
}

const SYNTAX = '-ERR syntax error';
const INTEGER = '-ERR value is not an integer or out of range';

type Script = readonly (readonly [command: string, reply: PlainReply])[];

const scripts: Record<string, Script> = {
  'SET and GET': [
    ['get a', null],
    ['set a 1', '+OK'],
    ['get a', '1'],
    ['set a two', '+OK'],
    ['get a', 'two'],
  ],
  'SET NX and XX': [
    ['set a 1 xx', null],
    ['set a 1 nx', '+OK'],
    ['set a 2 nx', null],
    ['get a', '1'],
    ['set a 2 xx', '+OK'],
    ['get a', '2'],
    ['set a 3 NX nx', null],
    ['set a 3 nx xx', SYNTAX],
  ],
  'SET GET, also with NX (Redis 7)': [
    ['set a 1 get', null],
    ['set a 2 get', '1'],
    ['set a 3 nx get', '2'],
    ['get a', '2'],
    ['set b 1 get nx', null],
    ['get b', '1'],
    ['set c 1 xx get', null],
    ['exists c', 0],
    ['set a 4 XX GET', '2'],
    ['get a', '4'],
  ],
  'SET forgets the expiry unless KEEPTTL': [
    ['set a 1 ex 100', '+OK'],
    ['ttl a', 100],
    ['set a 2 keepttl', '+OK'],
    ['ttl a', 100],
    ['set a 3', '+OK'],
    ['ttl a', -1],
    ['set new 1 keepttl', '+OK'],
    ['ttl new', -1],
  ],
  'SET expiry options': [
    ['set a 1 px 1500', '+OK'],
    ['pttl a', 1500],
    ['set a 1 exat 1700000060', '+OK'],
    ['ttl a', 60],
    ['set a 1 pxat 1700000000001', '+OK'],
    ['pttl a', 1],
    ['set a 1 ex 10 ex 20', '+OK'],
    ['ttl a', 20],
  ],
  'SET with a moment that is past leaves nothing': [
    ['set a 1', '+OK'],
    ['set a 2 pxat 1', '+OK'],
    ['get a', null],
    ['set b 2 exat 1700000000', '+OK'],
    ['exists b', 0],
  ],
  'SET syntax errors': [
    ['set a 1 ex', SYNTAX],
    ['set a 1 ex 10 px 10', SYNTAX],
    ['set a 1 ex 10 keepttl', SYNTAX],
    ['set a 1 keepttl pxat 10', SYNTAX],
    ['set a 1 persist', SYNTAX],
    ['set a 1 constructor', SYNTAX],
    ['set a 1 nothing', SYNTAX],
    ['set a 1 ex x nothing', SYNTAX],
    ['exists a', 0],
  ],
  'SET expiry errors': [
    ['set a 1 ex x', INTEGER],
    ['set a 1 ex 1.5', INTEGER],
    ['set a 1 ex 0', "-ERR invalid expire time in 'set' command"],
    ['set a 1 px -1', "-ERR invalid expire time in 'set' command"],
    ['set a 1 ex 9223372036854775807', "-ERR invalid expire time in 'set' command"],
    ['set a 1 ex 9223372036854775', "-ERR invalid expire time in 'set' command"],
    ['set a 1 px 9223372036854775807', "-ERR invalid expire time in 'set' command"],
    ['set a 1 exat 9223372036854776', "-ERR invalid expire time in 'set' command"],
    ['exists a', 0],
    ['set a 1 pxat 9223372036854775807', '+OK'],
    ['pexpiretime a', limits.maxExpiresAtMs],
  ],
  SETNX: [
    ['setnx a 1', 1],
    ['setnx a 2', 0],
    ['get a', '1'],
  ],
  'SETEX and PSETEX': [
    ['setex a 10 v', '+OK'],
    ['ttl a', 10],
    ['psetex a 1500 w', '+OK'],
    ['pttl a', 1500],
    ['get a', 'w'],
    ['setex a 0 v', "-ERR invalid expire time in 'setex' command"],
    ['psetex a -5 v', "-ERR invalid expire time in 'psetex' command"],
    ['setex a x v', INTEGER],
    ['psetex a 9223372036854775807 v', "-ERR invalid expire time in 'psetex' command"],
    ['get a', 'w'],
  ],
  'GETSET and GETDEL': [
    ['getset a 1', null],
    ['expire a 100', 1],
    ['getset a 2', '1'],
    ['ttl a', -1],
    ['getdel a', '2'],
    ['getdel a', null],
    ['exists a', 0],
  ],
  GETEX: [
    ['getex a', null],
    ['getex a ex 0', null],
    ['set a v', '+OK'],
    ['getex a', 'v'],
    ['ttl a', -1],
    ['getex a ex 10', 'v'],
    ['ttl a', 10],
    ['getex a px 1500', 'v'],
    ['pttl a', 1500],
    ['getex a exat 1700000060', 'v'],
    ['ttl a', 60],
    ['getex a pxat 1700000000900', 'v'],
    ['pttl a', 900],
    ['getex a persist', 'v'],
    ['ttl a', -1],
    ['getex a persist', 'v'],
    ['getex a pxat 5', 'v'],
    ['exists a', 0],
  ],
  'GETEX errors': [
    ['set a v', '+OK'],
    ['getex a ex 0', "-ERR invalid expire time in 'getex' command"],
    ['getex a px 9223372036854775807', "-ERR invalid expire time in 'getex' command"],
    ['getex a ex x', INTEGER],
    ['getex a ex', SYNTAX],
    ['getex a persist ex 10', SYNTAX],
    ['getex a ex 10 exat 10', SYNTAX],
    ['getex a keepttl', SYNTAX],
    ['getex a nx', SYNTAX],
    ['getex a get', SYNTAX],
    ['ttl a', -1],
  ],
};

describe('getting and setting strings', () => {
  it.each(Object.entries(scripts))('%s', (_title, script) => {
    const commands = runner();
    for (const [command, reply] of script) expect([command, commands.line(command)]).toEqual([command, reply]);
  });

  it('sees expired records as absent', () => {
    const commands = runner();
    commands.line('set a 1 px 100');
    commands.clock.advance(99);
    expect(commands.line('get a')).toBe('1');
    commands.clock.advance(1);
    expect(commands.line('get a')).toBeNull();
    expect(commands.line('set a 2 xx')).toBeNull();
    expect(commands.line('set a 2 nx')).toBe('+OK');
    expect(commands.line('ttl a')).toBe(-1);
    expect(commands.record('a')?.recordVersion).toBe(1);
  });

  it('keeps any bytes of keys and values', () => {
    const commands = runner();
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    commands.run('set', bytes, bytes);
    expect(commands.reply('get', bytes)).toEqual(bytes);
    commands.run('set', 'empty', '');
    expect(commands.run('get', 'empty')).toBe('');
  });

  it('changes on every SET, and only then', () => {
    const commands = runner();
    commands.line('set a 1');
    commands.line('set a 1');
    expect(commands.record('a')?.recordVersion).toBe(2);
    const { changed } = commands.cluster;
    for (const line of ['get a', 'set a 1 nx', 'setnx a 2', 'getex a', 'getex a persist', 'getdel b', 'set b 1 xx']) {
      commands.line(line);
    }
    expect(commands.cluster.changed).toBe(changed);
  });
});

describe('strings in pages', () => {
  const inline = 'i'.repeat(limits.inlineValueBytes);
  const paged = `${'p'.repeat(limits.pageBytes)}-end`;

  it('crosses the inline limit up and down', () => {
    const commands = runner();
    commands.run('set', 'a', inline);
    expect(commands.record('a')?.value.paged).toBe(false);
    expect(commands.run('get', 'a')).toBe(inline);
    commands.run('set', 'a', `${inline}+`);
    expect(commands.record('a')?.value.paged).toBe(true);
    expect(commands.record('a')?.sizeBytes).toBe(limits.inlineValueBytes + 1);
    expect(commands.run('get', 'a')).toBe(`${inline}+`);
    expect(commands.run('set', 'a', 'small', 'GET')).toBe(`${inline}+`);
    expect(commands.record('a')?.value.paged).toBe(false);
    expect(commands.run('get', 'a')).toBe('small');
  });

  it('answers the pieces without joining them', () => {
    const commands = runner();
    commands.run('set', 'a', paged);
    const reply = commands.reply('get', 'a');
    expect(reply).toBeInstanceOf(BulkPieces);
    expect(commands.run('get', 'a')).toBe(paged);
  });

  it.each([
    ['getset', 'a', 'x'],
    ['getdel', 'a'],
    ['getex', 'a'],
    ['getex', 'a', 'ex', '10'],
    ['getex', 'a', 'persist'],
    ['set', 'a', 'x', 'nx', 'get'],
    ['mget', 'a'],
  ])('%s %s %s %s %s reads all of it', (...words) => {
    const commands = runner();
    commands.run('set', 'a', paged);
    const reply = commands.run(...words);
    expect(reply).toEqual(words[0] === 'mget' ? [paged] : paged);
  });
});

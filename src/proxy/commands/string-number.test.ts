import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { limits } from '../../base/limits.ts';
import { applyChange } from '../../quorum/apply-change.ts';
import type { Step } from '../../quorum/operation.ts';
import { stringFromBytes } from '../../record/paged-string.ts';
import { NO_PAST } from '../../record/request-history.ts';
import { ErrorReply, type Reply } from '../../resp/reply.ts';
import { CommandRunner, type PlainReply } from '../testing/run-command.ts';
import { genericKeyCommands } from './generic-commands.ts';
import { stringCommands } from './string-commands.ts';
import { numberCommands } from './string-number.ts';

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

const NO_PAGES = { read: () => Buffer.alloc(0), write: () => '' };
const context = { nowMs: 7, pages: NO_PAGES, past: NO_PAST };
const integers = fc.oneof(
  fc.integer(),
  fc.maxSafeInteger(),
  fc.integer({ min: -40, max: 0 }).map((n) => Number.MAX_SAFE_INTEGER + n),
);

function stepOf(name: string): Step<Reply> {
  const handler = numberCommands.find((row) => row.name === name)?.handler;
  const parsed = handler?.kind === 'record' ? handler.parse([Buffer.from(name), Buffer.from('k')]) : null;
  if (parsed === null || parsed instanceof ErrorReply) throw new Error(`no step of ${name}`);
  return parsed.step;
}

describe('counting', () => {
  it.each(['incr', 'decr'])('%s many times as one is as one by one', (name) => {
    const step = stepOf(name);
    const key = Buffer.from('k');
    fc.assert(
      fc.property(fc.option(integers), fc.integer({ min: 2, max: 100 }), fc.nat(1), (from, times, expires) => {
        const set = {
          kind: 'put',
          value: stringFromBytes(Buffer.from(String(from)), NO_PAGES),
          expiresAtMs: expires * 99,
        } as const;
        const first = from === null ? null : applyChange(null, NO_PAST, key, set, 5);
        const replies: Reply[] = [];
        const change = step.runMany?.(first, context, times, replies) ?? null;
        if (change === null) {
          expect(replies).toEqual([]);
          expect(Math.abs(Number(from)) + times).toBeGreaterThan(Number.MAX_SAFE_INTEGER);
          return;
        }
        let record = first;
        for (const reply of replies) {
          const result = step.run(record, context);
          expect(result.reply).toBe(reply);
          if (result.change !== null) record = applyChange(record, record ?? NO_PAST, key, result.change, 7);
        }
        expect(replies.length).toBe(times);
        expect(applyChange(first, first ?? NO_PAST, key, change, 7)).toEqual(record);
      }),
    );
  });

  it('many times as one is not for what is no number', () => {
    const set = { kind: 'put', value: stringFromBytes(Buffer.from('x'), NO_PAGES), expiresAtMs: 0 } as const;
    const record = applyChange(null, NO_PAST, Buffer.from('k'), set, 5);
    expect(stepOf('incr').runMany?.(record, context, 3, [])).toBeNull();
  });

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

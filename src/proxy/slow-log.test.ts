import { describe, expect, it, vi } from 'vitest';
import { limits } from '../base/limits.ts';
import { ManualClock } from '../base/testing/manual-clock.ts';
import { RuntimeConfig } from './runtime-config.ts';
import { SlowLog } from './slow-log.ts';

const client = { remoteAddress: '127.0.0.1:5000', name: 'me' };
const nowMs = 1_700_000_000_500;

function words(...texts: string[]): Buffer[] {
  return texts.map((text) => Buffer.from(text));
}

function shownArgs(log: SlowLog): string[] {
  return (log.latest(1)[0]?.args ?? []).map(String);
}

describe('SlowLog', () => {
  it('keeps what is at least as slow as the threshold, newest first, with ids that go on', () => {
    const log = new SlowLog(new RuntimeConfig({ slowlogLogSlowerThanUs: 100, slowlogMaxLen: 2 }), new ManualClock());
    for (const durationUs of [99.9, 100, 101.7, 5_000]) log.record(words('GET', 'a'), durationUs, nowMs, client);
    expect(log.length).toBe(2);
    expect(log.latest(10).map(({ id, durationUs }) => [id, durationUs])).toEqual([
      [2, 5_000],
      [1, 101],
    ]);
    expect(log.latest(1)[0]).toMatchObject({
      unixSeconds: 1_700_000_000,
      clientAddress: '127.0.0.1:5000',
      clientName: 'me',
    });
    expect(log.latest(0)).toEqual([]);
    log.reset();
    log.record(words('GET'), 100, nowMs, client);
    expect(log.latest(9).map(({ id }) => id)).toEqual([3]);
  });

  it('is off below zero and keeps everything at zero', () => {
    const off = new SlowLog(new RuntimeConfig({ slowlogLogSlowerThanUs: -1 }), new ManualClock());
    off.record(words('GET'), 1e9, nowMs, client);
    expect(off.length).toBe(0);
    const all = new SlowLog(new RuntimeConfig({ slowlogLogSlowerThanUs: 0 }), new ManualClock());
    all.record(words('GET'), 0, nowMs, client);
    expect(all.length).toBe(1);
  });

  it('cuts long commands and arguments in the words of Redis, and copies what it keeps', () => {
    const clock = new ManualClock();
    const log = new SlowLog(new RuntimeConfig({ slowlogLogSlowerThanUs: 0 }), clock);
    const long = Buffer.alloc(130, 'x');
    log.record([Buffer.from('SET'), long], 1, nowMs, client);
    clock.flushTurn();
    long.fill('y');
    expect(shownArgs(log)).toEqual(['SET', `${'x'.repeat(128)}... (2 more bytes)`]);
    log.record(words('MGET', ...Array.from({ length: 40 }, (_, i) => `k${i}`)), 1, nowMs, client);
    const args = shownArgs(log);
    expect(args).toHaveLength(limits.slowLogArguments);
    expect(args.at(-1)).toBe('... (10 more arguments)');
    expect(args.at(-2)).toBe('k29');
  });

  it('copies the arguments only of what it still keeps when the turn ends', () => {
    const clock = new ManualClock();
    const log = new SlowLog(new RuntimeConfig({ slowlogLogSlowerThanUs: 0, slowlogMaxLen: 2 }), clock);
    const shortest = Buffer.from('a');
    const turns = 1_000;
    const perTurn = 10;
    const copies = vi.spyOn(Buffer, 'from');
    for (let turn = 0; turn < turns; turn++) {
      for (let n = 0; n < perTurn; n++) log.record([shortest], 1, nowMs, client);
      clock.flushTurn();
    }
    expect(copies).toHaveBeenCalledTimes(2 * turns);
    copies.mockRestore();
    expect(log.length).toBe(2);
    expect(log.latest(9).map(({ id, args }) => [id, String(args)])).toEqual([
      [turns * perTurn - 1, 'a'],
      [turns * perTurn - 2, 'a'],
    ]);
    expect(log.latest(1)[0]?.args[0]).not.toBe(shortest);
  });

  it('shows copies also before the turn ends', () => {
    const log = new SlowLog(new RuntimeConfig({ slowlogLogSlowerThanUs: 0 }), new ManualClock());
    log.record(words('auth', 'pw'), 1, nowMs, client);
    expect(shownArgs(log)).toEqual(['auth', '(redacted)']);
    log.record(words('GET', 'a'), 1, nowMs, client);
    expect(shownArgs(log)).toEqual(['GET', 'a']);
    expect(log.latest(2)[1]?.args.map(String)).toEqual(['auth', '(redacted)']);
  });

  it('never holds more than its limit, whatever is configured', () => {
    const log = new SlowLog(new RuntimeConfig({ slowlogLogSlowerThanUs: 0, slowlogMaxLen: 1e12 }), new ManualClock());
    for (let i = 0; i < limits.slowLogEntries + 5; i++) log.record([], 1, nowMs, client);
    expect(log.length).toBe(limits.slowLogEntries);
  });

  const secrets: [command: string[], shown: string[]][] = [
    [
      ['AUTH', 'pw'],
      ['AUTH', '(redacted)'],
    ],
    [
      ['auth', 'u', 'pw'],
      ['auth', '(redacted)', '(redacted)'],
    ],
    [
      ['HELLO', '3', 'AUTH', 'u', 'pw', 'SETNAME', 'n'],
      ['HELLO', '3', 'AUTH', '(redacted)', '(redacted)', 'SETNAME', 'n'],
    ],
    [
      ['hello', '3', 'auth', 'u'],
      ['hello', '3', 'auth', '(redacted)'],
    ],
    [
      ['CONFIG', 'SET', 'timeout', '1', 'requirepass', 'pw'],
      ['CONFIG', 'SET', 'timeout', '1', 'requirepass', '(redacted)'],
    ],
    [
      ['CONFIG', 'GET', 'requirepass'],
      ['CONFIG', 'GET', 'requirepass'],
    ],
    [
      ['SET', 'auth', 'x'],
      ['SET', 'auth', 'x'],
    ],
  ];
  it.each(secrets)('%j shows no password', (command, shown) => {
    const log = new SlowLog(new RuntimeConfig({ slowlogLogSlowerThanUs: 0 }), new ManualClock());
    log.record(words(...command), 1, nowMs, client);
    expect(shownArgs(log)).toEqual(shown);
  });
});

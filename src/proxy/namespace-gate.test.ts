import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../base/testing/manual-clock.ts';
import type { NamespaceLimits } from '../cluster/map.ts';
import { NO_LIMITS } from '../cluster/namespace-groups.ts';
import type { LiveRecord } from '../record/state.ts';
import { ErrorReply } from '../resp/reply.ts';
import { allCommands } from './commands/all-commands.ts';
import { NamespaceGate } from './namespace-gate.ts';
import { ProxyHarness } from './testing/proxy-harness.ts';
import type { RawClient } from './testing/raw-client.ts';

const OK = '+OK\r\n';

describe('a gate of one worker of several', () => {
  it('tells what was asked for, and lets its part through', () => {
    const clock = new ManualClock();
    const group = { name: 'orders', limits: { ...NO_LIMITS, requestsPerSecond: 100, bytesPerSecond: 1_000 } };
    const gate = new NamespaceGate(group, clock, null, 0.25);
    const ask = () => gate.admit([Buffer.from('GET'), Buffer.from('k')]);
    let admitted = 0;
    while (ask() === null) admitted += 1;
    expect(admitted).toBe(25);
    expect(gate.takeDemand()).toMatchObject({ requests: 26 });
    expect(gate.takeDemand()).toEqual({ requests: 0, bytes: 0 });
    gate.setShares(1, 1);
    clock.advance(1_000);
    for (admitted = 0; ask() === null; ) admitted += 1;
    expect(admitted).toBe(100);
    // More than its part of the bytes, but not more than all of them.
    gate.setShares(1, 0.1);
    clock.advance(10_000);
    const large = [Buffer.from('SET'), Buffer.from('k'), Buffer.alloc(500)];
    expect([gate.admit(large), gate.admit(large)]).toEqual([null, expect.any(ErrorReply)]);
    clock.advance(5_200);
    expect(gate.admit(large)).toBeNull();
  });

  it('without rates has nothing to tell', () => {
    const group = { name: 'orders', limits: { ...NO_LIMITS, maxKeyBytes: 5 } };
    expect(new NamespaceGate(group, new ManualClock(), null).takeDemand()).toBeNull();
  });
});

describe('limits of records', () => {
  let harness: ProxyHarness;
  let client: RawClient;
  beforeEach(async () => {
    const extra = allCommands.filter(({ group }) => group !== 'string' && group !== 'connection');
    harness = await ProxyHarness.start({ commands: extra });
    client = await harness.client();
  });
  afterEach(() => harness.stop());

  const limit = (changes: Partial<NamespaceLimits>) => harness.cluster.setNamespaceLimits('default', changes);
  const record = (key: string): LiveRecord => harness.cluster.record(0, key) ?? expect.fail(`${key} is there`);
  const ttlMs = (key: string): number => record(key).expiresAtMs - Date.now();

  async function ask(line: string): Promise<string> {
    client.command(...line.split(' '));
    return (await client.readLine()).trimEnd();
  }

  it.each([
    ['SET key-1 x', 'the key has 5 bytes; namespace default allows at most 4'],
    ['SET k 123456', 'the value has 6 bytes; namespace default allows at most 5'],
    ['SETEX k 5 123456', 'the value has 6 bytes'],
    ['SETNX k 123456', 'the value has 6 bytes'],
    ['GETSET k 123456', 'the value has 6 bytes'],
    ['SETRANGE k 5 x', 'the value has 6 bytes'],
    ['INCRBY k 123456', 'the value has 6 bytes'],
    ['MSET k 1 l 123456 m 2', 'the value has 6 bytes'],
    ['MSET k 1 key-1 2', 'the key has 5 bytes'],
    ['MSETNX k 123456', 'the value has 6 bytes'],
  ])('%s: too large', async (line, problem) => {
    await limit({ maxKeyBytes: 4, maxValueBytes: 5 });
    expect(await ask(line)).toContain(`-BADPARAM ${problem}`);
    expect(await ask('DBSIZE')).toBe(':0');
    expect(harness.cluster.changed).toBe(0);
  });

  it('bound what a command makes of a record, not what is there', async () => {
    await client.ask(OK, 'SET', 'long-key', 'long-value');
    await client.ask(OK, 'SET', 'k', '1234');
    await limit({ maxKeyBytes: 4, maxValueBytes: 5 });
    expect(await ask('APPEND k 5')).toBe(':5');
    expect(await ask('APPEND k 6')).toContain('-BADPARAM the value has 6 bytes');
    expect(await ask('COPY long-key l')).toContain('-BADPARAM the value has 10 bytes');
    expect(await ask('COPY k key-2')).toContain('-BADPARAM the key has 5 bytes');
    expect(await client.ask('$10\r\nlong-value\r\n', 'GET', 'long-key')).toBe('$10\r\nlong-value\r\n');
    expect(await ask('EXPIRE long-key 100')).toBe(':1');
    expect(await ask('DEL long-key')).toBe(':1');
    expect(await client.ask('$5\r\n12345\r\n', 'GET', 'k')).toBe('$5\r\n12345\r\n');
  });

  it('refuse an expiry that is too far, whoever sets it', async () => {
    await client.ask(OK, 'SET', 'old', '1', 'EX', '5000');
    await client.ask(OK, 'SET', 'never', '1');
    await limit({ maxTtlMs: 100_000 });
    for (const line of ['SET k 1 EX 101', 'SETEX k 101 1', 'PSETEX k 100001 1', 'SET k 1 EXAT 99999999999']) {
      expect(await ask(line)).toContain('-BADPARAM the time to live is');
    }
    expect(await ask('EXPIRE never 101')).toContain('namespace default allows at most 100000');
    expect(await ask('PERSIST old')).toContain('-BADPARAM the key would never expire');
    expect(await ask('GETEX old PERSIST')).toContain('-BADPARAM');
    expect(harness.cluster.changed).toBe(2);

    // What was there may stay as it is.
    expect(await ask('INCR old')).toBe(':2');
    expect(await ask('SET old 5 KEEPTTL')).toBe('+OK');
    expect(ttlMs('old')).toBeGreaterThan(4_000_000);
    expect(await ask('INCR never')).toBe(':2');
    expect(record('never').expiresAtMs).toBe(0);
    expect(await ask('EXPIRE old 100')).toBe(':1');
    expect(await ask('SET k 1 EX 100')).toBe('+OK');
  });

  it('give what is set without an expiry the default, or the maximum where there is none', async () => {
    await limit({ maxTtlMs: 100_000 });
    await ask('SET a 1');
    expect(ttlMs('a')).toBeGreaterThan(90_000);
    expect(ttlMs('a')).toBeLessThanOrEqual(100_000);
    await limit({ defaultTtlMs: 10_000 });
    expect(await ask('MSET a 1 b 2')).toBe('+OK');
    expect(await ask('INCR c')).toBe(':1');
    expect(await ask('APPEND d x')).toBe(':1');
    expect(await ask('COPY a e')).toBe(':1');
    for (const key of ['a', 'b', 'c', 'd', 'e']) {
      expect(ttlMs(key)).toBeGreaterThan(5_000);
      expect(ttlMs(key)).toBeLessThanOrEqual(10_000);
    }
    const { expiresAtMs } = record('c');
    expect(await ask('INCR c')).toBe(':2');
    expect(record('c').expiresAtMs).toBe(expiresAtMs);
    await ask('SET f 1 EX 50');
    expect(ttlMs('f')).toBeGreaterThan(40_000);
    await limit({ maxTtlMs: 0 });
    expect(await ask('PERSIST f')).toBe(':1');
  });

  it('cost other namespaces nothing', async () => {
    await harness.cluster.createNamespace('other');
    await harness.cluster.setNamespaceLimits('other', { maxValueBytes: 1, requestsPerSecond: 1 });
    for (let i = 0; i < 5; i++) expect(await ask('SET k 123456')).toBe('+OK');
  });

  it('of rates refuse what is too much, before it starts, and count it', async () => {
    await limit({ requestsPerSecond: 3 });
    const submitted = harness.cluster.submitted;
    client.send('INCR n\r\n'.repeat(5));
    const replies = [];
    for (let i = 0; i < 5; i++) replies.push((await client.readLine()).trimEnd());
    const busy =
      '-BUSY namespace default is over its limit of 3 requests/s on this proxy. Nothing was changed; try again later';
    expect(replies).toEqual([':1', ':2', ':3', busy, busy]);
    expect(harness.cluster.submitted - submitted).toBe(3);
    // What does not touch keys is not counted.
    for (let i = 0; i < 5; i++) expect(await ask('PING')).toBe('+PONG');
    const { context } = harness.proxy;
    expect(context.namespaces.countersOf(0)).toMatchObject({ reads: 0, writes: 3, errors: 0, refused: 2, bytesIn: 15 });
    expect(context.stats.errors().get('BUSY')).toBe(2);
    await ask('CONFIG RESETSTAT');
    expect(context.namespaces.countersOf(0)).toMatchObject({ writes: 0, refused: 0, bytesIn: 0 });
  });

  it('of rates hold for commands that wait, too', async () => {
    await limit({ requestsPerSecond: 2 });
    expect(await ask('COPY a b')).toBe(':0');
    expect(await ask('MGET a')).toBe('*1');
    await client.readLine();
    for (const line of ['SCAN 0', 'KEYS *', 'RANDOMKEY', 'MSET a 1', 'COPY a b', 'GET a']) {
      expect([line, await ask(line)]).toEqual([line, expect.stringContaining('-BUSY')]);
    }
  });

  it('let more through as time goes by, and change at once', async () => {
    await limit({ requestsPerSecond: 1 });
    expect(await ask('INCR n')).toBe(':1');
    expect(await ask('INCR n')).toContain('-BUSY');
    await new Promise((resolve) => setTimeout(resolve, 1_050));
    expect(await ask('INCR n')).toBe(':2');
    await limit({ requestsPerSecond: 0 });
    for (let i = 3; i < 9; i++) expect(await ask('INCR n')).toBe(`:${i}`);
  });
});

describe('a rate of bytes', () => {
  const args = (bytes: number): readonly Buffer[] => [Buffer.alloc(3), Buffer.alloc(bytes - 3)];
  const text = (reply: ErrorReply | null): string => (reply instanceof ErrorReply ? reply.text : 'admitted');

  it('counts the arguments, and refuses for good what is more than a second of it', () => {
    const clock = new ManualClock();
    const group = { name: 'g', limits: { ...NO_LIMITS, bytesPerSecond: 100 } };
    const gate = new NamespaceGate(group, clock, null);
    expect(text(gate.admit(args(60)))).toBe('admitted');
    expect(text(gate.admit(args(41)))).toMatch(/^BUSY namespace g is over its limit of 100 bytes\/s on this proxy/);
    expect(text(gate.admit(args(40)))).toBe('admitted');
    expect(text(gate.admit(args(101)))).toBe(
      'BADPARAM the command has 101 bytes; namespace g allows at most 100 bytes/s on this proxy',
    );
    clock.advance(500);
    expect(text(gate.admit(args(51)))).toContain('BUSY');
    expect(text(gate.admit(args(50)))).toBe('admitted');
  });

  it('that is full takes no request away, and the other way round', () => {
    const clock = new ManualClock();
    const both = { ...NO_LIMITS, bytesPerSecond: 10, requestsPerSecond: 2 };
    const gate = new NamespaceGate({ name: 'g', limits: both }, clock, null);
    expect(text(gate.admit(args(8)))).toBe('admitted');
    for (let i = 0; i < 3; i++) expect(text(gate.admit(args(5)))).toContain('bytes/s');
    clock.advance(300);
    expect(text(gate.admit(args(5)))).toBe('admitted');
  });

  it('goes on where it was when other limits change', () => {
    const clock = new ManualClock();
    const limits = { ...NO_LIMITS, bytesPerSecond: 10 };
    const before = new NamespaceGate({ name: 'g', limits }, clock, null);
    before.admit(args(10));
    expect(before.isFor({ name: 'g', limits: { ...limits } })).toBe(true);
    const changed = { name: 'g', limits: { ...limits, maxKeyBytes: 5 } };
    expect(before.isFor(changed)).toBe(false);
    expect(text(new NamespaceGate(changed, clock, before).admit(args(5)))).toContain('BUSY');
  });
});

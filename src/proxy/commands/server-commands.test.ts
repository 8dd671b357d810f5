import { describe, expect, it } from 'vitest';
import { JUNOKV_VERSION } from '../../base/junokv-version.ts';
import { REDIS_VERSION } from '../redis-version.ts';
import { SessionRunner, TestProxy } from '../testing/session-runner.ts';
import { allCommands } from './all-commands.ts';

describe('the command table', () => {
  const rows = allCommands.flatMap((row) => [row, ...(row.subcommands ?? [])]);

  it('is filled completely', () => {
    expect(new Set(rows.map((row) => row.name)).size).toBe(rows.length);
    for (const row of rows) {
      expect(row.summary, row.name).not.toBe('');
      expect(row.since, row.name).toMatch(/^\d+\.\d+\.\d+$/);
      expect(row.arity, row.name).not.toBe(0);
      expect(row.categories, row.name).toSatisfy((all: string[]) => all.includes('@slow') !== all.includes('@fast'));
      expect(row.handler !== null || row.subcommands !== undefined, row.name).toBe(true);
      const kinds: readonly (string | undefined)[] = ['record', 'records', 'atomic'];
      const keyed = kinds.includes(row.handler?.kind) || row.name === 'watch';
      // Keys that are counted in the arguments are at no fixed place.
      if (!row.flags.includes('movablekeys')) expect(row.keys !== null, row.name).toBe(keyed);
    }
  });

  it('is what COMMAND answers', async () => {
    const session = new SessionRunner();
    expect(await session.run('COMMAND COUNT')).toBe(allCommands.length);
    const all = await session.run('COMMAND');
    expect(all).toHaveLength(allCommands.length);
    expect(await session.run('COMMAND INFO')).toEqual(all);
    expect(await session.run('COMMAND LIST')).toHaveLength(rows.length);
    expect(Object.keys((await session.run('COMMAND DOCS')) ?? {})).toHaveLength(allCommands.length);
    expect(await session.run('COMMAND LIST FILTERBY ACLCAT string')).toContain('getrange');
  });
});

describe('FLUSHDB and FLUSHALL', () => {
  it('empty one database or all of them', async () => {
    const session = new SessionRunner();
    for (const database of [0, 1, 15]) {
      session.database = database;
      await session.run('SET a x');
    }
    session.database = 1;
    expect(await session.run('FLUSHDB SYNC')).toBe('+OK');
    expect(await session.run('DBSIZE')).toBe(0);
    session.database = 15;
    expect(await session.run('DBSIZE')).toBe(1);
    expect(await session.run('flushall async')).toBe('+OK');
    expect(await session.run('DBSIZE')).toBe(0);
    expect(await session.run('FLUSHALL ASYNC SYNC')).toBe('-ERR syntax error');
  });
});

describe('TIME, ROLE, LOLWUT', () => {
  it('answer', async () => {
    const session = new SessionRunner();
    session.proxy.clock.advance(1);
    expect(await session.run('TIME')).toEqual(['1700000000', '1000']);
    expect(await session.run('ROLE')).toEqual(['master', 0, []]);
    expect(await session.run('LOLWUT VERSION 5')).toMatch(new RegExp(`Redis ver\\. ${REDIS_VERSION}\n$`));
  });
});

describe('MONITOR', () => {
  it('answers OK once', async () => {
    const session = new SessionRunner();
    expect(await session.run('MONITOR')).toBe('+OK');
    expect(session.monitoring).toBe(true);
    expect(await session.run('MONITOR')).toBeUndefined();
    expect(session.proxy.monitors.active).toBe(true);
  });
});

describe('MEMORY', () => {
  it('USAGE grows with key and value, without reading the value', async () => {
    const session = new SessionRunner();
    await session.run('SET a x');
    await session.run(`SET bb ${'x'.repeat(1000)}`);
    const small = Number(await session.run('MEMORY USAGE a'));
    expect(small).toBeGreaterThan(2);
    expect(await session.run('MEMORY USAGE bb SAMPLES 0')).toBe(small + 1 + 999);
    expect(await session.run('MEMORY USAGE nosuch')).toBeNull();
  });

  it('STATS and DOCTOR speak of this process', async () => {
    const session = new SessionRunner();
    const stats = await session.run('MEMORY STATS');
    expect(stats).toMatchObject({ 'clients.normal': 0, 'total.allocated': expect.any(Number) });
    expect(await session.run('MEMORY DOCTOR')).toContain('no data set in memory');
    expect(await session.run('MEMORY MALLOC-STATS')).toBe('Stats not supported for the current allocator');
  });
});

describe('SLOWLOG and LATENCY', () => {
  it('show what was recorded', async () => {
    const session = new SessionRunner(new TestProxy({ latencyMonitorThresholdMs: 5 }));
    const { slowLog, latency, clock } = session.proxy;
    for (let i = 0; i < 12; i++)
      slowLog.record([Buffer.from('KEYS'), Buffer.from('*')], 20_000 + i, clock.wallMs(), session);
    expect(await session.run('SLOWLOG LEN')).toBe(12);
    expect(await session.run('SLOWLOG GET')).toHaveLength(10);
    expect(await session.run('SLOWLOG GET -1')).toHaveLength(12);
    expect(await session.run('SLOWLOG GET 1')).toEqual([
      [11, 1_700_000_000, 20_011, ['KEYS', '*'], '10.0.0.9:50000', ''],
    ]);
    expect(await session.run('SLOWLOG RESET')).toBe('+OK');
    expect(await session.run('SLOWLOG LEN')).toBe(0);

    latency.recordCommand('keys', 20_000, false);
    latency.recordCommand('config|get', 3, false);
    expect(await session.run('LATENCY LATEST')).toEqual([['command', 1_700_000_000, 20, 20]]);
    expect(await session.run('LATENCY HISTORY command')).toEqual([[1_700_000_000, 20]]);
    expect(await session.run('LATENCY GRAPH command')).toContain('command - high 20 ms');
    expect(await session.run('LATENCY HISTOGRAM')).toEqual({
      keys: { calls: 1, histogram_usec: { 33816: 1 } },
      'config|get': { calls: 1, histogram_usec: { 4: 1 } },
    });
    expect(Object.keys((await session.run('LATENCY HISTOGRAM CONFIG nosuch')) ?? {})).toEqual(['config|get']);
    expect(await session.run('LATENCY RESET COMMAND nosuch')).toBe(1);
    expect(await session.run('LATENCY LATEST')).toEqual([]);
  });
});

describe('CONFIG', () => {
  it('GET takes several patterns; RESETSTAT sets the counters to zero', async () => {
    const session = new SessionRunner();
    expect(await session.run('CONFIG GET appendonly TIMEOUT')).toEqual({ TIMEOUT: '0', appendonly: 'no' });
    session.proxy.stats.commandsProcessed = 5;
    session.proxy.latency.recordCommand('get', 1, true);
    expect(await session.run('CONFIG RESETSTAT')).toBe('+OK');
    expect(session.proxy.stats.commandsProcessed).toBe(0);
    expect(await session.run('LATENCY HISTOGRAM')).toEqual({});
  });

  it('SET changes what the proxy uses', async () => {
    const session = new SessionRunner();
    expect(await session.run('CONFIG SET maxclients 3 timeout 9')).toBe('+OK');
    expect(session.proxy.config.maxClients).toBe(3);
    expect(session.proxy.config.timeoutSeconds).toBe(9);
  });
});

describe('versions', () => {
  it('come from one place each', async () => {
    const text = String(await new SessionRunner().run('INFO server'));
    expect(text).toContain(`redis_version:${REDIS_VERSION}\r\n`);
    expect(text).toContain(`junokv_version:${JUNOKV_VERSION}\r\n`);
    expect(JUNOKV_VERSION).toMatch(/^\d+\.\d+\.\d+/);
  });
});

import { describe, expect, it } from 'vitest';
import { type Log, silentLog } from '../base/log.ts';
import { openFileLimit } from '../base/system-open-files.ts';
import { configurationWith, loadConfiguration } from './configuration.ts';
import { fittingClients, proxyConfig } from './proxy-config.ts';

function shown(config: ReturnType<typeof proxyConfig>, name: string): string | undefined {
  return config.get([Buffer.from(name)])[0]?.[1];
}

describe('the options about connections', () => {
  it('become what CONFIG GET shows', () => {
    const args = [
      '--unixsocket',
      '/run/junokv.sock',
      '--unixsocketperm',
      '770',
      '--timeout',
      '60',
      '--tcp-keepalive',
      '0',
    ];
    args.push('--client-query-buffer-limit', '2mb', '--proto-max-bulk-len', '1mb', '--shutdown-timeout', '20');
    args.push('--client-output-buffer-limit', 'normal 64mb 16mb 30');
    const loaded = loadConfiguration('proxy', args, {});
    if (loaded.kind !== 'loaded') throw new Error(JSON.stringify(loaded));
    const config = proxyConfig(loaded.config, silentLog);
    const names = ['unixsocket', 'unixsocketperm', 'timeout', 'tcp-keepalive', 'client-query-buffer-limit'];
    names.push('proto-max-bulk-len', 'shutdown-timeout', 'client-output-buffer-limit');
    expect(names.map((name) => shown(config, name))).toEqual([
      '/run/junokv.sock',
      '770',
      '60',
      '0',
      '2097152',
      '1048576',
      '20',
      'normal 67108864 16777216 30 slave 268435456 67108864 60 pubsub 33554432 8388608 60',
    ]);
  });

  it.each([
    ['--unixsocketperm', '789'],
    ['--unixsocketperm', '1000'],
    ['--unixsocket', `/${'x'.repeat(200)}`],
    ['--client-query-buffer-limit', '1'],
    ['--client-output-buffer-limit', 'nobody 1 2 3'],
    ['--proto-max-bulk-len', 'much'],
    ['--timeout', '-1'],
    ['--maxmemory', '10%'],
    ['--maxmemory-policy', 'sometimes'],
    ['--maxmemory-samples', '0'],
  ])('%s %s stops the start', (name, value) => {
    const loaded = loadConfiguration('start', [`${name}=${value}`], {});
    expect(loaded.kind === 'invalid' && loaded.problems.length === 1 && loaded.problems[0]?.includes(name)).toBe(true);
  });

  it('limit memory before any storage node has told what it is', () => {
    const args = ['--maxmemory', '2gb', '--maxmemory-policy', 'Volatile-TTL', '--maxmemory-samples', '7'];
    const loaded = loadConfiguration('proxy', args, {});
    if (loaded.kind !== 'loaded') throw new Error(JSON.stringify(loaded));
    const config = proxyConfig(loaded.config, silentLog);
    const names = ['maxmemory', 'maxmemory-policy', 'maxmemory-samples'];
    expect(names.map((name) => shown(config, name))).toEqual(['2147483648', 'volatile-ttl', '7']);
  });

  it('have the defaults of CONFIG GET', () => {
    const config = proxyConfig(configurationWith({}), silentLog);
    expect(shown(config, 'client-output-buffer-limit')).toContain('normal 1073741824 0 0');
    expect(shown(config, 'timeout')).toBe('0');
  });
});

describe('maxclients and the descriptors that there are', () => {
  it('is lowered, and the log says so', () => {
    const warnings: string[] = [];
    const log: Log = { ...silentLog, warn: (_fields, message) => warnings.push(message) };
    expect(fittingClients(10_000, 4_096, log)).toEqual({ maxClients: 3_840, maxClientsPossible: 3_840 });
    expect(warnings).toEqual(['maxclients lowered: raise the limit on open files']);
    expect(fittingClients(1_000, 4_096, log).maxClients).toBe(1_000);
    expect(fittingClients(1_000, null, log).maxClients).toBe(1_000);
    expect(fittingClients(1_000, 100, log).maxClients).toBe(1);
    expect(warnings.length).toBe(2);
    // Beside three storage nodes: 1,024 for each of them, or a third.
    expect(fittingClients(10_000, 20_000, log, 1, 3).maxClientsPossible).toBe(20_000 - 256 - 3 * 1_024);
    expect(fittingClients(100, 3_000, log, 1, 3).maxClientsPossible).toBe(3_000 - 256 - 1_000);
  });

  it('knows how many there are', () => {
    const limit = openFileLimit();
    expect(limit === null ? process.platform !== 'linux' : limit > 0).toBe(true);
  });
});

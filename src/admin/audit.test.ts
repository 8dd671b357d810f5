import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { assembly } from './assemble.ts';
import { runCommandLine } from './cli.ts';
import { FakeAssembly, FakeSystem } from './testing/fake-system.ts';
import { passwordHashText } from './users-file.ts';

let folder = '';
let path = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'junokv-audit-'));
  path = join(folder, 'audit.log');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface Line {
  readonly process: string;
  readonly user: string;
  readonly address: string;
  readonly action: string;
  readonly arguments: readonly string[];
  readonly outcome: string;
  readonly detail?: string;
}

function lines(): Line[] {
  return readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

describe('a process with an audit log', () => {
  it('enters who changed what, without passwords', async () => {
    const system = new FakeSystem();
    const users = join(folder, 'users.json');
    const passwordHash = passwordHashText(Buffer.from('S3cret-ann'));
    writeFileSync(users, JSON.stringify([{ name: 'ann', passwordHash, access: 'read' }]), { mode: 0o600 });
    const options = ['--engine', 'memory', '--port', '0', '--shards', '4', '--users', users, '--audit-log', path];
    const running = runCommandLine(['start', ...options, '--requirepass', 'S3cret-one'], system, assembly);
    for (let i = 0; i < 1_000 && system.printed.length === 0; i++)
      await new Promise((resolve) => setTimeout(resolve, 10));
    const port = Number(/127\.0\.0\.1:(\d+)/.exec(system.printed.join('\n'))?.[1]);
    const redis = new Redis(port, { password: 'S3cret-one' });
    await redis.set('k', 'v');
    await redis.call('CONFIG', 'SET', 'requirepass', 'S3cret-two', 'timeout', '77');
    await redis.call('CONFIG', 'SET', 'no-such', 'x').catch(() => {});
    await redis.call('AUTH', 'ann', 'S3cret-wrong').catch(() => {});
    await redis.call('JUNO.NAMESPACES', 'CREATE', 'payments');
    await redis.call('JUNO.LIMITS', 'SET', 'payments', 'requestsPerSecond', '5');
    const ann = new Redis(port, { username: 'ann', password: 'S3cret-ann' });
    await ann.flushdb().catch(() => {});
    ann.disconnect();
    await redis.flushall();
    redis.disconnect();
    system.signal();
    expect(await running).toBe(0);

    const text = readFileSync(path, 'utf8');
    expect(text).not.toContain('S3cret');
    const found = lines();
    expect(found.map(({ action, outcome }) => `${action} ${outcome}`)).toEqual([
      'start done',
      'CONFIG SET done',
      'CONFIG SET failed',
      'AUTH denied',
      'JUNO.NAMESPACES CREATE done',
      'JUNO.LIMITS SET done',
      'FLUSHDB denied',
      'FLUSHALL done',
      'stop done',
    ]);
    expect(found[0]?.arguments).toContain('--requirepass=(not shown)');
    expect(found[1]).toMatchObject({
      process: 'one-process',
      user: 'default',
      address: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      arguments: ['requirepass', '(redacted)', 'timeout', '77'],
    });
    expect(found[6]?.user).toBe('ann');
    expect(found[3]).toMatchObject({ user: 'ann', arguments: [], detail: 'wrong password' });
    expect(found[2]?.detail).toContain('Unknown option');
  }, 20_000);

  it('does not start when the log cannot be opened', async () => {
    const system = new FakeSystem();
    const args = ['start', '--engine', 'memory', '--port', '0', '--audit-log', folder];
    expect(await runCommandLine(args, system, new FakeAssembly())).toBe(1);
    expect(system.complaints.join('\n')).toContain('--audit-log: cannot open');
  });
});

describe('a command with an audit log', () => {
  const init = (...args: string[]): string[] => [
    ...['cluster', 'init', '--map', join(folder, 'map.json'), '--secret', join(folder, 'secret')],
    ...['--keystore', join(folder, 'keystore.json'), '--audit-log', path, ...args],
  ];

  it('enters that it begins and how it ends', async () => {
    const system = new FakeSystem({ SUDO_USER: 'ann' });
    expect(await runCommandLine(init('--zones', '1'), system, new FakeAssembly())).toBe(0);
    expect(await runCommandLine(init(), new FakeSystem(), new FakeAssembly())).toBe(1);
    const found = lines();
    expect(found.map(({ action, outcome }) => `${action} ${outcome}`)).toEqual([
      'junokv cluster init started',
      'junokv cluster init done',
      'junokv cluster init started',
      'junokv cluster init failed',
    ]);
    expect(found[0]).toMatchObject({
      process: 'command line',
      address: 'local',
      user: expect.stringMatching(/^ann as /),
    });
    expect(found[0]?.arguments).toContain('--zones=1');
    expect(found[3]?.detail).toBe('exit status 1');
  });

  it('does nothing when the log cannot be written', async () => {
    const system = new FakeSystem({ JUNOKV_AUDIT_LOG: folder });
    const args = ['keys', 'rotate', '--keystore', join(folder, 'keystore.json')];
    expect(await runCommandLine(args, system, new FakeAssembly())).toBe(1);
    expect(system.complaints.join('\n')).toContain('cannot write the audit log');
  });
});

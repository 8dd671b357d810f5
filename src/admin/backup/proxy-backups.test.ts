import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLog } from '../../base/log.ts';
import { SystemClock } from '../../base/system-clock.ts';
import { SystemRandom } from '../../base/system-random.ts';
import { formatKeystore } from '../../crypto/keystore.ts';
import { assembly } from '../assemble.ts';
import { runCommandLine } from '../cli.ts';
import { configurationWith } from '../configuration.ts';
import type { ProcessParts, Running } from '../running.ts';
import { prepareSingleCluster, type SingleCluster } from '../single-cluster.ts';
import { FakeAssembly, FakeSystem } from '../testing/fake-system.ts';

let dir = '';
let stops = 0;
let cluster: SingleCluster;
let running: Running;
let redis: Redis;

async function start(backupDir: string): Promise<void> {
  const parts: ProcessParts = {
    clock: new SystemClock(),
    random: new SystemRandom(),
    log: silentLog,
    host: { version: '9.9.9', configFile: '', stop: () => stops++ },
  };
  const config = configurationWith({ engine: 'memory', port: 0, shards: 16, backupDir });
  const prepared = await prepareSingleCluster(config, new Set(), parts);
  if (!prepared.ok) throw new Error(prepared.problem);
  cluster = prepared.cluster;
  const started = await assembly.startSingleProcess(cluster, parts);
  if (!started.ok) throw new Error(started.problem);
  running = started.running;
  redis = new Redis(running.listening[0]?.port ?? 0, { retryStrategy: () => null });
  redis.on('error', () => {});
}

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'junokv-save-'));
  stops = 0;
});
afterEach(async () => {
  redis.disconnect();
  await running.stop();
  cluster.release();
  rmSync(dir, { recursive: true, force: true });
});

async function call(...words: readonly string[]): Promise<unknown> {
  const [name = '', ...rest] = words;
  return redis.call(name, ...rest);
}

describe('a backup that a client asks a proxy for', () => {
  it('can be verified, and each is in a directory of its own', async () => {
    await start(join(dir, 'backups'));
    writeFileSync(join(dir, 'keystore.json'), formatKeystore(cluster.keystore), { mode: 0o600 });
    for (let i = 0; i < 50; i++) await redis.set(`key:${i}`, `value ${i}`);
    await redis.set('large', 'x'.repeat(300_000));
    const before = Number(await call('LASTSAVE'));
    expect(await call('SAVE')).toBe('OK');
    expect(Number(await call('LASTSAVE'))).toBeGreaterThanOrEqual(before);
    expect(await call('BGSAVE')).toBe('Background saving started');
    while ((await redis.info('persistence')).includes('rdb_bgsave_in_progress:1')) await redis.ping();
    const made = readdirSync(join(dir, 'backups'));
    expect(made).toHaveLength(2);
    for (const one of made) {
      const system = new FakeSystem();
      const words = ['backup', 'verify', join(dir, 'backups', one), '--keystore', join(dir, 'keystore.json'), '--json'];
      expect(await runCommandLine(words, system, new FakeAssembly())).toBe(0);
      expect(system.printed.join('')).toContain('"records":51');
    }
  });

  it('that fails says why, and leaves nothing behind', async () => {
    writeFileSync(join(dir, 'a-file'), '');
    await start(join(dir, 'a-file'));
    await expect(call('SAVE')).rejects.toThrow(/^ERR the backup failed: cannot use /);
    expect(await redis.info('persistence')).toContain('rdb_last_bgsave_status:err');
    expect(readdirSync(dir)).toEqual(['a-file']);
  });
});

describe('SHUTDOWN', () => {
  it('ends the process as a signal would, without a reply', async () => {
    await start('');
    const closed = new Promise((resolve) => redis.once('close', resolve));
    await expect(call('SHUTDOWN', 'NOSAVE')).rejects.toThrow();
    await closed;
    expect(stops).toBe(1);
  });
});

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { silentLog } from '../../base/log.ts';
import { SystemClock } from '../../base/system-clock.ts';
import { SystemRandom } from '../../base/system-random.ts';
import { answerOf } from '../../cluster/config-store-conformance.ts';
import { FileConfigStore } from '../../cluster/file-config-store.ts';
import { assembly } from '../assemble.ts';
import { runCommandLine } from '../cli.ts';
import { configurationWith } from '../configuration.ts';
import { prepareSingleCluster } from '../single-cluster.ts';
import { FakeAssembly, FakeSystem } from '../testing/fake-system.ts';

const parts = { clock: new SystemClock(), random: new SystemRandom(), log: silentLog };
const TAKEN_UP_MS = 15_000;
const cleanUps: (() => unknown)[] = [];
let path = '';
beforeEach(() => {
  const directory = mkdtempSync(join(tmpdir(), 'junokv-users-'));
  cleanUps.push(() => rmSync(directory, { recursive: true, force: true }));
  path = join(directory, 'cluster-map.json');
});
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

/** A cluster in memory whose map is in a file; resolves to its port. */
async function start(): Promise<number> {
  const config = configurationWith({ port: 0, shards: 16, engine: 'memory', requirepass: 'of the default user' });
  const prepared = await prepareSingleCluster(config, new Set(), parts);
  if (!prepared.ok) throw new Error(prepared.problem);
  const store = new FileConfigStore({ path, ...parts });
  await answerOf(store.compareAndSet(0, prepared.cluster.map));
  const started = await assembly.startSingleProcess({ ...prepared.cluster, store }, parts);
  if (!started.ok) throw new Error(started.problem);
  cleanUps.push(async () => {
    await started.running.stop();
    store.close();
  });
  return started.running.listening[0]?.port ?? 0;
}

async function users(...words: string[]): Promise<void> {
  const system = new FakeSystem();
  system.input = Buffer.from('of ann');
  expect(await runCommandLine(['users', ...words, '--map', path], system, new FakeAssembly())).toBe(0);
}

it('users of the config store are served as they change', async () => {
  const port = await start();
  const connect = (password: string): Redis => {
    const redis = new Redis({ host: '127.0.0.1', port, username: 'ann', password, retryStrategy: () => null });
    redis.on('error', () => {});
    cleanUps.push(() => redis.disconnect());
    return redis;
  };
  const answer = (redis: Redis): Promise<string> =>
    redis.set('key', 'value').catch((error: unknown) => (error instanceof Error ? error.message : String(error)));
  await users('set', 'ann', '--access', 'read');
  const waits = { timeout: TAKEN_UP_MS, interval: 100 };
  await expect.poll(() => answer(connect('of ann')), waits).toContain('NOPERM');
  const reader = connect('of ann');
  const closed = new Promise<void>((resolve) => reader.on('close', () => resolve()));
  expect(await answer(reader)).toContain('NOPERM');
  await users('set', 'ann', '--access', 'write');
  await closed;
  const writer = connect('of ann');
  expect(await answer(writer)).toBe('OK');
  const gone = new Promise<void>((resolve) => writer.on('close', () => resolve()));
  await users('remove', 'ann');
  await gone;
  expect(await answer(connect('of ann'))).toContain('WRONGPASS');
}, 60_000);

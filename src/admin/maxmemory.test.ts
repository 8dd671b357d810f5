import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLog } from '../base/log.ts';
import { SystemClock } from '../base/system-clock.ts';
import { SystemRandom } from '../base/system-random.ts';
import { assembly } from './assemble.ts';
import { configurationWith } from './configuration.ts';
import { prepareSingleCluster } from './single-cluster.ts';

const parts = { clock: new SystemClock(), random: new SystemRandom(), log: silentLog };
const OOM = "OOM command not allowed when used memory > 'maxmemory'.";
const VALUE = 'x'.repeat(2_000);
const LIMIT_BYTES = 1_000_000;

let directory = '';
let redis: Redis;
const cleanUps: (() => Promise<unknown>)[] = [];

/** `junokv start --engine memory`, and a client of it. */
async function start(maxmemory = '0'): Promise<void> {
  const config = configurationWith({
    port: 0,
    shards: 16,
    engine: 'memory',
    data: join(directory, 'data'),
    maxmemory,
  });
  const prepared = await prepareSingleCluster(config, new Set(), parts);
  if (!prepared.ok) throw new Error(prepared.problem);
  const started = await assembly.startSingleProcess(prepared.cluster, parts);
  if (!started.ok) throw new Error(started.problem);
  const { running } = started;
  cleanUps.push(async () => {
    await running.stop();
    prepared.cluster.release();
  });
  redis = new Redis({ port: running.listening[0]?.port ?? 0, host: '127.0.0.1', retryStrategy: () => null });
  cleanUps.push(async () => redis.disconnect());
}

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'junokv-maxmemory-'));
});
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
  rmSync(directory, { recursive: true, force: true });
});

async function infoNumber(section: string, field: string): Promise<number> {
  const text = await redis.info(section);
  return Number(new RegExp(`${field}:(\\d+)`).exec(text)?.[1]);
}

/** Writes so many keys, some at a time; those that were acknowledged. */
async function fill(name: string, keys: number): Promise<string[]> {
  const written: string[] = [];
  for (let i = 0; i < keys; i += 50) {
    const some = Array.from({ length: 50 }, (_, at) => `${name} ${i + at}`);
    const replies = await Promise.allSettled(some.map((key) => redis.set(key, VALUE)));
    replies.forEach((reply, at) => {
      if (reply.status === 'fulfilled') written.push(some[at] ?? '');
      else expect(String(reply.reason)).toContain(OOM);
    });
  }
  return written;
}

describe('maxmemory on a cluster in memory', () => {
  it('without evictions refuses what may grow, loses nothing, and takes more once there is room', async () => {
    await start(String(LIMIT_BYTES));
    const written = await fill('key', 1_000);
    expect(written.length).toBeGreaterThan(200);
    expect(written.length).toBeLessThan(600);
    for (const key of written) expect(await redis.get(key)).toBe(VALUE);
    expect(await infoNumber('memory', 'used_memory')).toBeGreaterThan(LIMIT_BYTES);
    await expect(redis.set('more', 'x')).rejects.toThrow(OOM);
    await expect(redis.lpush('more', 'x')).rejects.toThrow(OOM);
    expect(await redis.expire(written[0] ?? '', 100)).toBe(1);
    const half = written.slice(0, written.length / 2);
    expect(await redis.del(...half)).toBe(half.length);
    expect(await redis.set('more', 'x')).toBe('OK');
    expect(await infoNumber('stats', 'evicted_keys')).toBe(0);
    expect(await redis.info('errorstats')).toMatch(/errorstat_OOM:count=\d+/);
  });

  it('refuses within MULTI, and EXEC with it', async () => {
    await start();
    await redis.set('old', VALUE);
    const other = redis.duplicate();
    cleanUps.push(async () => other.disconnect());
    await redis.call('MULTI');
    expect(await redis.call('SET', 'new', 'x')).toBe('QUEUED');
    expect(await other.config('SET', 'maxmemory', '1')).toBe('OK');
    await expect(redis.call('EXEC')).rejects.toThrow(`EXECABORT Transaction discarded because of: ${OOM}`);
    await redis.call('MULTI');
    await expect(redis.call('GET', 'old')).rejects.toThrow(OOM);
    await expect(redis.call('EXEC')).rejects.toThrow('EXECABORT Transaction discarded because of previous errors.');
    await redis.call('MULTI');
    expect(await redis.call('DISCARD')).toBe('OK');
    expect(await redis.get('old')).toBe(VALUE);
    expect(await redis.get('new')).toBeNull();
    expect(await other.config('SET', 'maxmemory', '0')).toBe('OK');
    expect(await redis.multi().set('new', 'x').exec()).toEqual([[null, 'OK']]);
  });

  it('with allkeys-lru stays near the limit however much is written, and refuses nothing', async () => {
    await start();
    expect(await redis.config('SET', 'maxmemory-policy', 'allkeys-lru', 'maxmemory', '1000000')).toBe('OK');
    const written = await fill('key', 2_000);
    expect(written).toHaveLength(2_000);
    await expect.poll(() => infoNumber('memory', 'used_memory')).toBeLessThanOrEqual(LIMIT_BYTES);
    const left = await redis.dbsize();
    expect(left).toBeGreaterThan(100);
    expect(left).toBeLessThan(500);
    expect(await infoNumber('stats', 'evicted_keys')).toBe(2_000 - left);
  });

  it('is what CONFIG GET and INFO say', async () => {
    await start('1mb');
    expect(await redis.config('GET', 'maxmemory')).toEqual(['maxmemory', '1048576']);
    expect(await infoNumber('memory', 'maxmemory')).toBe(1_048_576);
    expect(await redis.config('SET', 'maxmemory', '100mb', 'maxmemory-samples', '10')).toBe('OK');
    expect(await redis.config('GET', 'maxmemory')).toEqual(['maxmemory', '104857600']);
    expect(await redis.info('memory')).toContain('maxmemory_human:100.00M\r\nmaxmemory_policy:noeviction\r\n');
    await redis.set('key', VALUE);
    await expect.poll(() => infoNumber('memory', 'used_memory')).toBeGreaterThan(2_000);
    expect(await redis.flushall()).toBe('OK');
    await expect.poll(() => infoNumber('memory', 'used_memory')).toBe(0);
  });
});

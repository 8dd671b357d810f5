import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { silentLog } from '../../base/log.ts';
import { SystemClock } from '../../base/system-clock.ts';
import { SystemRandom } from '../../base/system-random.ts';
import { formatKeystore } from '../../crypto/keystore.ts';
import { assembly } from '../assemble.ts';
import { runCommandLine } from '../cli.ts';
import { configurationWith } from '../configuration.ts';
import type { Configuration } from '../option-table.ts';
import { prepareSingleCluster, type SingleCluster } from '../single-cluster.ts';
import { FakeAssembly, FakeSystem } from '../testing/fake-system.ts';
import { BackupLink } from './backup-link.ts';
import { runBackup } from './backup-run.ts';
import { ClusterRecords, type ShardPart } from './cluster-records.ts';

const parts = { clock: new SystemClock(), random: new SystemRandom(), log: silentLog };
const LARGE = Buffer.alloc(2_500_000, 'large');

interface Running {
  readonly cluster: SingleCluster;
  readonly port: number;
  readonly redis: Redis;
  stop(): Promise<void>;
}

async function start(changes: Partial<Configuration>): Promise<Running> {
  const config = configurationWith({ engine: 'memory', port: 0, ...changes });
  const prepared = await prepareSingleCluster(config, new Set(), parts);
  if (!prepared.ok) throw new Error(prepared.problem);
  const started = await assembly.startSingleProcess(prepared.cluster, parts);
  if (!started.ok) throw new Error(started.problem);
  const port = started.running.listening[0]?.port ?? 0;
  const redis = new Redis(port);
  const stop = async (): Promise<void> => {
    redis.disconnect();
    await started.running.stop();
    prepared.cluster.release();
  };
  return { cluster: prepared.cluster, port, redis, stop };
}

let source: Running;
let target: Running;
let dir = '';

beforeAll(async () => {
  source = await start({ shards: 64 });
});
afterAll(() => source.stop());
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'junokv-backup-'));
  target = await start({ shards: 16, nodesPerZone: 2 });
  await source.redis.flushall();
  writeFileSync(join(dir, 'keystore.json'), formatKeystore(source.cluster.keystore), { mode: 0o600 });
});
afterEach(async () => {
  await target.stop();
  rmSync(dir, { recursive: true, force: true });
});

async function run(args: readonly string[]): Promise<{ exitCode: number; printed: string; complaints: string }> {
  const system = new FakeSystem();
  const exitCode = await runCommandLine(args, system, new FakeAssembly());
  return { exitCode, printed: system.printed.join('\n'), complaints: system.complaints.join('\n') };
}

/** Runs a command that must succeed; what it prints with --json. */
async function json(verb: string, name: string, more: readonly string[] = []): Promise<unknown> {
  const { exitCode, printed, complaints } = await run([...verb.split(' '), join(dir, name), '--json', ...more]);
  expect({ exitCode, complaints }).toEqual({ exitCode: 0, complaints: '' });
  return JSON.parse(printed);
}

const at = (running: Running): readonly string[] => ['--target', `127.0.0.1:${running.port}`];
const key = (): readonly string[] => ['--keystore', join(dir, 'keystore.json')];
const backup = (name: string, more: readonly string[] = []) => json('backup', name, [...at(source), ...more]);
const restore = (name: string, more: readonly string[] = []) =>
  json('restore', name, [...at(target), ...key(), ...more]);
const verify = (name: string) => json('backup verify', name, key());
const compare = (name: string, running: Running) => json('backup compare', name, [...at(running), ...key()]);

async function contentsOf({ redis }: Running, database = 0): Promise<Record<string, string>> {
  await redis.select(database);
  const names = (await redis.keys('*')).sort();
  const values = await Promise.all(names.map(async (name) => [name, (await redis.get(name)) ?? '']));
  await redis.select(0);
  return Object.fromEntries(values);
}

/** What is known of a record beside its value; without the rest of its life, which passes. */
async function metaOf({ redis }: Running, name: string): Promise<unknown> {
  const fields: unknown = await redis.call('JUNO.GET', name);
  if (!Array.isArray(fields)) throw new Error('JUNO.GET answers a map');
  const named = ['recordVersion', 'creationTime', 'lastModified'].map((field) => fields[fields.indexOf(field) + 1]);
  expect(named.every((value) => typeof value === 'number' && value > 0)).toBe(true);
  return [...named, await redis.pexpiretime(name)];
}

async function fill({ redis }: Running, count: number): Promise<void> {
  await Promise.all(Array.from({ length: count }, (_, i) => redis.set(`key ${i}`, 'v'.repeat(i))));
}

const COLLECTIONS = [
  'small hash',
  'large hash',
  'small timed hash',
  'large timed hash',
  'integers',
  'small set',
  'large set',
  'small list',
  'large list',
  'small zset',
  'large zset',
];

async function fillCollections({ redis }: Running): Promise<void> {
  const fields = Array.from({ length: 3_000 }, (_, i) => [`field ${i}`, i % 500 === 0 ? 'v'.repeat(90_000) : `v ${i}`]);
  const members = Array.from({ length: 9_000 }, (_, i) =>
    i % 900 === 0 ? `${i} ${'m'.repeat(2_000)}` : `member ${i}`,
  );
  await redis.hset('small hash', 'a', '1', 'b', '');
  await redis.hset('large hash', fields.flat());
  await redis.pexpireat('large hash', parts.clock.wallMs() + 1_000_000);
  for (const [name, count] of [
    ['small timed hash', 3],
    ['large timed hash', 800],
  ] as const) {
    const timed = Array.from({ length: count }, (_, i) => [`field ${i}`, 'v'.repeat(i === 2 ? 3_000 : 10)]);
    await redis.hset(name, timed.flat());
    await redis.pexpireat(name, parts.clock.wallMs() + 2_000_000);
    const names = timed.map(([field = '']) => field);
    await redis.call('HPEXPIREAT', name, parts.clock.wallMs() + 1_000_000, 'FIELDS', count, ...names);
    await redis.call('HPERSIST', name, 'FIELDS', 1, 'field 1');
  }
  await redis.sadd('integers', 3, 1, 2);
  await redis.sadd('small set', 'z', 'a');
  await redis.sadd('large set', members);
  await redis.rpush('small list', 'b', 'a', 'b');
  await redis.rpush('large list', ...members);
  await redis.ltrim('large list', 100, -2);
  await redis.zadd('small zset', 1, 'b', 2, 'a');
  await redis.zadd('large zset', ...members.flatMap((member, i) => [String(i % 7), member]));
}

async function elementsOf(redis: Redis, name: string): Promise<unknown> {
  if (name.endsWith('hash')) {
    const pairs = Object.entries(await redis.hgetall(name));
    const fields = pairs.map(([field]) => field);
    return [pairs, await redis.call('HPEXPIRETIME', name, 'FIELDS', fields.length, ...fields)];
  }
  if (name.endsWith('list')) return redis.lrange(name, 0, -1);
  return name.endsWith('zset') ? redis.zrange(name, 0, '-1', 'WITHSCORES') : redis.smembers(name);
}

/** With encodings and orders. */
async function collectionsOf({ redis }: Running): Promise<unknown> {
  const all: unknown[] = [];
  for (const name of COLLECTIONS) {
    const elements = await elementsOf(redis, name);
    all.push([name, await redis.object('ENCODING', name), await redis.pexpiretime(name), elements]);
  }
  return all;
}

describe('a backup and its restore into a cluster of another shape', () => {
  it('keep value, expiry, version and times, in all namespaces and databases', async () => {
    const { redis } = source;
    await fill(source, 300);
    await redis.set('expiring', 'soon', 'PXAT', parts.clock.wallMs() + 1_000_000);
    await redis.incr('counter');
    await redis.incr('counter');
    await redis.setrange('holes', 9_000_000, 'end');
    await redis.set('large', LARGE);
    await redis.set('empty', '');
    await redis.select(7);
    await redis.set('in seven', '7');
    await redis.select(0);
    await redis.call('JUNO.NAMESPACES', 'CREATE', 'orders').catch(() => {});
    await redis.call('JUNO.LIMITS', 'SET', 'orders', 'maxKeyBytes', '100');
    await redis.call('JUNO.NAMESPACE', 'orders');
    await redis.set('in orders', 'o');
    expect(await backup('full')).toMatchObject({ ok: true, kind: 'full', records: 307, stored: 307 });
    expect(await verify('full')).toMatchObject({ records: 307, problemCount: 0 });
    expect(await restore('full')).toMatchObject({ written: 307, kept: 0, expired: 0 });
    expect(await compare('full', source)).toMatchObject({ records: 307, problemCount: 0 });
    expect(await compare('full', target)).toMatchObject({ records: 307, problemCount: 0 });
    await redis.flushall();
    await redis.call('JUNO.NAMESPACE', 'default');
    expect(await contentsOf(target)).toEqual(await contentsOf(source));
    expect(await contentsOf(target, 7)).toEqual({ 'in seven': '7' });
    for (const name of ['expiring', 'counter', 'large']) {
      expect(await metaOf(target, name)).toEqual(await metaOf(source, name));
    }
    await target.redis.call('JUNO.NAMESPACE', 'orders');
    expect(await contentsOf(target)).toEqual({ 'in orders': 'o' });
    const limits = (await target.redis.call('JUNO.LIMITS', 'GET', 'orders')) as unknown[];
    expect(limits[limits.indexOf('maxKeyBytes') + 1]).toBe(100);
  });

  it('show neither names nor values in the files', async () => {
    await source.redis.set('recognisable-key', 'recognisable-value');
    await source.redis.set('recognisable-large', Buffer.alloc(200_000, 'recognisable'));
    await backup('full');
    for (const file of readdirSync(join(dir, 'full'))) {
      expect(readFileSync(join(dir, 'full', file)).includes('recognisable')).toBe(false);
    }
  });

  it('of a chain carry changes and deletions, also into a cluster that has an earlier one', async () => {
    const { redis } = source;
    await fill(source, 50);
    await redis.set('large', LARGE);
    await backup('full');
    await restore('full');
    await redis.set('key 1', 'changed');
    await redis.append('large', 'longer');
    await redis.del('key 2', 'key 3');
    await redis.set('new', 'n');
    expect(await backup('first', ['--since', join(dir, 'full')])).toMatchObject({
      kind: 'incremental',
      records: 49 + 1,
      stored: 3,
    });
    await redis.del('key 4');
    await redis.set('key 2', 'again');
    expect(await backup('second', ['--since', join(dir, 'first')])).toMatchObject({ records: 50, stored: 1 });
    await verify('second');
    expect(await restore('second', ['--merge'])).toMatchObject({ same: 46, deleted: 2, kept: 0 });
    await compare('second', target);
    expect(await contentsOf(target)).toEqual(await contentsOf(source));
    await restore('full', ['--replace']);
    await compare('full', target);
    await restore('second', ['--replace']);
    await compare('second', target);
  });

  it('keep collections, small and large, also in a chain', async () => {
    const { redis } = source;
    await fillCollections(source);
    await backup('full');
    await verify('full');
    expect(await restore('full')).toMatchObject({ written: COLLECTIONS.length, kept: 0 });
    await compare('full', target);
    expect(await collectionsOf(target)).toEqual(await collectionsOf(source));
    await redis.hset('large hash', 'field 7', 'changed', 'another', LARGE);
    await redis.srem('large set', 'member 9');
    await redis.lset('large list', 50, 'changed');
    await redis.zincrby('large zset', 3, 'member 9');
    await redis.del('small set');
    const differs = await run(['backup', 'compare', join(dir, 'full'), ...at(source), ...key()]);
    expect(differs.complaints).toMatch(/5 problems(.|\n)*differs: version/);
    expect(await backup('more', ['--since', join(dir, 'full')])).toMatchObject({ stored: 4 });
    expect(await restore('more', ['--merge'])).toMatchObject({ written: 4, deleted: 1, kept: 0 });
    await compare('more', target);
    expect(await collectionsOf(target)).toEqual(await collectionsOf(source));
    await target.redis.hset('large hash', 'by a client', 1);
    expect(await restore('more', ['--merge'])).toMatchObject({ written: 0, kept: 1 });
    await restore('more', ['--replace']);
    await compare('more', target);
    await target.redis.hset('large hash', 'field 8', 'and it can be changed');
    await target.redis.rpush('large list', 'last');
    await target.redis.zadd('large zset', 1, 'member 9');
    const counts = [target.redis.hlen('large hash'), target.redis.llen('large list'), target.redis.zcard('large zset')];
    expect(await Promise.all(counts)).toEqual([3_001, 8_900, 9_000]);
  }, 60_000);

  it('leave out what has expired, or was flushed', async () => {
    await source.redis.set('kept', 'v');
    await source.redis.set('dead', 'v', 'PX', 20);
    await source.redis.select(3);
    await source.redis.set('flushed', 'v');
    await source.redis.flushdb();
    await source.redis.select(0);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(await backup('full')).toMatchObject({ records: 1 });
    expect(await restore('full')).toMatchObject({ written: 1, expired: 0 });
    expect(await contentsOf(target)).toEqual({ kept: 'v' });
  });
});

describe('databases that were swapped', () => {
  it('are restored under the numbers that they had at the end, whatever the target has swapped', async () => {
    await source.redis.set('k', 'zero');
    await source.redis.select(3);
    await source.redis.set('k', 'three');
    await source.redis.set('gone', 'three');
    await backup('full');
    await source.redis.swapdb(0, 3);
    await source.redis.del('k');
    await source.redis.select(0);
    await source.redis.del('gone');
    await backup('more', ['--since', join(dir, 'full')]);
    expect(readFileSync(join(dir, 'more', 'manifest.json'), 'utf8')).toContain('"formatVersion": 2');
    await target.redis.swapdb(0, 1);
    expect(await restore('more')).toMatchObject({ written: 1 });
    expect(await contentsOf(target)).toEqual({ k: 'three' });
    await target.redis.select(3);
    expect(await target.redis.dbsize()).toBe(0);
    await compare('more', target);
    const refused = await run(['restore', join(dir, 'more'), ...at(target), ...key()]);
    expect(refused.complaints).toContain("namespace 'default', database 0, has keys");
    await target.redis.set('k', 'in three');
    await target.redis.select(0);
    expect(await restore('full', ['--merge'])).toMatchObject({ written: 1, kept: 2 });
    await target.redis.select(3);
    expect(await target.redis.get('gone')).toBe('three');
    // For the tests that come after this one.
    await source.redis.swapdb(0, 3);
    await target.redis.swapdb(0, 1);
  });
});

describe('a restore', () => {
  it('refuses a namespace with keys; --merge keeps what is newer there, --replace does not', async () => {
    await source.redis.mset('both', 'old', 'only', 'v');
    await backup('full');
    await target.redis.set('both', 'newer');
    await target.redis.set('theirs', 't');
    const refused = await run(['restore', join(dir, 'full'), ...at(target), ...key()]);
    expect(refused.exitCode).toBe(1);
    expect(refused.complaints).toContain("namespace 'default', database 0, has keys");
    expect(await contentsOf(target)).toEqual({ both: 'newer', theirs: 't' });
    expect(await restore('full', ['--merge'])).toMatchObject({ written: 1, kept: 1 });
    expect(await contentsOf(target)).toEqual({ both: 'newer', only: 'v', theirs: 't' });
    const differs = await run(['backup', 'compare', join(dir, 'full'), ...at(target), ...key()]);
    expect(differs.exitCode).toBe(1);
    expect(differs.complaints).toMatch(/2 problems(.|\n)*differs: (created|modified)(.|\n)*has 3 live records/);
    expect(await restore('full', ['--replace'])).toMatchObject({ written: 2 });
    expect(await contentsOf(target)).toEqual({ both: 'old', only: 'v' });
  });

  it('replaces what is older, with --merge', async () => {
    await source.redis.set('k', 'first');
    await backup('full');
    await restore('full');
    await source.redis.set('k', LARGE);
    await backup('more', ['--since', join(dir, 'full')]);
    expect(await restore('more', ['--merge'])).toMatchObject({ written: 1 });
    expect((await target.redis.getBuffer('k'))?.equals(LARGE)).toBe(true);
    await compare('more', target);
  });

  it('writes nothing of a damaged backup, and nothing with another keystore', async () => {
    await fill(source, 20);
    await backup('full');
    const path = join(dir, 'full', '000001.records');
    const bytes = readFileSync(path);
    bytes.writeUInt8((bytes[500] ?? 0) ^ 1, 500);
    writeFileSync(path, bytes);
    const damaged = await run(['restore', join(dir, 'full'), ...at(target), ...key()]);
    expect(damaged).toMatchObject({ exitCode: 1, complaints: expect.stringContaining('000001.records: is damaged') });
    writeFileSync(join(dir, 'keystore.json'), formatKeystore(target.cluster.keystore), { mode: 0o600 });
    const foreign = await run(['restore', join(dir, 'full'), ...at(target), ...key()]);
    expect(foreign).toMatchObject({ exitCode: 1, complaints: expect.stringContaining('is not the keystore') });
    expect(await contentsOf(target)).toEqual({});
  });
});

/** A cluster that stops answering after some parts of shards. */
class BreakingRecords extends ClusterRecords {
  #left = 40;
  override async *parts(...args: Parameters<ClusterRecords['parts']>): AsyncGenerator<ShardPart> {
    for await (const part of super.parts(...args)) {
      if (this.#left-- === 0) throw new Error('broken');
      yield part;
    }
  }
}

describe('an interrupted backup', () => {
  it('goes on where it was', async () => {
    await fill(source, 400);
    const system = new FakeSystem();
    const link = new BackupLink(configurationWith({ target: [`127.0.0.1:${source.port}`] }), parts.clock);
    const request = { dir: join(dir, 'full'), since: '', bytesPerSecond: 0, fileBytes: 1_000 };
    await expect(runBackup(request, new BreakingRecords(link), system)).rejects.toThrow('broken');
    const result = await runBackup(request, new ClusterRecords(link), system);
    link.close();
    expect(result).toMatchObject({ resumed: true, stored: 400, manifest: { liveRecords: { 0: 400 } } });
    await verify('full');
    await compare('full', source);
  });

  it('keeps to a rate', async () => {
    await fill(source, 100);
    await source.redis.set('large', Buffer.alloc(1_048_576));
    const startedMs = performance.now();
    await backup('full', ['--rate', '2']);
    expect(performance.now() - startedMs).toBeGreaterThan(400);
  });
});

describe('the backup commands', () => {
  it('say that no proxy answers, and that options exclude one another', async () => {
    const unanswered = await run(['backup', join(dir, 'full'), '--target', '127.0.0.1:1']);
    expect(unanswered).toMatchObject({ exitCode: 1, complaints: expect.stringContaining('does not answer') });
    const both = await run(['restore', join(dir, 'full'), '--merge', '--replace', ...key(), ...at(target)]);
    expect(both).toMatchObject({ exitCode: 2 });
  }, 20_000);
});

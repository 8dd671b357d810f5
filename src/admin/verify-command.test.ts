import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentLog } from '../base/log.ts';
import { SystemClock } from '../base/system-clock.ts';
import { SystemRandom } from '../base/system-random.ts';
import { assembly } from './assemble.ts';
import { runCommandLine } from './cli.ts';
import { configurationWith } from './configuration.ts';
import type { Running } from './running.ts';
import { prepareSingleCluster, type SingleCluster } from './single-cluster.ts';
import { FakeAssembly, FakeSystem } from './testing/fake-system.ts';

const parts = { clock: new SystemClock(), random: new SystemRandom(), log: silentLog };
const KEYS = 20;
const SHARDS = 16;

let cluster: SingleCluster;
let running: Running;
let port = 0;

beforeAll(async () => {
  const config = configurationWith({ engine: 'memory', port: 0, shards: SHARDS });
  const prepared = await prepareSingleCluster(config, new Set(), parts);
  if (!prepared.ok) throw new Error(prepared.problem);
  cluster = prepared.cluster;
  const started = await assembly.startSingleProcess(cluster, parts);
  if (!started.ok) throw new Error(started.problem);
  running = started.running;
  port = running.listening[0]?.port ?? 0;
  const redis = new Redis(port);
  for (let i = 0; i < KEYS; i++) await redis.set(`key${i}`, 'value');
  await redis.set('short', 'value', 'PX', 1);
  redis.disconnect();
});

afterAll(async () => {
  await running.stop();
  cluster.release();
});

async function verify(...args: string[]): Promise<{ exitCode: number; system: FakeSystem }> {
  const system = new FakeSystem();
  const exitCode = await runCommandLine(['cluster', 'verify', ...args], system, new FakeAssembly());
  return { exitCode, system };
}

describe('junokv cluster verify', () => {
  it('sweeps every shard, and says what was found', async () => {
    const { exitCode, system } = await verify('--target', `127.0.0.1:${port}`, '--json');
    expect(exitCode).toBe(0);
    const { ok, total, nodes, shards, openShards } = JSON.parse(system.printed.join('\n'));
    expect({ ok, openShards }).toEqual({ ok: true, openShards: [] });
    expect(shards.map(({ shard }: { shard: number }) => shard)).toEqual(Array.from({ length: SHARDS }, (_, i) => i));
    const records = shards.reduce((sum: number, found: { records: number }) => sum + found.records, 0);
    expect(records).toBe(total.records);
    expect(total).toMatchObject({ shards: SHARDS, records: KEYS + 1, differing: 0, unreadable: 0, unanswered: 0 });
    expect(nodes).toHaveLength(3);
  });

  it('prints a table for people, with the shards in which there was something to do', async () => {
    const redis = new Redis(port);
    await redis.set('brief', 'value', 'PX', 1);
    redis.disconnect();
    const { exitCode, system } = await verify('--target', `127.0.0.1:${port}`);
    expect(exitCode).toBe(0);
    const text = system.printed.join('\n');
    expect(text).toContain('swept by');
    expect(text).toMatch(/^all +16 /m);
    expect(text).toMatch(/^shard +swept by/m);
    expect(text).toMatch(/^ *\d+ +node \d .* 1 +0 +0$/m);
    expect(text).toContain('every replica answered');
  });

  it('says that nobody answers', async () => {
    const { exitCode, system } = await verify('--target', '127.0.0.1:1', '--json');
    expect(exitCode).toBe(1);
    expect(JSON.parse(system.printed.join('\n'))).toMatchObject({ ok: false });
  }, 20_000);
});

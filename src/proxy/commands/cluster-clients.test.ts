import { Cluster, Redis } from 'ioredis';
import { createClient, createCluster } from 'redis';
import { afterEach, describe, expect, it } from 'vitest';
import { silentLog } from '../../base/log.ts';
import { SystemClock } from '../../base/system-clock.ts';
import { SystemRandom } from '../../base/system-random.ts';
import type { ConfigValues } from '../config-values.ts';
import { ProxyServer } from '../proxy.ts';
import { REDIS_VERSION } from '../redis-version.ts';
import { RuntimeConfig } from '../runtime-config.ts';
import { LocalCluster } from '../testing/local-cluster.ts';
import { allCommands } from './all-commands.ts';

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

async function proxyPort(config: Partial<ConfigValues> = {}): Promise<number> {
  const clock = new SystemClock();
  const proxy = new ProxyServer({
    clock,
    random: new SystemRandom(),
    log: silentLog,
    cluster: new LocalCluster(clock),
    config: new RuntimeConfig(config),
    commands: allCommands,
  });
  stops.push(() => proxy.stop());
  return proxy.listen({ host: '127.0.0.1', port: 0 });
}

const keys = Array.from({ length: 50 }, (_, i) => `key:${i}`);

describe('cluster-aware clients on a cluster-enabled proxy', () => {
  it('ioredis', async () => {
    const port = await proxyPort({ clusterEnabled: true });
    const cluster = new Cluster([{ host: '127.0.0.1', port }], { enableReadyCheck: true, scaleReads: 'slave' });
    try {
      await Promise.all(keys.map((key) => cluster.set(key, key)));
      expect(await Promise.all(keys.map((key) => cluster.get(key)))).toEqual(keys);
      expect(cluster.nodes('master').map((node) => node.options.port)).toEqual([port]);
    } finally {
      cluster.disconnect();
    }
  });

  it('node-redis', async () => {
    const port = await proxyPort({ clusterEnabled: true });
    const cluster = createCluster({ rootNodes: [{ url: `redis://127.0.0.1:${port}` }] });
    await cluster.connect();
    try {
      await Promise.all(keys.map((key) => cluster.set(key, key)));
      expect(await Promise.all(keys.map((key) => cluster.get(key)))).toEqual(keys);
      expect(cluster.masters).toHaveLength(1);
    } finally {
      await cluster.close();
    }
  });
});

describe('plain clients', () => {
  it('ioredis: ready check, scan stream, MONITOR', async () => {
    const port = await proxyPort();
    const redis = new Redis({ host: '127.0.0.1', port, showFriendlyErrorStack: true });
    try {
      await redis.mset(Object.fromEntries(keys.map((key) => [key, 'x'])));
      const found: string[] = [];
      for await (const page of redis.scanStream({ match: 'key:*', count: 7 })) found.push(...(page as string[]));
      expect(found.toSorted()).toEqual(keys.toSorted());
      expect(await redis.info()).toContain(`redis_version:${REDIS_VERSION}`);
      const monitor = await redis.monitor();
      const seen = new Promise<string[]>((resolve) => {
        monitor.on('monitor', (_time: string, args: string[]) => resolve(args));
      });
      await redis.get('key:1');
      expect(await seen).toEqual(['get', 'key:1']);
      monitor.disconnect();
    } finally {
      redis.disconnect();
    }
  });

  it('node-redis over RESP3: typed replies of COMMAND, CONFIG, INFO, LATENCY and SLOWLOG', async () => {
    const port = await proxyPort({ slowlogLogSlowerThanUs: 0 });
    const client = createClient({ url: `redis://127.0.0.1:${port}`, RESP: 3 });
    await client.connect();
    try {
      await client.set('a', 'x');
      expect(await client.commandInfo(['get'])).toMatchObject([{ name: 'get', arity: 2, firstKeyIndex: 1 }]);
      expect(await client.commandCount()).toBe(allCommands.length);
      expect(await client.configGet('timeout')).toMatchObject({ timeout: '0' });
      expect(await client.info('replication')).toContain('role:master');
      expect(await client.latencyHistogram('set')).toMatchObject({ set: { calls: 1 } });
      expect(await client.sendCommand(['SLOWLOG', 'LEN'])).toBeGreaterThan(0);
      expect(await client.copy('a', 'b')).toBe(1);
      expect(await client.dbSize()).toBe(2);
      expect(await client.flushAll()).toBe('OK');
      expect(await client.keys('*')).toEqual([]);
    } finally {
      await client.close();
    }
  });
});

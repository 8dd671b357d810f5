import { spawnSync } from 'node:child_process';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePorts } from './support/free-port.ts';
import { JunokvCluster } from './support/junokv-cluster.ts';

/** What operators see of real processes: HTTP port, log, `junokv top`. */
describe('a cluster of processes, as its operators see it', () => {
  let cluster: JunokvCluster;
  let httpPort = 0;
  let redis: Redis;

  beforeAll(async () => {
    [httpPort = 0] = await freePorts(1);
    cluster = await JunokvCluster.start(1, {
      shards: 16,
      storage: ['--engine', 'memory', '--log-level', 'info'],
      proxy: ['--http-port', `${httpPort}`, '--log-level', 'debug'],
    });
    redis = new Redis({ port: cluster.proxyPorts[0] ?? 0, retryStrategy: () => null });
    redis.on('error', () => {});
  }, 120_000);
  afterAll(async () => {
    redis?.disconnect();
    await cluster?.stop();
  });

  const get = async (path: string): Promise<{ status: number; text: string }> => {
    const response = await fetch(`http://127.0.0.1:${httpPort}${path}`);
    return { status: response.status, text: await response.text() };
  };

  it('serves metrics and says that it is ready', async () => {
    await redis.set('operators-key', 'operators-value');
    expect(await get('/readyz')).toEqual({ status: 200, text: 'ready\n' });
    expect(await get('/healthz')).toEqual({ status: 200, text: 'alive\n' });
    const { text } = await get('/metrics');
    expect(text).toMatch(/^junokv_build_info\{version="[^"]+",node_version="[^"]+",role="proxy"\} 1$/m);
    expect(text).toMatch(/^junokv_commands_total\{command="set"\} 1$/m);
    expect(text).toMatch(/^junokv_event_loop_lag_seconds\{statistic="max"\} /m);
    expect(text).not.toContain('operators-');
  });

  it('shows all nodes in junokv top', () => {
    const target = `127.0.0.1:${cluster.proxyPorts[0]}`;
    const junokv = new URL('../bin/junokv.mjs', import.meta.url).pathname;
    const { status, stdout, stderr } = spawnSync(process.execPath, [junokv, 'top', '--target', target], {
      encoding: 'utf8',
      timeout: 45_000,
    });
    expect(stderr).toBe('');
    expect(stdout).toContain('3 of 3 nodes up');
    expect(stdout).toMatch(new RegExp(`^${target} `, 'm'));
    expect(status).toBe(0);
  });

  it('says in metrics and log that a node is gone, and is not ready without a majority', async () => {
    await cluster.killStorage(3);
    await expect
      .poll(async () => (await get('/metrics')).text, { timeout: 15_000 })
      .toContain('junokv_node_up{node="3",zone="zone3"} 0');
    expect((await get('/readyz')).status).toBe(200);
    await redis.set('operators-key', 'operators-value');
    await cluster.killStorage(2);
    await expect
      .poll(() => get('/readyz'), { timeout: 15_000 })
      .toEqual({ status: 503, text: 'the proxy reaches no majority of the zones for 16 shards\n' });
    expect((await get('/healthz')).status).toBe(200);
    await expect(redis.set('operators-key', 'operators-value')).rejects.toThrow('UNAVAILABLE');
  });

  it('logs lines of JSON with the role of each process, and nothing of keys and values', () => {
    const lines = cluster.output.split('\n').filter((line) => line.startsWith('{'));
    const parsed: Record<string, unknown>[] = lines.map((line) => JSON.parse(line));
    const messages = parsed.map(({ role, msg }) => `${role}: ${msg}`);
    expect(messages).toContain('proxy: a storage node is suspect: it is asked last');
    expect(messages).toContain('proxy: a client has connected');
    expect(messages).toContain('proxy: the cluster failed a command');
    for (const line of parsed) {
      expect(line).toMatchObject({ level: expect.any(String), time: expect.any(String), pid: expect.any(Number) });
      expect(['proxy', 'storage']).toContain(line['role']);
      if (line['role'] === 'storage') expect(line['node']).toEqual(expect.any(Number));
    }
    expect(parsed.find(({ msg }) => msg === 'the cluster failed a command')).toMatchObject({
      level: 'warn',
      client: expect.any(Number),
      address: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      command: 'set',
      error: 'UNAVAILABLE',
    });
    expect(lines.filter((line) => line.includes('operators-'))).toEqual([]);
  });
});

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterEach, describe, expect, it } from 'vitest';
import { silentLog } from '../base/log.ts';
import { SystemClock } from '../base/system-clock.ts';
import { SystemRandom } from '../base/system-random.ts';
import { assembly } from './assemble.ts';
import { configurationWith } from './configuration.ts';
import { startWithHttp } from './http-room.ts';
import { metricGroups, metricsPage } from './metrics/metric-table.ts';
import { Observed } from './metrics/observed.ts';
import type { Configuration } from './option-table.ts';
import type { StartResult } from './running.ts';
import { prepareSingleCluster } from './single-cluster.ts';

const FACTS = { role: 'one-process', version: '9.9.9', startedAtMs: 1_700_000_000_000 };
/** Metrics of what is not in one process, or has not happened. */
const ABSENT =
  /^junokv_(sweep_last_shard|node_latency|certificate_end|config_store|storage_live_bytes|workers$|workers?_|monitor_lines)/;
const cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** A cluster of three zones in this process, with its HTTP port. */
async function startCluster(changes: Partial<Configuration>) {
  const directory = mkdtempSync(join(tmpdir(), 'junokv-http-'));
  cleanUps.push(async () => rmSync(directory, { recursive: true, force: true }));
  const httpPort = await freePort();
  const config = configurationWith({ port: 0, shards: 16, data: join(directory, 'data'), httpPort, ...changes });
  const observed = new Observed();
  const parts = { clock: new SystemClock(), random: new SystemRandom(), log: silentLog, observed };
  const started = await startWithHttp(config, FACTS, parts, async (): Promise<StartResult> => {
    const prepared = await prepareSingleCluster(config, new Set(), parts);
    if (!prepared.ok) return prepared;
    const rooms = await assembly.startSingleProcess(prepared.cluster, parts);
    if (!rooms.ok) return rooms;
    cleanUps.push(async () => prepared.cluster.release());
    return { ok: true, running: rooms.running, summary: 'started\n' };
  });
  if (!started.ok) throw new Error(started.problem);
  let stopped: Promise<void> | null = null;
  const stop = (): Promise<void> => {
    stopped ??= started.running.stop();
    return stopped;
  };
  cleanUps.push(stop);
  const redis = new Redis({ port: started.running.listening[0]?.port ?? 0, retryStrategy: () => null });
  redis.on('error', () => {});
  cleanUps.push(async () => redis.disconnect());
  const get = (path: string): Promise<Response> => fetch(`http://127.0.0.1:${httpPort}${path}`);
  return { ...started, stop, redis, get, observed };
}

/** What the text format says: the types by metric, and the values by line. Throws at a line that is none. */
function parse(text: string) {
  const types = new Map<string, string>();
  const values = new Map<string, number>();
  for (const line of text.split('\n')) {
    const type = /^# TYPE (\S+) (counter|gauge|histogram)$/.exec(line);
    if (type !== null) types.set(type[1] ?? '', type[2] ?? '');
    if (line === '' || line.startsWith('#')) continue;
    const value = /^([a-zA-Z_:][a-zA-Z0-9_:]*(?:\{(?:[a-z_]+="(?:[^"\\\n]|\\.)*",?)*\})?) (\S+)$/.exec(line);
    if (value === null || Number.isNaN(Number(value[2]?.replace('+Inf', 'Infinity')))) throw new Error(`bad: ${line}`);
    expect(values.has(value[1] ?? '')).toBe(false);
    values.set(value[1] ?? '', Number(value[2]));
  }
  return { types, values };
}

const ALL = metricGroups.flatMap(({ metrics }) => metrics);

describe('/metrics', () => {
  it('has exactly the metrics of the table, with their types and labels', async () => {
    const { get, redis } = await startCluster({});
    await redis.set('some-key', 'some-value');
    await redis.get('some-key');
    await redis.get('missing');
    await expect(redis.call('INCR', 'some-key')).rejects.toThrow('not an integer');
    const response = await get('/metrics');
    expect(response.headers.get('content-type')).toContain('version=0.0.4');
    const text = await response.text();
    expect(text).not.toMatch(/some-key|some-value|missing/);
    const { types, values } = parse(text);
    expect([...types].sort()).toEqual(ALL.map(({ name, type }) => [name, type]).sort());
    for (const line of values.keys()) {
      const name = /^[^{]+/.exec(line)?.[0] ?? '';
      const row = ALL.find(
        (metric) => name === metric.name || (metric.type === 'histogram' && name.startsWith(`${metric.name}_`)),
      );
      expect(row, line).toBeDefined();
      const labels = [...line.matchAll(/([a-z_]+)="/g)].map((match) => match[1]).filter((label) => label !== 'le');
      expect(labels.sort(), line).toEqual([...(row?.labels ?? [])].sort());
    }
    // Each has a value in a cluster of one process, but for what has not happened.
    const told = new Set(
      [...values.keys()].map((line) => (/^[^{]+/.exec(line)?.[0] ?? '').replace(/_(bucket|sum|count)$/, '')),
    );
    const silent = ALL.map(({ name }) => name).filter((name) => !told.has(name));
    expect(silent.filter((name) => !ABSENT.test(name))).toEqual([]);
    expect(silent).toContain('junokv_config_store_up');
    expect(values.get('junokv_commands_total{command="get"}')).toBe(2);
    expect(values.get('junokv_command_errors_total{command="incr"}')).toBe(1);
    expect(values.get('junokv_error_replies_total{error="ERR"}')).toBe(1);
    expect(values.get('junokv_keyspace_lookups_total{result="miss"}')).toBe(1);
    expect(values.get('junokv_command_duration_seconds_count{command="get"}')).toBe(2);
    expect(values.get('junokv_command_duration_seconds_bucket{command="get",le="+Inf"}')).toBe(2);
    expect(values.get('junokv_node_up{node="3",zone="zone3"}')).toBe(1);
    expect(values.get('junokv_storage_info{node="1",zone="zone1",engine="rocksdb",fsync="everysec"}')).toBe(1);
    expect(values.get('junokv_rocksdb_write_stopped{node="2"}')).toBe(0);
    expect(values.get('junokv_storage_written_changes_total{node="1"}')).toBeGreaterThan(0);
    expect(values.get('junokv_ready')).toBe(1);
  });

  it('has buckets that rise, and are not above the count', async () => {
    const { get, redis } = await startCluster({ engine: 'memory' });
    await Promise.all(Array.from({ length: 200 }, (_, n) => redis.set(`k${n}`, 'v')));
    const [first, second] = await Promise.all([get('/metrics'), get('/metrics')]);
    expect((await second.text()).length).toBeGreaterThan(1000);
    const { values } = parse(await first.text());
    const buckets = [...values].filter(([line]) =>
      line.startsWith('junokv_command_duration_seconds_bucket{command="set"'),
    );
    const counts = buckets.map(([, count]) => count);
    expect(counts).toEqual([...counts].sort((a, b) => a - b));
    expect(counts.at(-1)).toBe(200);
    expect(values.get('junokv_command_duration_seconds_count{command="set"}')).toBe(200);
    expect(values.get('junokv_command_duration_seconds_sum{command="set"}')).toBeGreaterThan(0);
  });
});

const hasPromtool = spawnSync('promtool', ['--version']).error === undefined;
const why = hasPromtool ? '' : ' (skipped: promtool, of the Debian package prometheus, is not installed)';

it.skipIf(!hasPromtool)(`/metrics is what promtool wants metrics to be${why}`, async () => {
  const { get, redis } = await startCluster({ zones: 1 });
  await redis.set('k', 'v');
  const input = await (await get('/metrics')).text();
  const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input, encoding: 'utf8' });
  expect(`${stdout}${stderr}`).toBe('');
  expect(status).toBe(0);
});

describe('/healthz and /readyz', () => {
  it('say that the process is alive, and ready until it stops', async () => {
    const cluster = await startCluster({ engine: 'memory' });
    expect(cluster.summary).toMatch(/http +127\.0\.0\.1:\d+/);
    expect(await (await cluster.get('/healthz')).text()).toBe('alive\n');
    const ready = await cluster.get('/readyz');
    expect([ready.status, await ready.text()]).toEqual([200, 'ready\n']);
    cluster.observed.isStopping = true;
    const stopping = await cluster.get('/readyz');
    expect([stopping.status, await stopping.text()]).toEqual([503, 'it is stopping\n']);
    await cluster.stop();
    await expect(cluster.get('/healthz')).rejects.toThrow();
    expect([cluster.observed.proxies.size, cluster.observed.nodes.size]).toEqual([0, 0]);
  });

  it('keeps the process from starting where the port is taken, and says which option chooses it', async () => {
    const taken = createServer();
    const port = await new Promise<number>((resolve) => {
      taken.listen(0, '127.0.0.1', () => {
        const address = taken.address();
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
      });
    });
    cleanUps.push(() => new Promise((resolve) => taken.close(resolve)));
    const parts = { clock: new SystemClock(), random: new SystemRandom(), log: silentLog, observed: new Observed() };
    const config = configurationWith({ httpPort: port });
    let isCalled = false;
    const started = await startWithHttp(config, FACTS, parts, async () => {
      isCalled = true;
      return { ok: false, problem: 'not reached' };
    });
    expect(started).toMatchObject({ ok: false, problem: expect.stringContaining('--http-port') });
    expect(isCalled).toBe(false);
  });
});

describe('docs/metrics.md', () => {
  it('is what npm run docs writes', () => {
    expect(readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8')).toBe(metricsPage());
  });

  it('says of each metric what it means, under a name of its own', () => {
    expect(new Set(ALL.map(({ name }) => name)).size).toBe(ALL.length);
    for (const { name, help, type } of ALL) {
      expect(name).toMatch(/^junokv_[a-z0-9_]+$/);
      expect(name.endsWith('_total'), name).toBe(type === 'counter');
      expect(help, name).toMatch(/\.$/);
    }
  });
});

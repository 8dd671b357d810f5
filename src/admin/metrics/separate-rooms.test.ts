import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { silentLog } from '../../base/log.ts';
import { SystemClock } from '../../base/system-clock.ts';
import { SystemRandom } from '../../base/system-random.ts';
import { createClusterMap, findNode } from '../../cluster/cluster-map.ts';
import { MemoryConfigStore } from '../../cluster/memory-config-store.ts';
import { generateKeystore } from '../../crypto/keystore.ts';
import { assembly } from '../assemble.ts';
import type { AssemblyResult } from '../assembly.ts';
import { configurationWith } from '../configuration.ts';
import { openDataDirectory } from '../data-directory.ts';
import type { Configuration } from '../option-table.ts';
import type { Running } from '../running.ts';
import { NO_LAG } from './event-loop-lag.ts';
import { metricGroups } from './metric-table.ts';
import { Observed } from './observed.ts';
import { notReady } from './readiness.ts';
import { MetricsPrinter } from './registry.ts';
import { takeSnapshot } from './snapshot.ts';

const base = { clock: new SystemClock(), random: new SystemRandom(), log: silentLog };
const secret = Buffer.from('s'.repeat(32));
const cleanUps: (() => Promise<unknown>)[] = [];
let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'junokv-seen-'));
});
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
  rmSync(directory, { recursive: true, force: true });
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

function running(result: AssemblyResult): Running {
  if (!result.ok) throw new Error(result.problem);
  return result.running;
}

async function newStore(): Promise<MemoryConfigStore> {
  const ports = [await freePort(), await freePort(), await freePort()];
  const zones = ports.map((port, i) => ({ name: `zone${i + 1}`, nodes: [{ id: i + 1, host: '127.0.0.1', port }] }));
  return new MemoryConfigStore(createClusterMap({ clusterId: 'c1', shards: 16, zones }));
}

/** The rooms of one process, as its HTTP port would see them. */
async function startNode(store: MemoryConfigStore, id: number, changes: Partial<Configuration> = {}) {
  const read = await store.read();
  const map = read.ok ? read.value : null;
  const node = map === null ? undefined : findNode(map, id)?.node;
  const opened = openDataDirectory(join(directory, `process-${id}`));
  if (map === null || node === undefined || !opened.ok) throw new Error('no such node, or it runs');
  const observed = new Observed();
  const config = configurationWith({ port: 0, shards: 16, ...changes });
  const storage = { config, map, store, secret, node, directory: opened.directory };
  const rooms = running(await assembly.startStorage(storage, { ...base, observed }));
  observed.isStarted = true;
  let stopped: Promise<void> | null = null;
  const stop = (): Promise<void> => {
    stopped ??= rooms.stop().then(() => opened.directory.release());
    return stopped;
  };
  cleanUps.push(stop);
  return { observed, stop };
}

async function startProxy(store: MemoryConfigStore) {
  const read = await store.read();
  if (!read.ok || read.value === null) throw new Error('no map');
  const observed = new Observed();
  const keystore = generateKeystore(base.random, Date.now());
  const proxy = { config: configurationWith({ port: 0 }), map: read.value, store, secret, keystore };
  const rooms = running(await assembly.startProxy(proxy, { ...base, observed }));
  observed.isStarted = true;
  cleanUps.push(() => rooms.stop());
  return observed;
}

async function printed(observed: Observed): Promise<string> {
  const facts = { role: 'test', version: '9.9.9', startedAtMs: 0 };
  return new MetricsPrinter(metricGroups).print(await takeSnapshot(observed, facts, NO_LAG, base.clock));
}

it('a proxy is ready while it reaches a majority of the zones', async () => {
  const store = await newStore();
  const proxy = await startProxy(store);
  expect(notReady(proxy)).toEqual(['the proxy reaches no majority of the zones for 16 shards']);
  expect(await printed(proxy)).toContain('junokv_unreachable_shards 16');
  const first = await startNode(store, 1);
  await startNode(store, 2);
  await expect.poll(() => notReady(proxy), { timeout: 10_000 }).toEqual([]);
  const text = await printed(proxy);
  expect(text).toContain('junokv_node_up{node="1",zone="zone1"} 1');
  expect(text).toContain('junokv_node_up{node="3",zone="zone3"} 0');
  expect(text).toMatch(/junokv_node_clock_ahead_seconds\{node="1",zone="zone1"\} -?[0-9.e-]+/);
  expect(text).not.toMatch(/^junokv_storage_/m);
  await first.stop();
  await expect.poll(() => notReady(proxy), { timeout: 10_000 }).toHaveLength(1);
  expect(await printed(proxy)).toContain('junokv_node_suspect{node="1",zone="zone1"} 1');
});

it('a storage node is ready while it votes, and tells what it does by itself', async () => {
  const store = await newStore();
  const nodes = [await startNode(store, 1), await startNode(store, 2), await startNode(store, 3)];
  for (const { observed } of nodes) await expect.poll(() => notReady(observed), { timeout: 10_000 }).toEqual([]);
  const seen = nodes[0]?.observed ?? new Observed();
  await expect.poll(() => printed(seen), { timeout: 10_000 }).toContain('junokv_repairs_pending{node="1"} 0');
  const text = await printed(seen);
  expect(text).toContain('junokv_storage_shards{node="1"} 16');
  expect(text).toContain('junokv_protocol_events_total{proposer="node1",event="repair-written"} 0');
  expect(text).toMatch(/junokv_storage_disk_free_bytes\{node="1"\} [1-9]/);
  expect(text).not.toMatch(/^junokv_commands_/m);
  await nodes[0]?.stop();
  expect(seen.nodes.size).toBe(0);
  expect(notReady(seen)).toEqual(['no storage node runs']);
});

it('a node that lost its disk is not ready before it has learned its shards again', async () => {
  const store = await newStore();
  const first = await startNode(store, 1);
  const second = await startNode(store, 2);
  await first.stop();
  await second.stop();
  rmSync(join(directory, 'process-1', 'node-1'), { recursive: true });
  const { observed } = await startNode(store, 1);
  await expect
    .poll(() => notReady(observed), { timeout: 10_000 })
    .toEqual(['node 1 learns 16 shards again before it votes']);
  await startNode(store, 2);
  await startNode(store, 3);
  await expect.poll(() => notReady(observed), { timeout: 15_000 }).toEqual([]);
});

import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { silentLog } from '../base/log.ts';
import { SystemClock } from '../base/system-clock.ts';
import { SystemRandom } from '../base/system-random.ts';
import { createClusterMap, findNode, nodesOf, withStartedNode } from '../cluster/cluster-map.ts';
import { encodeClusterMap } from '../cluster/cluster-map-text.ts';
import type { ClusterMap } from '../cluster/map.ts';
import { MemoryConfigStore } from '../cluster/memory-config-store.ts';
import { generateKeystore } from '../crypto/keystore.ts';
import { assembly } from './assemble.ts';
import type { AssemblyResult } from './assembly.ts';
import { configurationWith } from './configuration.ts';
import { openDataDirectory } from './data-directory.ts';
import type { Configuration } from './option-table.ts';
import type { Running } from './running.ts';
import { prepareSingleCluster } from './single-cluster.ts';
import { openStorageDisk } from './storage-disk.ts';

const parts = { clock: new SystemClock(), random: new SystemRandom(), log: silentLog };

let directory = '';
const cleanUps: (() => Promise<unknown>)[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'junokv-rooms-'));
});
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
  rmSync(directory, { recursive: true, force: true });
});

function running(result: AssemblyResult): Running {
  if (!result.ok) throw new Error(result.problem);
  return result.running;
}

/** Stops at most once, now or when the test ends. */
function stopsOnce(stop: () => Promise<void>): () => Promise<void> {
  let stopped: Promise<void> | null = null;
  const once = (): Promise<void> => {
    stopped ??= stop();
    return stopped;
  };
  cleanUps.push(once);
  return once;
}

async function startSingle(changes: Partial<Configuration>): Promise<Running> {
  const config = configurationWith({ port: 0, shards: 16, data: join(directory, 'data'), ...changes });
  const prepared = await prepareSingleCluster(config, new Set(), parts);
  if (!prepared.ok) throw new Error(prepared.problem);
  const rooms = running(await assembly.startSingleProcess(prepared.cluster, parts));
  const stop = stopsOnce(async () => {
    await rooms.stop();
    prepared.cluster.release();
  });
  return { ...rooms, stop };
}

function connect(rooms: Running): Redis {
  const redis = new Redis({ port: rooms.listening[0]?.port ?? 0, host: '127.0.0.1', retryStrategy: () => null });
  redis.on('error', () => {});
  cleanUps.push(async () => redis.disconnect());
  return redis;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

describe('the disk of a node', () => {
  it('is told by the newest map who it is: the one that it adopted, where the config store is behind or away', async () => {
    const zones = [1, 2, 3].map((id) => ({ name: `z${id}`, nodes: [{ id, host: '127.0.0.1', port: 7000 + id }] }));
    const made = createClusterMap({ clusterId: 'c', shards: 16, zones });
    const open = async (incarnation: string) => {
      const node = { id: 1, incarnation, host: '127.0.0.1', port: 7001, leaving: false };
      const fixed = { zone: 'z1', fsync: 'no', keystoreFingerprint: '', trustAfterMachineCrash: false } as const;
      const path = join(directory, 'node-1');
      const opened = await openStorageDisk(
        { ...fixed, path, map: made, node, journalSegments: limits.journalSegmentsMin },
        parts,
      );
      return opened.ok ? opened.disk : expect.fail(opened.problem);
    };
    const first = await open('');
    const { incarnation } = first;
    const node = { id: 1, incarnation, host: '127.0.0.1', port: 7001, leaving: false };
    const adopted = encodeClusterMap(withStartedNode(made, node));
    await new Promise<void>((resolve) => first.store.saveMap(adopted, () => resolve()));
    await first.close();
    const again = await open('of-a-time-before');
    expect(again).toMatchObject({ incarnation, isLost: false, isDistrusted: false });
    await again.close();
  });
});

describe('a cluster in one process', () => {
  it.each([
    ['one zone in memory', { zones: 1, engine: 'memory' }],
    ['five zones of two nodes in memory', { zones: 5, nodesPerZone: 2, engine: 'memory' }],
    ['three zones on disk', {}],
  ] satisfies [string, Partial<Configuration>][])('%s serves', async (_, changes) => {
    const redis = connect(await startSingle(changes));
    expect(await redis.set('a', '1')).toBe('OK');
    expect(await redis.incr('a')).toBe(2);
    expect(await redis.mget('a', 'b')).toEqual(['2', null]);
  });

  it('has after a stop what it had before, and marks every node as cleanly stopped', async () => {
    const first = await startSingle({});
    await connect(first).set('kept', 'x'.repeat(100_000));
    await first.stop();
    for (const node of [1, 2, 3]) {
      expect(readFileSync(join(directory, 'data', `node-${node}`, 'run.json'), 'utf8')).toContain('"clean"');
    }
    expect(await connect(await startSingle({})).strlen('kept')).toBe(100_000);
  });

  const loses = (node: number): void => rmSync(join(directory, 'data', `node-${node}`), { recursive: true });
  const mapText = (): string => readFileSync(join(directory, 'data', 'cluster-map.json'), 'utf8');
  const incarnationOf = (node: number): string =>
    new RegExp(`"id": ${node},\\s+"incarnation": "([0-9a-f]*)"`).exec(mapText())?.[1] ?? 'none';

  it('learns again what a node had whose directory was lost; then another may be lost', async () => {
    const first = await startSingle({});
    await connect(first).set('kept', 'x'.repeat(100_000));
    await connect(first).set('other', 'y');
    await first.stop();
    for (const node of [2, 1]) {
      const before = incarnationOf(node);
      loses(node);
      const again = await startSingle({});
      const redis = connect(again);
      expect(await redis.strlen('kept')).toBe(100_000);
      // Its new incarnation comes with the moves by which it learns, in one change of the map.
      const hasLearned = (): boolean => incarnationOf(node) !== before && !mapText().includes('"moves"');
      await expect.poll(hasLearned, { timeout: 20_000 }).toBe(true);
      expect(await redis.get('other')).toBe('y');
      await again.stop();
    }
  });

  it('does not start when a majority lost their directories, and closes the others', async () => {
    await (await startSingle({})).stop();
    loses(2);
    loses(3);
    await expect(startSingle({})).rejects.toThrow('the directories of nodes 2, 3 are lost');
    expect(readFileSync(join(directory, 'data', 'node-1', 'run.json'), 'utf8')).toContain('"clean"');
  });

  it('does not start when its only zone lost its directory', async () => {
    await (await startSingle({ zones: 1 })).stop();
    loses(1);
    await expect(startSingle({ zones: 1 })).rejects.toThrow('node 1 has stored records before');
  });

  it('answers as a Redis Cluster node on the cluster port alone', async () => {
    const clusterPort = await freePort();
    const rooms = await startSingle({ engine: 'memory', clusterPort });
    const plain = connect(rooms);
    await expect(plain.cluster('SLOTS')).rejects.toThrow('cluster support disabled');
    const clustered = connect({ ...rooms, listening: rooms.listening.slice(1) });
    await plain.set('a', '1');
    const slots = await clustered.cluster('SLOTS');
    expect(slots).toMatchObject([[0, 16_383, { 0: '127.0.0.1', 1: clusterPort }]]);
    expect(await clustered.get('a')).toBe('1');
  });

  it('says who else is on the port', async () => {
    const { port } = (await startSingle({ engine: 'memory' })).listening[0] ?? { port: 0 };
    await expect(startSingle({ engine: 'memory', port })).rejects.toThrow(`port ${port} is in use`);
  });
});

describe('a cluster of processes', () => {
  const config = (changes: Partial<Configuration> = {}) => configurationWith({ port: 0, shards: 16, ...changes });
  const secret = Buffer.from('s'.repeat(32));

  function newStore(ports: readonly number[] = [0, 0, 0]): MemoryConfigStore {
    const zones = ports.map((port, i) => ({ name: `zone${i + 1}`, nodes: [{ id: i + 1, host: '127.0.0.1', port }] }));
    return new MemoryConfigStore(createClusterMap({ clusterId: 'c1', shards: 16, zones }));
  }

  async function mapOf(store: MemoryConfigStore): Promise<ClusterMap> {
    const read = await store.read();
    if (!read.ok || read.value === null) throw new Error('no map');
    return read.value;
  }

  /** As the command does it: the directory is given back if the node does not start, or when it stops. */
  async function startNode(
    store: MemoryConfigStore,
    id: number,
    changes: Partial<Configuration> = {},
  ): Promise<Running> {
    const map = await mapOf(store);
    const node = findNode(map, id)?.node;
    const opened = openDataDirectory(join(directory, `process-${id}`));
    if (node === undefined || !opened.ok) throw new Error('no such node, or it runs');
    const storage = { config: config(changes), map, store, secret, node, directory: opened.directory };
    const result = await assembly.startStorage(storage, parts);
    if (!result.ok) opened.directory.release();
    const rooms = running(result);
    const stop = stopsOnce(async () => {
      await rooms.stop();
      opened.directory.release();
    });
    return { ...rooms, stop };
  }

  it('enters a node into the map at its first start; an empty one never votes in its place', async () => {
    const store = newStore();
    for (const id of [1, 2, 3]) await (await startNode(store, id)).stop();
    const map = await mapOf(store);
    expect(map.epoch).toBe(4);
    expect(nodesOf(map).every((node) => node.incarnation !== '')).toBe(true);

    await (await startNode(store, 1)).stop();
    expect((await mapOf(store)).epoch).toBe(4);
    await expectRelearning(store, await startNode(store, 1, { engine: 'memory' }));
    rmSync(join(directory, 'process-1', 'node-1'), { recursive: true });
    await expectRelearning(store, await startNode(store, 1));
  });

  /** Node 1 has entered itself anew, and its zone does not count. */
  async function expectRelearning(store: MemoryConfigStore, node: Running): Promise<void> {
    await expect.poll(async () => (await mapOf(store)).moves.length, { timeout: 10_000 }).toBe(16);
    const { moves } = await mapOf(store);
    expect(moves.every(({ zone, learner, oldVotes }) => zone === 0 && learner === 1 && !oldVotes)).toBe(true);
    await node.stop();
  }

  it('refuses directories of other nodes and clusters', async () => {
    const store = newStore();
    await (await startNode(store, 1)).stop();
    await (await startNode(store, 2)).stop();
    const nodePath = (process: number, id: number) => join(directory, `process-${process}`, `node-${id}`);
    const zone = { name: 'zone1', nodes: [{ id: 3, host: '127.0.0.1', port: 0 }] };
    const other = new MemoryConfigStore(createClusterMap({ clusterId: 'c2', shards: 16, zones: [zone] }));
    mkdirSync(join(directory, 'process-3'));
    renameSync(nodePath(1, 1), nodePath(3, 3));
    renameSync(nodePath(2, 2), nodePath(1, 1));
    await expect(startNode(store, 1)).rejects.toThrow('belongs to node 2, not to node 1');
    await expect(startNode(other, 3)).rejects.toThrow('belongs to another cluster (c1)');
  });

  it('does not count a disk that a crash of the machine may have robbed of writes', async () => {
    const store = newStore();
    await (await startNode(store, 1)).stop();
    const run = join(directory, 'process-1', 'node-1', 'run.json');
    const crashed = { ...JSON.parse(readFileSync(run, 'utf8')), state: 'running', bootId: 'an earlier boot' };
    writeFileSync(run, JSON.stringify(crashed));
    // What ran with fsync always has lost nothing.
    writeFileSync(run, JSON.stringify({ ...crashed, fsync: 'always' }));
    await (await startNode(store, 1)).stop();
    expect((await mapOf(store)).moves).toEqual([]);
    writeFileSync(run, JSON.stringify(crashed));
    await expectRelearning(store, await startNode(store, 1));
    expect(readFileSync(join(directory, 'process-1', 'node-1', 'identity.json'), 'utf8')).toContain(
      '"hasOldRecords": true',
    );
  });

  it('has proxies that find nodes which start after them', async () => {
    const store = newStore([await freePort(), await freePort(), await freePort()]);
    const keystore = generateKeystore(parts.random, Date.now());
    const map = await mapOf(store);
    const proxy = running(await assembly.startProxy({ config: config(), map, store, secret, keystore }, parts));
    cleanUps.push(() => proxy.stop());
    const redis = connect(proxy);
    await expect(redis.set('a', '1')).rejects.toThrow('UNAVAILABLE');
    for (const id of [1, 2, 3]) await startNode(store, id);
    await expect.poll(() => redis.set('a', '1').catch(() => 'not yet'), { timeout: 10_000 }).toBe('OK');
    expect(await redis.get('a')).toBe('1');
  });
});

import { JunokvCluster } from '../compat-tests/support/junokv-cluster.ts';
import { startJunokv } from '../compat-tests/support/junokv-server.ts';
import { RawClient } from '../compat-tests/support/raw-client.ts';
import { type RunningServer, startRedis } from '../compat-tests/support/redis-server.ts';
import { startEtcd } from './etcd-server.ts';
import { type Endpoint, wholeEndpoint } from './load-client.ts';
import { startRedisCluster } from './redis-cluster.ts';

/** All systems, in the order in which they are shown. */
export const SYSTEM_TITLES = {
  redis: 'redis-server without persistence',
  'redis-aof-everysec': 'redis-server with an append-only file, synced every second',
  'redis-aof-always': 'redis-server with an append-only file, synced before it answers',
  'redis-2-replicas': 'redis-server with two replicas, each batch of writes ended by WAIT 1; no persistence',
  'redis-cluster': 'Redis Cluster: three primaries with a replica each; asynchronous, no persistence',
  etcd: 'etcd, one member, over gRPC; it always syncs before it answers',
  'etcd-3': 'etcd, three members, over gRPC to their leader; it always syncs before it answers',
  junokv: 'junokv start: a proxy and 3 zones in one process, encrypted, --fsync everysec',
  'junokv-always': 'the same with --fsync always',
  'junokv-no': 'the same with --fsync no',
  'junokv-separate': 'junokv: 3 storage processes and a proxy, encrypted, --fsync everysec',
  'junokv-separate-always': 'the same with --fsync always',
  'junokv-separate-no': 'the same with --fsync no',
} as const;

export type SystemName = keyof typeof SYSTEM_TITLES;

export const SYSTEM_NAMES: readonly SystemName[] = Object.keys(SYSTEM_TITLES).filter(isSystemName);

export function isSystemName(name: string): name is SystemName {
  return Object.hasOwn(SYSTEM_TITLES, name);
}

export function isEtcd(name: SystemName): boolean {
  return name.startsWith('etcd');
}

export function isJunokv(name: SystemName): boolean {
  return name.startsWith('junokv');
}

/** A process of a system, whose CPU time is counted. */
export interface MeasuredProcess {
  readonly role: string;
  readonly pid: number;
}

/** One of the systems compared, up and serving. */
export interface System {
  readonly name: SystemName;
  readonly endpoints: readonly Endpoint[];
  /** Its writes end with WAIT 1. */
  readonly waitForReplica: boolean;
  readonly processes: readonly MeasuredProcess[];
  stop(): Promise<void>;
}

export interface StartOptions {
  /** A command that runs the command which follows it; for junokv only. */
  readonly launcher?: readonly string[];
}

/** Starts a system on free ports of this machine's loopback; resolves when it serves. */
export function startSystem(name: SystemName, options: StartOptions = {}): Promise<System> {
  switch (name) {
    case 'redis':
      return startOneRedis(name, []);
    case 'redis-aof-everysec':
      return startOneRedis(name, ['--appendonly', 'yes', '--appendfsync', 'everysec']);
    case 'redis-aof-always':
      return startOneRedis(name, ['--appendonly', 'yes', '--appendfsync', 'always']);
    case 'redis-2-replicas':
      return startReplicatedRedis();
    case 'redis-cluster':
      return startRedisCluster();
    case 'etcd':
      return startEtcd(name, 1);
    case 'etcd-3':
      return startEtcd(name, 3);
    case 'junokv':
    case 'junokv-always':
    case 'junokv-no':
      return startOneProcess(name, options);
    case 'junokv-separate':
    case 'junokv-separate-always':
    case 'junokv-separate-no':
      return startSeparate(name, options);
  }
}

async function startOneRedis(name: SystemName, more: readonly string[]): Promise<System> {
  const server = await startRedis(more);
  return {
    name,
    endpoints: [wholeEndpoint(server.port)],
    waitForReplica: false,
    processes: [{ role: 'server', pid: server.process.pid }],
    stop: () => server.stop(),
  };
}

function fsyncOf(name: SystemName): string {
  const mode = name.slice(name.lastIndexOf('-') + 1);
  return mode === 'always' || mode === 'no' ? mode : 'everysec';
}

async function startOneProcess(name: SystemName, options: StartOptions): Promise<System> {
  const server = await startJunokv({ ...options, engine: 'rocksdb', more: ['--fsync', fsyncOf(name)] });
  return {
    name,
    endpoints: [wholeEndpoint(server.port)],
    waitForReplica: false,
    processes: [{ role: 'all', pid: server.process.pid }],
    stop: () => server.stop(),
  };
}

async function startSeparate(name: SystemName, options: StartOptions): Promise<System> {
  const cluster = await JunokvCluster.start(1, { ...options, storage: ['--fsync', fsyncOf(name)] });
  const { storage, proxies } = cluster.pids;
  return {
    name,
    endpoints: cluster.proxyPorts.map(wholeEndpoint),
    waitForReplica: false,
    processes: [...proxies.map((pid) => ({ role: 'proxy', pid })), ...storage.map((pid) => ({ role: 'storage', pid }))],
    stop: () => cluster.stop(),
  };
}

async function startReplicatedRedis(): Promise<System> {
  const servers: RunningServer[] = [await startRedis(['--repl-diskless-sync-delay', '0'])];
  const port = servers[0]?.port ?? 0;
  const stop = async (): Promise<void> => {
    await Promise.all(servers.map((server) => server.stop()));
  };
  try {
    for (let i = 0; i < 2; i++) servers.push(await startRedis(['--replicaof', '127.0.0.1', String(port)]));
    const client = await RawClient.connect(port);
    const endMs = performance.now() + 30_000;
    while (!(await client.command(['WAIT', '2', '100'])).equals(Buffer.from(':2\r\n'))) {
      if (performance.now() > endMs) throw new Error('the replicas of redis-server do not come up');
      // WAIT counts replicas that have acknowledged a write.
      await client.command(['SET', 'key:000000000000', 'x']);
    }
    client.close();
  } catch (error) {
    await stop();
    throw error;
  }
  const processes = servers.map(({ process }, i) => ({ role: i === 0 ? 'primary' : 'replica', pid: process.pid }));
  return { name: 'redis-2-replicas', endpoints: [wholeEndpoint(port)], waitForReplica: true, processes, stop };
}

/** Error replies that the server has given since it started, as it counts them itself. */
export async function errorReplies(port: number): Promise<number> {
  const client = await RawClient.connect(port);
  const info = (await client.command(['INFO', 'stats'])).toString('latin1');
  client.close();
  return Number(/total_error_replies:(\d+)/.exec(info)?.[1] ?? Number.NaN);
}

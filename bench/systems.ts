import { JunokvCluster } from '../compat-tests/support/junokv-cluster.ts';
import { startJunokv } from '../compat-tests/support/junokv-server.ts';
import { RawClient } from '../compat-tests/support/raw-client.ts';
import { type RunningServer, startRedis } from '../compat-tests/support/redis-server.ts';

export type SystemName = 'redis' | 'redis-2-replicas' | 'junokv-1-process' | 'junokv-3-storage-1-proxy';

/** One of the systems compared, up and serving on a port. */
export interface System {
  readonly name: SystemName;
  readonly port: number;
  stop(): Promise<void>;
}

export const SYSTEM_TITLES: Readonly<Record<SystemName, string>> = {
  redis: 'redis-server, no persistence',
  'redis-2-replicas': 'redis-server with two replicas, no persistence',
  'junokv-1-process': 'junokv start: 3 zones in one process, RocksDB, encryption, --fsync everysec',
  'junokv-3-storage-1-proxy': 'junokv: 3 storage processes and 1 proxy, RocksDB, encryption, --fsync everysec',
};

export function startSystem(name: SystemName): Promise<System> {
  switch (name) {
    case 'redis':
      return startRedis().then((server) => ({ name, port: server.port, stop: () => server.stop() }));
    case 'redis-2-replicas':
      return startReplicatedRedis();
    case 'junokv-1-process':
      return startJunokv({ engine: 'rocksdb' }).then((server) => ({
        name,
        port: server.port,
        stop: () => server.stop(),
      }));
    case 'junokv-3-storage-1-proxy':
      return JunokvCluster.start(1).then((cluster) => ({
        name,
        port: cluster.proxyPorts[0] ?? 0,
        stop: () => cluster.stop(),
      }));
  }
}

async function startReplicatedRedis(): Promise<System> {
  const servers: RunningServer[] = [await startRedis(['--repl-diskless-sync-delay', '0'])];
  const port = servers[0]?.port ?? 0;
  const stop = async (): Promise<void> => {
    await Promise.all(servers.map((server) => server.stop()));
  };
  for (let i = 0; i < 2; i++) servers.push(await startRedis(['--replicaof', '127.0.0.1', String(port)]));
  const client = await RawClient.connect(port);
  const endMs = performance.now() + 30_000;
  while (!(await client.command(['WAIT', '2', '100'])).equals(Buffer.from(':2\r\n'))) {
    if (performance.now() > endMs) {
      await stop();
      throw new Error('the replicas of redis-server do not come up');
    }
    // WAIT counts replicas that have acknowledged a write.
    await client.command(['SET', 'key:000000000000', 'x']);
  }
  client.close();
  return { name: 'redis-2-replicas', port, stop };
}

/** Error replies that the server has given since it started, as it counts them itself. */
export async function errorReplies(port: number): Promise<number> {
  const client = await RawClient.connect(port);
  const info = (await client.command(['INFO', 'stats'])).toString('latin1');
  client.close();
  return Number(/total_error_replies:(\d+)/.exec(info)?.[1] ?? Number.NaN);
}

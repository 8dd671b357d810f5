import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { Etcd3 } from 'etcd3';
import { ChildServer } from '../compat-tests/support/child-server.ts';
import { freePorts } from '../compat-tests/support/free-port.ts';
import { makeTempDir } from '../compat-tests/support/junokv-server.ts';
import { wholeEndpoint } from './load-client.ts';
import type { System, SystemName } from './systems.ts';

const READY_MS = 120_000;

/** The version of the etcd on this machine, null where there is none. */
export function etcdVersion(): string | null {
  const result = spawnSync('etcd', ['--version'], { encoding: 'utf8' });
  return result.error === undefined ? (/etcd Version: (\S+)/.exec(result.stdout)?.[1] ?? 'unknown') : null;
}

/** etcd with so many members, each a process; its endpoint is the leader's. */
export async function startEtcd(name: SystemName, members: number): Promise<System> {
  const dir = makeTempDir('etcd');
  const ports = await freePorts(2 * members);
  const clientPorts = ports.slice(0, members);
  const peerUrls = ports.slice(members).map((port) => `http://127.0.0.1:${port}`);
  const servers: ChildServer[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(servers.map((server) => server.stop()));
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    const cluster = peerUrls.map((url, i) => `member-${i}=${url}`).join(',');
    for (const [i, port] of clientPorts.entries()) {
      servers.push(startMember(`member-${i}`, dir, `http://127.0.0.1:${port}`, peerUrls[i] ?? '', cluster));
    }
    for (const [i, server] of servers.entries()) {
      await server.waitUntilReady(() => isHealthy(clientPorts[i] ?? 0), READY_MS);
    }
    const processes = servers.map(({ pid }) => ({ role: 'member', pid }));
    return { name, endpoints: [wholeEndpoint(await leaderPort(clientPorts))], waitForReplica: false, processes, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function startMember(name: string, dir: string, clientUrl: string, peerUrl: string, cluster: string): ChildServer {
  const urls = { client: clientUrl, peer: peerUrl };
  return new ChildServer({
    name: `etcd ${name}`,
    command: 'etcd',
    args: [
      ...['--name', name, '--data-dir', join(dir, name), '--logger', 'zap', '--log-level', 'error'],
      ...['--listen-client-urls', urls.client, '--advertise-client-urls', urls.client],
      ...['--listen-peer-urls', urls.peer, '--initial-advertise-peer-urls', urls.peer, '--initial-cluster', cluster],
    ],
    cwd: dir,
  });
}

async function isHealthy(port: number): Promise<boolean> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/health`);
    return response.ok && (await response.text()).includes('"true"');
  } catch {
    return false;
  }
}

async function leaderPort(ports: readonly number[]): Promise<number> {
  for (const port of ports) {
    const client = new Etcd3({ hosts: `http://127.0.0.1:${port}` });
    const status = await client.maintenance.status();
    client.close();
    if (status.leader === status.header.member_id) return port;
  }
  throw new Error('etcd has no leader');
}

import { freePort } from '../compat-tests/support/free-port.ts';
import { RawClient } from '../compat-tests/support/raw-client.ts';
import { type RunningServer, startRedis } from '../compat-tests/support/redis-server.ts';
import { readReply } from '../compat-tests/support/resp-reply.ts';
import type { Endpoint } from './load-client.ts';
import type { System } from './systems.ts';

const PRIMARIES = 3;
const SLOTS = 16_384;
const READY_MS = 120_000;
const POLL_MS = 100;

interface Node {
  readonly server: RunningServer;
  readonly busPort: number;
  readonly id: string;
}

/** What serves which slots, in equal parts. */
export function slotRanges(ports: readonly number[]): Endpoint[] {
  return ports.map((port, i) => ({
    port,
    firstSlot: Math.ceil((SLOTS * i) / ports.length),
    lastSlot: Math.ceil((SLOTS * (i + 1)) / ports.length) - 1,
  }));
}

/** Three primaries and three replicas of Redis Cluster, each a process; resolves when all slots are served and copied. */
export async function startRedisCluster(): Promise<System> {
  const nodes: Node[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(nodes.map(({ server }) => server.stop()));
  };
  try {
    for (let i = 0; i < 2 * PRIMARIES; i++) nodes.push(await startNode());
    const primaries = nodes.slice(0, PRIMARIES);
    const endpoints = slotRanges(primaries.map(({ server }) => server.port));
    const [first] = nodes;
    for (const { port, firstSlot, lastSlot } of endpoints) {
      await ask(port, 'CLUSTER', 'ADDSLOTSRANGE', String(firstSlot), String(lastSlot));
    }
    for (const [i, { server, busPort }] of nodes.entries()) {
      await ask(server.port, 'CLUSTER', 'SET-CONFIG-EPOCH', String(i + 1));
      if (first !== undefined)
        await ask(first.server.port, 'CLUSTER', 'MEET', '127.0.0.1', String(server.port), String(busPort));
    }
    await until('the cluster', async () => (await everywhere(nodes, 'CLUSTER', 'INFO')).every(isWhole));
    for (const [i, { server }] of nodes.slice(PRIMARIES).entries()) {
      await ask(server.port, 'CLUSTER', 'REPLICATE', primaries[i]?.id ?? '');
    }
    const isLinked = (info: string): boolean => info.includes('master_link_status:up');
    await until('replicas', async () =>
      (await everywhere(nodes.slice(PRIMARIES), 'INFO', 'replication')).every(isLinked),
    );
    const processes = nodes.map(({ server }, i) => ({
      role: i < PRIMARIES ? 'primary' : 'replica',
      pid: server.process.pid,
    }));
    return { name: 'redis-cluster', endpoints, waitForReplica: false, processes, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function isWhole(info: string): boolean {
  return info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${2 * PRIMARIES}`);
}

async function startNode(): Promise<Node> {
  const busPort = await freePort();
  const options = ['--cluster-enabled', 'yes', '--cluster-port', String(busPort), '--repl-diskless-sync-delay', '0'];
  const server = await startRedis(options);
  return { server, busPort, id: await ask(server.port, 'CLUSTER', 'MYID') };
}

function everywhere(nodes: readonly Node[], ...args: string[]): Promise<string[]> {
  return Promise.all(nodes.map(({ server }) => ask(server.port, ...args)));
}

async function ask(port: number, ...args: string[]): Promise<string> {
  const client = await RawClient.connect(port);
  const reply = readReply(await client.command(args));
  client.close();
  const text = reply?.bytes?.toString('latin1') ?? '';
  if (reply?.type === '-') throw new Error(`${args.join(' ')}: ${text}`);
  return text;
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + READY_MS;
  while (!(await holds())) {
    if (performance.now() > endMs) throw new Error(`Redis Cluster: ${what} did not come up within ${READY_MS} ms`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

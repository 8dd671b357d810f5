import { limits } from '../base/limits.ts';
import { usableMemoryBytes } from '../base/system-memory.ts';
import { findNode, nodesOf, withStartedNode } from '../cluster/cluster-map.ts';
import type { ConfigStore } from '../cluster/config-store.ts';
import { type StoreResult, updateClusterMap } from '../cluster/config-store.ts';
import type { ClusterMap, NodeEntry } from '../cluster/map.ts';
import { keystoreFingerprint } from '../crypto/keystore.ts';
import { majority } from '../quorum/majority.ts';
import { InProcessTransport } from '../rpc/in-process-transport.ts';
import { TcpServer } from '../rpc/tcp-server.ts';
import { TcpTransport } from '../rpc/tcp-transport.ts';
import type { Assembly, AssemblyResult, ProxyParts, StorageParts } from './assembly.ts';
import { parseHostAndPort } from './host-and-port.ts';
import { listenProblem } from './listen-problem.ts';
import { localPeers, type NodeProposer, remotePeers, startNodeProposer } from './node-proposer.ts';
import { startProxyRoom } from './proxy-room.ts';
import type { ProcessParts, Running } from './running.ts';
import type { SingleCluster } from './single-cluster.ts';
import { type OpenedDisk, openMemoryDisk, openStorageDisk, type StorageDisk } from './storage-disk.ts';
import { type StorageRoom, startStorageRoom } from './storage-room.ts';

/** Builds the real rooms. */
export const assembly: Assembly = { startSingleProcess, startStorage, startProxy };

/** What happens to rooms that can no longer go on is an InvariantError, which ends the process. */
const NEVER_FAILS = new Promise<string>(() => {});

async function startSingleProcess(cluster: SingleCluster, parts: ProcessParts): Promise<AssemblyResult> {
  const disks = new Map<NodeEntry, StorageDisk>();
  const rooms: StorageRoom[] = [];
  const proposers: NodeProposer[] = [];
  const stopStorage = async (): Promise<void> => {
    for (const proposer of proposers) proposer.stop();
    await Promise.all(rooms.map((room) => room.stop()));
    // A disk belongs to its room as soon as there is one.
    if (rooms.length === 0) await Promise.all([...disks.values()].map((disk) => disk.close()));
  };
  const opened = await Promise.all(nodesOf(cluster.map).map((node) => openSingleDisk(cluster, node, parts)));
  for (const [index, node] of nodesOf(cluster.map).entries()) {
    const result = opened[index];
    if (result?.ok === true) disks.set(node, result.disk);
  }
  const refused = opened.find((result) => !result.ok);
  if (refused !== undefined && !refused.ok) {
    await stopStorage();
    return refused;
  }
  const hopeless = tooManyLost(cluster.map, disks);
  if (hopeless !== null) {
    await stopStorage();
    return { ok: false, problem: hopeless };
  }
  const started = [...disks].map(([node, disk]) => ({ ...node, incarnation: disk.incarnation }));
  const entered = await enterNodes(cluster.store, started);
  if (!entered.ok) {
    await stopStorage();
    return entered;
  }
  const map = entered.value;
  const cacheBytes = Math.floor(recordCacheBytes() / disks.size);
  const { fsync, diskReserve: diskReserveBytes, purgeAfter: purgeAfterMs } = cluster.config;
  const transport = new InProcessTransport(parts.clock);
  const starting = [...disks].map(([node, disk]) =>
    startStorageRoom({ node, disk, map, fsync, cacheBytes, diskReserveBytes, purgeAfterMs }, parts),
  );
  for (const room of await Promise.all(starting)) {
    rooms.push(room);
    transport.addNode(room.node);
  }
  const { config, store, keystore } = cluster;
  const nodes = rooms.map((room) => room.node);
  for (const node of nodes) {
    proposers.push(startNodeProposer({ node, store, network: localPeers(nodes, parts) }, parts));
  }
  const proxy = await startProxyRoom({ config, map, store, keystore, transport, onMap: () => {} }, parts);
  if (!proxy.ok) {
    await stopStorage();
    return proxy;
  }
  const { room } = proxy;
  const stop = async (): Promise<void> => {
    await room.stop();
    await stopStorage();
  };
  return { ok: true, running: { listening: room.listening, failed: NEVER_FAILS, stop } };
}

/** A majority of the zones must be whole for the others to learn from; null if it is. */
function tooManyLost(map: ClusterMap, disks: ReadonlyMap<NodeEntry, StorageDisk>): string | null {
  const lost = [...disks].flatMap(([node, disk]) => (disk.isLost ? [node.id] : []));
  const zones = map.zones.filter((zone) => zone.nodes.some(({ id }) => lost.includes(id)));
  if (map.zones.length - zones.length >= majority(map.zones.length)) return null;
  return (
    `the directories of nodes ${lost.join(', ')} are lost, damaged or old copies, and what is left of the zones is no majority ` +
    'to learn from again: put them back'
  );
}

async function openSingleDisk(cluster: SingleCluster, node: NodeEntry, parts: ProcessParts): Promise<OpenedDisk> {
  const { directory, map } = cluster;
  if (directory === null) return { ok: true, disk: openMemoryDisk(node, parts) };
  return openStorageDisk(
    {
      path: directory.nodePath(node.id),
      map,
      node,
      zone: findNode(map, node.id)?.zone.name ?? '',
      fsync: cluster.config.fsync,
      keystoreFingerprint: keystoreFingerprint(cluster.keystore),
      trustAfterMachineCrash: true,
      journalSegments: journalSegments(nodesOf(map).length),
    },
    parts,
  );
}

async function startStorage(storage: StorageParts, parts: ProcessParts): Promise<AssemblyResult> {
  const { config, node, directory } = storage;
  const opened = await openProcessDisk(storage, parts);
  if (!opened.ok) return opened;
  const { disk } = opened;
  const entered = await enterNodes(storage.store, [{ ...node, incarnation: disk.incarnation }]);
  if (!entered.ok) {
    await disk.close();
    return entered;
  }
  const { fsync, diskReserve: diskReserveBytes, purgeAfter: purgeAfterMs } = config;
  const cacheBytes = recordCacheBytes();
  const setup = { node, disk, map: entered.value, fsync, cacheBytes, diskReserveBytes, purgeAfterMs };
  const room = await startStorageRoom(setup, parts);
  const server = new TcpServer({
    handler: room.node,
    clusterId: storage.map.clusterId,
    secret: storage.secret,
    ...parts,
  });
  const at = parseHostAndPort(config.listen) ?? node;
  try {
    const port = await server.listen(at.host, at.port);
    const network = remotePeers(room.node, storage.map.clusterId, storage.secret, parts);
    const proposer = startNodeProposer({ node: room.node, store: storage.store, network }, parts);
    const running: Running = {
      listening: [{ host: at.host, port }],
      failed: NEVER_FAILS,
      async stop() {
        proposer.stop();
        await server.close();
        await room.stop();
      },
    };
    return { ok: true, running };
  } catch (error) {
    await room.stop();
    return {
      ok: false,
      problem: `${listenProblem(error, at.host, at.port, 'junokv cluster init --nodes')} (node ${node.id}, ${directory.path})`,
    };
  }
}

async function openProcessDisk(storage: StorageParts, parts: ProcessParts): Promise<OpenedDisk> {
  const { config, map, node, directory } = storage;
  if (config.engine === 'memory') {
    if (node.incarnation === '' || map.zones.length > 1) return { ok: true, disk: openMemoryDisk(node, parts) };
    return {
      ok: false,
      problem: `node ${node.id} has stored records before, and an empty memory must not answer in its place; with a single zone there is nobody to learn them from again`,
    };
  }
  return openStorageDisk(
    {
      path: directory.nodePath(node.id),
      map,
      node,
      zone: findNode(map, node.id)?.zone.name ?? '',
      fsync: config.fsync,
      keystoreFingerprint: '',
      trustAfterMachineCrash: false,
      journalSegments: journalSegments(1),
    },
    parts,
  );
}

async function startProxy(proxy: ProxyParts, parts: ProcessParts): Promise<AssemblyResult> {
  const { config, map, store, keystore, secret } = proxy;
  const transport = new TcpTransport({ clusterId: map.clusterId, secret, ...parts });
  const connect = (newest: ClusterMap): void => {
    // A node that never started has no incarnation to be asked for.
    transport.setNodes(nodesOf(newest).filter((node) => node.incarnation !== ''));
  };
  connect(map);
  const started = await startProxyRoom({ config, map, store, keystore, transport, onMap: connect }, parts);
  if (!started.ok) {
    transport.close();
    return started;
  }
  const { room } = started;
  const stop = async (): Promise<void> => {
    await room.stop();
    transport.close();
  };
  return { ok: true, running: { listening: room.listening, failed: NEVER_FAILS, stop } };
}

/** Enters the incarnations of nodes that start for the first time into the cluster map; resolves to the newest map. */
function enterNodes(store: ConfigStore, started: readonly NodeEntry[]): Promise<StoreResult<ClusterMap>> {
  return updateClusterMap(store, (map) => {
    const unknown = started.filter((node) => findNode(map, node.id)?.node.incarnation === '');
    return unknown.length === 0 ? null : unknown.reduce(withStartedNode, map);
  });
}

/** All journals of the process get a sixteenth of what it may use, on small machines. */
function journalSegments(nodes: number): number {
  const affordable = Math.floor(usableMemoryBytes() / 16 / nodes / limits.journalSegmentBytes);
  return Math.max(limits.journalSegmentsMin, Math.min(limits.journalSegments, affordable));
}

/** An eighth of what the process may use, on small machines. */
function recordCacheBytes(): number {
  return Math.min(limits.recordCacheBytes, Math.floor(usableMemoryBytes() / 8));
}

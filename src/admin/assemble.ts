import { findNode, nodesOf } from '../cluster/cluster-map.ts';
import type { ClusterMap, NodeEntry } from '../cluster/map.ts';
import { keystoreFingerprint } from '../crypto/keystore.ts';
import { majority } from '../quorum/majority.ts';
import { InProcessTransport } from '../rpc/in-process-transport.ts';
import { TcpTransport } from '../rpc/tcp-transport.ts';
import type { Assembly, AssemblyResult, ProxyParts } from './assembly.ts';
import { localPeers, type NodeProposer, startNodeProposer } from './node-proposer.ts';
import { enterNodes, journalSegments, recordCacheBytes } from './node-start.ts';
import { startProxyRoom } from './proxy-room.ts';
import type { ProcessParts } from './running.ts';
import type { SingleCluster } from './single-cluster.ts';
import { type OpenedDisk, openMemoryDisk, openStorageDisk, type StorageDisk } from './storage-disk.ts';
import { startStorageProcess } from './storage-process.ts';
import { type StorageRoom, startStorageRoom } from './storage-room.ts';

/** Builds the real rooms. */
export const assembly: Assembly = { startSingleProcess, startStorage: startStorageProcess, startProxy };

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
  const { promise: failed, resolve: fail } = Promise.withResolvers<string>();
  const onDamaged = (disk: StorageDisk, node: NodeEntry) => (): void => {
    const reason = `records of node ${node.id} are damaged; at the next start they are moved aside and learned again`;
    // With a single zone what can still be read is all there is.
    if (map.zones.length > 1) void disk.noteDamaged().then(() => fail(reason));
  };
  const transport = new InProcessTransport(parts.clock);
  const starting = [...disks].map(([node, disk]) =>
    startStorageRoom(
      { node, disk, map, fsync, cacheBytes, diskReserveBytes, purgeAfterMs, onDamaged: onDamaged(disk, node) },
      parts,
    ),
  );
  for (const room of await Promise.all(starting)) {
    rooms.push(room);
    transport.addNode(room.node);
  }
  const { store } = cluster;
  const nodes = rooms.map((room) => room.node);
  for (const node of nodes) {
    proposers.push(startNodeProposer({ node, store, network: localPeers(nodes, parts) }, parts));
  }
  const onDisks = cluster.directory === null ? 0 : disks.size;
  const proxy = await startProxyRoom({ ...cluster, map, transport, disks: onDisks, onMap: () => {} }, parts);
  if (!proxy.ok) {
    await stopStorage();
    return proxy;
  }
  const { room } = proxy;
  const stop = async (): Promise<void> => {
    await room.stop();
    await stopStorage();
  };
  return { ok: true, running: { listening: room.listening, failed, drainMs: room.drainMs, stop } };
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

async function startProxy(proxy: ProxyParts, parts: ProcessParts): Promise<AssemblyResult> {
  const { config, map, store, keystore, keystoreSource = null, secret } = proxy;
  const transport = new TcpTransport({ clusterId: map.clusterId, secret, ...parts });
  const connect = (newest: ClusterMap): void => {
    // A node that never started has no incarnation to be asked for.
    transport.setNodes(nodesOf(newest).filter((node) => node.incarnation !== ''));
  };
  connect(map);
  const started = await startProxyRoom(
    { config, map, store, keystore, keystoreSource, transport, onMap: connect },
    parts,
  );
  if (!started.ok) {
    transport.close();
    return started;
  }
  const { room } = started;
  const stop = async (): Promise<void> => {
    await room.stop();
    transport.close();
  };
  return { ok: true, running: { listening: room.listening, failed: NEVER_FAILS, drainMs: room.drainMs, stop } };
}

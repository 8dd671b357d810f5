import { limits } from '../base/limits.ts';
import { SystemFiles } from '../base/system-files.ts';
import { systemMachine } from '../base/system-machine.ts';
import { decodeClusterMap } from '../cluster/cluster-map-text.ts';
import type { ClusterMap, NodeEntry } from '../cluster/map.ts';
import { Acceptor } from '../storage/acceptor.ts';
import type { Engine } from '../storage/engine.ts';
import { MemoryEngine } from '../storage/memory-engine.ts';
import { type NodeDirectory, openNodeDirectory } from '../storage/node-directory.ts';
import type { NodeStore } from '../storage/node-store.ts';
import { openRocksdbEngine } from '../storage/rocksdb-engine.ts';
import { StorageNode } from '../storage/storage-node.ts';
import type { Fsync } from '../storage/write-pipeline.ts';
import type { ProcessParts } from './running.ts';

export interface LocalNodeOptions {
  readonly map: ClusterMap;
  readonly entry: NodeEntry;
  readonly zone: string;
  /** Null: the memory engine. */
  readonly path: string | null;
  readonly fsync: Fsync;
  readonly cacheBytes: number;
  /** All zones share this machine: after its crash there is nobody to learn from, so its disks are taken as they are. */
  readonly trustAfterMachineCrash: boolean;
  readonly keystoreFingerprint: string;
  readonly parts: ProcessParts;
}

/** A storage node of this process, serving. */
export interface LocalNode {
  readonly node: StorageNode;
  readonly incarnation: string;
  /** Writes, syncs and closes; the clean mark is left only if all of that went well. */
  stop(): Promise<void>;
}

export type OpenedLocalNode =
  | { readonly ok: true; readonly local: LocalNode }
  | { readonly ok: false; readonly problem: string };

type Failed = { readonly ok: false; readonly problem: string };

/** Opens a node's directory and engine, checks that both may be used, and starts the node. */
export async function openLocalNode(options: LocalNodeOptions): Promise<OpenedLocalNode> {
  if (options.path === null) return startOnMemory(options);
  const { clock } = options.parts;
  const opened = await openNodeDirectory(new SystemFiles(), systemMachine(clock.wallMs()), options.path);
  if (!opened.ok) return opened;
  const { directory } = opened;
  const started = await startOnDisk(options, directory);
  if (!started.ok) await directory.close();
  return started;
}

async function startOnMemory(options: LocalNodeOptions): Promise<OpenedLocalNode> {
  const engine = new MemoryEngine();
  const store: NodeStore = {
    ceilingUs: 0,
    saveCeiling: (_ceilingUs, callback) => callback(null),
    saveMap: (_text, callback) => callback(null),
  };
  // Memory always comes back empty, so it comes back as somebody else (protocol §2).
  const incarnation = newIncarnation(options);
  const node = await startNode(options, engine, store, incarnation, options.map);
  return { ok: true, local: { node, incarnation, stop: () => stopNode(node, engine) } };
}

async function startOnDisk(options: LocalNodeOptions, directory: NodeDirectory): Promise<OpenedLocalNode> {
  const { entry, fsync, map, parts, trustAfterMachineCrash } = options;
  const problem = await identify(options, directory);
  if (problem !== null) return problem;
  const incarnation = directory.identity?.incarnation ?? '';
  if (directory.assessTrust({ trustAfterMachineCrash }) === 'distrusted') {
    return {
      ok: false,
      problem:
        `node ${entry.id} does not trust its disk ${directory.path}: the machine stopped without a clean shutdown while ` +
        'it ran with a --fsync other than always, so writes that it acknowledged may be missing. It must learn them ' +
        'again from the other zones, which this version cannot do yet. The other zones go on serving without it.',
    };
  }
  const opened = await openRocksdbEngine({
    directory: directory.recordsPath,
    clock: parts.clock,
    files: new SystemFiles(),
  });
  if (!opened.ok) return { ok: false, problem: opened.error.message };
  const { engine } = opened;
  try {
    await directory.removeCleanMark({ fsync });
  } catch (error) {
    engine.close(() => {});
    return { ok: false, problem: `cannot write to ${directory.path}: ${messageOf(error)}` };
  }
  const node = await startNode(options, engine, directory, incarnation, newestMap(map, directory.mapText));
  const stop = async (): Promise<void> => {
    await stopNode(node, engine);
    await directory.writeCleanMark();
    await directory.close();
  };
  return { ok: true, local: { node, incarnation, stop } };
}

/** Sees to it that the directory belongs to this node of this cluster, and names it if it is new. */
async function identify(options: LocalNodeOptions, directory: NodeDirectory): Promise<Failed | null> {
  const { entry, map, zone, keystoreFingerprint } = options;
  const { identity } = directory;
  if (identity === null) {
    if (entry.incarnation !== '') {
      return {
        ok: false,
        problem:
          `node ${entry.id} has run before, but ${directory.path} is empty: without what it acknowledged it must not ` +
          'vote. Give it its own data directory back; learning everything again from the other zones is not there yet.',
      };
    }
    try {
      await directory.saveIdentity({
        clusterId: map.clusterId,
        nodeId: entry.id,
        incarnation: newIncarnation(options),
        zone,
        keystoreFingerprint,
      });
    } catch (error) {
      return { ok: false, problem: `cannot write to ${directory.path}: ${messageOf(error)}` };
    }
    return null;
  }
  if (identity.clusterId !== map.clusterId || identity.nodeId !== entry.id) {
    return {
      ok: false,
      problem: `${directory.path} belongs to node ${identity.nodeId} of cluster ${identity.clusterId}, not to node ${entry.id} of ${map.clusterId}`,
    };
  }
  if (identity.keystoreFingerprint !== keystoreFingerprint && keystoreFingerprint !== '') {
    return { ok: false, problem: `the data in ${directory.path} was written with another keystore` };
  }
  if (entry.incarnation !== '' && entry.incarnation !== identity.incarnation) {
    return {
      ok: false,
      problem: `${directory.path} holds an older life of node ${entry.id}: the cluster knows it by another incarnation`,
    };
  }
  return null;
}

function startNode(
  options: LocalNodeOptions,
  engine: Engine,
  store: NodeStore,
  incarnation: string,
  map: ClusterMap,
): Promise<StorageNode> {
  const { clock, log } = options.parts;
  const node = new StorageNode({
    nodeId: options.entry.id,
    incarnation,
    engine,
    store,
    acceptor: new Acceptor(store.ceilingUs),
    map,
    clock,
    log,
    fsync: options.fsync,
    cacheBytes: options.cacheBytes,
  });
  return new Promise((resolve) => node.start(() => resolve(node)));
}

function stopNode(node: StorageNode, engine: Engine): Promise<void> {
  return new Promise((resolve, reject) => {
    node.stop(() => engine.close((error) => (error === null ? resolve() : reject(error))));
  });
}

/** A node never goes back behind a map that it has adopted. */
function newestMap(map: ClusterMap, adoptedText: string | null): ClusterMap {
  const adopted = adoptedText === null ? null : decodeClusterMap(adoptedText);
  return adopted?.ok === true && adopted.map.epoch > map.epoch ? adopted.map : map;
}

function newIncarnation(options: LocalNodeOptions): string {
  const bytes = Buffer.alloc(8);
  options.parts.random.fill(bytes);
  return bytes.toString('hex');
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Each node's share of the memory that one process sets aside for recent records. */
export function cacheShareBytes(nodes: number): number {
  return Math.floor(limits.recordCacheBytes / nodes);
}

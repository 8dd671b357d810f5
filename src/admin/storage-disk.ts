import { FileError, type Files } from '../base/files.ts';
import type { FreeSpace } from '../base/free-space.ts';
import type { Machine } from '../base/machine.ts';
import { SystemFiles } from '../base/system-files.ts';
import { systemFreeSpace } from '../base/system-free-space.ts';
import { systemMachine } from '../base/system-machine.ts';
import { decodeClusterMap } from '../cluster/cluster-map-text.ts';
import type { ClusterMap, NodeEntry } from '../cluster/map.ts';
import type { Engine } from '../storage/engine.ts';
import { openJournaledRocksdb } from '../storage/journaled-rocksdb.ts';
import { MemoryEngine } from '../storage/memory-engine.ts';
import { MemoryNodeStore } from '../storage/memory-node-store.ts';
import { type NodeDirectory, openNodeDirectory } from '../storage/node-directory.ts';
import type { NodeIdentity } from '../storage/node-files.ts';
import type { NodeStore } from '../storage/node-store.ts';
import type { Fsync } from '../storage/write-pipeline.ts';
import type { ProcessParts } from './running.ts';

/** Engine and durable things of one storage node, open and marked as running. */
export interface StorageDisk {
  readonly incarnation: string;
  readonly engine: Engine;
  readonly store: NodeStore;
  /** The room where it lies; null in memory. */
  readonly free: FreeSpace | null;
  /** The highest map that this node has adopted; null if it adopted none. */
  readonly adoptedMap: ClusterMap | null;
  /** After its node has stopped. Marks a clean stop if all could be synced. */
  close(): Promise<void>;
}

export type OpenedDisk =
  | { readonly ok: true; readonly disk: StorageDisk }
  | { readonly ok: false; readonly problem: string };

export interface DiskRequest {
  readonly path: string;
  readonly map: ClusterMap;
  readonly node: NodeEntry;
  readonly zone: string;
  readonly fsync: Fsync;
  readonly keystoreFingerprint: string;
  /** One process with all zones has nobody to relearn from: it goes on with what the disk has, as Redis does. */
  readonly trustAfterMachineCrash: boolean;
  /** Of a new journal, each of them limits.journalSegmentBytes in memory and on the disk. */
  readonly journalSegments: number;
}

/** A node in memory: new with every start. */
export function openMemoryDisk(parts: ProcessParts): StorageDisk {
  const engine = new MemoryEngine();
  return {
    incarnation: newIncarnation(parts),
    engine,
    store: new MemoryNodeStore(),
    free: null,
    adoptedMap: null,
    close: () => closeEngine(engine).then(() => {}),
  };
}

/** Opens a node's directory and database; says in words why it must not serve from them. */
export async function openStorageDisk(request: DiskRequest, parts: ProcessParts): Promise<OpenedDisk> {
  const files = new SystemFiles();
  const machine = systemMachine(parts.clock.wallMs());
  try {
    return await openOn(files, machine, request, parts);
  } catch (error) {
    if (error instanceof FileError) return { ok: false, problem: error.message };
    throw error;
  }
}

async function openOn(files: Files, machine: Machine, request: DiskRequest, parts: ProcessParts): Promise<OpenedDisk> {
  const opened = await openNodeDirectory(files, machine, request.path);
  if (!opened.ok) return opened;
  const { directory } = opened;
  const refuse = async (problem: string): Promise<OpenedDisk> => {
    await directory.close();
    return { ok: false, problem };
  };
  const problem = identityProblem(directory, request) ?? trustProblem(directory, request);
  if (problem !== null) return refuse(problem);
  const identity = directory.identity ?? newIdentity(request, parts);
  if (directory.identity === null) await directory.saveIdentity(identity);
  const decoded = directory.mapText === null ? null : decodeClusterMap(directory.mapText);
  if (decoded !== null && !decoded.ok) {
    return refuse(`${request.path}: its cluster map: ${decoded.problems.join('; ')}`);
  }
  const database = await openJournaledRocksdb({
    directory: directory.recordsPath,
    clock: parts.clock,
    files,
    segments: request.journalSegments,
  });
  if (!database.ok) return refuse(`${request.path}: ${database.error.message}`);
  const { engine } = database;
  try {
    await directory.removeCleanMark({ fsync: request.fsync });
  } catch (error) {
    await closeEngine(engine);
    return refuse(`cannot write to ${request.path}: ${error instanceof Error ? error.message : String(error)}`);
  }
  return {
    ok: true,
    disk: {
      incarnation: identity.incarnation,
      engine,
      store: directory,
      free: systemFreeSpace(request.path),
      adoptedMap: decoded === null ? null : decoded.map,
      async close() {
        const isSynced = await closeEngine(engine);
        if (isSynced) await directory.writeCleanMark();
        else parts.log.error({ path: request.path }, 'the records could not be synced when the node stopped');
        await directory.close();
      },
    },
  };
}

/** Why the directory is not this node's, or null. */
function identityProblem(directory: NodeDirectory, request: DiskRequest): string | null {
  const { path, map, node } = request;
  const { identity } = directory;
  if (identity === null) {
    if (node.incarnation === '') return null;
    return (
      `node ${node.id} has stored records before, but ${path} is empty. An empty disk must not answer in its place, and ` +
      'this version cannot relearn them from the other zones: put the directory back.'
    );
  }
  if (identity.clusterId !== map.clusterId) return `${path} belongs to another cluster (${identity.clusterId})`;
  if (identity.nodeId !== node.id) return `${path} belongs to node ${identity.nodeId}, not to node ${node.id}`;
  if (identity.keystoreFingerprint !== request.keystoreFingerprint)
    return `${path} was encrypted with another keystore`;
  if (node.incarnation !== '' && identity.incarnation !== node.incarnation) {
    return `${path} is an old copy of node ${node.id}: the cluster map knows it by another incarnation`;
  }
  return null;
}

function trustProblem(directory: NodeDirectory, request: DiskRequest): string | null {
  const trust = directory.assessTrust({ trustAfterMachineCrash: request.trustAfterMachineCrash });
  if (trust !== 'distrusted') return null;
  return (
    `the machine stopped while node ${request.node.id} ran without --fsync always, so acknowledged writes may be missing ` +
    `from ${request.path}. A node must not serve from such a disk, and this version cannot relearn from the other zones. ` +
    'Run storage processes with --fsync always where machines may lose power.'
  );
}

function newIdentity(request: DiskRequest, parts: ProcessParts): NodeIdentity {
  return {
    clusterId: request.map.clusterId,
    nodeId: request.node.id,
    incarnation: newIncarnation(parts),
    zone: request.zone,
    keystoreFingerprint: request.keystoreFingerprint,
  };
}

function newIncarnation(parts: ProcessParts): string {
  const bytes = Buffer.alloc(8);
  parts.random.fill(bytes);
  return bytes.toString('hex');
}

/** True if everything written is on the disk. */
async function closeEngine(engine: Engine): Promise<boolean> {
  const isSynced = await new Promise<boolean>((resolve) => engine.sync((error) => resolve(error === null)));
  const isClosed = await new Promise<boolean>((resolve) => engine.close((error) => resolve(error === null)));
  return isSynced && isClosed;
}

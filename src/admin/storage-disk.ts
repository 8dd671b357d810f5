import { FileError, type Files, filePromise } from '../base/files.ts';
import type { FreeSpace } from '../base/free-space.ts';
import { limits } from '../base/limits.ts';
import type { Machine } from '../base/machine.ts';
import { SystemFiles } from '../base/system-files.ts';
import { systemFreeSpace } from '../base/system-free-space.ts';
import { systemMachine } from '../base/system-machine.ts';
import { findNode } from '../cluster/cluster-map.ts';
import { decodeClusterMap } from '../cluster/cluster-map-text.ts';
import type { ClusterMap, NodeEntry } from '../cluster/map.ts';
import { nodeRange } from '../record/record-id.ts';
import { type Engine, EngineError } from '../storage/engine.ts';
import { openJournaledRocksdb } from '../storage/journaled-rocksdb.ts';
import { MemoryEngine } from '../storage/memory-engine.ts';
import { MemoryNodeStore } from '../storage/memory-node-store.ts';
import { type NodeDirectory, openNodeDirectory, type Trust } from '../storage/node-directory.ts';
import type { NodeIdentity } from '../storage/node-files.ts';
import type { NodeStore } from '../storage/node-store.ts';
import type { OpenedJournaledEngine } from '../storage/open-journaled-engine.ts';
import type { Fsync } from '../storage/write-pipeline.ts';
import type { ProcessParts } from './running.ts';

/** Engine and durable things of one storage node, open and marked as running. */
export interface StorageDisk {
  readonly incarnation: string;
  /** What is on it may lack acknowledged writes. */
  readonly isDistrusted: boolean;
  /** It is not what the cluster map knows of this node: the node learns its shards anew. */
  readonly isLost: boolean;
  readonly engine: Engine;
  readonly store: NodeStore;
  /** The room where it lies; null in memory. */
  readonly free: FreeSpace | null;
  /** The highest map that this node has adopted; null if it adopted none. */
  readonly adoptedMap: ClusterMap | null;
  /** The records are damaged: the next start moves them aside. */
  noteDamaged(): Promise<void>;
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
  /** One process with all zones lost the same power: it goes on with what the disks have, as Redis does. */
  readonly trustAfterMachineCrash: boolean;
  /** Of a new journal, each of them limits.journalSegmentBytes in memory and on the disk. */
  readonly journalSegments: number;
}

/** A node in memory: new with every start. */
export function openMemoryDisk(node: NodeEntry, parts: ProcessParts): StorageDisk {
  const engine = new MemoryEngine();
  return {
    incarnation: newIncarnation(parts),
    isDistrusted: false,
    isLost: node.incarnation !== '',
    engine,
    store: new MemoryNodeStore(),
    free: null,
    adoptedMap: null,
    noteDamaged: () => Promise.resolve(),
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

/** What a start finds on a disk, and what it makes of it. */
interface Finding {
  /** In words for the operator, where the disk is not as the cluster map knows it. */
  readonly reason: string;
  /** What is on it is whole as far as one can tell, but may lack acknowledged writes. */
  readonly hasOldRecords: boolean;
}

async function openOn(files: Files, machine: Machine, request: DiskRequest, parts: ProcessParts): Promise<OpenedDisk> {
  const first = await openNodeDirectory(files, machine, request.path);
  if (first.ok) return openDirectory(first.directory, null, { files, request, parts });
  if (first.reason !== 'damaged' || !mayRelearn(request)) return first;
  // Who it was, its ceiling or its map is lost: what lies beside that cannot be used either.
  await moveAside(files, request.path);
  const again = await openNodeDirectory(files, machine, request.path);
  if (!again.ok) return again;
  const finding = { reason: `${first.problem}. It was moved to ${damagedPath(request.path)}`, hasOldRecords: false };
  return openDirectory(again.directory, finding, { files, request, parts });
}

interface Opening {
  readonly files: Files;
  readonly request: DiskRequest;
  readonly parts: ProcessParts;
}

async function openDirectory(directory: NodeDirectory, lost: Finding | null, opening: Opening): Promise<OpenedDisk> {
  const { files, request, parts } = opening;
  const refuse = async (problem: string): Promise<OpenedDisk> => {
    await directory.close();
    return { ok: false, problem };
  };
  const problem = identityProblem(directory, request);
  if (problem !== null) return refuse(problem);
  const decoded = directory.mapText === null ? null : decodeClusterMap(directory.mapText);
  if (decoded !== null && !decoded.ok) {
    return refuse(`${request.path}: its cluster map: ${decoded.problems.join('; ')}`);
  }
  const adoptedMap = decoded === null ? null : decoded.map;
  const trust = directory.assessTrust({ trustAfterMachineCrash: request.trustAfterMachineCrash });
  let finding = lost ?? find(directory, trust, { ...request, node: newestEntry(request, adoptedMap) });
  if (finding !== null && !mayRelearn(request)) return refuse(`${finding.reason}. ${NOBODY_TO_LEARN_FROM}`);
  let identity = directory.identity;
  const become = async (hasOldRecords: boolean): Promise<void> => {
    identity = newIdentity(request, hasOldRecords, parts);
    await directory.saveIdentity(identity);
  };
  const wasDamaged = identity?.isDamaged ?? false;
  if (identity === null || finding !== null) await become(finding?.hasOldRecords ?? false);
  const { recordsPath } = directory;
  const open = () => openReadable(recordsPath, request, files, parts);
  // After the new identity is durable: the old one must not be found with nothing.
  if (wasDamaged && finding !== null) await moveAside(files, recordsPath);
  let database = await open();
  if (!database.ok && database.error.kind === 'corrupt' && mayRelearn(request)) {
    finding = {
      reason: `${database.error.message}. It was moved to ${damagedPath(recordsPath)}`,
      hasOldRecords: false,
    };
    await become(false);
    await moveAside(files, recordsPath);
    database = await open();
  }
  if (!database.ok) return refuse(`${request.path}: ${database.error.message}`);
  if (database.isTorn && finding === null && mayRelearn(request) && !request.trustAfterMachineCrash) {
    if (directory.losesNothing) {
      finding = { reason: `the end of the log in ${recordsPath} is torn`, hasOldRecords: true };
      await become(true);
    }
  }
  const { engine } = database;
  try {
    await directory.removeCleanMark({ fsync: request.fsync });
  } catch (error) {
    await closeEngine(engine);
    return refuse(`cannot write to ${request.path}: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (finding !== null) {
    const fields = { nodeId: request.node.id, path: request.path, reason: finding.reason };
    parts.log.warn(fields, 'the node does not vote until it has learned its shards from the other zones again');
  }
  return { ok: true, disk: new DirectoryDisk(directory, engine, request.path, adoptedMap, finding !== null, parts) };
}

/** A node's directory and database, open. */
class DirectoryDisk implements StorageDisk {
  readonly incarnation: string;
  readonly isDistrusted: boolean;
  readonly isLost: boolean;
  readonly engine: Engine;
  readonly store: NodeDirectory;
  readonly free: FreeSpace;
  readonly adoptedMap: ClusterMap | null;
  readonly #path: string;
  readonly #parts: ProcessParts;

  constructor(
    directory: NodeDirectory,
    engine: Engine,
    path: string,
    adoptedMap: ClusterMap | null,
    isLost: boolean,
    parts: ProcessParts,
  ) {
    this.incarnation = directory.identity?.incarnation ?? '';
    this.isDistrusted = directory.identity?.hasOldRecords ?? false;
    this.isLost = isLost;
    this.engine = engine;
    this.store = directory;
    this.free = systemFreeSpace(path);
    this.adoptedMap = adoptedMap;
    this.#path = path;
    this.#parts = parts;
  }

  async noteDamaged(): Promise<void> {
    const { identity } = this.store;
    if (identity !== null) await this.store.saveIdentity({ ...identity, isDamaged: true });
  }

  async close(): Promise<void> {
    const isSynced = await closeEngine(this.engine);
    if (isSynced) await this.store.writeCleanMark();
    else this.#parts.log.error({ path: this.#path }, 'the records could not be synced when the node stopped');
    await this.store.close();
  }
}

/** A database that opens may still be damaged where the node's own notes are, without which it cannot start. */
async function openReadable(
  recordsPath: string,
  request: DiskRequest,
  files: Files,
  parts: ProcessParts,
): Promise<OpenedJournaledEngine> {
  const segments = request.journalSegments;
  const opened = await openJournaledRocksdb({ directory: recordsPath, clock: parts.clock, files, segments });
  if (!opened.ok) return opened;
  const notes = { ...nodeRange(), limit: Number.MAX_SAFE_INTEGER, limitBytes: limits.messageBytes, keysOnly: false };
  const error = await new Promise<EngineError | null>((resolve) => opened.engine.scan(notes, resolve));
  if (error === null) return opened;
  await closeEngine(opened.engine);
  return { ok: false, error: new EngineError(error.kind, `${recordsPath} cannot be read: ${error.message}`) };
}

const NOBODY_TO_LEARN_FROM =
  'A node must not serve without what it has acknowledged, and with a single zone there is nobody to learn it from again';

/** With a single zone nobody else has the records. */
function mayRelearn(request: DiskRequest): boolean {
  return request.map.zones.length > 1;
}

function damagedPath(path: string): string {
  return `${path}.damaged`;
}

/** For whoever wants to look at it; only the latest is kept. */
async function moveAside(files: Files, path: string): Promise<void> {
  await filePromise<void>((callback) => files.removeTree(damagedPath(path), callback));
  await filePromise<void>((callback) => files.rename(path, damagedPath(path), callback));
}

/** Why the directory cannot be this node's, or null. */
function identityProblem(directory: NodeDirectory, request: DiskRequest): string | null {
  const { path, map, node } = request;
  const { identity } = directory;
  if (identity === null) return null;
  if (identity.clusterId !== map.clusterId) return `${path} belongs to another cluster (${identity.clusterId})`;
  if (identity.nodeId !== node.id) return `${path} belongs to node ${identity.nodeId}, not to node ${node.id}`;
  if (identity.keystoreFingerprint !== request.keystoreFingerprint)
    return `${path} was encrypted with another keystore`;
  return null;
}

/** What the newest map says of the node: while the config store is away the one that it adopted may be newer. */
function newestEntry({ map, node }: DiskRequest, adoptedMap: ClusterMap | null): NodeEntry {
  if (adoptedMap === null || adoptedMap.clusterId !== map.clusterId || adoptedMap.epoch <= map.epoch) return node;
  return findNode(adoptedMap, node.id)?.node ?? node;
}

/** Null: the disk holds all that the node has acknowledged. */
function find(directory: NodeDirectory, trust: Trust, request: DiskRequest): Finding | null {
  const { path, node } = request;
  const { identity } = directory;
  if (identity === null) {
    if (node.incarnation === '') return null;
    return { reason: `node ${node.id} has stored records before, but ${path} is empty`, hasOldRecords: false };
  }
  if (identity.isDamaged) {
    const reason = `records in ${path} were found damaged. They were moved to ${damagedPath(directory.recordsPath)}`;
    return { reason, hasOldRecords: false };
  }
  if (node.incarnation !== '' && identity.incarnation !== node.incarnation) {
    return {
      reason: `${path} is not what the cluster map knows of node ${node.id}: an old copy, or it has not entered itself yet`,
      hasOldRecords: true,
    };
  }
  if (trust !== 'distrusted') return null;
  return {
    reason: `the machine stopped while node ${node.id} ran without --fsync always, so acknowledged writes may be missing from ${path}`,
    hasOldRecords: true,
  };
}

function newIdentity(request: DiskRequest, hasOldRecords: boolean, parts: ProcessParts): NodeIdentity {
  return {
    clusterId: request.map.clusterId,
    nodeId: request.node.id,
    incarnation: newIncarnation(parts),
    zone: request.zone,
    keystoreFingerprint: request.keystoreFingerprint,
    hasOldRecords,
    isDamaged: false,
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

import { findNode } from '../cluster/cluster-map.ts';
import { readOrLast } from '../cluster/config-store.ts';
import { TcpServer } from '../rpc/tcp-server.ts';
import type { CallHandler } from '../rpc/transport.ts';
import type { AssemblyResult, StorageParts } from './assembly.ts';
import { parseHostAndPort } from './host-and-port.ts';
import { listenProblem } from './listen-problem.ts';
import { type NodeProposer, remotePeers, startNodeProposer } from './node-proposer.ts';
import { enterNodes, journalSegments, recordCacheBytes } from './node-start.ts';
import type { ProcessParts } from './running.ts';
import { type OpenedDisk, openMemoryDisk, openStorageDisk, type StorageDisk } from './storage-disk.ts';
import { type StorageRoom, startStorageRoom } from './storage-room.ts';

/** Starts one storage node that proxies reach over TCP. */
export async function startStorageProcess(storage: StorageParts, parts: ProcessParts): Promise<AssemblyResult> {
  const process = new StorageProcess(storage, parts);
  const problem = await process.start();
  if (problem !== null) return { ok: false, problem };
  const { config, node, directory } = storage;
  const { handler } = process;
  const server = new TcpServer({ handler, clusterId: storage.map.clusterId, secret: storage.secret, ...parts });
  const at = parseHostAndPort(config.listen) ?? node;
  try {
    const port = await server.listen(at.host, at.port);
    process.startWork();
    return {
      ok: true,
      running: {
        listening: [{ host: at.host, port }],
        failed: process.failed,
        async stop() {
          process.stopWork();
          await server.close();
          await process.stop();
        },
      },
    };
  } catch (error) {
    await process.stop();
    return {
      ok: false,
      problem: `${listenProblem(error, at.host, at.port, 'junokv cluster init --nodes')} (node ${node.id}, ${directory.path})`,
    };
  }
}

/**
 * The node of a storage process. Where its records turn out to be damaged it begins anew within the process: the records are
 * moved aside, and it learns its shards again as another incarnation.
 */
class StorageProcess {
  readonly failed: Promise<string>;
  readonly handler: CallHandler;
  readonly #storage: StorageParts;
  readonly #parts: ProcessParts;
  #fail: (reason: string) => void = () => {};
  #room: StorageRoom | null = null;
  #disk: StorageDisk | null = null;
  #proposer: NodeProposer | null = null;
  #isStopped = false;
  #beginningAnew: Promise<void> = Promise.resolve();

  constructor(storage: StorageParts, parts: ProcessParts) {
    this.#storage = storage;
    this.#parts = parts;
    const { promise, resolve } = Promise.withResolvers<string>();
    this.failed = promise;
    this.#fail = resolve;
    this.handler = {
      // A node that has stopped answers so itself.
      receive: (calls) => this.#current.node.receive(calls),
      hello: () => this.#current.node.hello(),
    };
  }

  /** Why it cannot start, in words for the operator; null if it answers. */
  async start(): Promise<string | null> {
    const { store, config } = this.#storage;
    const read = await readOrLast(store);
    if (!read.ok) return read.problem;
    const map = read.value ?? this.#storage.map;
    const node = findNode(map, this.#storage.node.id)?.node ?? this.#storage.node;
    const storage = { ...this.#storage, map, node };
    const opened = await openProcessDisk(storage, this.#parts);
    if (!opened.ok) return opened.problem;
    const { disk } = opened;
    const entered = await enterNodes(store, [{ ...node, incarnation: disk.incarnation }]);
    if (!entered.ok) {
      await disk.close();
      return entered.problem;
    }
    const { fsync, diskReserve: diskReserveBytes, purgeAfter: purgeAfterMs } = config;
    const cacheBytes = recordCacheBytes();
    const bounds = { fsync, cacheBytes, diskReserveBytes, purgeAfterMs };
    const onDamaged = (): void => {
      this.#beginningAnew = this.#beginAnew();
    };
    this.#disk = disk;
    this.#room = await startStorageRoom({ node, disk, map: entered.value, ...bounds, onDamaged }, this.#parts);
    return null;
  }

  startWork(): void {
    const { map, secret, store } = this.#storage;
    const { node } = this.#current;
    const network = remotePeers(node, map.clusterId, secret, this.#parts);
    this.#proposer = startNodeProposer({ node, store, network }, this.#parts);
  }

  stopWork(): void {
    this.#isStopped = true;
    this.#proposer?.stop();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#beginningAnew;
    await this.#room?.stop();
  }

  get #current(): StorageRoom {
    if (this.#room === null) throw new Error('the node was never started');
    return this.#room;
  }

  async #beginAnew(): Promise<void> {
    if (this.#isStopped) return;
    const nodeId = this.#storage.node.id;
    this.#parts.log.error(
      { nodeId },
      'records are damaged: they are moved aside, and learned again from the other zones',
    );
    this.#proposer?.stop();
    await this.#disk?.noteDamaged();
    await this.#room?.stop();
    const problem = await this.start();
    if (problem === null && !this.#isStopped) this.startWork();
    else if (problem !== null) {
      this.#room = null;
      this.#fail(problem);
    }
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

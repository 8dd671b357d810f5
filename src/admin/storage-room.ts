import { logWith } from '../base/log.ts';
import type { ClusterMap, NodeEntry } from '../cluster/map.ts';
import { Acceptor } from '../storage/acceptor.ts';
import { DiskSpace } from '../storage/disk-space.ts';
import { SpaceReclaimer } from '../storage/space-reclaimer.ts';
import { StorageNode } from '../storage/storage-node.ts';
import type { Fsync } from '../storage/write-pipeline.ts';
import type { ProcessParts } from './running.ts';
import type { StorageDisk } from './storage-disk.ts';

/** A storage node that answers. */
export interface StorageRoom {
  readonly node: StorageNode;
  /** Writes and syncs what is pending, then closes the disk. */
  stop(): Promise<void>;
}

export interface StorageRoomSetup {
  readonly node: NodeEntry;
  readonly disk: StorageDisk;
  /** The store's map; the node's own is used where it is newer. */
  readonly map: ClusterMap;
  readonly fsync: Fsync;
  readonly cacheBytes: number;
  readonly diskReserveBytes: number;
  readonly purgeAfterMs: number;
  /** The records are damaged beyond repairs of single ones; once. */
  onDamaged(): void;
}

/** Starts a storage node on an open disk. Resolves when it may answer. */
export async function startStorageRoom(setup: StorageRoomSetup, process: ProcessParts): Promise<StorageRoom> {
  const parts = { ...process, log: logWith(process.log, { node: setup.node.id }) };
  const { disk } = setup;
  const map = disk.adoptedMap !== null && disk.adoptedMap.epoch > setup.map.epoch ? disk.adoptedMap : setup.map;
  const { free } = disk;
  const space = free === null ? null : new DiskSpace({ free, reserveBytes: setup.diskReserveBytes, ...parts });
  if (space !== null) await new Promise<void>((resolve) => space.start(resolve));
  let isDamaged = false;
  const node = new StorageNode({
    nodeId: setup.node.id,
    incarnation: disk.incarnation,
    engine: disk.engine,
    store: disk.store,
    acceptor: new Acceptor(disk.store.ceilingUs),
    map,
    clock: parts.clock,
    log: parts.log,
    fsync: setup.fsync,
    cacheBytes: setup.cacheBytes,
    purgeAfterMs: setup.purgeAfterMs,
    isDistrusted: disk.isDistrusted,
    onDamaged: () => {
      if (isDamaged) return;
      isDamaged = true;
      setup.onDamaged();
    },
    ...(space === null ? {} : { space }),
  });
  const reclaimer = space === null ? null : new SpaceReclaimer(disk.engine, space, parts.clock, parts.log);
  await new Promise<void>((resolve) => node.start(resolve));
  reclaimer?.start();
  process.observed?.nodes.set(node.nodeId, { node, space, work: null });
  return {
    node,
    async stop() {
      process.observed?.nodes.delete(node.nodeId);
      reclaimer?.stop();
      space?.stop();
      await new Promise<void>((resolve) => node.stop(resolve));
      await disk.close();
    },
  };
}

import type { ClusterMap } from '../../cluster/map.ts';
import type { ProxyContext } from '../../proxy/proxy-context.ts';
import type { Coordinator } from '../../quorum/coordinator.ts';
import type { Repairer } from '../../quorum/repairer.ts';
import type { Reply } from '../../resp/reply.ts';
import type { Transport } from '../../rpc/transport.ts';
import type { DiskSpace } from '../../storage/disk-space.ts';
import type { LearnCounts } from '../../storage/shard-learner.ts';
import type { StorageNode } from '../../storage/storage-node.ts';

/** A proxy of this process. */
export interface ObservedProxy {
  readonly context: ProxyContext;
  readonly coordinator: Coordinator<Reply>;
  readonly transport: Transport;
  /** It listens on every address. */
  isListening: boolean;
}

/** What a storage node does by itself. */
export interface ObservedWork {
  readonly repairer: Repairer;
  readonly learned: LearnCounts;
}

/** A storage node of this process that answers. */
export interface ObservedNode {
  readonly node: StorageNode;
  readonly space: DiskSpace | null;
  /** Null until it has a proposer id. */
  work: ObservedWork | null;
}

/** What metrics tell of a proxy's workers. */
export interface WorkersFigures {
  readonly workers: number;
  /** Those that serve. */
  readonly ready: number;
  /** Workers that took the place of one that had ended. */
  readonly restarts: number;
  /** Answers to questions of workers that did not come in time. */
  readonly unanswered: number;
  /** Connections that no worker could take. */
  readonly refused: number;
  /** Lines that MONITOR clients of other workers did not get. */
  readonly droppedLines: number;
}

/** The workers of this proxy, where it has some. */
export interface ObservedWorkers {
  readonly figures: WorkersFigures;
  /** Of each, in Prometheus's text format. */
  metrics(): Promise<readonly string[]>;
  /** Why one or the other is not ready; empty: all that serve are. */
  problems(): Promise<readonly string[]>;
}

/** The rooms of this process, entered as they start and taken out as they stop: what metrics and readiness look at. */
export class Observed {
  readonly proxies = new Set<ObservedProxy>();
  readonly nodes = new Map<number, ObservedNode>();
  /** When the certificate in use for each kind of connection ends, Unix milliseconds; empty where all are plain. */
  readonly certificates = new Map<'client' | 'cluster', () => number>();
  /** Whether the config store answers; null where it is a file. */
  isStoreUp: (() => boolean) | null = null;
  /** Null where this process serves its clients itself. */
  workers: ObservedWorkers | null = null;
  /** In a worker: lines for MONITOR clients of others that could not be relayed. */
  monitorLinesDropped: (() => number) | null = null;
  /** Rooms are there as far as this process is to have any. */
  isStarted = false;
  /** A signal came: it is ready for nobody any more. */
  isStopping = false;

  /** The newest map that a room of this process goes by; null while there is none. */
  map(): ClusterMap | null {
    let newest: ClusterMap | null = null;
    for (const { context } of this.proxies) newest = newer(newest, context.cluster.map());
    for (const { node } of this.nodes.values()) newest = newer(newest, node.map);
    return newest;
  }
}

function newer(one: ClusterMap | null, other: ClusterMap): ClusterMap {
  return one !== null && one.epoch >= other.epoch ? one : other;
}

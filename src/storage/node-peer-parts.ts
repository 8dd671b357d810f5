import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { MapHolder } from '../quorum/map-holder.ts';
import type { ProtocolCounters } from '../quorum/protocol-counters.ts';
import type { Transport } from '../rpc/transport.ts';
import type { StorageNode } from './storage-node.ts';

/** What a storage node needs to act as a proposer, and to change the map: learning, repairs and sweeps are made of it. */
export interface NodePeerParts {
  readonly node: StorageNode;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** The newest map of which the store, the node or a peer told; with the store to change it by compare-and-swap. */
  readonly map: MapHolder;
  /** To every node of the cluster, this one among them. */
  readonly transport: Transport;
  /** For ballots; given out once, and to nobody else of this process. */
  readonly proposer: number;
  /** Another one, should this proposer's clock be found broken; asks until there is one. */
  nextProposer(done: (proposer: number) => void): void;
  /** For whoever wants to know what was done. */
  readonly counters?: ProtocolCounters;
}

/** Something that a node does by itself, in the background. */
export interface NodeWork {
  /** No more steps from now on; calls under way may still be answered, to no effect. */
  stop(): void;
}

import type { NodeId } from '../../rpc/transport.ts';

/** What a record takes on a node beside its key and its value, about: ids, ballots, lineage, seals, its entry in the engine. */
export const RECORD_OVERHEAD_BYTES = 380;

/** What one storage node says of its memory. */
export interface NodeMemory {
  readonly nodeId: NodeId;
  /** Whether `liveBytes` means anything: nodes with another engine have a disk. */
  readonly isMemory: boolean;
  /** Of its live records and their pages. */
  readonly liveBytes: number;
  /** How many of them have an expiry. */
  readonly expiringRecords: number;
}

/** A live record that might be evicted, as one storage node has it. */
export interface Candidate {
  /** As clients number it. */
  readonly namespace: number;
  readonly key: Buffer;
  /** What it takes on a node, about. */
  readonly bytes: number;
  /** Of the key itself: wall clock milliseconds, 0 is never. */
  readonly expiresAtMs: number;
  /** Wall clock milliseconds. */
  readonly lastModifiedMs: number;
}

export interface Gathered {
  readonly candidates: readonly Candidate[];
  /** All that the node has was looked at. */
  readonly complete: boolean;
}

/** What a limit on the storage nodes' memory needs of the cluster. */
export interface MemoryPort {
  /** Asks all nodes; those that do not answer soon are left out. `done` may be called before this returns. */
  look(done: (nodes: readonly NodeMemory[]) => void): void;
  /** At least `wanted` live records of a node, from a random place on, if it has so many. `expiring`: only keys with an expiry. */
  gather(node: NodeId, wanted: number, expiring: boolean): Promise<Gathered>;
}

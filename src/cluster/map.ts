/** One storage node as the cluster knows it. */
export interface NodeEntry {
  readonly id: number;
  /** Changes whenever the node's disk was lost or is not trusted. */
  readonly incarnation: string;
  readonly host: string;
  readonly port: number;
  /** It is to have no shards: it goes from the map once the last has moved away. */
  readonly leaving: boolean;
}

export interface ZoneEntry {
  readonly name: string;
  readonly nodes: readonly NodeEntry[];
  /** Shard number -> node id: which node of this zone holds the shard; of a moving shard the one that it moves from. */
  readonly placement: readonly number[];
  /** Under maintenance: its nodes are asked last, and nothing waits for them. */
  readonly down: boolean;
}

/** A shard on its way within one zone (protocol §8): the learner stands beside the old node until it has learned. */
export interface ShardMove {
  readonly shard: number;
  /** Index into `zones`. */
  readonly zone: number;
  /** Node id; the old node's own where a node that lost its disk learns its shard again. */
  readonly learner: number;
  /** The old node answers and counts together with the learner. False: it is gone or distrusted, and the zone does not count. */
  readonly oldVotes: boolean;
}

/** A move that was asked for and has not begun. */
export interface ShardGoal {
  readonly shard: number;
  readonly zone: number;
  readonly to: number;
}

export interface NamespaceEntry {
  /** Raised by FLUSHDB; part of the record id's hash. */
  readonly generation: number;
  /** Map epoch of the last change of this namespace. */
  readonly epoch: number;
}

/** What the number of a database, as clients name it, stands for (`databases.ts`). */
export interface DatabaseEntry {
  /** The namespace number that its records carry and that is part of their ids; of the same group. */
  readonly storedAs: number;
  /** Map epoch of the last SWAPDB of this database; 0: there was none. */
  readonly swapEpoch: number;
}

/** Bounds that every proxy puts on the commands of one namespace group; 0: none of its own. */
export interface NamespaceLimits {
  readonly maxKeyBytes: number;
  readonly maxValueBytes: number;
  readonly maxTtlMs: number;
  /** What a record gets that is created without an expiry. */
  readonly defaultTtlMs: number;
  /** Commands over keys, per proxy. */
  readonly requestsPerSecond: number;
  /** Their argument bytes, per proxy. */
  readonly bytesPerSecond: number;
}

/** What clients know as a namespace: a name, 16 databases of its own, and limits. */
export interface NamespaceGroup {
  readonly name: string;
  readonly limits: NamespaceLimits;
}

/**
 * The cluster map (protocol §8): plain data, computed once per change, versioned by `epoch`. Held by the config store,
 * by every proxy and, durably, by every storage node.
 */
export interface ClusterMap {
  readonly formatVersion: 1;
  readonly clusterId: string;
  readonly epoch: number;
  /** A power of two up to 16384, fixed for the life of the cluster. */
  readonly shards: number;
  /** 1, 3 or 5. */
  readonly zones: readonly ZoneEntry[];
  /** Moves under way, by shard, at most one of a shard; each began under its shard's epoch. */
  readonly moves: readonly ShardMove[];
  /** Moves that are to follow, in this order; at most one of a shard and zone. */
  readonly goals: readonly ShardGoal[];
  /** Bytes per second that each learner takes in; 0: what it takes by itself. */
  readonly moveRate: number;
  /** The highest id that a node of this cluster ever had: ids are not given out again. */
  readonly lastNodeId: number;
  /** Map epoch at which each shard last changed; same length as `shards`. */
  readonly shardEpochs: readonly number[];
  /** Group 0 is `default`. Groups are only ever added. */
  readonly namespaceGroups: readonly NamespaceGroup[];
  /** Sixteen to a group: database d of group g is number 16 g + d (`namespace-groups.ts`). By the number that records carry. */
  readonly namespaces: readonly NamespaceEntry[];
  /** By the number that clients name; up to the last that was ever swapped, those behind it are stored as themselves. */
  readonly databases: readonly DatabaseEntry[];
}

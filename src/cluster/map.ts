/** One storage node as the cluster knows it. */
export interface NodeEntry {
  readonly id: number;
  /** Changes whenever the node's disk was lost or is not trusted. */
  readonly incarnation: string;
  readonly host: string;
  readonly port: number;
}

export interface ZoneEntry {
  readonly name: string;
  readonly nodes: readonly NodeEntry[];
  /** Shard number -> node id: which node of this zone holds the shard. */
  readonly placement: readonly number[];
}

export interface NamespaceEntry {
  /** Raised by FLUSHDB; part of the record id's hash. */
  readonly generation: number;
  /** Map epoch of the last change of this namespace. */
  readonly epoch: number;
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
  /** Map epoch at which each shard last changed; same length as `shards`. */
  readonly shardEpochs: readonly number[];
  /** Group 0 is `default`. Groups are only ever added. */
  readonly namespaceGroups: readonly NamespaceGroup[];
  /** Sixteen to a group: database d of group g is number 16 g + d (`namespace-groups.ts`). */
  readonly namespaces: readonly NamespaceEntry[];
}

import type { Failure } from '../base/failure.ts';
import type { ClusterMap, NamespaceLimits } from '../cluster/map.ts';
import type { InspectedReplica } from '../quorum/inspect.ts';
import type { LastingPages } from '../quorum/lasting-pages.ts';
import type { NodeReport } from '../quorum/node-health.ts';
import type { Operation, Outcome } from '../quorum/operation.ts';
import type { ProtocolCounters } from '../quorum/protocol-counters.ts';
import type { RecordExport } from '../quorum/record-export.ts';
import type { KeyUsePlace, KeyUseResult } from '../quorum/resealer.ts';
import type { ShardVerified } from '../quorum/shard-verify.ts';
import type { TransactionOperation } from '../quorum/transaction.ts';
import type { RecordId } from '../record/state.ts';
import type { Reply } from '../resp/reply.ts';
import type { NodeStatus } from '../rpc/messages.ts';
import type { SweepToldResponse } from '../rpc/sweep-messages.ts';
import type { MemoryPort } from './memory/memory-port.ts';
import type { TypeName } from './values/collection-value.ts';

/** One key found by a scan, with what the scan knows of it without a read. */
export interface ScannedKey {
  readonly key: Buffer;
  readonly type: TypeName;
}

/** A page of a scan. `cursor` is a decimal string below 2^53, "0" when the scan is complete. */
export interface ScanPage {
  readonly cursor: string;
  readonly keys: readonly ScannedKey[];
}

export interface KeyCount {
  readonly keys: number;
  /** How many of them will be gone by themselves: the key expires, or the last of its fields. */
  readonly expires: number;
}

export interface NodeHealth {
  readonly nodeId: number;
  readonly zone: string;
  readonly host: string;
  readonly port: number;
  readonly up: boolean;
  readonly status: NodeStatus | null;
  /** Of its own sweeps since it started; absent where it does not sweep. */
  readonly sweep?: SweepToldResponse;
}

/** A proxy's part in the protocol, since its start. */
export interface ProposerFigures {
  /** Commands that have not been let in yet. */
  readonly waiting: number;
  readonly counters: Pick<ProtocolCounters, 'get' | 'entries'>;
  readonly nodes: readonly NodeReport[];
}

/** One node of a key's replica set. */
export interface ReplicaNode {
  readonly zone: string;
  readonly nodeId: number;
  readonly host: string;
  readonly port: number;
}

/** Where a key lives, under the proxy's map. */
export interface KeyLocation {
  readonly slot: number;
  readonly shard: number;
  readonly shardEpoch: number;
  readonly mapEpoch: number;
  /** In the map's order of zones. */
  readonly nodes: readonly (ReplicaNode & { readonly up: boolean })[];
}

export interface KeyReplica extends InspectedReplica {
  readonly zone: string;
}

export class ClusterFailure extends Error {
  override readonly name = 'ClusterFailure';
  readonly failure: Failure;
  constructor(failure: Failure) {
    super(failure.detail);
    this.failure = failure;
  }
}

/** What backups need of the cluster. */
export interface BackupPort {
  /** Of the keystore that the records are sealed with. */
  readonly keystoreFingerprint: string;
  readonly records: RecordExport<Reply>;
}

/** What changes of the encryption key need. No key is to be had here. */
export interface KeysPort {
  readonly fingerprint: string;
  /** Oldest first. */
  readonly versions: readonly number[];
  readonly activeVersion: number;
  /** Counts what each version seals in a part of a shard; `limit` above 0: seals some of it anew with the active one. */
  look(place: KeyUsePlace, limit: number): Promise<KeyUseResult>;
}

/** What the proxy needs of the cluster. Promises reject with ClusterFailure (or InvariantError, which stops the process). */
export interface ClusterPort {
  /** Runs a step on its record. Operations of one caller on one key keep their order. `done` may be called before this returns. */
  submit(operation: Operation<Reply>): void;
  /**
   * Pages of the record that `key` names, or named when it was read, as `id`: of the version that was read, whatever becomes of
   * it. Absent where no reply is streamed.
   */
  openPages?(namespace: number, key: Buffer, id: RecordId): LastingPages;
  /** Runs commands over several records as one; at most limits.transactionRecords. `done` may be called before this returns. */
  transact(operation: TransactionOperation<Reply>): void;
  /** `cursor` is a page's cursor or "0"; about `count` records are looked at. Expired keys are left out. */
  scan(namespace: number, cursor: string, count: number): Promise<ScanPage>;
  /** The keys of each of these namespaces, in one pass over all records. Throws ClusterFailure. */
  count(namespaces: readonly number[]): Promise<readonly KeyCount[]>;
  randomKey(namespace: number): Promise<Buffer | null>;
  /** Raises the generation of these namespaces under a new epoch; constant time. */
  flush(namespaces: readonly number[]): Promise<Outcome<null>>;
  /** Two namespaces of one group, not the same, exchange what they hold, under a new epoch; constant time. */
  swap(one: number, other: number): Promise<Outcome<null>>;
  map(): ClusterMap;
  /** Calls `listener` with each newer map, as soon as `map` returns it. */
  onMap(listener: (map: ClusterMap) => void): void;
  /** Adds a namespace group to the cluster map; null, or in words why there cannot be one of this name. */
  createNamespace(name: string): Promise<string | null>;
  /** Changes some limits of a namespace group in the cluster map; null, or in words why they cannot be. */
  setNamespaceLimits(name: string, changes: Partial<NamespaceLimits>): Promise<string | null>;
  nodes(): Promise<readonly NodeHealth[]>;
  locate(namespace: number, key: Buffer): Promise<KeyLocation>;
  /** What each replica of a key holds, in the map's order of zones; within limits.inspectTimeoutMs. */
  inspect(namespace: number, key: Buffer): Promise<readonly KeyReplica[]>;
  /** What this proxy has seen of the nodes and met on its ways. Absent where there are none. */
  figures?(): ProposerFigures;
  /** What a limit on the nodes' memory needs. Absent where there are no nodes. */
  readonly memory?: MemoryPort;
  /** Absent where records are not stored. */
  readonly backup?: BackupPort;
  /** Absent where records are not stored. */
  readonly keys?: KeysPort | undefined;
  /** Sweeps a part of a shard now, from behind `afterId` on. Absent where records are not stored. */
  verify?(shard: number, afterId: RecordId): Promise<ShardVerified>;
}

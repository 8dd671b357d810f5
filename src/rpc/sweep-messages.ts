import type { Ballot } from '../record/ballot.ts';
import type { RecordId } from '../record/state.ts';
import type { MessageType } from './messages.ts';

/** §7. Count and digest of what the node holds behind `afterId` ('' = from the start) up to and with `untilId` ('' = to the end). */
export interface DigestRequest {
  readonly type: typeof MessageType.digest;
  readonly shard: number;
  readonly shardEpoch: number;
  readonly afterId: RecordId;
  readonly untilId: RecordId;
}

/** A record and the ballot that all its replicas were seen to hold it under. */
export interface AcceptedRecord {
  readonly id: RecordId;
  readonly accepted: Ballot;
}

/** §6. The node forgets those tombstones that it still holds under this ballot, if it finds them old enough itself. */
export interface PurgeRequest {
  readonly type: typeof MessageType.purge;
  readonly shard: number;
  readonly shardEpoch: number;
  readonly records: readonly AcceptedRecord[];
}

/** Sweeps a part of a shard now, from behind `afterId` on. Asked of a node that holds the shard. */
export interface SweepShardRequest {
  readonly type: typeof MessageType.sweepShard;
  readonly shard: number;
  readonly shardEpoch: number;
  readonly afterId: RecordId;
}

export interface SweepStatusRequest {
  readonly type: typeof MessageType.sweepStatus;
}

/** `digest`: 16 bytes as latin1. Of a range with very many records only the first are counted: enough to differ. */
export interface DigestedResponse {
  readonly type: typeof MessageType.digested;
  readonly records: number;
  readonly digest: string;
}

export interface PurgedResponse {
  readonly type: typeof MessageType.purged;
  readonly purged: number;
}

/** What a sweep came upon, counted. */
export interface SweepFindings {
  /** Ranges whose digests were compared. */
  readonly ranges: number;
  /** Records in them, of the node that sweeps. */
  readonly records: number;
  /** Bytes of those records. */
  readonly bytes: number;
  /** Records that the replicas did not hold alike. */
  readonly differing: number;
  readonly repaired: number;
  /** Expired records that were written dead. */
  readonly killed: number;
  /** Tombstones that all replicas were asked to forget. */
  readonly purged: number;
  /** Pages of large values that were in use no more. */
  readonly pagesPurged: number;
  /** Records whose bytes are damaged here. */
  readonly unreadable: number;
  /** Ranges that some replica did not answer for. */
  readonly unanswered: number;
  /** Of `killed`, those that the node was told of by the writes, without looking for them. */
  readonly killedFromQueue: number;
  /** Of `purged`, those of which it had seen when they were killed that all replicas hold them. */
  readonly purgedFromQueue: number;
  /** What it had no room to note of either; it is found by looking. */
  readonly notesDropped: number;
}

/** `exhausted`: the shard's end was reached. Otherwise all up to and including `lastId` was swept. */
export interface ShardSweptResponse {
  readonly type: typeof MessageType.shardSwept;
  readonly findings: SweepFindings;
  readonly lastId: RecordId;
  readonly exhausted: boolean;
}

/** When the node last came to a shard's end. */
export interface ShardSweep {
  readonly shard: number;
  readonly ageMs: number;
}

/** Since the node's start. */
export interface SweepToldResponse {
  readonly type: typeof MessageType.sweepTold;
  readonly findings: SweepFindings;
  readonly shards: readonly ShardSweep[];
}

export type SweepRequest = DigestRequest | PurgeRequest | SweepShardRequest | SweepStatusRequest;
export type SweepResponse = DigestedResponse | PurgedResponse | ShardSweptResponse | SweepToldResponse;

import type { Ballot } from '../record/ballot.ts';
import type { RecordId, SealedState } from '../record/state.ts';
import type { CountRecordsRequest, RecordsCountedResponse } from './count-messages.ts';
import type { MessageType, Want } from './messages.ts';

/** Architecture 7. Records of one namespace and generation in (shard, id) order, after `afterId` ('' = from the start). */
export interface ScanRequest {
  readonly type: typeof MessageType.scan;
  readonly shard: number;
  readonly shardEpoch: number;
  readonly namespace: number;
  readonly namespaceEpoch: number;
  readonly generation: number;
  readonly afterId: RecordId;
  /** At most so many entries; the node may stop earlier, and then says where it stopped. */
  readonly limit: number;
  /** `nothing` for counting, `meta` when the keys' names are wanted. */
  readonly want: Want;
}

/** Stands for every namespace and generation in a ScanRequest; a namespace's own begin at 1. */
export const EVERY_GENERATION = 0xffff_ffff;

/**
 * §7, §8. Everything that a node holds of a shard: records of all namespaces in their current generations, tombstones too, in
 * id order behind `afterId` ('' = from the start) up to and with `untilId` ('' = to the end). What the node accepted before it
 * was asked is in the answer. Only a node that answers for the shard at this epoch answers it.
 */
export interface ListRecordsRequest {
  readonly type: typeof MessageType.listRecords;
  readonly shard: number;
  readonly shardEpoch: number;
  readonly afterId: RecordId;
  readonly untilId: RecordId;
  /** At most so many entries; the node may stop earlier, and then says where it stopped. */
  readonly limit: number;
  readonly want: Want;
}

export interface ScanEntry {
  readonly id: RecordId;
  /** NO_BALLOT where a transaction's intent stands: what the record is has to be READ. */
  readonly accepted: Ballot;
  readonly state: SealedState;
  /** Of a pair: the two differ, or only one has it. Never sent. */
  readonly split?: true;
}

/** `exhausted`: nothing of the shard lies behind `lastId`. Otherwise all up to and including `lastId` was looked at. */
export interface ScannedResponse {
  readonly type: typeof MessageType.scanned;
  readonly entries: readonly ScanEntry[];
  readonly lastId: RecordId;
  readonly exhausted: boolean;
}

/** `state` null: not wanted. */
export interface ListedRecord {
  readonly id: RecordId;
  readonly accepted: Ballot;
  readonly state: SealedState | null;
}

/** `exhausted`: the range holds nothing behind `lastId`. Otherwise all up to and including `lastId` was looked at. */
export interface RecordsListedResponse {
  readonly type: typeof MessageType.recordsListed;
  readonly entries: readonly ListedRecord[];
  readonly lastId: RecordId;
  readonly exhausted: boolean;
}

/** Questions about what a node holds of a range of a shard, and the answers. */
export type RangeRequest = ScanRequest | ListRecordsRequest | CountRecordsRequest;
export type RangeResponse = ScannedResponse | RecordsListedResponse | RecordsCountedResponse;

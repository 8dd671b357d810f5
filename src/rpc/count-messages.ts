import type { RecordId } from '../record/state.ts';
import type { MessageType } from './messages.ts';

/** A namespace as records carry its number, and the generation in which its records count. */
export interface CountedNamespace {
  readonly namespace: number;
  readonly namespaceEpoch: number;
  readonly generation: number;
}

/** Architecture 7. How many records of each of these namespaces a node holds in a range of a shard, in one pass over them. */
export interface CountRecordsRequest {
  readonly type: typeof MessageType.countRecords;
  readonly shard: number;
  readonly shardEpoch: number;
  /** Behind it ('' = from the start), up to and with `untilId` ('' = to the end). */
  readonly afterId: RecordId;
  readonly untilId: RecordId;
  /** Wall clock: what has expired by then is no key. All that are asked judge by the same time. */
  readonly nowMs: number;
  readonly namespaces: readonly CountedNamespace[];
}

export interface NamespaceRecords {
  readonly keys: number;
  /** Of them, those that will be gone by themselves. */
  readonly expires: number;
  /** 16 bytes over id and accepted ballot of each live record in id order: nodes of which it is the same hold the same ones. */
  readonly digest: RecordId;
  /** False: a transaction's intent stands on some of them; what they are has to be READ. */
  readonly isSettled: boolean;
}

/** `counts` in the order of the request. `exhausted`: nothing of the range lies behind `lastId`. */
export interface RecordsCountedResponse {
  readonly type: typeof MessageType.recordsCounted;
  readonly counts: readonly NamespaceRecords[];
  readonly lastId: RecordId;
  readonly exhausted: boolean;
}

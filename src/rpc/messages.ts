import type { Ballot } from '../record/ballot.ts';
import type { PageId, PageManifest, RecordId, SealedState } from '../record/state.ts';
import type { KeyRequest, KeyResponse } from './key-messages.ts';
import type { RecordMemos } from './record-memos.ts';
import type { RangeRequest, RangeResponse } from './scan-messages.ts';
import type { SweepRequest, SweepResponse } from './sweep-messages.ts';

/** Number on the wire: never renumber. */
export const MessageType = {
  read: 1,
  prepare: 2,
  commit: 3,
  putPages: 4,
  getPages: 5,
  listPages: 6,
  missingPages: 7,
  scan: 8,
  adoptMap: 9,
  nodeStatus: 10,
  readMany: 11,
  prepareMany: 12,
  commitMany: 13,
  listRecords: 14,
  digest: 15,
  purge: 16,
  getMap: 17,
  sweepShard: 18,
  sweepStatus: 19,
  keyUse: 20,
  replacePages: 21,
  countRecords: 22,
  pinPages: 30,
  state: 65,
  promise: 66,
  ack: 67,
  reject: 68,
  clock: 69,
  stale: 70,
  epoch: 71,
  fault: 72,
  lost: 73,
  pagesStored: 74,
  pages: 75,
  pageIds: 76,
  scanned: 77,
  mapAdopted: 78,
  status: 79,
  statesMany: 80,
  promisesMany: 81,
  acksMany: 82,
  recordsListed: 83,
  digested: 84,
  purged: 85,
  mapText: 86,
  shardSwept: 87,
  sweepTold: 88,
  keyUsed: 89,
  pagesReplaced: 90,
  recordsCounted: 91,
} as const;

/** Which record, and the epochs of the sender's map that concern it (protocol §1 "epoch"). Shared by all messages of a round. */
export interface RecordAddress extends RecordMemos {
  readonly id: RecordId;
  readonly shard: number;
  readonly shardEpoch: number;
  readonly namespace: number;
  readonly namespaceEpoch: number;
}

/** How much of the state a sender wants back. `meta` is the header and the sealed metadata, `full` also a larger value. */
export const Want = { nothing: 0, meta: 1, full: 2 } as const;
export type Want = (typeof Want)[keyof typeof Want];

/** §3. With `ifAccepted` the state is sent only if it is still that one (else just the ballot). */
export interface ReadRequest {
  readonly type: typeof MessageType.read;
  readonly address: RecordAddress;
  readonly want: Want;
  readonly ifAccepted: Ballot | null;
}

/** §4.1 */
export interface PrepareRequest {
  readonly type: typeof MessageType.prepare;
  readonly address: RecordAddress;
  readonly ballot: Ballot;
  readonly want: Want;
}

/** §4.3 */
export interface CommitRequest {
  readonly type: typeof MessageType.commit;
  readonly address: RecordAddress;
  readonly ballot: Ballot;
  readonly baseOrigin: Ballot;
  readonly state: SealedState;
  readonly pages: PageManifest | null;
  readonly next: Ballot | null;
  /** The stored form of ballot and state, kept by the first storage node of this process that made it. Never sent. */
  encoded?: Buffer | undefined;
  /** The record's key in an engine, likewise. */
  engineKey?: Buffer | undefined;
}

/** READ of many records at once, without `ifAccepted`; all arrays of one length. */
export interface ReadManyRequest {
  readonly type: typeof MessageType.readMany;
  /** Records that the node has not in memory are brought from its disk first; else it passes them on. */
  readonly load: boolean;
  readonly addresses: readonly RecordAddress[];
  readonly wants: readonly Want[];
}

/** PREPARE of many records under one ballot. */
export interface PrepareManyRequest {
  readonly type: typeof MessageType.prepareMany;
  readonly load: boolean;
  readonly ballot: Ballot;
  readonly addresses: readonly RecordAddress[];
  readonly wants: readonly Want[];
}

/** One record of a COMMIT of many; without pages. */
export interface CommitItem {
  readonly address: RecordAddress;
  readonly ballot: Ballot;
  readonly state: SealedState;
  readonly next: Ballot | null;
  /** As in `CommitRequest`. Never sent. */
  encoded?: Buffer | undefined;
  engineKey?: Buffer | undefined;
}

/** COMMIT of many records: each on its own, some may be refused. */
export interface CommitManyRequest {
  readonly type: typeof MessageType.commitMany;
  readonly load: boolean;
  readonly items: readonly CommitItem[];
}

/** Pages travel ahead of the COMMIT that lists them. */
export interface PutPagesRequest {
  readonly type: typeof MessageType.putPages;
  readonly address: RecordAddress;
  readonly pages: readonly SealedPage[];
}

export interface SealedPage {
  readonly pageId: PageId;
  readonly sealed: Buffer;
}

export interface GetPagesRequest {
  readonly type: typeof MessageType.getPages;
  readonly address: RecordAddress;
  readonly pageIds: readonly PageId[];
}

/**
 * All pages that the node holds for the record, if its state's origin is `ifOrigin`, or was until a short time ago. Who asks knows
 * that the node has accepted that state.
 */
export interface ListPagesRequest {
  readonly type: typeof MessageType.listPages;
  readonly address: RecordAddress;
  readonly ifOrigin: Ballot;
}

/** Which of these pages does the node lack? */
export interface MissingPagesRequest {
  readonly type: typeof MessageType.missingPages;
  readonly address: RecordAddress;
  readonly pageIds: readonly PageId[];
}

/** §6. The pages of the record are still read, whichever version they are of: none is deleted for limits.pagePinMs. */
export interface PinPagesRequest {
  readonly type: typeof MessageType.pinPages;
  readonly address: RecordAddress;
}

/** §8. The sender hands its map on; the node adopts it durably if it is newer than its own. */
export interface AdoptMapRequest {
  readonly type: typeof MessageType.adoptMap;
  readonly map: string;
}

export interface NodeStatusRequest {
  readonly type: typeof MessageType.nodeStatus;
}

/** §8. The node's cluster map, if it is newer than `above`: for who cannot reach the config store. */
export interface GetMapRequest {
  readonly type: typeof MessageType.getMap;
  readonly above: number;
}

export type RecordRequest =
  | ReadRequest
  | PrepareRequest
  | CommitRequest
  | PutPagesRequest
  | GetPagesRequest
  | ListPagesRequest
  | MissingPagesRequest
  | PinPagesRequest;
export type ManyRequest = ReadManyRequest | PrepareManyRequest | CommitManyRequest;
export type Request =
  | RecordRequest
  | ManyRequest
  | RangeRequest
  | SweepRequest
  | KeyRequest
  | AdoptMapRequest
  | NodeStatusRequest
  | GetMapRequest;

/** Answer to READ. `accepted` is NO_BALLOT when absent; `state` is null when absent, not wanted or no longer `ifAccepted`. */
export interface StateResponse {
  readonly type: typeof MessageType.state;
  readonly accepted: Ballot;
  readonly state: SealedState | null;
  /** Of a pair (protocol §8): the two differ, and this is the higher one's; equal to no other answer. Never sent. */
  readonly split?: true;
}

export interface PromiseResponse {
  readonly type: typeof MessageType.promise;
  readonly accepted: Ballot;
  readonly state: SealedState | null;
  /** As in `StateResponse`. */
  readonly split?: true;
}

export interface AckResponse {
  readonly type: typeof MessageType.ack;
  readonly nextRecorded: boolean;
}

/** Answer to READ of many. `accepted` null: this node does not answer for that record here; ask it alone. */
export interface StatesManyResponse {
  readonly type: typeof MessageType.statesMany;
  readonly accepted: readonly (Ballot | null)[];
  readonly states: readonly (SealedState | null)[];
}

/** Answer to PREPARE of many. `accepted` null: nothing was promised for that record; ask alone for the reason. */
export interface PromisesManyResponse {
  readonly type: typeof MessageType.promisesMany;
  readonly accepted: readonly (Ballot | null)[];
  readonly states: readonly (SealedState | null)[];
}

/** What became of one record of a COMMIT of many. A number on the wire: never renumber. */
export const Ack = {
  /** Nothing was done here: send it alone. */
  passed: 0,
  refused: 1,
  accepted: 2,
  /** And `next` was promised. */
  acceptedAndNext: 3,
  /** Nothing was done: the disk has no room for what grows. */
  full: 4,
} as const;
export type Ack = (typeof Ack)[keyof typeof Ack];

export interface AcksManyResponse {
  readonly type: typeof MessageType.acksMany;
  readonly acks: readonly Ack[];
}

/** The higher ballot that stands in the way, and the node's floor. */
export interface RejectResponse {
  readonly type: typeof MessageType.reject;
  readonly ballot: Ballot;
  readonly floor: Ballot;
}

/** The ballot is more than 10 s above max(own clock, ceiling). */
export interface ClockResponse {
  readonly type: typeof MessageType.clock;
  readonly clockUs: number;
  readonly ceiling: Ballot;
}

/** The node cannot be sure to hold the pages of the base. */
export interface StaleResponse {
  readonly type: typeof MessageType.stale;
}

/** The sender's epochs are not the node's. */
export interface EpochResponse {
  readonly type: typeof MessageType.epoch;
  readonly mapEpoch: number;
}

/** `full`: the disk has no room for what grows. */
export type FaultKind = 'corrupt' | 'io' | 'busy' | 'incarnation' | 'malformed' | 'full';

/** The node could not serve the request; nothing was accepted or promised by it. */
export interface FaultResponse {
  readonly type: typeof MessageType.fault;
  readonly fault: FaultKind;
  readonly detail: string;
}

/** Made by the transport, never sent: no connection, or it broke before a response came. The request may have arrived. */
export interface LostResponse {
  readonly type: typeof MessageType.lost;
}

/** Answer to putPages and pinPages. */
export interface PagesStoredResponse {
  readonly type: typeof MessageType.pagesStored;
}

/** In the order asked for; null where the node lacks the page. */
export interface PagesResponse {
  readonly type: typeof MessageType.pages;
  readonly pages: readonly (Buffer | null)[];
}

/** Answer to listPages (null: the origin is another) and missingPages. */
export interface PageIdsResponse {
  readonly type: typeof MessageType.pageIds;
  readonly pageIds: readonly PageId[] | null;
}

export interface MapAdoptedResponse {
  readonly type: typeof MessageType.mapAdopted;
  readonly mapEpoch: number;
}

/** `map` is empty if the node has none that is newer. */
export interface MapTextResponse {
  readonly type: typeof MessageType.mapText;
  readonly mapEpoch: number;
  readonly map: string;
}

export interface StatusResponse {
  readonly type: typeof MessageType.status;
  readonly status: NodeStatus;
}

/** What a node says of itself; also the counters that INFO sums up. */
export interface NodeStatus {
  readonly nodeId: number;
  readonly mapEpoch: number;
  readonly engine: string;
  readonly fsync: string;
  readonly dataBytes: number;
  readonly corruptRecords: number;
  readonly unsyncedMs: number;
  /** The node's own; another one than in the cluster map while the node waits to enter itself there. */
  readonly incarnation: string;
  /** The durable ceiling: above all that the node has promised or accepted; microseconds. */
  readonly ceilingUs: number;
  /** Shards that the node has yet to learn. */
  readonly learningShards: number;
  /** Its disk may lack acknowledged writes, and it still has what it had: it does not vote with that unless told to. */
  readonly distrusted: boolean;
  /** What its engine holds of live records and their pages; 0 where that is not counted, on disks. */
  readonly liveBytes: number;
  /** How many of them have an expiry. */
  readonly expiringRecords: number;
}

export type Response =
  | StateResponse
  | PromiseResponse
  | AckResponse
  | StatesManyResponse
  | PromisesManyResponse
  | AcksManyResponse
  | RejectResponse
  | ClockResponse
  | StaleResponse
  | EpochResponse
  | FaultResponse
  | LostResponse
  | PagesStoredResponse
  | PagesResponse
  | PageIdsResponse
  | RangeResponse
  | SweepResponse
  | KeyResponse
  | MapAdoptedResponse
  | MapTextResponse
  | StatusResponse;

export const LOST: LostResponse = Object.freeze({ type: MessageType.lost });

/** Made by the transport, never sent: the bound on what is under way to this node is reached. The request did not leave. */
export const BUSY: FaultResponse = Object.freeze({
  type: MessageType.fault,
  fault: 'busy',
  detail: 'too much under way to this storage node',
});

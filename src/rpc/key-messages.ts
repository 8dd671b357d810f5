import type { PageId, RecordId } from '../record/state.ts';
import type { MessageType } from './messages.ts';
import type { ScanEntry } from './scan-messages.ts';

/**
 * Which versions of the seal key are in use in a part of a shard, as this node holds it: tombstones, flushed generations and pages
 * that no record lists any more included. In the order of ids, behind `afterId` and, among its pages, `afterPage` ('' = from the
 * start).
 */
export interface KeyUseRequest {
  readonly type: typeof MessageType.keyUse;
  readonly shard: number;
  readonly shardEpoch: number;
  /** Pages of large values; else records. */
  readonly pages: boolean;
  readonly afterId: RecordId;
  readonly afterPage: PageId;
  /** What is sealed with another version than this is listed ... */
  readonly keepVersion: number;
  /** ... so much of it at most; 0: it is only counted. */
  readonly limit: number;
}

/** Puts the same page, sealed anew, in the place of each that the node has; what it has not, it leaves. */
export interface ReplacePagesRequest {
  readonly type: typeof MessageType.replacePages;
  readonly shard: number;
  readonly shardEpoch: number;
  readonly pages: readonly PlacedPage[];
}

/** A sealed page and where it belongs. */
export interface PlacedPage {
  readonly id: RecordId;
  readonly pageId: PageId;
  readonly sealed: Buffer;
}

/** What is sealed with one version. */
export interface KeyVersionUse {
  readonly keyVersion: number;
  /** Records or pages. */
  readonly count: number;
  readonly bytes: number;
}

/** `exhausted`: all of the shard's records, or pages, were looked at. Otherwise up to and including `lastId` and `lastPage`. */
export interface KeyUsedResponse {
  readonly type: typeof MessageType.keyUsed;
  readonly uses: readonly KeyVersionUse[];
  /** Records whose bytes are damaged here: nobody knows what seals them. */
  readonly unreadable: number;
  /** Live records to be sealed anew: header and sealed metadata. */
  readonly records: readonly ScanEntry[];
  readonly pages: readonly PlacedPage[];
  readonly lastId: RecordId;
  readonly lastPage: PageId;
  readonly exhausted: boolean;
}

/** `replaced`: how many of the pages the node had. */
export interface PagesReplacedResponse {
  readonly type: typeof MessageType.pagesReplaced;
  readonly replaced: number;
}

export type KeyRequest = KeyUseRequest | ReplacePagesRequest;
export type KeyResponse = KeyUsedResponse | PagesReplacedResponse;

import { assert } from '../base/assert.ts';
import type { Ballot } from './ballot.ts';
import { isNoBallot } from './ballot.ts';
import { readBallot, writeBallot, writeLatin1 } from './bytes.ts';
import type { PageId, RecordId } from './state.ts';

/** Bytes of a record id and of a page id. */
export const ID_BYTES = 16;

/*
 * Keys in a storage node's engine:
 *
 *   record = 'r' shard:u16 recordId:16
 *   page   = 'p' shard:u16 recordId:16 pageId:16
 *   dropped= 'd' shard:u16 recordId:16 pageId:16   ; a page that its record has ceased to list; the value is the ballot since when
 *            with index 0xffffffff in the pageId: all pages of older writes than that; all zeros: older marks mean nothing
 *   node   = 'n' name                              ; what the node keeps of itself
 *   journal= 'j'                                   ; the engine's own: what it knows of its journal
 */
/** First byte of a record's key. */
export const RECORD_TAG = 0x72;
const TAG_PAGE = 0x70;
const TAG_DROPPED = 0x64;
const TAG_NODE = 0x6e;
const TAG_JOURNAL = 0x6a;
/** Where the record id begins in a record's key. */
export const RECORD_ID_AT = 1 + 2;
export const RECORD_KEY_BYTES = RECORD_ID_AT + ID_BYTES;
const PAGE_KEY_BYTES = RECORD_KEY_BYTES + ID_BYTES;
/** No write has so many pages. */
const SUPERSEDED_INDEX = 0xffff_ffff;
/** Sorts before every page: marks that are older than this one mean nothing. */
export const VOID_MARK: PageId = '\0'.repeat(ID_BYTES);

/** Where a range of engine keys starts and ends: `from` inclusive, `to` exclusive. */
export interface KeyRange {
  readonly from: Buffer;
  readonly to: Buffer;
}

export function recordIdToBytes(id: RecordId): Buffer {
  assert(id.length === ID_BYTES, 'a record id has 16 bytes');
  return Buffer.from(id, 'latin1');
}

export function recordIdFromBytes(bytes: Buffer): RecordId {
  assert(bytes.length === ID_BYTES, 'a record id has 16 bytes');
  return bytes.toString('latin1');
}

/** Names page number `index` of the write that has this ballot (an attempt never uses another's ballot). */
export function makePageId(ballot: Ballot, index: number): PageId {
  assert(!isNoBallot(ballot), 'a page belongs to a write');
  const bytes = Buffer.allocUnsafe(ID_BYTES);
  bytes.writeUInt32BE(index, writeBallot(bytes, 0, ballot));
  return bytes.toString('latin1');
}

/** The ballot of the write that made the page; null if the id is none. */
export function pageBallot(pageId: PageId): Ballot | null {
  return pageId.length === ID_BYTES ? readBallot(Buffer.from(pageId, 'latin1'), 0) : null;
}

function startKey(bytes: Buffer, tag: number, shard: number): number {
  bytes[0] = tag;
  return bytes.writeUInt16BE(shard, 1);
}

export function recordKey(shard: number, id: RecordId): Buffer {
  assert(id.length === ID_BYTES, 'a record id has 16 bytes');
  const key = Buffer.allocUnsafe(RECORD_KEY_BYTES);
  writeLatin1(key, startKey(key, RECORD_TAG, shard), id);
  return key;
}

/** Null if the key is not a record's. */
export function parseRecordKey(key: Buffer): { shard: number; id: RecordId } | null {
  if (key.length !== RECORD_KEY_BYTES || key[0] !== RECORD_TAG) return null;
  return { shard: key.readUInt16BE(1), id: key.toString('latin1', 3) };
}

export function pageKey(shard: number, id: RecordId, pageId: PageId): Buffer {
  assert(id.length === ID_BYTES && pageId.length === ID_BYTES, 'record ids and page ids have 16 bytes');
  const key = Buffer.allocUnsafe(PAGE_KEY_BYTES);
  writeLatin1(key, writeLatin1(key, startKey(key, TAG_PAGE, shard), id), pageId);
  return key;
}

/** Null if the key is not a page's. */
export function parsePageKey(key: Buffer): { shard: number; id: RecordId; pageId: PageId } | null {
  if (key.length !== PAGE_KEY_BYTES || key[0] !== TAG_PAGE) return null;
  return {
    shard: key.readUInt16BE(1),
    id: key.toString('latin1', 3, RECORD_KEY_BYTES),
    pageId: key.toString('latin1', RECORD_KEY_BYTES),
  };
}

/** Where it is marked that the record has ceased to list the page. */
export function droppedPageKey(shard: number, id: RecordId, pageId: PageId): Buffer {
  const key = pageKey(shard, id, pageId);
  key[0] = TAG_DROPPED;
  return key;
}

/** Stands, in a mark, for all pages of writes older than this ballot. */
export function supersededPages(ballot: Ballot): PageId {
  return makePageId(ballot, SUPERSEDED_INDEX);
}

/** Whether the page id of a mark stands for all older pages. */
export function isSuperseded(pageId: PageId): boolean {
  return pageId.endsWith('\xff\xff\xff\xff');
}

/** Null if the key marks no dropped page. */
export function parseDroppedPageKey(key: Buffer): { shard: number; id: RecordId; pageId: PageId } | null {
  if (key.length !== PAGE_KEY_BYTES || key[0] !== TAG_DROPPED) return null;
  return {
    shard: key.readUInt16BE(1),
    id: key.toString('latin1', 3, RECORD_KEY_BYTES),
    pageId: key.toString('latin1', RECORD_KEY_BYTES),
  };
}

/** The marks of a shard's dropped pages, record by record. */
export function shardDroppedRange(shard: number): KeyRange {
  const prefix = Buffer.allocUnsafe(3);
  startKey(prefix, TAG_DROPPED, shard);
  return rangeOfPrefix(prefix);
}

/** All marks of dropped pages. */
export function droppedMarksRange(): KeyRange {
  return rangeOfPrefix(Buffer.from([TAG_DROPPED]));
}

/** Where a node keeps something of its own; `name` in ASCII. */
export function nodeKey(name: string): Buffer {
  return Buffer.from(`n${name}`, 'latin1');
}

/** Null if the key is not a node's. */
export function parseNodeKey(key: Buffer): string | null {
  return key[0] === TAG_NODE ? key.toString('latin1', 1) : null;
}

/** Where an engine notes what it knows of its journal; nobody else writes it, and scans do not show it. */
export function journalKey(): Buffer {
  return Buffer.from([TAG_JOURNAL]);
}

/** Every key that starts with `prefix`. The prefix must not be all 0xff. */
function rangeOfPrefix(prefix: Buffer): KeyRange {
  const to = Buffer.from(prefix);
  let last = to.length - 1;
  while (last >= 0 && to[last] === 0xff) last--;
  assert(last >= 0, 'no end above a prefix of 0xff only');
  to[last] = (to[last] ?? 0) + 1;
  return { from: prefix, to: to.subarray(0, last + 1) };
}

/** The records of a shard behind `afterId` ('' = all of them), in id order. */
export function recordRange(shard: number, afterId: RecordId = ''): KeyRange {
  const prefix = Buffer.allocUnsafe(3);
  startKey(prefix, RECORD_TAG, shard);
  const range = rangeOfPrefix(prefix);
  // The key right behind an id is that id and a zero byte.
  return afterId === '' ? range : { from: Buffer.concat([recordKey(shard, afterId), Buffer.alloc(1)]), to: range.to };
}

/** All pages of one record. */
export function pageRange(shard: number, id: RecordId): KeyRange {
  const prefix = recordKey(shard, id);
  prefix[0] = TAG_PAGE;
  return rangeOfPrefix(prefix);
}

/** All pages of a shard. */
export function shardPageRange(shard: number): KeyRange {
  const prefix = Buffer.allocUnsafe(3);
  startKey(prefix, TAG_PAGE, shard);
  return rangeOfPrefix(prefix);
}

/** Everything that a node keeps of itself. */
export function nodeRange(): KeyRange {
  return rangeOfPrefix(Buffer.from([TAG_NODE]));
}

import { crc32 } from 'node:zlib';
import type { Ballot } from '../../record/ballot.ts';
import { BALLOT_BYTES, readBallot, writeBallot, writeLatin1, writeU32 } from '../../record/bytes.ts';
import { ID_BYTES } from '../../record/record-id.ts';
import type { PageId, RecordId } from '../../record/state.ts';
import { decodeStored, encodeStored, type StoredRecord } from '../../record/state-codec.ts';

/*
 * The files of a backup beside its manifest (docs/backup.md). All numbers are big endian.
 *
 *   file    = 'JKVBAK' kind:u8 formatVersion:u8 backupId:16 *frame
 *   frame   = length:u32 crc32:u32 payload                      ; of the payload
 *   payload = 1 shard:u16 recordId:16 pageCount:u32 record      ; kind 'r'; record as in state-codec.ts, still sealed
 *           | 2 pageId:16 sealedPage                            ; kind 'r'; pageCount of them follow their record
 *           | 3 shard:u16 *( recordId:16 accepted:ballot )      ; kind 'i'
 *
 * Records, and index entries, ascend by shard and record id.
 */
const MAGIC = 'JKVBAK';
const FORMAT_VERSION = 1;
/** Bytes of a backup's id. */
export const BACKUP_ID_BYTES = 16;
export const FILE_HEADER_BYTES = MAGIC.length + 2 + BACKUP_ID_BYTES;
export const FRAME_HEADER_BYTES = 8;

const RECORD = 1;
const PAGE = 2;
const INDEX = 3;
const RECORD_FIXED_BYTES = 1 + 2 + ID_BYTES + 4;
const PAGE_FIXED_BYTES = 1 + ID_BYTES;
const INDEX_FIXED_BYTES = 1 + 2;
const INDEX_ENTRY_BYTES = ID_BYTES + BALLOT_BYTES;

/** What a file holds: records with their pages, or which records were live. */
export type FileKind = 'records' | 'index';

/** Where a record stands in the order of a backup. */
export interface Position {
  readonly shard: number;
  /** '' is before all ids of the shard. */
  readonly id: RecordId;
}

/** A live record, by the ballot of its state. */
export interface IndexEntry extends Position {
  readonly accepted: Ballot;
}

export interface RecordEntry extends Position {
  readonly stored: StoredRecord;
  /** Pages that follow. */
  readonly pageCount: number;
}

export interface PageEntry {
  readonly pageId: PageId;
  readonly sealed: Buffer;
}

export type Payload =
  | { readonly kind: 'record'; readonly record: RecordEntry }
  | { readonly kind: 'page'; readonly page: PageEntry }
  | { readonly kind: 'index'; readonly entries: readonly IndexEntry[] };

export function comparePositions(a: Position, b: Position): number {
  if (a.shard !== b.shard) return a.shard - b.shard;
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}

/** `backupId`: 32 hex digits. */
export function encodeFileHeader(kind: FileKind, backupId: string): Buffer {
  const header = Buffer.alloc(FILE_HEADER_BYTES);
  header.write(MAGIC, 'latin1');
  header.write(kind === 'records' ? 'r' : 'i', MAGIC.length, 'latin1');
  header[MAGIC.length + 1] = FORMAT_VERSION;
  header.write(backupId, MAGIC.length + 2, 'hex');
  return header;
}

/** What is wrong with a file's header, or null. */
export function fileHeaderProblem(header: Buffer, kind: FileKind, backupId: string): string | null {
  if (header.toString('latin1', 0, MAGIC.length) !== MAGIC) return 'is no file of a junokv backup';
  const version = header[MAGIC.length + 1];
  if (version !== FORMAT_VERSION) return `has format ${version}, which this version of junokv does not know`;
  return header.equals(encodeFileHeader(kind, backupId)) ? null : 'belongs to another backup';
}

/** A payload with its length and checksum before it. */
export function encodeFrame(payload: readonly Buffer[]): Buffer {
  const length = payload.reduce((sum, part) => sum + part.length, 0);
  const frame = Buffer.concat([Buffer.alloc(FRAME_HEADER_BYTES), ...payload]);
  writeU32(frame, 0, length);
  writeU32(frame, 4, crc32(frame.subarray(FRAME_HEADER_BYTES)));
  return frame;
}

export function encodeRecord({ shard, id, stored, pageCount }: RecordEntry): Buffer {
  const fixed = Buffer.alloc(RECORD_FIXED_BYTES);
  fixed[0] = RECORD;
  fixed.writeUInt16BE(shard, 1);
  fixed.writeUInt32BE(pageCount, writeLatin1(fixed, 3, id));
  return encodeFrame([fixed, encodeStored(stored.accepted, stored.state)]);
}

export function encodePage({ pageId, sealed }: PageEntry): Buffer {
  const fixed = Buffer.alloc(PAGE_FIXED_BYTES);
  fixed[0] = PAGE;
  writeLatin1(fixed, 1, pageId);
  return encodeFrame([fixed, sealed]);
}

/** Entries of one shard. */
export function encodeIndex(shard: number, entries: readonly IndexEntry[]): Buffer {
  const bytes = Buffer.alloc(INDEX_FIXED_BYTES + entries.length * INDEX_ENTRY_BYTES);
  bytes[0] = INDEX;
  let at = bytes.writeUInt16BE(shard, 1);
  for (const { id, accepted } of entries) at = writeBallot(bytes, writeLatin1(bytes, at, id), accepted);
  return encodeFrame([bytes]);
}

export function frameChecksum(payload: Buffer): number {
  return crc32(payload);
}

/** Null if malformed. What it holds are views into `payload`. */
export function decodePayload(payload: Buffer): Payload | null {
  switch (payload[0]) {
    case RECORD: {
      if (payload.length < RECORD_FIXED_BYTES) return null;
      const stored = decodeStored(payload.subarray(RECORD_FIXED_BYTES));
      if (stored === null) return null;
      const id = payload.toString('latin1', 3, 3 + ID_BYTES);
      const pageCount = payload.readUInt32BE(3 + ID_BYTES);
      return { kind: 'record', record: { shard: payload.readUInt16BE(1), id, stored, pageCount } };
    }
    case PAGE: {
      if (payload.length < PAGE_FIXED_BYTES) return null;
      const pageId = payload.toString('latin1', 1, PAGE_FIXED_BYTES);
      return { kind: 'page', page: { pageId, sealed: payload.subarray(PAGE_FIXED_BYTES) } };
    }
    case INDEX:
      return decodeIndex(payload);
    default:
      return null;
  }
}

function decodeIndex(payload: Buffer): Payload | null {
  if (payload.length < INDEX_FIXED_BYTES || (payload.length - INDEX_FIXED_BYTES) % INDEX_ENTRY_BYTES !== 0) return null;
  const shard = payload.readUInt16BE(1);
  const entries: IndexEntry[] = [];
  for (let at = INDEX_FIXED_BYTES; at < payload.length; at += INDEX_ENTRY_BYTES) {
    const accepted = readBallot(payload, at + ID_BYTES);
    if (accepted === null) return null;
    entries.push({ shard, id: payload.toString('latin1', at, at + ID_BYTES), accepted });
  }
  return { kind: 'index', entries };
}

import { unreachable } from '../base/assert.ts';
import { BALLOT_BYTES } from '../record/bytes.ts';
import { stateLength } from '../record/state-codec.ts';
import {
  countRequestLength,
  countResponseLength,
  readCountRequest,
  readCountResponse,
  writeCountRequest,
  writeCountResponse,
} from './count-codec.ts';
import type { CountRecordsRequest, RecordsCountedResponse } from './count-messages.ts';
import type { KeyRequest, KeyResponse, KeyUsedResponse, KeyVersionUse, PlacedPage } from './key-messages.ts';
import { MessageType } from './messages.ts';
import type { ScanEntry } from './scan-messages.ts';
import type { WireReader } from './wire-reader.ts';
import { ID_BYTES, type WireWriter } from './wire-writer.ts';

/*
 * Bodies of what is said about key versions; counting is passed on to count-codec.ts. The notation is explained in message-codec.ts.
 *
 *   placed := id pageId:id blob
 *   use    := keyVersion:u32 count:u64 bytes:u64
 */

const SHARD_BYTES = 2 + 4;
const USE_BYTES = 4 + 8 + 8;
const PLACED_MIN_BYTES = 2 * ID_BYTES + 4;
/** The shortest entry is longer than this: keeps an announced count honest. */
const ENTRY_MIN_BYTES = ID_BYTES + BALLOT_BYTES + 16;

function optionalIdLength(id: string): number {
  return id === '' ? 1 : 1 + ID_BYTES;
}

function placedLength(pages: readonly PlacedPage[]): number {
  let bytes = 4 + pages.length * PLACED_MIN_BYTES;
  for (const page of pages) bytes += page.sealed.length;
  return bytes;
}

/** Bytes that `writeKeyRequest` will take. */
export function keyRequestLength(request: KeyRequest | CountRecordsRequest): number {
  switch (request.type) {
    case MessageType.keyUse:
      return SHARD_BYTES + 1 + optionalIdLength(request.afterId) + optionalIdLength(request.afterPage) + 8;
    case MessageType.replacePages:
      return SHARD_BYTES + placedLength(request.pages);
    default:
      return countRequestLength(request);
  }
}

export function writeKeyRequest(writer: WireWriter, request: KeyRequest | CountRecordsRequest): void {
  if (request.type === MessageType.countRecords) {
    writeCountRequest(writer, request);
    return;
  }
  writer.u16(request.shard);
  writer.u32(request.shardEpoch);
  switch (request.type) {
    // keyUse := shard:u16 epoch:u32 pages:flag afterId:id? afterPage:id? keepVersion:u32 limit:u32
    case MessageType.keyUse:
      writer.flag(request.pages);
      writer.optionalId(request.afterId);
      writer.optionalId(request.afterPage);
      writer.u32(request.keepVersion);
      writer.u32(request.limit);
      return;
    // replacePages := shard:u16 epoch:u32 placed*
    case MessageType.replacePages:
      writePlaced(writer, request.pages);
      return;
    default:
      unreachable(request);
  }
}

/** Null: no request about keys. */
export function readKeyRequest(reader: WireReader, type: number): KeyRequest | CountRecordsRequest | null {
  switch (type) {
    case MessageType.keyUse:
      return {
        type,
        shard: reader.u16(),
        shardEpoch: reader.u32(),
        pages: reader.flag(),
        afterId: reader.optionalId(),
        afterPage: reader.optionalId(),
        keepVersion: reader.u32(),
        limit: reader.u32(),
      };
    case MessageType.replacePages:
      return { type, shard: reader.u16(), shardEpoch: reader.u32(), pages: readPlaced(reader) };
    default:
      return readCountRequest(reader, type);
  }
}

/** Bytes that `writeKeyResponse` will take. */
export function keyResponseLength(response: KeyResponse | RecordsCountedResponse): number {
  switch (response.type) {
    case MessageType.keyUsed: {
      let entries = 4 + response.records.length * (ID_BYTES + BALLOT_BYTES);
      for (const { state } of response.records) entries += stateLength(state);
      const places = optionalIdLength(response.lastId) + optionalIdLength(response.lastPage) + 1;
      return 4 + response.uses.length * USE_BYTES + 4 + entries + placedLength(response.pages) + places;
    }
    case MessageType.pagesReplaced:
      return 4;
    default:
      return countResponseLength(response);
  }
}

export function writeKeyResponse(writer: WireWriter, response: KeyResponse | RecordsCountedResponse): void {
  switch (response.type) {
    case MessageType.keyUsed:
      writeUsed(writer, response);
      return;
    // pagesReplaced := u32
    case MessageType.pagesReplaced:
      writer.u32(response.replaced);
      return;
    default:
      writeCountResponse(writer, response);
  }
}

// keyUsed := use* unreadable:u32 entry* placed* lastId:id? lastPage:id? exhausted:flag
function writeUsed(writer: WireWriter, response: KeyUsedResponse): void {
  writer.u32(response.uses.length);
  for (const { keyVersion, count, bytes } of response.uses) {
    writer.u32(keyVersion);
    writer.u64(count);
    writer.u64(bytes);
  }
  writer.u32(response.unreadable);
  writer.u32(response.records.length);
  for (const { id, accepted, state } of response.records) {
    writer.id(id);
    writer.ballot(accepted);
    writer.state(state);
  }
  writePlaced(writer, response.pages);
  writer.optionalId(response.lastId);
  writer.optionalId(response.lastPage);
  writer.flag(response.exhausted);
}

/** Null: no response about keys. */
export function readKeyResponse(reader: WireReader, type: number): KeyResponse | RecordsCountedResponse | null {
  switch (type) {
    case MessageType.keyUsed:
      return {
        type,
        uses: readUses(reader),
        unreadable: reader.u32(),
        records: readEntries(reader),
        pages: readPlaced(reader),
        lastId: reader.optionalId(),
        lastPage: reader.optionalId(),
        exhausted: reader.flag(),
      };
    case MessageType.pagesReplaced:
      return { type, replaced: reader.u32() };
    default:
      return readCountResponse(reader, type);
  }
}

function writePlaced(writer: WireWriter, pages: readonly PlacedPage[]): void {
  writer.u32(pages.length);
  for (const { id, pageId, sealed } of pages) {
    writer.id(id);
    writer.id(pageId);
    writer.blob(sealed);
  }
}

function readPlaced(reader: WireReader): PlacedPage[] {
  const count = reader.count(PLACED_MIN_BYTES);
  const pages: PlacedPage[] = [];
  for (let i = 0; i < count && !reader.failed; i++) {
    pages.push({ id: reader.id(), pageId: reader.id(), sealed: reader.blob() });
  }
  return pages;
}

function readUses(reader: WireReader): KeyVersionUse[] {
  const count = reader.count(USE_BYTES);
  const uses: KeyVersionUse[] = [];
  for (let i = 0; i < count && !reader.failed; i++) {
    uses.push({ keyVersion: reader.u32(), count: reader.u64(), bytes: reader.u64() });
  }
  return uses;
}

function readEntries(reader: WireReader): ScanEntry[] {
  const count = reader.count(ENTRY_MIN_BYTES);
  const entries: ScanEntry[] = [];
  for (let i = 0; i < count; i++) {
    const id = reader.id();
    const accepted = reader.ballot();
    const state = reader.state();
    if (state === null) break;
    entries.push({ id, accepted, state });
  }
  return entries;
}

import { assert } from '../base/assert.ts';
import type { Ballot } from '../record/ballot.ts';
import { BALLOT_BYTES } from '../record/bytes.ts';
import type { PageManifest } from '../record/state.ts';
import { stateLength } from '../record/state-codec.ts';
import {
  type CommitItem,
  type CommitRequest,
  MessageType,
  type RecordAddress,
  type Request,
  type SealedPage,
  Want,
} from './messages.ts';
import type { ListRecordsRequest, ScanRequest } from './scan-messages.ts';
import { readSweepRequest, sweepRequestLength, writeSweepRequest } from './sweep-codec.ts';
import type { WireReader } from './wire-reader.ts';
import { ID_BYTES, textLength, type WireWriter } from './wire-writer.ts';

/*
 * Bodies of requests; the notation is explained in message-codec.ts.
 *
 *   address  := id shard:u16 shardEpoch:u32 namespace:u32 namespaceEpoch:u32
 *   want     := u8: 0 nothing, 1 meta, 2 full
 *   manifest := complete:flag added:id* dropped:id*
 *   page     := id blob
 */

const ADDRESS_BYTES = ID_BYTES + 14;
const PAGE_MIN_BYTES = ID_BYTES + 4;
/** The shortest state is longer than this: keeps an announced count honest. */
const COMMIT_ITEM_MIN_BYTES = ADDRESS_BYTES + BALLOT_BYTES + 1 + 16;

function optionalBallotLength(ballot: Ballot | null): number {
  return ballot === null ? 1 : 1 + BALLOT_BYTES;
}

function idsLength(ids: readonly string[]): number {
  return 4 + ids.length * ID_BYTES;
}

function optionalIdLength(id: string): number {
  return id === '' ? 1 : 1 + ID_BYTES;
}

function manifestLength(manifest: PageManifest | null): number {
  return manifest === null ? 1 : 2 + idsLength(manifest.added) + idsLength(manifest.dropped);
}

function pagesLength(pages: readonly SealedPage[]): number {
  let bytes = 4 + pages.length * PAGE_MIN_BYTES;
  for (const page of pages) bytes += page.sealed.length;
  return bytes;
}

function commitItemsLength(items: readonly CommitItem[]): number {
  let bytes = 0;
  for (const item of items)
    bytes += ADDRESS_BYTES + BALLOT_BYTES + optionalBallotLength(item.next) + stateLength(item.state);
  return bytes;
}

/** Bytes that `writeRequest` will take. */
export function requestLength(request: Request): number {
  switch (request.type) {
    case MessageType.read:
      return ADDRESS_BYTES + 1 + optionalBallotLength(request.ifAccepted);
    case MessageType.prepare:
      return ADDRESS_BYTES + BALLOT_BYTES + 1;
    case MessageType.commit: {
      const fixed = ADDRESS_BYTES + 2 * BALLOT_BYTES + optionalBallotLength(request.next);
      return fixed + manifestLength(request.pages) + stateLength(request.state);
    }
    case MessageType.putPages:
      return ADDRESS_BYTES + pagesLength(request.pages);
    case MessageType.getPages:
    case MessageType.missingPages:
      return ADDRESS_BYTES + idsLength(request.pageIds);
    case MessageType.listPages:
      return ADDRESS_BYTES + BALLOT_BYTES;
    case MessageType.pinPages:
      return ADDRESS_BYTES;
    case MessageType.readMany:
      return 5 + request.addresses.length * (ADDRESS_BYTES + 1);
    case MessageType.prepareMany:
      return BALLOT_BYTES + 5 + request.addresses.length * (ADDRESS_BYTES + 1);
    case MessageType.commitMany:
      return 5 + commitItemsLength(request.items);
    case MessageType.scan:
      return 18 + optionalIdLength(request.afterId) + 5;
    case MessageType.listRecords:
      return 6 + optionalIdLength(request.afterId) + optionalIdLength(request.untilId) + 5;
    case MessageType.adoptMap:
      return textLength(request.map);
    case MessageType.getMap:
      return 4;
    case MessageType.nodeStatus:
      return 0;
    default:
      return sweepRequestLength(request);
  }
}

function writeAddress(writer: WireWriter, address: RecordAddress): void {
  writer.id(address.id);
  writer.u16(address.shard);
  writer.u32(address.shardEpoch);
  writer.u32(address.namespace);
  writer.u32(address.namespaceEpoch);
}

// commit := address ballot baseOrigin:ballot next:ballot? manifest? state
function writeCommit(writer: WireWriter, request: CommitRequest): void {
  writeAddress(writer, request.address);
  writer.ballot(request.ballot);
  writer.ballot(request.baseOrigin);
  writer.optionalBallot(request.next);
  writer.flag(request.pages !== null);
  if (request.pages !== null) {
    writer.flag(request.pages.complete);
    writer.ids(request.pages.added);
    writer.ids(request.pages.dropped);
  }
  writer.state(request.state);
}

function writeWanted(writer: WireWriter, addresses: readonly RecordAddress[], wants: readonly Want[]): void {
  writer.u32(addresses.length);
  for (let i = 0; i < addresses.length; i++) {
    const address = addresses[i];
    const want = wants[i];
    assert(address !== undefined && want !== undefined, 'each record has its want');
    writeAddress(writer, address);
    writer.u8(want);
  }
}

// commitMany := load:flag (address ballot next:ballot? state)*
function writeCommitItems(writer: WireWriter, items: readonly CommitItem[]): void {
  writer.u32(items.length);
  for (const item of items) {
    writeAddress(writer, item.address);
    writer.ballot(item.ballot);
    writer.optionalBallot(item.next);
    writer.state(item.state);
  }
}

// scan := shard:u16 epoch:u32 namespace:u32 epoch:u32 generation:u32 afterId:id? limit:u32 want
function writeScan(writer: WireWriter, request: ScanRequest): void {
  writer.u16(request.shard);
  writer.u32(request.shardEpoch);
  writer.u32(request.namespace);
  writer.u32(request.namespaceEpoch);
  writer.u32(request.generation);
  writer.optionalId(request.afterId);
  writer.u32(request.limit);
  writer.u8(request.want);
}

// listRecords := shard:u16 epoch:u32 afterId:id? untilId:id? limit:u32 want
function writeListRecords(writer: WireWriter, request: ListRecordsRequest): void {
  writer.u16(request.shard);
  writer.u32(request.shardEpoch);
  writer.optionalId(request.afterId);
  writer.optionalId(request.untilId);
  writer.u32(request.limit);
  writer.u8(request.want);
}

/** Writes the body; room for `requestLength` bytes has been reserved. */
export function writeRequest(writer: WireWriter, request: Request): void {
  switch (request.type) {
    // read := address want ballot?
    case MessageType.read:
      writeAddress(writer, request.address);
      writer.u8(request.want);
      writer.optionalBallot(request.ifAccepted);
      return;
    // prepare := address ballot want
    case MessageType.prepare:
      writeAddress(writer, request.address);
      writer.ballot(request.ballot);
      writer.u8(request.want);
      return;
    case MessageType.commit:
      writeCommit(writer, request);
      return;
    // putPages := address page*
    case MessageType.putPages:
      writeAddress(writer, request.address);
      writer.u32(request.pages.length);
      for (const page of request.pages) {
        writer.id(page.pageId);
        writer.blob(page.sealed);
      }
      return;
    // getPages := address id*
    // missingPages := address id*
    case MessageType.getPages:
    case MessageType.missingPages:
      writeAddress(writer, request.address);
      writer.ids(request.pageIds);
      return;
    // listPages := address ifOrigin:ballot
    case MessageType.listPages:
      writeAddress(writer, request.address);
      writer.ballot(request.ifOrigin);
      return;
    // pinPages := address
    case MessageType.pinPages:
      writeAddress(writer, request.address);
      return;
    // readMany := load:flag (address want)*
    case MessageType.readMany:
      writer.flag(request.load);
      writeWanted(writer, request.addresses, request.wants);
      return;
    // prepareMany := load:flag ballot (address want)*
    case MessageType.prepareMany:
      writer.flag(request.load);
      writer.ballot(request.ballot);
      writeWanted(writer, request.addresses, request.wants);
      return;
    case MessageType.commitMany:
      writer.flag(request.load);
      writeCommitItems(writer, request.items);
      return;
    case MessageType.scan:
      writeScan(writer, request);
      return;
    case MessageType.listRecords:
      writeListRecords(writer, request);
      return;
    // adoptMap := map:text
    case MessageType.adoptMap:
      writer.text(request.map);
      return;
    // getMap := above:u32
    case MessageType.getMap:
      writer.u32(request.above);
      return;
    // nodeStatus := -
    case MessageType.nodeStatus:
      return;
    default:
      writeSweepRequest(writer, request);
  }
}

function readAddress(reader: WireReader): RecordAddress {
  return {
    id: reader.id(),
    shard: reader.u16(),
    shardEpoch: reader.u32(),
    namespace: reader.u32(),
    namespaceEpoch: reader.u32(),
  };
}

function readWant(reader: WireReader): Want {
  const want = reader.u8();
  if (want === Want.nothing || want === Want.meta || want === Want.full) return want;
  reader.fail();
  return Want.nothing;
}

function readManifest(reader: WireReader): PageManifest | null {
  if (!reader.flag()) return null;
  return { complete: reader.flag(), added: reader.ids(), dropped: reader.ids() };
}

function readCommit(reader: WireReader): CommitRequest | null {
  const address = readAddress(reader);
  const ballot = reader.ballot();
  const baseOrigin = reader.ballot();
  const next = reader.optionalBallot();
  const pages = readManifest(reader);
  const state = reader.state();
  return state === null ? null : { type: MessageType.commit, address, ballot, baseOrigin, state, pages, next };
}

function readPages(reader: WireReader): SealedPage[] {
  const count = reader.count(PAGE_MIN_BYTES);
  const pages: SealedPage[] = [];
  for (let i = 0; i < count && !reader.failed; i++) pages.push({ pageId: reader.id(), sealed: reader.blob() });
  return pages;
}

function readScan(reader: WireReader): ScanRequest {
  return {
    type: MessageType.scan,
    shard: reader.u16(),
    shardEpoch: reader.u32(),
    namespace: reader.u32(),
    namespaceEpoch: reader.u32(),
    generation: reader.u32(),
    afterId: reader.optionalId(),
    limit: reader.u32(),
    want: readWant(reader),
  };
}

function readListRecords(reader: WireReader): ListRecordsRequest {
  return {
    type: MessageType.listRecords,
    shard: reader.u16(),
    shardEpoch: reader.u32(),
    afterId: reader.optionalId(),
    untilId: reader.optionalId(),
    limit: reader.u32(),
    want: readWant(reader),
  };
}

/** Addresses and wants, in one pass. */
function readWanted(reader: WireReader): { addresses: RecordAddress[]; wants: Want[] } {
  const count = reader.count(ADDRESS_BYTES + 1);
  const addresses: RecordAddress[] = [];
  const wants: Want[] = [];
  for (let i = 0; i < count && !reader.failed; i++) {
    addresses.push(readAddress(reader));
    wants.push(readWant(reader));
  }
  return { addresses, wants };
}

function readCommitItems(reader: WireReader): CommitItem[] {
  const count = reader.count(COMMIT_ITEM_MIN_BYTES);
  const items: CommitItem[] = [];
  for (let i = 0; i < count; i++) {
    const address = readAddress(reader);
    const ballot = reader.ballot();
    const next = reader.optionalBallot();
    const state = reader.state();
    if (state === null) break;
    items.push({ address, ballot, state, next, encoded: undefined });
  }
  return items;
}

function readBody(reader: WireReader, type: number): Request | null {
  switch (type) {
    case MessageType.read:
      return { type, address: readAddress(reader), want: readWant(reader), ifAccepted: reader.optionalBallot() };
    case MessageType.prepare:
      return { type, address: readAddress(reader), ballot: reader.ballot(), want: readWant(reader) };
    case MessageType.commit:
      return readCommit(reader);
    case MessageType.putPages:
      return { type, address: readAddress(reader), pages: readPages(reader) };
    case MessageType.getPages:
    case MessageType.missingPages:
      return { type, address: readAddress(reader), pageIds: reader.ids() };
    case MessageType.listPages:
      return { type, address: readAddress(reader), ifOrigin: reader.ballot() };
    case MessageType.pinPages:
      return { type, address: readAddress(reader) };
    case MessageType.readMany:
      return { type, load: reader.flag(), ...readWanted(reader) };
    case MessageType.prepareMany:
      return { type, load: reader.flag(), ballot: reader.ballot(), ...readWanted(reader) };
    case MessageType.commitMany:
      return { type, load: reader.flag(), items: readCommitItems(reader) };
    case MessageType.scan:
      return readScan(reader);
    case MessageType.listRecords:
      return readListRecords(reader);
    case MessageType.adoptMap:
      return { type, map: reader.text() };
    case MessageType.getMap:
      return { type, above: reader.u32() };
    case MessageType.nodeStatus:
      return { type };
    default:
      return readSweepRequest(reader, type);
  }
}

/** Reads one body to the reader's end. Null: no such request, or the bytes are not one. Buffers are views. */
export function readRequest(reader: WireReader, type: number): Request | null {
  const request = readBody(reader, type);
  return reader.complete() ? request : null;
}

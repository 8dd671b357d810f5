import { InvariantError } from '../base/assert.ts';
import type { Ballot } from '../record/ballot.ts';
import { BALLOT_BYTES } from '../record/bytes.ts';
import type { SealedState } from '../record/state.ts';
import { stateLength } from '../record/state-codec.ts';
import { Ack, type FaultKind, MessageType, type NodeStatus, type Response } from './messages.ts';
import type { ListedRecord, ScanEntry } from './scan-messages.ts';
import { readSweepResponse, sweepResponseLength, writeSweepResponse } from './sweep-codec.ts';
import type { WireReader } from './wire-reader.ts';
import { ID_BYTES, textLength, type WireWriter } from './wire-writer.ts';

/*
 * Bodies of responses; the notation is explained in message-codec.ts.
 *
 *   entry := id accepted:ballot state
 */

/** Number on the wire: never renumber. */
const FAULT_KINDS: readonly (FaultKind | null)[] = [null, 'corrupt', 'io', 'busy', 'incarnation', 'malformed', 'full'];

/** The shortest state is longer than this: keeps an announced count of entries honest. */
const ENTRY_MIN_BYTES = ID_BYTES + BALLOT_BYTES + 16;
const LISTED_MIN_BYTES = ID_BYTES + BALLOT_BYTES + 1;

function optionalStateLength(state: SealedState | null): number {
  return state === null ? 1 : 1 + stateLength(state);
}

function blobsLength(blobs: readonly (Buffer | null)[]): number {
  let bytes = 4 + blobs.length;
  for (const blob of blobs) if (blob !== null) bytes += 4 + blob.length;
  return bytes;
}

function entriesLength(entries: readonly ScanEntry[]): number {
  let bytes = 4 + entries.length * (ID_BYTES + BALLOT_BYTES);
  for (const entry of entries) bytes += stateLength(entry.state);
  return bytes;
}

function listedLength(entries: readonly ListedRecord[]): number {
  let bytes = 4 + entries.length * (ID_BYTES + BALLOT_BYTES);
  for (const entry of entries) bytes += optionalStateLength(entry.state);
  return bytes;
}

function manyStatesLength(accepted: readonly (Ballot | null)[], states: readonly (SealedState | null)[]): number {
  let bytes = 4;
  for (let i = 0; i < accepted.length; i++) {
    bytes += 1 + (accepted[i] === null ? 0 : BALLOT_BYTES) + optionalStateLength(states[i] ?? null);
  }
  return bytes;
}

/** Bytes that `writeResponse` will take. */
export function responseLength(response: Response): number {
  switch (response.type) {
    case MessageType.state:
    case MessageType.promise:
      return BALLOT_BYTES + optionalStateLength(response.state);
    case MessageType.ack:
      return 1;
    case MessageType.statesMany:
    case MessageType.promisesMany:
      return manyStatesLength(response.accepted, response.states);
    case MessageType.acksMany:
      return 4 + response.acks.length;
    case MessageType.reject:
      return 2 * BALLOT_BYTES;
    case MessageType.clock:
      return 8 + BALLOT_BYTES;
    case MessageType.stale:
    case MessageType.pagesStored:
      return 0;
    case MessageType.epoch:
    case MessageType.mapAdopted:
      return 4;
    case MessageType.fault:
      return 1 + textLength(response.detail);
    case MessageType.pages:
      return blobsLength(response.pages);
    case MessageType.pageIds:
      return response.pageIds === null ? 1 : 5 + response.pageIds.length * ID_BYTES;
    case MessageType.scanned:
      return (response.lastId === '' ? 1 : 1 + ID_BYTES) + 1 + entriesLength(response.entries);
    case MessageType.recordsListed:
      return (response.lastId === '' ? 1 : 1 + ID_BYTES) + 1 + listedLength(response.entries);
    case MessageType.mapText:
      return 4 + textLength(response.map);
    case MessageType.status:
      return statusLength(response.status);
    case MessageType.lost:
      throw lostSent();
    default:
      return sweepResponseLength(response);
  }
}

function statusLength(status: NodeStatus): number {
  return 8 + textLength(status.engine) + textLength(status.fsync) + 24 + textLength(status.incarnation) + 29;
}

function lostSent(): InvariantError {
  return new InvariantError('LOST is made by the transport and never sent');
}

function writeAcceptedState(writer: WireWriter, accepted: Ballot, state: SealedState | null): void {
  writer.ballot(accepted);
  writer.flag(state !== null);
  if (state !== null) writer.state(state);
}

// statesMany := (accepted:ballot? state?)*
// promisesMany := (accepted:ballot? state?)*
function writeManyStates(
  writer: WireWriter,
  accepted: readonly (Ballot | null)[],
  states: readonly (SealedState | null)[],
): void {
  writer.u32(accepted.length);
  for (let i = 0; i < accepted.length; i++) {
    const state = states[i] ?? null;
    writer.optionalBallot(accepted[i] ?? null);
    writer.flag(state !== null);
    if (state !== null) writer.state(state);
  }
}

// pages := blob?*
function writeBlobs(writer: WireWriter, blobs: readonly (Buffer | null)[]): void {
  writer.u32(blobs.length);
  for (const blob of blobs) {
    writer.flag(blob !== null);
    if (blob !== null) writer.blob(blob);
  }
}

function writeEntries(writer: WireWriter, entries: readonly ScanEntry[]): void {
  writer.u32(entries.length);
  for (const entry of entries) {
    writer.id(entry.id);
    writer.ballot(entry.accepted);
    writer.state(entry.state);
  }
}

// recordsListed := lastId:id? exhausted:flag (id accepted:ballot state?)*
function writeListed(writer: WireWriter, entries: readonly ListedRecord[]): void {
  writer.u32(entries.length);
  for (const { id, accepted, state } of entries) {
    writer.id(id);
    writeAcceptedState(writer, accepted, state);
  }
}

// status := nodeId:u32 mapEpoch:u32 engine:text fsync:text dataBytes:u64 corrupt:u64 unsyncedMs:f64 incarnation:text ceilingUs:u64 learning:u32 distrusted:flag liveBytes:u64 expiring:u64
function writeStatus(writer: WireWriter, status: NodeStatus): void {
  writer.u32(status.nodeId);
  writer.u32(status.mapEpoch);
  writer.text(status.engine);
  writer.text(status.fsync);
  writer.u64(status.dataBytes);
  writer.u64(status.corruptRecords);
  writer.f64(status.unsyncedMs);
  writer.text(status.incarnation);
  writer.u64(status.ceilingUs);
  writer.u32(status.learningShards);
  writer.flag(status.distrusted);
  writer.u64(status.liveBytes);
  writer.u64(status.expiringRecords);
}

/** Writes the body; room for `responseLength` bytes has been reserved. */
export function writeResponse(writer: WireWriter, response: Response): void {
  switch (response.type) {
    // state := accepted:ballot state?
    // promise := accepted:ballot state?
    case MessageType.state:
    case MessageType.promise:
      writeAcceptedState(writer, response.accepted, response.state);
      return;
    // ack := nextRecorded:flag
    case MessageType.ack:
      writer.flag(response.nextRecorded);
      return;
    case MessageType.statesMany:
    case MessageType.promisesMany:
      writeManyStates(writer, response.accepted, response.states);
      return;
    // acksMany := u8*
    case MessageType.acksMany:
      writer.u32(response.acks.length);
      for (const ack of response.acks) writer.u8(ack);
      return;
    // reject := ballot floor:ballot
    case MessageType.reject:
      writer.ballot(response.ballot);
      writer.ballot(response.floor);
      return;
    // clock := clockUs:u64 ceiling:ballot
    case MessageType.clock:
      writer.u64(response.clockUs);
      writer.ballot(response.ceiling);
      return;
    // stale := -
    // pagesStored := -
    case MessageType.stale:
    case MessageType.pagesStored:
      return;
    // epoch := mapEpoch:u32
    // mapText := mapEpoch:u32 map:text
    case MessageType.mapText:
      writer.u32(response.mapEpoch);
      writer.text(response.map);
      return;
    // mapAdopted := mapEpoch:u32
    case MessageType.epoch:
    case MessageType.mapAdopted:
      writer.u32(response.mapEpoch);
      return;
    // fault := kind:u8 detail:text
    case MessageType.fault:
      writer.u8(FAULT_KINDS.indexOf(response.fault));
      writer.text(response.detail);
      return;
    case MessageType.pages:
      writeBlobs(writer, response.pages);
      return;
    // pageIds := (id*)?
    case MessageType.pageIds:
      writer.flag(response.pageIds !== null);
      if (response.pageIds !== null) writer.ids(response.pageIds);
      return;
    // scanned := lastId:id? exhausted:flag entry*
    case MessageType.scanned:
      writer.optionalId(response.lastId);
      writer.flag(response.exhausted);
      writeEntries(writer, response.entries);
      return;
    case MessageType.recordsListed:
      writer.optionalId(response.lastId);
      writer.flag(response.exhausted);
      writeListed(writer, response.entries);
      return;
    case MessageType.status:
      writeStatus(writer, response.status);
      return;
    case MessageType.lost:
      throw lostSent();
    default:
      writeSweepResponse(writer, response);
  }
}

function readFaultKind(reader: WireReader): FaultKind {
  const kind = FAULT_KINDS[reader.u8()] ?? null;
  if (kind !== null) return kind;
  reader.fail();
  return 'malformed';
}

function readOptionalState(reader: WireReader): SealedState | null {
  return reader.flag() ? reader.state() : null;
}

function readManyStates(reader: WireReader): {
  accepted: (Ballot | null)[];
  states: (SealedState | null)[];
} {
  const count = reader.count(2);
  const accepted: (Ballot | null)[] = [];
  const states: (SealedState | null)[] = [];
  for (let i = 0; i < count && !reader.failed; i++) {
    accepted.push(reader.optionalBallot());
    states.push(readOptionalState(reader));
  }
  return { accepted, states };
}

function readAcks(reader: WireReader): Ack[] {
  const count = reader.count(1);
  const acks: Ack[] = [];
  for (let i = 0; i < count && !reader.failed; i++) {
    const ack = reader.u8();
    if (isAck(ack)) acks.push(ack);
    else reader.fail();
  }
  return acks;
}

function isAck(value: number): value is Ack {
  return value <= Ack.full;
}

function readBlobs(reader: WireReader): (Buffer | null)[] {
  const count = reader.count(1);
  const blobs: (Buffer | null)[] = [];
  for (let i = 0; i < count && !reader.failed; i++) blobs.push(reader.flag() ? reader.blob() : null);
  return blobs;
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

function readListed(reader: WireReader): ListedRecord[] {
  const count = reader.count(LISTED_MIN_BYTES);
  const entries: ListedRecord[] = [];
  for (let i = 0; i < count && !reader.failed; i++) {
    entries.push({ id: reader.id(), accepted: reader.ballot(), state: readOptionalState(reader) });
  }
  return entries;
}

function readStatus(reader: WireReader): NodeStatus {
  return {
    nodeId: reader.u32(),
    mapEpoch: reader.u32(),
    engine: reader.text(),
    fsync: reader.text(),
    dataBytes: reader.u64(),
    corruptRecords: reader.u64(),
    unsyncedMs: reader.f64(),
    incarnation: reader.text(),
    ceilingUs: reader.u64(),
    learningShards: reader.u32(),
    distrusted: reader.flag(),
    liveBytes: reader.u64(),
    expiringRecords: reader.u64(),
  };
}

function readBody(reader: WireReader, type: number): Response | null {
  switch (type) {
    case MessageType.state:
    case MessageType.promise:
      return { type, accepted: reader.ballot(), state: readOptionalState(reader) };
    case MessageType.ack:
      return { type, nextRecorded: reader.flag() };
    case MessageType.statesMany:
    case MessageType.promisesMany:
      return { type, ...readManyStates(reader) };
    case MessageType.acksMany:
      return { type, acks: readAcks(reader) };
    case MessageType.reject:
      return { type, ballot: reader.ballot(), floor: reader.ballot() };
    case MessageType.clock:
      return { type, clockUs: reader.u64(), ceiling: reader.ballot() };
    case MessageType.stale:
    case MessageType.pagesStored:
      return { type };
    case MessageType.mapText:
      return { type, mapEpoch: reader.u32(), map: reader.text() };
    case MessageType.epoch:
    case MessageType.mapAdopted:
      return { type, mapEpoch: reader.u32() };
    case MessageType.fault:
      return { type, fault: readFaultKind(reader), detail: reader.text() };
    case MessageType.pages:
      return { type, pages: readBlobs(reader) };
    case MessageType.pageIds:
      return { type, pageIds: reader.flag() ? reader.ids() : null };
    case MessageType.scanned:
      return {
        type,
        lastId: reader.optionalId(),
        exhausted: reader.flag(),
        entries: readEntries(reader),
      };
    case MessageType.recordsListed:
      return { type, lastId: reader.optionalId(), exhausted: reader.flag(), entries: readListed(reader) };
    case MessageType.status:
      return { type, status: readStatus(reader) };
    default:
      return readSweepResponse(reader, type);
  }
}

/** Reads one body to the reader's end. Null: no such response, or the bytes are not one. Buffers are views. */
export function readResponse(reader: WireReader, type: number): Response | null {
  const response = readBody(reader, type);
  return reader.complete() ? response : null;
}

import { BALLOT_BYTES } from '../record/bytes.ts';
import {
  keyRequestLength,
  keyResponseLength,
  readKeyRequest,
  readKeyResponse,
  writeKeyRequest,
  writeKeyResponse,
} from './key-codec.ts';
import type { CountRecordsRequest, RecordsCountedResponse } from './count-messages.ts';
import type { KeyRequest, KeyResponse } from './key-messages.ts';
import { MessageType } from './messages.ts';
import type { AcceptedRecord, ShardSweep, SweepFindings, SweepRequest, SweepResponse } from './sweep-messages.ts';
import type { WireReader } from './wire-reader.ts';
import { ID_BYTES, type WireWriter } from './wire-writer.ts';

/*
 * Bodies of what nodes say while they sweep; what is said about keys is passed on to key-codec.ts. The notation is explained
 * in message-codec.ts.
 *
 *   findings := u64*13: ranges, records, bytes, differing, repaired, killed, purged, pages purged, unreadable, unanswered,
 *               killed from the queue, purged from the queue, notes dropped
 */

const SHARD_BYTES = 2 + 4;
const ACCEPTED_BYTES = ID_BYTES + BALLOT_BYTES;
const FINDINGS_BYTES = 13 * 8;
const SHARD_SWEEP_BYTES = 2 + 8;

function optionalIdLength(id: string): number {
  return id === '' ? 1 : 1 + ID_BYTES;
}

/** Bytes that `writeSweepRequest` will take. */
export function sweepRequestLength(request: SweepRequest | KeyRequest | CountRecordsRequest): number {
  switch (request.type) {
    case MessageType.digest:
      return SHARD_BYTES + optionalIdLength(request.afterId) + optionalIdLength(request.untilId);
    case MessageType.purge:
      return SHARD_BYTES + 4 + request.records.length * ACCEPTED_BYTES;
    case MessageType.sweepShard:
      return SHARD_BYTES + optionalIdLength(request.afterId);
    case MessageType.sweepStatus:
      return 0;
    default:
      return keyRequestLength(request);
  }
}

export function writeSweepRequest(writer: WireWriter, request: SweepRequest | KeyRequest | CountRecordsRequest): void {
  switch (request.type) {
    // digest := shard:u16 epoch:u32 afterId:id? untilId:id?
    case MessageType.digest:
      writer.u16(request.shard);
      writer.u32(request.shardEpoch);
      writer.optionalId(request.afterId);
      writer.optionalId(request.untilId);
      return;
    // purge := shard:u16 epoch:u32 (id accepted:ballot)*
    case MessageType.purge:
      writer.u16(request.shard);
      writer.u32(request.shardEpoch);
      writer.u32(request.records.length);
      for (const { id, accepted } of request.records) {
        writer.id(id);
        writer.ballot(accepted);
      }
      return;
    // sweepShard := shard:u16 epoch:u32 afterId:id?
    case MessageType.sweepShard:
      writer.u16(request.shard);
      writer.u32(request.shardEpoch);
      writer.optionalId(request.afterId);
      return;
    // sweepStatus := -
    case MessageType.sweepStatus:
      return;
    default:
      writeKeyRequest(writer, request);
  }
}

/** Null: no request of a sweep. */
export function readSweepRequest(
  reader: WireReader,
  type: number,
): SweepRequest | KeyRequest | CountRecordsRequest | null {
  switch (type) {
    case MessageType.digest:
      return { type, ...readShard(reader), afterId: reader.optionalId(), untilId: reader.optionalId() };
    case MessageType.purge:
      return { type, ...readShard(reader), records: readAccepted(reader) };
    case MessageType.sweepShard:
      return { type, ...readShard(reader), afterId: reader.optionalId() };
    case MessageType.sweepStatus:
      return { type };
    default:
      return readKeyRequest(reader, type);
  }
}

/** Bytes that `writeSweepResponse` will take. */
export function sweepResponseLength(response: SweepResponse | KeyResponse | RecordsCountedResponse): number {
  switch (response.type) {
    case MessageType.digested:
      return 4 + ID_BYTES;
    case MessageType.purged:
      return 4;
    case MessageType.shardSwept:
      return FINDINGS_BYTES + optionalIdLength(response.lastId) + 1;
    case MessageType.sweepTold:
      return FINDINGS_BYTES + 4 + response.shards.length * SHARD_SWEEP_BYTES;
    default:
      return keyResponseLength(response);
  }
}

export function writeSweepResponse(
  writer: WireWriter,
  response: SweepResponse | KeyResponse | RecordsCountedResponse,
): void {
  switch (response.type) {
    // digested := records:u32 digest:id
    case MessageType.digested:
      writer.u32(response.records);
      writer.id(response.digest);
      return;
    // purged := u32
    case MessageType.purged:
      writer.u32(response.purged);
      return;
    // shardSwept := findings lastId:id? exhausted:flag
    case MessageType.shardSwept:
      writeFindings(writer, response.findings);
      writer.optionalId(response.lastId);
      writer.flag(response.exhausted);
      return;
    // sweepTold := findings (shard:u16 ageMs:u64)*
    case MessageType.sweepTold:
      writeFindings(writer, response.findings);
      writer.u32(response.shards.length);
      for (const { shard, ageMs } of response.shards) {
        writer.u16(shard);
        writer.u64(ageMs);
      }
      return;
    default:
      writeKeyResponse(writer, response);
  }
}

/** Null: no response of a sweep. */
export function readSweepResponse(
  reader: WireReader,
  type: number,
): SweepResponse | KeyResponse | RecordsCountedResponse | null {
  switch (type) {
    case MessageType.digested:
      return { type, records: reader.u32(), digest: reader.id() };
    case MessageType.purged:
      return { type, purged: reader.u32() };
    case MessageType.shardSwept:
      return { type, findings: readFindings(reader), lastId: reader.optionalId(), exhausted: reader.flag() };
    case MessageType.sweepTold:
      return { type, findings: readFindings(reader), shards: readShardSweeps(reader) };
    default:
      return readKeyResponse(reader, type);
  }
}

function readShard(reader: WireReader): { shard: number; shardEpoch: number } {
  return { shard: reader.u16(), shardEpoch: reader.u32() };
}

function readAccepted(reader: WireReader): AcceptedRecord[] {
  const count = reader.count(ACCEPTED_BYTES);
  const records: AcceptedRecord[] = [];
  for (let i = 0; i < count && !reader.failed; i++) records.push({ id: reader.id(), accepted: reader.ballot() });
  return records;
}

function writeFindings(writer: WireWriter, findings: SweepFindings): void {
  writer.u64(findings.ranges);
  writer.u64(findings.records);
  writer.u64(findings.bytes);
  writer.u64(findings.differing);
  writer.u64(findings.repaired);
  writer.u64(findings.killed);
  writer.u64(findings.purged);
  writer.u64(findings.pagesPurged);
  writer.u64(findings.unreadable);
  writer.u64(findings.unanswered);
  writer.u64(findings.killedFromQueue);
  writer.u64(findings.purgedFromQueue);
  writer.u64(findings.notesDropped);
}

function readFindings(reader: WireReader): SweepFindings {
  return {
    ranges: reader.u64(),
    records: reader.u64(),
    bytes: reader.u64(),
    differing: reader.u64(),
    repaired: reader.u64(),
    killed: reader.u64(),
    purged: reader.u64(),
    pagesPurged: reader.u64(),
    unreadable: reader.u64(),
    unanswered: reader.u64(),
    killedFromQueue: reader.u64(),
    purgedFromQueue: reader.u64(),
    notesDropped: reader.u64(),
  };
}

function readShardSweeps(reader: WireReader): ShardSweep[] {
  const count = reader.count(SHARD_SWEEP_BYTES);
  const shards: ShardSweep[] = [];
  for (let i = 0; i < count && !reader.failed; i++) shards.push({ shard: reader.u16(), ageMs: reader.u64() });
  return shards;
}

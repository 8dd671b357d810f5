import type {
  CountRecordsRequest,
  CountedNamespace,
  NamespaceRecords,
  RecordsCountedResponse,
} from './count-messages.ts';
import { MessageType } from './messages.ts';
import type { WireReader } from './wire-reader.ts';
import { ID_BYTES, type WireWriter } from './wire-writer.ts';

/*
 * Bodies of what is said when records are counted; the notation is explained in message-codec.ts.
 *
 *   namespace := namespace:u32 epoch:u32 generation:u32
 *   counted   := keys:u32 expires:u32 digest:id settled:flag
 */

const NAMESPACE_BYTES = 3 * 4;
const COUNTED_BYTES = 2 * 4 + ID_BYTES + 1;

function optionalIdLength(id: string): number {
  return id === '' ? 1 : 1 + ID_BYTES;
}

/** Bytes that `writeCountRequest` will take. */
export function countRequestLength(request: CountRecordsRequest): number {
  const ids = optionalIdLength(request.afterId) + optionalIdLength(request.untilId);
  return 2 + 4 + ids + 8 + 4 + request.namespaces.length * NAMESPACE_BYTES;
}

// countRecords := shard:u16 epoch:u32 afterId:id? untilId:id? nowMs:u64 namespace*
export function writeCountRequest(writer: WireWriter, request: CountRecordsRequest): void {
  writer.u16(request.shard);
  writer.u32(request.shardEpoch);
  writer.optionalId(request.afterId);
  writer.optionalId(request.untilId);
  writer.u64(request.nowMs);
  writer.u32(request.namespaces.length);
  for (const { namespace, namespaceEpoch, generation } of request.namespaces) {
    writer.u32(namespace);
    writer.u32(namespaceEpoch);
    writer.u32(generation);
  }
}

/** Null: no request to count. */
export function readCountRequest(reader: WireReader, type: number): CountRecordsRequest | null {
  if (type !== MessageType.countRecords) return null;
  return {
    type,
    shard: reader.u16(),
    shardEpoch: reader.u32(),
    afterId: reader.optionalId(),
    untilId: reader.optionalId(),
    nowMs: reader.u64(),
    namespaces: readNamespaces(reader),
  };
}

/** Bytes that `writeCountResponse` will take. */
export function countResponseLength(response: RecordsCountedResponse): number {
  return optionalIdLength(response.lastId) + 1 + 4 + response.counts.length * COUNTED_BYTES;
}

// recordsCounted := lastId:id? exhausted:flag counted*
export function writeCountResponse(writer: WireWriter, response: RecordsCountedResponse): void {
  writer.optionalId(response.lastId);
  writer.flag(response.exhausted);
  writer.u32(response.counts.length);
  for (const { keys, expires, digest, isSettled } of response.counts) {
    writer.u32(keys);
    writer.u32(expires);
    writer.id(digest);
    writer.flag(isSettled);
  }
}

/** Null: no answer to a request to count. */
export function readCountResponse(reader: WireReader, type: number): RecordsCountedResponse | null {
  if (type !== MessageType.recordsCounted) return null;
  return { type, lastId: reader.optionalId(), exhausted: reader.flag(), counts: readCounts(reader) };
}

function readNamespaces(reader: WireReader): CountedNamespace[] {
  const count = reader.count(NAMESPACE_BYTES);
  const namespaces: CountedNamespace[] = [];
  for (let i = 0; i < count && !reader.failed; i++) {
    namespaces.push({ namespace: reader.u32(), namespaceEpoch: reader.u32(), generation: reader.u32() });
  }
  return namespaces;
}

function readCounts(reader: WireReader): NamespaceRecords[] {
  const count = reader.count(COUNTED_BYTES);
  const counts: NamespaceRecords[] = [];
  for (let i = 0; i < count && !reader.failed; i++) {
    counts.push({ keys: reader.u32(), expires: reader.u32(), digest: reader.id(), isSettled: reader.flag() });
  }
  return counts;
}

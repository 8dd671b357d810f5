import { CRC64_BYTES, Crc64 } from './crc64.ts';
import { RDB_VERSION_MAX, type RdbProblem, RdbType, type RdbValue, versionOfType } from './rdb-format.ts';
import { RDB_BOUNDS, type RdbBounds, readRdbValue } from './rdb-value.ts';
import { RdbWriter } from './rdb-writer.ts';

/*
 * What DUMP answers: type:u8 value version:u16le crc64:u64le
 */

const FOOTER_BYTES = 2 + CRC64_BYTES;

/** The payload around a type and its value; the value is not copied twice. */
export function sealDump(type: number, write: (writer: RdbWriter) => void, expectedBytes?: number): Buffer {
  const writer = new RdbWriter(expectedBytes === undefined ? undefined : expectedBytes + FOOTER_BYTES + 8);
  writer.byte(type);
  write(writer);
  writer.uint16LE(versionOfType(type));
  writer.uint64LE(0);
  const payload = writer.finish();
  const crc = new Crc64();
  crc.update(payload, 0, payload.length - CRC64_BYTES);
  crc.write(payload, payload.length - CRC64_BYTES);
  return payload;
}

/** A payload of a value as it stands in an RDB file of any version that is read. */
export function dumpOf(type: number, value: Buffer): Buffer {
  return sealDump(type, (writer) => writer.bytes(value), value.length);
}

/** The type and the bytes of the value in a payload; null where version or checksum are not what they should be. */
export function openDump(payload: Buffer): { readonly type: number; readonly value: Buffer } | null {
  const end = payload.length - FOOTER_BYTES;
  if (end < 0 || payload.readUInt16LE(end) > RDB_VERSION_MAX) return null;
  const crc = new Crc64();
  crc.update(payload, 0, end + 2);
  if (!crc.isAt(payload, end + 2)) return null;
  // A payload of nothing has a type that there is none of.
  return { type: end === 0 ? 255 : (payload[0] ?? 255), value: payload.subarray(Math.min(1, end), end) };
}

/** The value of a payload. Its buffers may be views. */
export function readDump(payload: Buffer, ofCollections: RdbBounds = RDB_BOUNDS): RdbValue | RdbProblem | 'checksum' {
  const opened = openDump(payload);
  if (opened === null) return 'checksum';
  const bounds = opened.type === RdbType.string ? RDB_BOUNDS : ofCollections;
  return readRdbValue(opened.type, opened.value, 0, opened.value.length, bounds);
}

import { crc32 } from 'node:zlib';
import type { Ballot } from './ballot.ts';
import { BALLOT_BYTES, readBallot, readU64 } from './bytes.ts';
import { NO_NAMESPACE, StateKind } from './state.ts';
import {
  FLAG_INTENT,
  FLAG_PAGED,
  FLAG_REMEMBERS,
  HEADER_FIXED_BYTES,
  KIND_MASK,
  RECORD_FORMAT_VERSION,
} from './state-codec.ts';

/** What a sweep looks at in a stored record. */
export interface StoredGlance {
  readonly kind: StateKind;
  readonly accepted: Ballot;
  /** Of a live record: wall clock milliseconds, 0 is never. Of a dead one: until when it must be kept. */
  readonly expiresAtMs: number;
  readonly namespace: number;
  readonly generation: number;
  readonly remembers: boolean;
  /** A transaction's intent stands on it. */
  readonly hasIntent: boolean;
}

const CRC_BYTES = 4;
const HEADER_AT = 1 + BALLOT_BYTES;
const LINEAGE_AT = HEADER_AT + 1 + BALLOT_BYTES;

/** As `decodeStored`, for many records of which little is asked: no lineage, no views. Null if the bytes are corrupt. */
export function glanceAtStored(bytes: Buffer): StoredGlance | null {
  const end = bytes.length - CRC_BYTES;
  if (end < HEADER_AT + HEADER_FIXED_BYTES || bytes[0] !== RECORD_FORMAT_VERSION) return null;
  if (crc32(bytes.subarray(0, end)) !== bytes.readUInt32BE(end)) return null;
  const flags = bytes[HEADER_AT] ?? 0;
  const kind = flags & KIND_MASK;
  const accepted = readBallot(bytes, 1);
  const at = LINEAGE_AT + 1 + (bytes[LINEAGE_AT] ?? 0) * BALLOT_BYTES;
  if ((kind !== StateKind.dead && kind !== StateKind.live) || accepted === null || at + 24 > end) return null;
  const expiresAtMs = readU64(bytes, at);
  if (expiresAtMs < 0) return null;
  return {
    kind,
    accepted,
    expiresAtMs,
    namespace: bytes.readUInt32BE(at + 16),
    generation: bytes.readUInt32BE(at + 20),
    remembers: (flags & FLAG_REMEMBERS) !== 0,
    hasIntent: (flags & FLAG_INTENT) !== 0,
  };
}

/** What counts of a live record where its room is counted; filled in again and again. */
export interface LiveGlance {
  sizeBytes: number;
  expiresAtMs: number;
  namespace: number;
  generation: number;
  paged: boolean;
}

/** False: it is no live record of clients. For bytes that this process has made, or checked: they are not checked here. */
export function glanceAtLive(bytes: Buffer, glance: LiveGlance): boolean {
  if (bytes.length < HEADER_AT + HEADER_FIXED_BYTES + CRC_BYTES || bytes[0] !== RECORD_FORMAT_VERSION) return false;
  const flags = bytes[HEADER_AT] ?? 0;
  const at = LINEAGE_AT + 1 + (bytes[LINEAGE_AT] ?? 0) * BALLOT_BYTES;
  if ((flags & KIND_MASK) !== StateKind.live || at + 24 > bytes.length) return false;
  glance.namespace = bytes.readUInt32BE(at + 16);
  if (glance.namespace === NO_NAMESPACE) return false;
  glance.generation = bytes.readUInt32BE(at + 20);
  glance.expiresAtMs = readU64(bytes, at);
  glance.sizeBytes = readU64(bytes, at + 8);
  glance.paged = (flags & FLAG_PAGED) !== 0;
  return true;
}

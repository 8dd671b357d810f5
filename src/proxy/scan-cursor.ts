import type { RecordId } from '../record/state.ts';

/**
 * A scan's position as one number below 2^53, so that clients which read cursors as numbers keep them exact: the shard, and
 * how far in it the scan has got as a prefix of the record id (architecture 7). "0" is both the start and the end.
 *
 *   cursor = shard * 2^39 + (0: from the shard's start | 1 + prefix: all ids up to and including this prefix are done)
 */
const PREFIX_BITS = 38;
const SHARD_FACTOR = 2 ** (PREFIX_BITS + 1);
const ID_BYTES = 16;

export interface ScanPosition {
  readonly shard: number;
  /** -1: nothing of the shard is done. */
  readonly donePrefix: number;
}

/** The first 38 bits of a record id. */
export function prefixOf(id: RecordId): number {
  let prefix = 0;
  for (let i = 0; i < 5; i++) prefix = prefix * 256 + id.charCodeAt(i);
  return Math.floor(prefix / 4);
}

/** The largest id with this prefix: what comes behind it is what a scan has still to look at. */
export function lastIdOf(prefix: number): RecordId {
  if (prefix < 0) return '';
  let rest = prefix * 4 + 3;
  let id = '';
  for (let i = 0; i < 5; i++) {
    id = String.fromCharCode(rest % 256) + id;
    rest = Math.floor(rest / 256);
  }
  return id.padEnd(ID_BYTES, '\xff');
}

export function encodeCursor(position: ScanPosition): string {
  return String(position.shard * SHARD_FACTOR + position.donePrefix + 1);
}

/** Null if no scan of so many shards can have given it. */
export function decodeCursor(cursor: string, shards: number): ScanPosition | null {
  const number = Number(cursor);
  if (!Number.isSafeInteger(number) || number < 0) return null;
  const shard = Math.floor(number / SHARD_FACTOR);
  if (shard >= shards) return null;
  return { shard, donePrefix: (number % SHARD_FACTOR) - 1 };
}

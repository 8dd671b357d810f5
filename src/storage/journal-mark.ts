import { journalKey } from '../record/record-id.ts';
import type { EngineChange } from './engine.ts';
import { JOURNAL_FORMAT_VERSION } from './journal-format.ts';

/*
 * What RocksDB knows of the journal beside it, under one key:
 *
 *   mark = formatVersion:u8 floor:u64 segments:u16 segmentBytes:u32      ; big endian
 *
 * Entries below `floor` are settled.
 */
export interface JournalMark {
  readonly floor: number;
  readonly segments: number;
  readonly segmentBytes: number;
}

export type DecodedMark =
  | { readonly ok: true; readonly mark: JournalMark }
  /** `isNewer`: nothing is damaged, a later version of the program wrote it. */
  | { readonly ok: false; readonly isNewer: boolean; readonly problem: string };

export const MARK_BYTES = 15;

export function markChange(mark: JournalMark): EngineChange {
  const value = Buffer.allocUnsafe(MARK_BYTES);
  value[0] = JOURNAL_FORMAT_VERSION;
  value.writeBigUInt64BE(BigInt(mark.floor), 1);
  value.writeUInt16BE(mark.segments, 9);
  value.writeUInt32BE(mark.segmentBytes, 11);
  return { key: journalKey(), value };
}

export function decodeMark(value: Buffer): DecodedMark {
  const version = value[0];
  if (version !== JOURNAL_FORMAT_VERSION) {
    return {
      ok: false,
      isNewer: version !== undefined && version > JOURNAL_FORMAT_VERSION,
      problem: `its journal has format ${version}, this program reads format ${JOURNAL_FORMAT_VERSION}`,
    };
  }
  if (value.length !== MARK_BYTES) return { ok: false, isNewer: false, problem: 'its mark of the journal is damaged' };
  const floor = Number(value.readBigUInt64BE(1));
  const segments = value.readUInt16BE(9);
  const segmentBytes = value.readUInt32BE(11);
  if (!Number.isSafeInteger(floor) || segments < 3 || segmentBytes === 0) {
    return { ok: false, isNewer: false, problem: 'its mark of the journal is damaged' };
  }
  return { ok: true, mark: { floor, segments, segmentBytes } };
}

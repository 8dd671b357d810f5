import { FileError, type Files } from '../base/files.ts';
import { readSegment } from './journal-files.ts';
import { holdsLaterEntry, isTornEntry, readEntry } from './journal-format.ts';
import type { UnsettledRecords } from './unsettled-records.ts';

/** Entries of one segment that follow each other, from its first byte on. */
interface Run {
  readonly segment: number;
  readonly first: number;
  /** The number behind its last entry. */
  readonly next: number;
  /** Offset behind its last entry. */
  readonly usedBytes: number;
}

export interface RecoveredJournal {
  /**
   * The end of the journal is a part of an entry: its write was under way when the process ended, or it was acknowledged and
   * is damaged. Which, nothing here can tell.
   */
  readonly isTorn: boolean;
}

/**
 * Brings the journal's entries from `floor` on into `records`, which are empty. Rejects with FileError; EBADMSG if an
 * entry that was acknowledged is damaged or missing. What may be damaged is one entry at the very end: its write was
 * under way when the process ended. (If it had been acknowledged and rotted since, nothing here could tell.)
 */
export async function recoverJournal(
  files: Files,
  directory: string,
  segments: number,
  floor: number,
  records: UnsettledRecords,
): Promise<RecoveredJournal> {
  const found: Run[] = [];
  const fileBytes: number[] = [];
  for (let segment = 0; segment < segments; segment++) {
    const bytes = await readSegment(files, directory, segment, records.segmentBytes);
    bytes.copy(records.arena, segment * records.segmentBytes);
    fileBytes.push(bytes.length);
    const run = readRun(bytes, segment, Number.MAX_SAFE_INTEGER);
    if (run !== null && run.next > floor) found.push(run);
  }
  const sourceOf = (segment: number): Buffer => {
    const start = segment * records.segmentBytes;
    return records.arena.subarray(start, start + (fileBytes[segment] ?? 0));
  };
  const runs = inOrder(found, directory, floor, sourceOf);
  const next = runs.at(-1)?.next ?? floor;
  const usedBytes = new Map(runs.map((run) => [run.segment, run.usedBytes]));
  for (let segment = 0; segment < segments; segment++) {
    if (holdsLaterEntry(sourceOf(segment), usedBytes.get(segment) ?? 0, next)) throw missing(directory, next);
  }
  if (runs.length === 0) records.startAt(floor);
  for (const { segment, first, usedBytes: bytes } of runs) {
    if (!records.adopt(segment, first, bytes)) throw missing(directory, first);
  }
  const last = runs.at(-1);
  const isTorn = fileBytes.some((_, segment) => {
    const end = segment === last?.segment ? last.usedBytes : 0;
    return (segment === last?.segment || !usedBytes.has(segment)) && isTornEntry(sourceOf(segment), end, next);
  });
  return { isTorn };
}

/** The runs from `floor` on, oldest first, without a gap. */
function inOrder(found: Run[], directory: string, floor: number, sourceOf: (segment: number) => Buffer): Run[] {
  found.sort((a, b) => a.first - b.first);
  const runs: Run[] = [];
  let next = floor;
  for (let i = 0; i < found.length; i++) {
    const run = found[i];
    if (run === undefined) continue;
    if (run.first !== next) throw missing(directory, next);
    // The write of an entry failed, yet all of it arrived; the next one got its number, and a segment of its own.
    const end = found[i + 1]?.first ?? run.next;
    const cut = end < run.next ? readRun(sourceOf(run.segment), run.segment, end) : run;
    if (cut === null) throw missing(directory, next);
    runs.push(cut);
    next = cut.next;
  }
  return runs;
}

/** The run of entries numbered below `end` that begins the segment; null if there is none. */
function readRun(source: Buffer, segment: number, end: number): Run | null {
  let usedBytes = 0;
  let first = -1;
  let next = -1;
  for (;;) {
    const entry = readEntry(source, usedBytes);
    if (entry === null || entry.sequence >= end || (first >= 0 && entry.sequence !== next)) break;
    if (first < 0) first = entry.sequence;
    next = entry.sequence + 1;
    usedBytes = entry.end;
  }
  return first < 0 ? null : { segment, first, next, usedBytes };
}

function missing(directory: string, sequence: number): FileError {
  return new FileError('EBADMSG', `${directory} is damaged: entry ${sequence} is corrupt or missing`);
}

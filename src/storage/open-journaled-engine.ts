import type { Clock } from '../base/clock.ts';
import { FileError, type Files } from '../base/files.ts';
import { limits } from '../base/limits.ts';
import { journalKey } from '../record/record-id.ts';
import { type Engine, type EngineCallback, EngineError } from './engine.ts';
import { JournalFiles } from './journal-files.ts';
import { decodeMark, type JournalMark, markChange } from './journal-mark.ts';
import { recoverJournal } from './journal-recovery.ts';
import { JournaledEngine } from './journaled-engine.ts';
import { openError } from './rocksdb-error.ts';
import { UnsettledRecords } from './unsettled-records.ts';

export interface JournaledEngineOptions {
  /** Where the changes go in the end. Closed with the engine that is made, and if none is. */
  readonly inner: Engine;
  /** Of the journal. Made, with its parents, if the engine within knows of none. */
  readonly directory: string;
  readonly clock: Clock;
  readonly files: Files;
  /** Of a new journal; one that is there keeps its own. Default `limits.journalSegments` and `limits.journalSegmentBytes`. */
  readonly segments?: number;
  readonly segmentBytes?: number;
}

export type OpenedJournaledEngine =
  | { readonly ok: true; readonly engine: JournaledEngine; readonly isTorn: boolean }
  /** `corrupt`: something acknowledged is damaged or missing; `io`: anything else. */
  | { readonly ok: false; readonly error: EngineError };

/** Opens or makes the journal before an engine, and reads what is unsettled into memory. Bounded by `limits.engineOpenMs`. */
export async function openJournaledEngine(options: JournaledEngineOptions): Promise<OpenedJournaledEngine> {
  const { inner, directory, clock } = options;
  const { promise: late, resolve: giveUp } = Promise.withResolvers<null>();
  const timer = clock.after(limits.engineOpenMs, () => giveUp(null));
  let failure: EngineError;
  try {
    const opened = await Promise.race([open(options), late]);
    if (opened !== null) return { ok: true, ...opened };
    failure = new EngineError('io', `${directory} could not be read within ${limits.engineOpenMs} ms`);
  } catch (error) {
    failure = journalError(directory, error);
  } finally {
    timer.cancel();
  }
  await promised<void>((callback) => inner.close(callback)).catch(() => {});
  return { ok: false, error: failure };
}

async function open(options: JournaledEngineOptions): Promise<{ engine: JournaledEngine; isTorn: boolean }> {
  const { inner, clock, files, directory } = options;
  const known = await readMark(inner);
  const mark = known ?? {
    floor: 1,
    segments: options.segments ?? limits.journalSegments,
    segmentBytes: options.segmentBytes ?? limits.journalSegmentBytes,
  };
  const records = new UnsettledRecords(mark.segmentBytes, mark.segments);
  const journal = await openFiles(options, mark, known === null);
  try {
    if (known === null) {
      await promised<void>((callback) => inner.write([markChange(mark)], callback));
      await promised<void>((callback) => inner.sync(callback));
    }
    const { isTorn } = await recoverJournal(files, directory, mark.segments, mark.floor, records);
    return { engine: new JournaledEngine({ inner, journal, records, mark, clock }), isTorn };
  } catch (error) {
    await new Promise<void>((resolve) => journal.close(resolve));
    throw error;
  }
}

/** A journal that the engine within knows of must be there: without it, acknowledged writes would be missing. */
async function openFiles(options: JournaledEngineOptions, mark: JournalMark, create: boolean): Promise<JournalFiles> {
  try {
    return await JournalFiles.open(options.files, options.directory, mark.segments, create);
  } catch (error) {
    if (create || !(error instanceof FileError) || error.code !== 'ENOENT') throw error;
    throw new FileError('EBADMSG', `a part of the journal is missing: ${error.message}`);
  }
}

async function readMark(inner: Engine): Promise<JournalMark | null> {
  const values = await promised<readonly (Buffer | null)[]>((callback) => inner.getMany([journalKey()], callback));
  const value = values[0] ?? null;
  if (value === null) return null;
  const decoded = decodeMark(value);
  if (!decoded.ok) throw new FileError(decoded.isNewer ? 'ENOTSUP' : 'EBADMSG', decoded.problem);
  return decoded.mark;
}

function journalError(directory: string, error: unknown): EngineError {
  if (error instanceof EngineError) return error;
  if (error instanceof FileError && error.code === 'EBADMSG') {
    return new EngineError('corrupt', `${directory} is damaged and was not opened: ${error.message}`);
  }
  return openError(directory, error);
}

function promised<T>(call: (callback: EngineCallback<T>) => void): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    call((error, result) => {
      if (error !== null) reject(error);
      else resolve(result as T);
    });
  });
}

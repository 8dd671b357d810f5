import { assert } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import { journalKey } from '../record/record-id.ts';
import { EmptyPrefixes, type LookAhead } from './empty-prefixes.ts';
import {
  type Engine,
  type EngineCallback,
  type EngineChange,
  type EngineEntry,
  EngineError,
  type EngineFigures,
  type EngineRange,
  mayHaveMore,
} from './engine.ts';
import type { JournalFiles } from './journal-files.ts';
import { entryLength, keysFit } from './journal-format.ts';
import { type JournalMark, MARK_BYTES } from './journal-mark.ts';
import { closedError, runningError } from './rocksdb-error.ts';
import { ScanGate } from './scan-gate.ts';
import { mergeScan, scanHorizon } from './scan-merge.ts';
import { Settler } from './settler.ts';
import type { UnsettledRecords } from './unsettled-records.ts';
import { WriteQueue } from './write-queue.ts';

export interface JournaledEngineParts {
  readonly inner: Engine;
  readonly journal: JournalFiles;
  readonly records: UnsettledRecords;
  readonly mark: JournalMark;
  readonly clock: Clock;
}

/**
 * An engine that writes each batch as one entry into a journal of its own, answers for it from memory, and feeds the
 * engine within (RocksDB) behind it, with large batches in key order. What is overwritten meanwhile never gets there.
 *
 * Each batch is whole in the journal, so it is atomic without the two having to agree, and a loss of power takes batches
 * from the end only.
 */
export class JournaledEngine implements Engine {
  readonly name: Engine['name'];
  readonly supports = { durable: true } as const;
  readonly #inner: Engine;
  readonly #journal: JournalFiles;
  readonly #records: UnsettledRecords;
  readonly #clock: Clock;
  readonly #gate = new ScanGate();
  readonly #settler: Settler;
  readonly #innerWrites: WriteQueue;
  readonly #empty = new EmptyPrefixes();
  #writing = false;
  #inFlight = 0;
  #closed = false;
  #onIdle: (() => void) | null = null;

  constructor(parts: JournaledEngineParts) {
    this.name = parts.inner.name;
    this.#inner = parts.inner;
    this.#journal = parts.journal;
    this.#records = parts.records;
    this.#clock = parts.clock;
    this.#innerWrites = new WriteQueue({ write: (changes, callback) => this.#writeWithin(changes, callback) });
    this.#settler = new Settler(parts.records, parts.inner, this.#innerWrites, parts.clock, this.#gate, parts.mark);
  }

  getMany(keys: readonly Buffer[], callback: EngineCallback<readonly (Buffer | null)[]>): void {
    if (this.#closed) {
      callback(closedError(), undefined);
      return;
    }
    const values = new Array<Buffer | null>(keys.length).fill(null);
    const missing: Buffer[] = [];
    const places: number[] = [];
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i];
      assert(Buffer.isBuffer(key), 'keys are buffers');
      const value = this.#records.find(key);
      if (value !== undefined) values[i] = value;
      else {
        missing.push(key);
        places.push(i);
      }
    }
    if (missing.length === 0) {
      callback(null, values);
      return;
    }
    this.#inFlight++;
    this.#inner.getMany(missing, (error, found) => {
      this.#ended();
      if (error !== null || found === undefined) {
        callback(error, undefined);
        return;
      }
      for (let i = 0; i < places.length; i++) values[places[i] ?? 0] = found[i] ?? null;
      callback(null, values);
    });
  }

  write(changes: readonly EngineChange[], callback: EngineCallback<void>): void {
    assert(!this.#writing, 'one write batch in flight at a time');
    if (this.#closed || changes.length === 0) {
      callback(this.#closed ? closedError() : null, undefined);
      return;
    }
    checkChanges(changes);
    this.#writing = true;
    this.#inFlight++;
    const done = (error: EngineError | null): void => {
      this.#writing = false;
      this.#ended();
      callback(error, undefined);
    };
    this.#writeJournal(changes, done);
  }

  sync(callback: EngineCallback<void>): void {
    if (this.#closed) {
      callback(closedError(), undefined);
      return;
    }
    this.#inFlight++;
    this.#journal.sync((error) => {
      this.#ended();
      callback(error === null ? null : runningError(error), undefined);
    });
  }

  /** May return less than the limits allow; nothing only at the end of the range. */
  scan(range: EngineRange, callback: EngineCallback<readonly EngineEntry[]>): void {
    if (this.#closed) {
      callback(closedError(), undefined);
      return;
    }
    this.#inFlight++;
    this.#gate.enter(() => {
      this.#scan(range, (error, entries) => {
        this.#gate.leave();
        this.#ended();
        callback(error, entries);
      });
    });
  }

  /** What is in the journal goes to the engine within first: it may be what deletes. */
  reclaim(callback: EngineCallback<void>): void {
    this.settle((error) => {
      // Not counted as under way: closing the engine within is what ends it.
      if (error === null && this.#inner.reclaim !== undefined) this.#inner.reclaim(callback);
      else callback(error, undefined);
    });
  }

  figures(callback: (figures: EngineFigures | null) => void): void {
    if (this.#closed) {
      callback(null);
      return;
    }
    const own = { journalBytes: this.#records.usedBytes, journalCapacityBytes: this.#records.arena.length };
    if (this.#inner.figures === undefined) callback(own);
    // Not counted as under way: closing the engine within waits for it.
    else this.#inner.figures((inner) => callback(inner === null ? null : { ...inner, ...own }));
  }

  sizeBytes(): number {
    return this.#inner.sizeBytes();
  }

  /** Leaves the journal as it is, synced: to read it at the next start takes less time than to settle it now. */
  close(callback: EngineCallback<void>): void {
    if (this.#closed) {
      callback(closedError(), undefined);
      return;
    }
    this.#closed = true;
    let isFinished = false;
    const finish = (error: EngineError | null): void => {
      if (isFinished) return;
      isFinished = true;
      timer.cancel();
      callback(error, undefined);
    };
    const timer = this.#clock.after(limits.engineCloseMs, () => {
      finish(new EngineError('io', `the journal could not be closed within ${limits.engineCloseMs} ms`));
    });
    this.#onIdle = () => {
      this.#settler.stop(() => {
        this.#journal.sync((syncError) => {
          const error = syncError === null ? null : runningError(syncError);
          this.#journal.close(() => this.#inner.close((closeError) => finish(error ?? closeError)));
        });
      });
    };
    if (this.#inFlight === 0) this.#onIdle();
  }

  /** Brings everything into the engine within. */
  settle(callback: EngineCallback<void>): void {
    if (this.#closed) {
      callback(closedError(), undefined);
      return;
    }
    this.#inFlight++;
    this.#settleAll((error) => {
      this.#ended();
      callback(error, undefined);
    });
  }

  #writeJournal(changes: readonly EngineChange[], done: (error: EngineError | null) => void): void {
    const bytes = entryLength(changes);
    if (!this.#records.fits(changes, bytes) || !keysFit(changes)) {
      this.#writeOversize(changes, done);
      return;
    }
    const prepared = this.#records.prepare(changes, bytes);
    if (prepared === null) {
      this.#settler.waitForRoom((error) => {
        if (error !== null) done(error);
        else this.#writeJournal(changes, done);
      });
      return;
    }
    this.#journal.write(prepared.segment.number, prepared.position, prepared.bytes, (error) => {
      if (error !== null) {
        done(runningError(error));
        return;
      }
      this.#records.commit();
      this.#settler.owe(Math.max(bytes / this.#records.segmentBytes, changes.length / this.#records.segmentChanges));
      done(null);
    });
  }

  /**
   * Too long for a segment: into the engine within, with all that came before and nothing that comes after. So whatever a
   * loss of power takes, it takes from the end.
   */
  #writeOversize(changes: readonly EngineChange[], done: (error: EngineError | null) => void): void {
    this.#settleAll((settleError) => {
      if (settleError !== null) {
        done(settleError);
        return;
      }
      this.#innerWrites.write(changes, (error) => {
        if (error !== null) done(error);
        else this.#inner.sync(done);
      });
    });
  }

  #settleAll(done: (error: EngineError | null) => void): void {
    if (this.#records.isEmpty) {
      done(null);
      return;
    }
    this.#records.seal();
    this.#settler.waitForRoom((error) => {
      if (error !== null) done(error);
      else this.#settleAll(done);
    });
  }

  /**
   * The engine within is read first, and what is unsettled put on top afterwards: whatever was settled meanwhile is still
   * among the unsettled, for the gate keeps it there.
   */
  #scan(range: EngineRange, callback: EngineCallback<readonly EngineEntry[]>): void {
    const within = withRoomForMark(range);
    this.#scanWithin(within, (error, entries) => {
      if (error !== null || entries === undefined) {
        callback(error, undefined);
        return;
      }
      const horizon = scanHorizon(entries, within);
      const shown = entries.filter((entry) => !entry.key.equals(JOURNAL_KEY));
      const merged = mergeScan(shown, this.#records.collect(range.from, horizon, range.keysOnly), range);
      // Some of what was found is deleted: there may be more behind it.
      if (horizon !== range.to && !mayHaveMore(merged, range)) this.#scanOn(range, merged, horizon, callback);
      else callback(null, merged);
    });
  }

  #scanOn(
    range: EngineRange,
    found: EngineEntry[],
    from: Buffer,
    callback: EngineCallback<readonly EngineEntry[]>,
  ): void {
    let limitBytes = range.limitBytes;
    for (const { key, value } of found) limitBytes -= key.length + value.length;
    this.#scan({ ...range, from, limit: range.limit - found.length, limitBytes }, (error, rest) => {
      callback(error, rest === undefined ? undefined : found.concat(rest));
    });
  }

  #scanWithin(range: EngineRange, callback: EngineCallback<readonly EngineEntry[]>): void {
    if (this.#empty.covers(range)) {
      callback(null, []);
      return;
    }
    const scan = this.#empty.scanning(range);
    this.#inner.scan(range, (error, entries) => {
      const look = this.#empty.scanned(range, scan, error !== null || entries === undefined || entries.length > 0);
      if (look !== null) this.#lookAhead(look);
      callback(error, entries);
    });
  }

  #lookAhead(look: LookAhead): void {
    this.#inFlight++;
    const range = { ...look.range, limit: 1, limitBytes: limits.scanStepBytes, keysOnly: true };
    this.#inner.scan(range, (error, entries) => {
      this.#empty.lookedAhead(look, error !== null || entries === undefined ? undefined : (entries[0]?.key ?? null));
      this.#ended();
    });
  }

  #writeWithin(changes: readonly EngineChange[], callback: EngineCallback<void>): void {
    this.#empty.written(changes);
    this.#inner.write(changes, (error) => {
      this.#empty.written(changes);
      callback(error, undefined);
    });
  }

  #ended(): void {
    this.#inFlight--;
    if (this.#inFlight === 0) this.#onIdle?.();
  }
}

const JOURNAL_KEY = journalKey();

/** The journal's mark is an entry of the engine within that nobody is to see. */
function withRoomForMark(range: EngineRange): EngineRange {
  if (Buffer.compare(range.from, JOURNAL_KEY) > 0 || Buffer.compare(range.to, JOURNAL_KEY) <= 0) return range;
  return { ...range, limit: range.limit + 1, limitBytes: range.limitBytes + JOURNAL_KEY.length + MARK_BYTES };
}

function checkChanges(changes: readonly EngineChange[]): void {
  for (let i = 0; i < changes.length; i++) {
    const change = changes[i];
    assert(change !== undefined && Buffer.isBuffer(change.key), 'keys are buffers');
    assert(change.value === null || Buffer.isBuffer(change.value), 'values are buffers or null');
    assert(change.key.length !== JOURNAL_KEY.length || change.key[0] !== JOURNAL_KEY[0], 'not the key of the journal');
  }
}

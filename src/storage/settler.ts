import { assert } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import type { Engine, EngineChange, EngineError } from './engine.ts';
import { type JournalMark, markChange } from './journal-mark.ts';
import type { ScanGate } from './scan-gate.ts';
import type { Segment, SettleCursor, UnsettledRecords } from './unsettled-records.ts';
import type { WriteQueue } from './write-queue.ts';

export type SettledCallback = (error: EngineError | null) => void;

/**
 * Brings the oldest segment into RocksDB, in key order, a bounded piece per turn, and frees it. The last piece moves the
 * journal's floor in the same batch, so that a segment is either replayed whole or not at all.
 *
 * It works as much as it is owed, which is in proportion to what is written; while somebody waits for room, all it can.
 * A failure is told to those who wait; the next debt tries again.
 */
export class Settler {
  readonly #records: UnsettledRecords;
  readonly #inner: Engine;
  readonly #innerWrites: WriteQueue;
  readonly #clock: Clock;
  readonly #gate: ScanGate;
  readonly #mark: JournalMark;
  #segment: Segment | null = null;
  #cursor: SettleCursor | null = null;
  /** How many of the settled segment's changes are not in the index any more. */
  #forgotten = 0;
  #running = false;
  #owedChanges = 0;
  #waiting: SettledCallback[] = [];
  #onIdle: (() => void) | null = null;
  #stopped = false;

  constructor(
    records: UnsettledRecords,
    inner: Engine,
    innerWrites: WriteQueue,
    clock: Clock,
    gate: ScanGate,
    mark: JournalMark,
  ) {
    this.#records = records;
    this.#inner = inner;
    this.#innerWrites = innerWrites;
    this.#clock = clock;
    this.#gate = gate;
    this.#mark = mark;
  }

  /** A batch was written that makes `part` (0 to 1) of a segment: by the time that one is full, the next must be free. */
  owe(part: number): void {
    if (!this.#records.isCrowded && this.#segment === null) return;
    const segment = this.#segment ?? this.#records.oldestFull();
    if (segment === null) return;
    // Twice the pace of the writes, and the index costs about as much as half of the change.
    this.#owedChanges = Math.min(segment.changes * 2, this.#owedChanges + Math.ceil(part * segment.changes * 3));
    this.#run();
  }

  /** Called once a segment was freed, or with what keeps it from being freed. */
  waitForRoom(callback: SettledCallback): void {
    this.#waiting.push(callback);
    this.#run();
  }

  /** Stops after the piece under way. */
  stop(onIdle: () => void): void {
    this.#stopped = true;
    if (this.#running) this.#onIdle = onIdle;
    else onIdle();
  }

  #run(): void {
    if (!this.#running) this.#step();
  }

  #step(): void {
    this.#running = false;
    if (this.#stopped) {
      this.#onIdle?.();
      return;
    }
    if (this.#owedChanges <= 0 && this.#waiting.length === 0) return;
    this.#segment ??= this.#records.oldestFull();
    const segment = this.#segment;
    if (segment === null) {
      assert(this.#waiting.length === 0, 'who waits for room has filled a segment');
      this.#owedChanges = 0;
      return;
    }
    this.#running = true;
    if (!segment.settled) this.#settlePiece(segment);
    else this.#forgetPiece(segment);
  }

  #settlePiece(segment: Segment): void {
    this.#cursor ??= this.#records.cursor(segment);
    const before = { ...this.#cursor };
    const changes: EngineChange[] = [];
    const isLast = this.#records.take(this.#cursor, limits.settleChanges, limits.settleBytes, changes);
    if (isLast) changes.push(markChange({ ...this.#mark, floor: this.#records.sequenceAfter(segment) }));
    this.#owedChanges -= this.#cursor.passed - before.passed;
    this.#innerWrites.write(changes, (error) => {
      if (error !== null) {
        this.#cursor = before;
        this.#failed(error);
      } else if (isLast) {
        this.#makeDurable(segment);
      } else {
        this.#step();
      }
    });
  }

  /** The journal's own copy of the segment may be written over only after this. */
  #makeDurable(segment: Segment): void {
    this.#inner.sync((error) => {
      if (error !== null) {
        // Its pieces are written again: the same values, by the same order.
        this.#cursor = null;
        this.#failed(error);
        return;
      }
      this.#gate.whenNoScan(() => {
        segment.settled = true;
        this.#cursor = null;
        this.#forgotten = 0;
        this.#step();
      });
    });
  }

  #forgetPiece(segment: Segment): void {
    const to = Math.min(segment.changes, this.#forgotten + limits.settleForgets);
    this.#records.forget(segment, this.#forgotten, to);
    this.#owedChanges -= (to - this.#forgotten) >>> 1;
    this.#forgotten = to;
    if (to < segment.changes) {
      // In another turn.
      this.#clock.after(0, () => this.#step());
      return;
    }
    this.#records.free(segment);
    this.#segment = null;
    // What was owed beyond this segment must not settle the next one before its time.
    if (!this.#records.isCrowded) this.#owedChanges = 0;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const callback of waiting) callback(null);
    this.#step();
  }

  #failed(error: EngineError): void {
    this.#owedChanges = 0;
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#running = false;
    for (const callback of waiting) callback(error);
    if (this.#stopped) this.#onIdle?.();
  }
}

import type { Clock, Timer } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import { type Ballot, compareBallots, NO_BALLOT, sameBallot } from '../record/ballot.ts';
import { readBallot } from '../record/bytes.ts';
import {
  isSuperseded,
  type KeyRange,
  pageBallot,
  pageRange,
  parseDroppedPageKey,
  parsePageKey,
  recordKey,
  shardDroppedRange,
  shardPageRange,
  VOID_MARK,
} from '../record/record-id.ts';
import type { PageId, RecordId, SealedState } from '../record/state.ts';
import { decodeStored } from '../record/state-codec.ts';
import type { Engine, EngineEntry } from './engine.ts';
import type { NodeMap } from './node-map.ts';
import type { PagePins } from './page-pins.ts';
import type { PageStore } from './page-store.ts';
import type { RecordCache } from './record-cache.ts';
import type { WritePipeline } from './write-pipeline.ts';

export interface PageSweepParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly engine: Engine;
  readonly pipeline: WritePipeline;
  readonly cache: RecordCache;
  readonly pages: PageStore;
  readonly map: NodeMap;
  readonly pins: PagePins;
  readonly purgeAfterMs: number;
}

/** A mark that a record has ceased to list a page, or all pages of older writes. */
interface Mark {
  readonly key: Buffer;
  readonly id: RecordId;
  readonly pageId: PageId;
  readonly ballot: Ballot;
}

interface Page {
  readonly id: RecordId;
  readonly pageId: PageId;
}

/** The record's marks under smaller ballots are void. */
interface Voided {
  readonly id: RecordId;
  readonly until: Ballot;
}

interface DroppedMarks {
  /** For each of some records, marks for which all of its pages are to be looked at. */
  readonly superseded: Mark[][];
  /** Of the last record. */
  readonly voided: Voided;
}

/**
 * Deletes pages of large values that this node's own states have ceased to list for `purgeAfter` (protocol §6): those that were
 * marked, and those of writes that never came to an end. Shard after shard, paced; each node for itself.
 */
export class PageSweep {
  readonly #parts: PageSweepParts;
  #shard = 0;
  #pass = 0;
  #timer: Timer | null = null;
  #stopped = false;
  /** Records that got a list of pages since the shard's marks were read: those may be in use again. */
  #listedAnew: ReadonlySet<RecordId> = new Set();
  /** Pages deleted since the start. */
  purged = 0;

  constructor(parts: PageSweepParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#later();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #later(): void {
    if (this.#stopped) return;
    const { clock, map } = this.#parts;
    this.#timer = clock.after(limits.pageSweepPassMs / map.current.shards, () => this.#step());
  }

  #step(): void {
    const shard = this.#shard;
    const looksForUnfinished = (this.#pass + shard) % limits.unfinishedPagePasses === 0;
    this.#shard = (shard + 1) % this.#parts.map.current.shards;
    if (this.#shard === 0) this.#pass++;
    this.#listedAnew = this.#parts.pages.watchLists();
    // What was listed before is among the marks once it is written, and a look before that would not see it.
    this.#parts.pipeline.whenSettled((isWritten) => {
      if (this.#stopped) return;
      if (!isWritten) {
        this.#later();
        return;
      }
      this.#dropMarked(shard, shardDroppedRange(shard), NONE_VOID, () => {
        if (looksForUnfinished && !this.#mayBeCopied(shard)) this.#dropUnfinished(shard, shardPageRange(shard));
        else this.#later();
      });
    });
  }

  /** Goes on in a turn of its own: engines in memory answer at once, and there may be any number of marks and pages. */
  #nextTurn(go: () => void): void {
    this.#timer = this.#parts.clock.after(0, () => {
      if (!this.#stopped) go();
    });
  }

  #isOld(ballot: Ballot, ageMs: number): boolean {
    return ballot.time + ageMs * 1000 <= this.#parts.clock.wallUs();
  }

  /** Marks in a range, some a turn. On an error the next pass looks again. */
  #dropMarked(shard: number, range: KeyRange, earlier: Voided, done: () => void): void {
    const limit = limits.pageSweepEntries;
    this.#parts.engine.scan({ ...range, limit, limitBytes: EVERYTHING, keysOnly: false }, (error, entries) => {
      const last = entries?.at(-1);
      if (this.#stopped) return;
      if (error !== null || entries === undefined || last === undefined) {
        done();
        return;
      }
      const isEnd = entries.length < limit;
      const { superseded, voided } = this.#dropRead(shard, entries.flatMap(markOf), earlier, isEnd);
      this.#dropSuperseded(shard, superseded, () => {
        if (isEnd) done();
        else this.#nextTurn(() => this.#dropMarked(shard, after(last, range), voided, done));
      });
    });
  }

  /** Marks of one record stand together, the one that makes older ones void before them. */
  #dropRead(shard: number, marks: readonly Mark[], earlier: Voided, isEnd: boolean): DroppedMarks {
    const { pipeline, purgeAfterMs, pins } = this.#parts;
    let { id, until } = earlier;
    const superseded = new Map<RecordId, Mark[]>();
    for (let i = 0; i < marks.length; i++) {
      const mark = marks[i];
      if (mark === undefined) break;
      if (mark.id !== id) until = NO_BALLOT;
      id = mark.id;
      const isVoidMark = mark.pageId === VOID_MARK;
      if (isVoidMark) until = mark.ballot;
      if (!this.#isOld(mark.ballot, purgeAfterMs) || this.#listedAnew.has(id) || pins.holds(id)) continue;
      if (isVoidMark) {
        // Goes last: when no other mark of the record is left.
        const isAlone = i + 1 < marks.length ? marks[i + 1]?.id !== id : isEnd;
        if (isAlone) pipeline.add({ key: Buffer.from(mark.key), value: null });
        continue;
      }
      const isVoid = compareBallots(mark.ballot, until) < 0;
      if (!isVoid && isSuperseded(mark.pageId)) {
        const others = superseded.get(id);
        if (others === undefined) superseded.set(id, [mark]);
        else others.push(mark);
        continue;
      }
      if (!isVoid) this.#drop(shard, id, mark.pageId);
      pipeline.add({ key: Buffer.from(mark.key), value: null });
    }
    return { superseded: [...superseded.values()], voided: { id, until } };
  }

  /** A record after the other, some of them a turn. */
  #dropSuperseded(shard: number, records: Mark[][], done: () => void): void {
    let left = limits.pageSweepRecordsAtOnce;
    let isLooping = false;
    let isReady = true;
    const go = (): void => {
      isReady = true;
      if (isLooping) return;
      isLooping = true;
      while (isReady) {
        const marks = records.pop();
        if (marks === undefined) {
          done();
          return;
        }
        isReady = false;
        this.#dropSupersededBy(shard, marks, () => {
          if (--left > 0) {
            go();
            return;
          }
          left = limits.pageSweepRecordsAtOnce;
          this.#nextTurn(go);
        });
      }
      isLooping = false;
    };
    go();
  }

  /** One look at the record's pages for all of its marks: what is older than the latest of them goes. */
  #dropSupersededBy(shard: number, marks: readonly Mark[], done: () => void): void {
    const { pins, pipeline } = this.#parts;
    const id = marks[0]?.id ?? '';
    let until = NO_BALLOT;
    for (const { pageId } of marks) {
      const ballot = pageBallot(pageId) ?? NO_BALLOT;
      if (compareBallots(ballot, until) > 0) until = ballot;
    }
    const dropOlder = (range: KeyRange): void => {
      this.#readPages(range, (found, rest) => {
        if (found === null || this.#listedAnew.has(id) || pins.holds(id)) {
          done();
          return;
        }
        for (const { pageId } of found) {
          const ballot = pageBallot(pageId);
          if (ballot !== null && compareBallots(ballot, until) < 0) this.#drop(shard, id, pageId);
        }
        if (rest !== null) {
          this.#nextTurn(() => dropOlder(rest));
          return;
        }
        for (const { key } of marks) pipeline.add({ key: Buffer.from(key), value: null });
        done();
      });
    };
    dropOlder(pageRange(shard, id));
  }

  /** Pages of writes that never came to an end: old, and not of the state that the node has. Some a turn, then the next shard. */
  #dropUnfinished(shard: number, range: KeyRange): void {
    this.#readPages(range, (found, rest) => {
      this.#dropUnfinishedOf(shard, found ?? [], () => {
        if (rest === null) this.#later();
        else this.#nextTurn(() => this.#dropUnfinished(shard, rest));
      });
    });
  }

  /** The shard is being learned: pages come from other nodes, and the state that lists them only after them. */
  #mayBeCopied(shard: number): boolean {
    return this.#parts.map.learns(shard);
  }

  #dropUnfinishedOf(shard: number, found: readonly Page[], done: () => void): void {
    const { engine, cache, pins } = this.#parts;
    const old = found.filter(
      ({ id, pageId }) => this.#isOld(pageBallot(pageId) ?? NO_BALLOT, limits.unfinishedPageAgeMs) && !pins.holds(id),
    );
    const ids = [...new Set(old.map(({ id }) => id))];
    if (ids.length === 0) {
      done();
      return;
    }
    const keys = ids.map((id) => recordKey(shard, id));
    engine.getMany(keys, (error, values) => {
      if (this.#stopped) return;
      if (error === null && values !== undefined && !this.#mayBeCopied(shard)) {
        const stored = new Map(ids.map((id, i) => [id, recordOf(values[i] ?? null)]));
        for (const { id, pageId } of old) {
          // What is in memory is newer than what was on the disk.
          const record = cache.get(id) ?? stored.get(id) ?? ABSENT;
          if (record === 'damaged' || this.#listedAnew.has(id) || this.#isReplacing(record)) continue;
          if (!isUnfinished(record.state, pageId)) continue;
          this.#drop(shard, id, pageId);
        }
      }
      done();
    });
  }

  /** The first pages in a range, null on an error, and the range of the others. */
  #readPages(range: KeyRange, done: (found: readonly Page[] | null, rest: KeyRange | null) => void): void {
    const limit = limits.pageSweepEntries;
    this.#parts.engine.scan({ ...range, limit, limitBytes: EVERYTHING, keysOnly: true }, (error, entries) => {
      if (this.#stopped) return;
      const last = entries?.at(-1);
      if (error !== null || entries === undefined) done(null, null);
      else
        done(
          entries.flatMap(({ key }) => parsePageKey(key) ?? []),
          last === undefined || entries.length < limit ? null : after(last, range),
        );
    });
  }

  /** What is in no pages may have been so for a moment only: its pages are then marked, and go in their time. */
  #isReplacing({ accepted, state }: HeldRecord): boolean {
    return state !== null && !state.header.paged && !this.#isOld(accepted, this.#parts.purgeAfterMs);
  }

  #drop(shard: number, id: RecordId, pageId: PageId): void {
    this.#parts.pages.drop(shard, id, pageId);
    this.purged++;
  }
}

const ZERO = Buffer.alloc(1);
/** Entries are counted, and small. */
const EVERYTHING = Number.MAX_SAFE_INTEGER;
const NONE_VOID: Voided = { id: '', until: NO_BALLOT };

function after(last: EngineEntry, range: KeyRange): KeyRange {
  return { from: Buffer.concat([last.key, ZERO]), to: range.to };
}

function markOf({ key, value }: EngineEntry): Mark[] {
  const parsed = parseDroppedPageKey(key);
  const ballot = value.length === 12 ? readBallot(value, 0) : null;
  return parsed === null || ballot === null ? [] : [{ key, id: parsed.id, pageId: parsed.pageId, ballot }];
}

interface HeldRecord {
  readonly accepted: Ballot;
  readonly state: SealedState | null;
}

const ABSENT: HeldRecord = { accepted: NO_BALLOT, state: null };

/** 'damaged': nobody knows which pages it lists. */
function recordOf(bytes: Buffer | null): HeldRecord | 'damaged' {
  return bytes === null ? ABSENT : (decodeStored(bytes) ?? 'damaged');
}

/** Whether the state cannot rest on the page: it is in no pages, or the page is of a write that came after it. */
function isUnfinished(state: SealedState | null, pageId: PageId): boolean {
  const ballot = pageBallot(pageId);
  if (state?.intent !== undefined && ballot !== null && sameBallot(ballot, state.intent.ballot)) return false;
  if (state === null || !state.header.paged) return true;
  return ballot !== null && compareBallots(ballot, state.header.origin) > 0;
}

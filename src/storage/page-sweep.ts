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

/**
 * Deletes pages of large values that this node's own states have ceased to list for `purgeAfter` (protocol §6): those that were
 * marked, and those of writes that never came to an end. Shard after shard, paced; each node for itself.
 */
export class PageSweep {
  readonly #parts: PageSweepParts;
  #shard = 0;
  #timer: Timer | null = null;
  #stopped = false;
  /** Records that got a list of pages since the marks were read: those may be in use again. */
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
    this.#shard = (shard + 1) % this.#parts.map.current.shards;
    this.#listedAnew = this.#parts.pages.watchLists();
    this.#readAll(shardDroppedRange(shard), (entries) => {
      const marks = entries.flatMap(markOf);
      this.#dropMarked(shard, marks, () => this.#dropUnfinished(shard, () => this.#later()));
    });
  }

  /** Everything in a range, with as many reads as it takes; on an error what was found so far. */
  #readAll(range: KeyRange, done: (entries: readonly EngineEntry[]) => void, found: EngineEntry[] = []): void {
    const step = { limit: limits.scanStepRecords, limitBytes: limits.scanStepBytes, keysOnly: false };
    this.#parts.engine.scan({ ...range, ...step }, (error, entries) => {
      const last = entries?.at(-1);
      if (this.#stopped) return;
      if (error !== null || entries === undefined || last === undefined || found.length >= limits.pageSweepMarks) {
        done(found);
        return;
      }
      found.push(...entries);
      this.#readAll({ from: Buffer.concat([last.key, ZERO]), to: range.to }, done, found);
    });
  }

  #isOld(ballot: Ballot, ageMs: number): boolean {
    return ballot.time + ageMs * 1000 <= this.#parts.clock.wallUs();
  }

  /** Marks of one record stand together, the one that makes older ones void before them. */
  #dropMarked(shard: number, marks: Mark[], done: () => void): void {
    const { pipeline, purgeAfterMs, pins } = this.#parts;
    let id: RecordId = '';
    let voidUntil = NO_BALLOT;
    const superseded: Mark[] = [];
    for (const mark of marks) {
      if (mark.id !== id) voidUntil = NO_BALLOT;
      id = mark.id;
      if (mark.pageId === VOID_MARK) voidUntil = mark.ballot;
      if (!this.#isOld(mark.ballot, purgeAfterMs) || this.#listedAnew.has(id) || pins.holds(id)) continue;
      const isVoid = mark.pageId === VOID_MARK || compareBallots(mark.ballot, voidUntil) < 0;
      if (!isVoid && isSuperseded(mark.pageId)) {
        superseded.push(mark);
        continue;
      }
      if (!isVoid) this.#drop(shard, id, mark.pageId);
      // The void mark itself goes last: when no older one is left.
      if (mark.pageId !== VOID_MARK || !marks.some((other) => other.id === id && other !== mark)) {
        pipeline.add({ key: Buffer.from(mark.key), value: null });
      }
    }
    this.#dropSuperseded(shard, superseded, done);
  }

  /** A loop and no recursion: engines in memory answer at once, and there may be tens of thousands of marks. */
  #dropSuperseded(shard: number, marks: Mark[], done: () => void): void {
    let isLooping = false;
    let isReady = false;
    const next = (): void => {
      isReady = true;
      if (isLooping) return;
      isLooping = true;
      while (isReady) {
        isReady = false;
        const mark = marks.pop();
        if (mark === undefined || this.#stopped) done();
        else this.#dropSupersededBy(shard, mark, next);
      }
      isLooping = false;
    };
    next();
  }

  #dropSupersededBy(shard: number, mark: Mark, done: () => void): void {
    const until = pageBallot(mark.pageId) ?? NO_BALLOT;
    this.#listedAnew = this.#parts.pages.watchLists();
    this.#readKeys(pageRange(shard, mark.id), (pageIds) => {
      if (!this.#listedAnew.has(mark.id) && !this.#parts.pins.holds(mark.id)) {
        for (const { pageId } of pageIds) {
          const ballot = pageBallot(pageId);
          if (ballot !== null && compareBallots(ballot, until) < 0) this.#drop(shard, mark.id, pageId);
        }
        this.#parts.pipeline.add({ key: Buffer.from(mark.key), value: null });
      }
      done();
    });
  }

  /** Pages of writes that never came to an end: old, and not of the state that the node has. */
  #dropUnfinished(shard: number, done: () => void): void {
    this.#readKeys(shardPageRange(shard), (found) => {
      const { engine, cache, pins } = this.#parts;
      const old = found.filter(
        ({ id, pageId }) => this.#isOld(pageBallot(pageId) ?? NO_BALLOT, limits.unfinishedPageAgeMs) && !pins.holds(id),
      );
      const ids = [...new Set(old.map(({ id }) => id))];
      if (ids.length === 0) {
        done();
        return;
      }
      engine.getMany(
        ids.map((id) => recordKey(shard, id)),
        (error, values) => {
          if (error === null && values !== undefined && !this.#stopped) {
            const stored = new Map(ids.map((id, i) => [id, recordOf(values[i] ?? null)]));
            for (const { id, pageId } of old) {
              // What is in memory is newer than what was on the disk.
              const record = cache.get(id) ?? stored.get(id) ?? ABSENT;
              if (record === 'damaged' || this.#isReplacing(record) || !isUnfinished(record.state, pageId)) continue;
              this.#drop(shard, id, pageId);
            }
          }
          done();
        },
      );
    });
  }

  #readKeys(range: KeyRange, done: (pages: { id: RecordId; pageId: PageId }[]) => void): void {
    const found: { id: RecordId; pageId: PageId }[] = [];
    const next = (from: Buffer): void => {
      const step = { from, to: range.to, limit: 4_096, limitBytes: limits.scanStepBytes, keysOnly: true };
      this.#parts.engine.scan(step, (error, entries) => {
        const last = entries?.at(-1);
        if (this.#stopped) return;
        if (error !== null || entries === undefined || last === undefined || found.length >= limits.pageSweepMarks) {
          done(found);
          return;
        }
        for (const { key } of entries) {
          const page = parsePageKey(key);
          if (page !== null) found.push(page);
        }
        next(Buffer.concat([last.key, ZERO]));
      });
    };
    next(range.from);
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

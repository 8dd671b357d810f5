import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import {
  droppedMarksRange,
  parseDroppedPageKey,
  parseRecordKey,
  recordRange,
  shardPageRange,
} from '../record/record-id.ts';
import type { RecordId } from '../record/state.ts';
import type { Engine } from './engine.ts';
import type { RecordLoader } from './record-loader.ts';
import type { WritePipeline } from './write-pipeline.ts';

/** Between two steps, so that clients are served first. */
const PAUSE_MS = 2;
/** Looked at in one turn, where there is nothing. */
const SHARDS_PER_TURN = 64;

export interface ShardDropParts {
  readonly engine: Engine;
  readonly pipeline: WritePipeline;
  readonly clock: Clock;
  readonly log: Log;
  readonly loader: Pick<RecordLoader, 'whenLoaded'>;
  /** A stretch of the disk cannot be read, so it cannot be emptied either. */
  readonly onDamaged?: () => void;
  /** A record is gone from the disk: memory must not answer for it either. */
  forget(id: RecordId): void;
}

const all = (): boolean => true;

interface Job {
  readonly shards: ReadonlySet<number>;
  readonly done: () => void;
}

/**
 * Deletes all that a node holds of shards: records, pages and the marks of dropped pages, in small steps, one job after the
 * other. The node must not answer for these shards meanwhile. What fails is tried again until it is done.
 */
export class ShardDrop {
  readonly #parts: ShardDropParts;
  readonly #waiting: Job[] = [];
  #isRunning = false;
  #isStopped = false;

  constructor(parts: ShardDropParts) {
    this.#parts = parts;
  }

  /** `done` once nothing of the shards is on the disk any more, as durably as anything that the node writes. */
  drop(shards: ReadonlySet<number>, done: () => void): void {
    this.#waiting.push({ shards, done });
    if (!this.#isRunning) this.#next();
  }

  stop(): void {
    this.#isStopped = true;
  }

  #next(): void {
    const job = this.#waiting.shift();
    this.#isRunning = job !== undefined;
    if (job === undefined || this.#isStopped) return;
    // What was on its way for these shards when the map took them away has to come to rest to be found.
    this.#parts.loader.whenLoaded(() => {
      this.#parts.pipeline.whenSettled(() => this.#dropShards([...job.shards], job));
    });
  }

  #dropShards(left: number[], job: Job): void {
    const shard = left.pop();
    if (this.#isStopped) return;
    if (shard === undefined) {
      this.#dropMarks(job);
      return;
    }
    const next = (): void => {
      // What is empty may be answered at once, and there are thousands of shards.
      if (left.length % SHARDS_PER_TURN === 0) this.#parts.clock.after(0, () => this.#dropShards(left, job));
      else this.#dropShards(left, job);
    };
    const dropPages = (): void => this.#dropRange(shardPageRange(shard), next, all);
    this.#dropRange(recordRange(shard), dropPages, all);
  }

  /** Pages that the shards' records had ceased to list. */
  #dropMarks(job: Job): void {
    const isOfShards = (key: Buffer): boolean => {
      const mark = parseDroppedPageKey(key);
      return mark !== null && job.shards.has(mark.shard);
    };
    this.#dropRange(
      droppedMarksRange(),
      () => {
        job.done();
        this.#next();
      },
      isOfShards,
    );
  }

  #dropRange(
    range: { readonly from: Buffer; readonly to: Buffer },
    done: () => void,
    isMeant: (key: Buffer) => boolean,
  ): void {
    const { engine, pipeline, clock, log } = this.#parts;
    const step = { limit: limits.scanStepRecords, limitBytes: limits.scanStepBytes, keysOnly: true };
    const again = (from: Buffer): void => {
      clock.after(PAUSE_MS, () => this.#dropRange({ from, to: range.to }, done, isMeant));
    };
    engine.scan({ ...range, ...step }, (error, entries) => {
      if (this.#isStopped) return;
      if (error !== null || entries === undefined) {
        log.warn({ detail: error?.message }, 'a shard could not be deleted; it is tried again');
        if (error?.kind === 'corrupt') this.#parts.onDamaged?.();
        clock.after(limits.learnRetryMs, () => this.#dropRange(range, done, isMeant));
        return;
      }
      const last = entries.at(-1);
      if (last === undefined) {
        done();
        return;
      }
      for (const { key } of entries) if (isMeant(key)) pipeline.add({ key: Buffer.from(key), value: null });
      pipeline.whenSettled((isWritten) => {
        if (this.#isStopped) return;
        if (!isWritten) {
          again(range.from);
          return;
        }
        for (const { key } of entries) {
          const id = parseRecordKey(key)?.id;
          if (id !== undefined) this.#parts.forget(id);
        }
        again(Buffer.concat([last.key, Buffer.alloc(1)]));
      });
    });
  }
}

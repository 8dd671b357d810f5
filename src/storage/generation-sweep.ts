import type { Clock, Timer } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import type { ClusterMap } from '../cluster/map.ts';
import { pageRange, parseRecordKey, recordRange } from '../record/record-id.ts';
import type { RecordId } from '../record/state.ts';
import { decodeStored } from '../record/state-codec.ts';
import { type Engine, type EngineEntry, mayHaveMore } from './engine.ts';
import type { PagePins } from './page-pins.ts';
import type { WritePipeline } from './write-pipeline.ts';

/** Between two steps, so that clients are served first. */
const PAUSE_MS = 20;
/** Empty shards passed over in one go. */
const SHARDS_PER_STEP = 64;

/**
 * Drops what a FLUSHDB left behind (protocol §8): records of an older generation than their namespace's, which nobody can
 * address any more, `purgeAfter` after this node adopted the map. Goes on by itself after a restart; paced.
 */
export class GenerationSweep {
  readonly #engine: Engine;
  readonly #pipeline: WritePipeline;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #purgeAfterMs: number;
  readonly #pins: PagePins;
  #map: ClusterMap;
  /** Whose older generations are being dropped: it was adopted purgeAfter ago. */
  #swept: ClusterMap;
  #timer: Timer | null = null;
  #running = false;
  #again = false;
  #stopped = false;
  #dropped = 0;

  constructor(
    engine: Engine,
    pipeline: WritePipeline,
    clock: Clock,
    log: Log,
    map: ClusterMap,
    pins: PagePins,
    purgeAfterMs: number = limits.purgeAfterMs,
  ) {
    this.#pins = pins;
    this.#purgeAfterMs = purgeAfterMs;
    this.#engine = engine;
    this.#pipeline = pipeline;
    this.#clock = clock;
    this.#log = log;
    this.#map = map;
    this.#swept = map;
  }

  /** Records dropped since the start. */
  get dropped(): number {
    return this.#dropped;
  }

  /** The node starts with this map, or has just adopted it. One that comes while another's time runs is swept for after it. */
  onMap(map: ClusterMap): void {
    this.#map = map;
    if (map.namespaces.every((namespace) => namespace.generation === 1)) return;
    if (this.#timer !== null || this.#running) this.#again = true;
    else this.#arm();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #arm(): void {
    const map = this.#map;
    this.#again = false;
    this.#timer = this.#clock.after(this.#purgeAfterMs, () => {
      this.#timer = null;
      this.#running = true;
      this.#swept = map;
      this.#step(0, '');
    });
  }

  #step(shard: number, afterId: RecordId): void {
    if (this.#stopped) return;
    if (shard >= this.#swept.shards) {
      this.#finish();
      return;
    }
    const range = {
      ...recordRange(shard, afterId),
      limit: limits.scanStepRecords,
      limitBytes: limits.scanStepBytes,
      keysOnly: false,
    };
    this.#engine.scan(range, (error, entries) => {
      if (this.#stopped) return;
      if (error !== null || entries === undefined) {
        this.#log.warn({ detail: error?.message }, 'flushed records could not be swept; it is tried again later');
        this.#running = false;
        this.#arm();
        return;
      }
      this.#drop(shard, entries, () => {
        const last = entries.at(-1);
        const next = (): void => {
          if (last === undefined || !mayHaveMore(entries, range)) this.#step(shard + 1, '');
          else this.#step(shard, parseRecordKey(last.key)?.id ?? afterId);
        };
        if (last === undefined && shard % SHARDS_PER_STEP !== 0) next();
        else this.#clock.after(PAUSE_MS, next);
      });
    });
  }

  #drop(shard: number, entries: readonly EngineEntry[], done: () => void): void {
    const paged: RecordId[] = [];
    for (const { key, value } of entries) {
      const id = parseRecordKey(key)?.id;
      const header = decodeStored(value)?.state.header;
      if (id === undefined || header === undefined) continue;
      const current = this.#swept.namespaces[header.namespace]?.generation;
      if (current === undefined || header.generation >= current) continue;
      if (header.paged && this.#pins.holds(id)) {
        // Somebody still reads its pages: it goes with the next sweep.
        this.#again = true;
        continue;
      }
      this.#pipeline.add({ key: Buffer.from(key), value: null });
      this.#dropped++;
      if (header.paged) paged.push(id);
    }
    this.#dropPages(shard, paged, done);
  }

  #dropPages(shard: number, ids: RecordId[], done: () => void): void {
    const id = ids.pop();
    if (id === undefined || this.#stopped) {
      done();
      return;
    }
    const range = {
      ...pageRange(shard, id),
      limit: limits.scanStepRecords,
      limitBytes: limits.scanStepBytes,
      keysOnly: true,
    };
    this.#engine.scan(range, (error, entries) => {
      if (error !== null || entries === undefined || entries.length === 0) {
        this.#dropPages(shard, ids, done);
        return;
      }
      for (const { key } of entries) this.#pipeline.add({ key: Buffer.from(key), value: null });
      // Deletions show once their batch is written: the rest, if any, is looked for after that.
      ids.push(id);
      this.#clock.after(PAUSE_MS, () => this.#dropPages(shard, ids, done));
    });
  }

  #finish(): void {
    this.#running = false;
    this.#log.info({ dropped: this.#dropped }, 'records of flushed generations were dropped');
    if (this.#again) this.#arm();
  }
}

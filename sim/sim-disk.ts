import { assert } from '../src/base/assert.ts';
import {
  type Engine,
  type EngineCallback,
  type EngineChange,
  type EngineEntry,
  EngineError,
  type EngineRange,
} from '../src/storage/engine.ts';
import { MemoryEngine } from '../src/storage/memory-engine.ts';
import type { NodeStore } from '../src/storage/node-store.ts';
import type { SimProcess, SimScheduler } from './sim-clock.ts';
import type { SimRandom } from './sim-random.ts';

/** How a disk behaves; times in microseconds. */
export interface DiskProfile {
  readonly meanUs: number;
  /** Part of the operations that take a stall's time. */
  readonly stallChance: number;
  readonly stallUs: number;
  /** Part of the writes that fail and change nothing. */
  readonly writeErrorChance: number;
  /** Part of the reads that answer from inside the call. */
  readonly synchronousReads: number;
}

/** What a loss of power leaves of what was written and not synced: a random part, oldest first, or nothing. */
export type Kept = 'some' | 'nothing';

/**
 * What outlives a node's process: its records, its ceiling and its map. A crash keeps what was written; a loss of power
 * only what was synced, and any part of the rest in the order of writing.
 */
export class SimDisk {
  readonly records = new MemoryEngine();
  readonly random: SimRandom;
  readonly scheduler: SimScheduler;
  profile: DiskProfile;
  /** A disk that hangs answers nothing before this moment. */
  hangsUntilUs = 0;
  ceilingUs = 0;
  map: string | null = null;
  /** How to undo each batch that was written and not synced, oldest first. */
  #unsynced: (readonly EngineChange[])[] = [];
  #synced = 0;
  #inFlight: readonly EngineChange[] | null = null;
  #ceilingInFlight = 0;

  constructor(scheduler: SimScheduler, random: SimRandom, profile: DiskProfile) {
    this.scheduler = scheduler;
    this.random = random;
    this.profile = profile;
  }

  delayUs(): number {
    const { meanUs, stallChance, stallUs } = this.profile;
    const normalUs = 10 + this.random.exponential(meanUs);
    const delayUs = this.random.chance(stallChance) ? normalUs + this.random.exponential(stallUs) : normalUs;
    return Math.max(delayUs, this.hangsUntilUs - this.scheduler.nowUs);
  }

  begin(changes: readonly EngineChange[]): void {
    assert(this.#inFlight === null, 'at most one batch in flight');
    this.#inFlight = changes;
  }

  /** The batch in flight is written, or was not. */
  end(written: boolean): void {
    const changes = this.#inFlight;
    assert(changes !== null, 'a batch was begun');
    this.#inFlight = null;
    if (!written) return;
    const undo: EngineChange[] = [];
    const keys = changes.map((change) => change.key);
    this.records.getMany(keys, (_error, before) => {
      for (let i = keys.length - 1; i >= 0; i--) {
        const key = keys[i];
        if (key !== undefined) undo.push({ key, value: before?.[i] ?? null });
      }
    });
    this.#unsynced.push(undo);
    this.records.write(changes, () => {});
  }

  /** The number of batches written so far: what a sync that begins now covers. */
  get written(): number {
    return this.#synced + this.#unsynced.length;
  }

  /** All up to this number of batches survives a loss of power. */
  synced(written: number): void {
    if (written <= this.#synced) return;
    this.#unsynced.splice(0, written - this.#synced);
    this.#synced = written;
  }

  beginCeiling(ceilingUs: number): void {
    this.#ceilingInFlight = Math.max(this.#ceilingInFlight, ceilingUs);
  }

  /** Turns one bit of what is stored under this key, if anything is. */
  corrupt(key: Buffer): void {
    this.records.getMany([key], (_error, values) => {
      const value = values?.[0];
      if (!value) return;
      const damaged = Buffer.from(value);
      const at = this.random.below(damaged.length);
      damaged[at] = (damaged[at] ?? 0) ^ (1 << this.random.below(8));
      this.records.write([{ key, value: damaged }], () => {});
    });
  }

  /** The process ended: what was in flight may have arrived. Losing power (`kept` not null) also takes what was not synced. */
  crash(kept: Kept | null): void {
    if (kept !== null) {
      const length = kept === 'some' ? this.random.below(this.#unsynced.length + 1) : 0;
      while (this.#unsynced.length > length) {
        const undo = this.#unsynced.pop();
        if (undo !== undefined) this.records.write(undo, () => {});
      }
      this.#inFlight = null;
    }
    if (this.#inFlight !== null) this.end(this.random.chance(0.5));
    if (kept !== null) this.synced(this.written);
    if (this.#ceilingInFlight > 0 && this.random.chance(0.5)) {
      this.ceilingUs = Math.max(this.ceilingUs, this.#ceilingInFlight);
    }
    this.#ceilingInFlight = 0;
  }
}

/** The disk's records as one process has them open. */
export class SimEngine implements Engine {
  readonly name = 'rocksdb';
  readonly supports = { durable: true } as const;
  readonly #disk: SimDisk;
  readonly #process: SimProcess;

  constructor(disk: SimDisk, process: SimProcess) {
    this.#disk = disk;
    this.#process = process;
  }

  getMany(keys: readonly Buffer[], callback: EngineCallback<readonly (Buffer | null)[]>): void {
    if (this.#disk.random.chance(this.#disk.profile.synchronousReads)) {
      this.#disk.records.getMany(keys, callback);
      return;
    }
    this.#later(() => this.#disk.records.getMany(keys, callback));
  }

  write(changes: readonly EngineChange[], callback: EngineCallback<void>): void {
    const failed = this.#disk.random.chance(this.#disk.profile.writeErrorChance);
    this.#disk.begin(changes);
    this.#later(() => {
      this.#disk.end(!failed);
      callback(failed ? new EngineError('io', 'simulated') : null, undefined);
    });
  }

  sync(callback: EngineCallback<void>): void {
    const { written } = this.#disk;
    this.#later(() => {
      this.#disk.synced(written);
      callback(null, undefined);
    });
  }

  scan(range: EngineRange, callback: EngineCallback<readonly EngineEntry[]>): void {
    this.#later(() => this.#disk.records.scan(range, callback));
  }

  sizeBytes(): number {
    return this.#disk.records.sizeBytes();
  }

  close(callback: EngineCallback<void>): void {
    callback(null, undefined);
  }

  #later(run: () => void): void {
    this.#disk.scheduler.after(this.#disk.delayUs(), this.#process, run);
  }
}

/** The disk's ceiling and map as one process has them open. */
export class SimNodeStore implements NodeStore {
  readonly #disk: SimDisk;
  readonly #process: SimProcess;

  constructor(disk: SimDisk, process: SimProcess) {
    this.#disk = disk;
    this.#process = process;
  }

  get ceilingUs(): number {
    return this.#disk.ceilingUs;
  }

  saveCeiling(ceilingUs: number, callback: (error: Error | null) => void): void {
    this.#disk.beginCeiling(ceilingUs);
    this.#disk.scheduler.after(this.#disk.delayUs() * 2, this.#process, () => {
      this.#disk.ceilingUs = Math.max(this.#disk.ceilingUs, ceilingUs);
      callback(null);
    });
  }

  saveMap(text: string, callback: (error: Error | null) => void): void {
    this.#disk.scheduler.after(this.#disk.delayUs(), this.#process, () => {
      this.#disk.map = text;
      callback(null);
    });
  }
}

import { type FileHandle, open, readFile, rename, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { assert } from '../base/assert.ts';
import type { Clock, Timer } from '../base/clock.ts';
import { type FileLock, tryLockFile } from '../base/file-lock.ts';
import { limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { ConfigStore, MapWatch, StoreResult, SwapResult } from './config-store.ts';
import type { ClusterMap } from './map.ts';
import { type MapFileContents, mapFileContents, mapFileText, movedFileText } from './map-file-text.ts';
import { FileUserCell } from './user-cells.ts';
import { CellUserStore, type UserStore } from './user-store.ts';

const MAX_PROPOSER_ID = 0xffff_ffff;

export interface FileConfigStoreOptions {
  /** The cluster-map file; its directory must exist. `<path>.lock` and `<path>.new` stand beside it. */
  readonly path: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

const EMPTY: MapFileContents = { lastProposerId: 0, map: null };

interface Watcher {
  epoch: number;
  readonly listener: (map: ClusterMap) => void;
}

/**
 * A config store in one file, for the processes of one machine. A change is written beside the file, fsynced and renamed
 * over it, under a lock that the kernel drops when its holder dies; readers need no lock.
 */
export class FileConfigStore implements ConfigStore {
  readonly users: UserStore;
  readonly #options: FileConfigStoreOptions;
  readonly #watchers = new Set<Watcher>();
  /** Changes of one instance wait for each other here, so that they do not fight for the lock. */
  #lastChange: Promise<unknown> = Promise.resolve();
  #pollTimer: Timer | null = null;
  #seenStamp = '';
  #lastProblem = '';
  #closed = false;

  constructor(options: FileConfigStoreOptions) {
    this.#options = options;
    const { path, clock, random } = options;
    this.users = new CellUserStore({ cell: new FileUserCell(path, clock, random), ...options });
  }

  async read(): Promise<StoreResult<ClusterMap | null>> {
    const contents = await this.#readContents();
    return contents.ok ? { ok: true, value: contents.value.map } : contents;
  }

  async compareAndSet(expectedEpoch: number, map: ClusterMap): Promise<StoreResult<SwapResult>> {
    assert(map.epoch > expectedEpoch, 'a new map has a higher epoch');
    const result = await this.#change((contents) => {
      if ((contents.map?.epoch ?? 0) !== expectedEpoch) {
        return { contents: null, answer: { swapped: false, map: contents.map } };
      }
      return { contents: { ...contents, map }, answer: { swapped: true, map } };
    });
    if (result.ok && result.value.swapped) this.#tellAll(map);
    return result;
  }

  async nextProposerId(): Promise<StoreResult<number>> {
    const result = await this.#change<number | null>((contents) => {
      if (contents.lastProposerId >= MAX_PROPOSER_ID) return { contents: null, answer: null };
      const id = contents.lastProposerId + 1;
      return { contents: { ...contents, lastProposerId: id }, answer: id };
    });
    if (!result.ok) return result;
    const id = result.value;
    return id === null ? this.#problem('all 2^32-1 proposer ids are used up') : { ok: true, value: id };
  }

  watch(afterEpoch: number, listener: (map: ClusterMap) => void): MapWatch {
    const watcher = { epoch: afterEpoch, listener };
    this.#watchers.add(watcher);
    // A new watcher must be told what the others have seen already.
    this.#seenStamp = '';
    if (this.#pollTimer === null) this.#pollLater(0);
    return { stop: () => this.#watchers.delete(watcher) };
  }

  /**
   * Moves the cluster out of this file: `take` gets what the file holds, and stores it elsewhere, while nobody can change the
   * file; from then on everybody who reads it is told `movedTo`.
   */
  async moveAway(
    movedTo: string,
    take: (contents: MapFileContents) => Promise<StoreResult<void>>,
  ): Promise<StoreResult<void>> {
    const lock = await this.#lock();
    if (!lock.ok) return lock;
    try {
      const contents = await this.#readContents();
      if (!contents.ok) return contents;
      const taken = await take(contents.value);
      if (taken.ok) await replaceFile(this.#options.path, movedFileText(movedTo));
      return taken;
    } catch (error) {
      return this.#problem(`cannot be written: ${messageOf(error)}`);
    } finally {
      lock.value.release();
    }
  }

  close(): void {
    this.#closed = true;
    this.#watchers.clear();
    this.#pollTimer?.cancel();
    this.#pollTimer = null;
  }

  #pollLater(delayMs: number): void {
    this.#pollTimer = this.#options.clock.after(delayMs, () => {
      void this.#poll().then(() => {
        this.#pollTimer = null;
        if (!this.#closed && this.#watchers.size > 0) this.#pollLater(limits.configPollMs);
      });
    });
  }

  async #poll(): Promise<void> {
    const stamp = await stampOf(this.#options.path);
    if (stamp === this.#seenStamp) return;
    const contents = await this.#readContents();
    if (contents.ok) {
      // The stamp is older than what was read, so a change in between is only read twice.
      this.#seenStamp = stamp;
      this.#lastProblem = '';
      if (contents.value.map !== null) this.#tellAll(contents.value.map);
    } else if (contents.problem !== this.#lastProblem) {
      this.#lastProblem = contents.problem;
      this.#options.log.error({ file: this.#options.path }, contents.problem);
    }
  }

  #tellAll(map: ClusterMap): void {
    for (const watcher of [...this.#watchers]) {
      if (map.epoch <= watcher.epoch || !this.#watchers.has(watcher)) continue;
      watcher.epoch = map.epoch;
      watcher.listener(map);
    }
  }

  #change<T>(
    decide: (contents: MapFileContents) => { contents: MapFileContents | null; answer: T },
  ): Promise<StoreResult<T>> {
    const mine = this.#lastChange.then(() => this.#changeLocked(decide));
    this.#lastChange = mine;
    return mine;
  }

  async #changeLocked<T>(
    decide: (contents: MapFileContents) => { contents: MapFileContents | null; answer: T },
  ): Promise<StoreResult<T>> {
    const lock = await this.#lock();
    if (!lock.ok) return lock;
    try {
      const before = await this.#readContents();
      if (!before.ok) return before;
      const { contents, answer } = decide(before.value);
      if (contents !== null) await replaceFile(this.#options.path, mapFileText(contents));
      return { ok: true, value: answer };
    } catch (error) {
      return this.#problem(`cannot be written: ${messageOf(error)}`);
    } finally {
      lock.value.release();
    }
  }

  async #lock(): Promise<StoreResult<FileLock>> {
    const { clock, random, path } = this.#options;
    const deadlineMs = clock.monotonicMs() + limits.configLockWaitMs;
    for (;;) {
      const result = tryLockFile(`${path}.lock`);
      if (result.kind === 'held') return { ok: true, value: result.lock };
      if (result.kind === 'failed') return this.#problem(result.problem);
      if (clock.monotonicMs() >= deadlineMs) {
        return this.#problem(`other processes kept it locked for ${limits.configLockWaitMs} ms`);
      }
      await new Promise<void>((resolve) => {
        clock.after(1 + random.below(limits.configLockRetryMs), resolve);
      });
    }
  }

  async #readContents(): Promise<StoreResult<MapFileContents>> {
    let text: string;
    try {
      text = await readFile(this.#options.path, 'utf8');
    } catch (error) {
      if (isMissing(error)) return { ok: true, value: EMPTY };
      return this.#problem(`cannot be read: ${messageOf(error)}`);
    }
    const contents = mapFileContents(text);
    return contents.ok ? contents : this.#problem(contents.problem);
  }

  #problem(problem: string): { readonly ok: false; readonly problem: string } {
    return { ok: false, problem: `cluster-map file ${this.#options.path}: ${problem}` };
  }
}

/** Writes beside `path`, fsyncs, renames over it and fsyncs the directory: a crash leaves the old text or the new. */
async function replaceFile(path: string, text: string): Promise<void> {
  const beside = `${path}.new`;
  await withFile(beside, 'w', async (file) => {
    await file.writeFile(text);
    await file.sync();
  });
  await rename(beside, path);
  await withFile(dirname(path), 'r', (directory) => directory.sync());
}

async function withFile(path: string, flags: string, use: (file: FileHandle) => Promise<void>): Promise<void> {
  const file = await open(path, flags);
  try {
    await use(file);
  } finally {
    await file.close();
  }
}

/** Differs whenever the file was replaced. */
async function stampOf(path: string): Promise<string> {
  try {
    const stats = await stat(path, { bigint: true });
    return `${stats.ino}.${stats.mtimeNs}.${stats.size}`;
  } catch {
    return 'none';
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

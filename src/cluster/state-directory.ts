import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type FileLock, tryLockFile } from '../base/file-lock.ts';
import { filePromise } from '../base/files.ts';
import { limits } from '../base/limits.ts';
import { SystemFiles } from '../base/system-files.ts';
import type { StoreResult } from './config-store.ts';
import type { ClusterMap } from './map.ts';
import { mapFileContents, mapFileText } from './map-file-text.ts';

/** Proposer ids `first` to `first + count - 1`, which nobody else ever gets. */
export interface ProposerIds {
  readonly first: number;
  readonly count: number;
}

/**
 * Where a process keeps what it must know to start while the config store is away: the newest map that it has seen, and a few
 * proposer ids. Processes may share a directory: each has a slot of its own, and locks it.
 */
export interface StateDirectory {
  readonly path: string;
  /** The newest map that was kept by any of the processes; null: none. */
  readonly map: ClusterMap | null;
  /** Those of this slot. */
  readonly ids: ProposerIds;
  /** Keeps a newer map, some time soon; resolves to what went wrong, null if nothing did. */
  saveMap(map: ClusterMap): Promise<string | null>;
  /** Durable when it resolves; to what went wrong, null if nothing did. */
  saveIds(ids: ProposerIds): Promise<string | null>;
  /** Lets another process have the slot. */
  release(): void;
}

const MAP_FILE = 'cluster-map.json';
const IDS_FILE = 'proposer-ids.json';
const NO_IDS: ProposerIds = { first: 0, count: 0 };

/** Opens the directory, made if missing, for its owner only, and takes the first slot that is free. */
export function openStateDirectory(path: string): StoreResult<StateDirectory> {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    for (let slot = 0; slot < limits.stateSlots; slot++) {
      const slotPath = join(path, `slot-${slot}`);
      mkdirSync(slotPath, { recursive: true, mode: 0o700 });
      const locked = tryLockFile(join(slotPath, 'lock'));
      if (locked.kind === 'failed') return { ok: false, problem: `state directory ${path}: ${locked.problem}` };
      if (locked.kind === 'held') return { ok: true, value: new Slot(path, slotPath, locked.lock) };
    }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { ok: false, problem: `cannot use the state directory ${path}: ${message}` };
  }
  return { ok: false, problem: `${limits.stateSlots} processes use the state directory ${path} already` };
}

class Slot implements StateDirectory {
  readonly path: string;
  readonly map: ClusterMap | null;
  readonly ids: ProposerIds;
  readonly #slotPath: string;
  readonly #lock: FileLock;
  readonly #files = new SystemFiles();
  /** The highest id that this slot knows of. */
  #lastProposerId: number;
  #waitingMap: ClusterMap | null = null;
  #saving: Promise<string | null> | null = null;

  constructor(path: string, slotPath: string, lock: FileLock) {
    this.path = path;
    this.#slotPath = slotPath;
    this.#lock = lock;
    this.map = newestMap(path);
    this.ids = readIds(join(slotPath, IDS_FILE));
    this.#lastProposerId = Math.max(0, this.ids.first + this.ids.count - 1);
  }

  saveMap(map: ClusterMap): Promise<string | null> {
    this.#waitingMap = map;
    this.#saving ??= this.#saveMaps();
    return this.#saving;
  }

  saveIds(ids: ProposerIds): Promise<string | null> {
    this.#lastProposerId = Math.max(this.#lastProposerId, ids.first + ids.count - 1);
    return this.#replace(IDS_FILE, `${JSON.stringify(ids)}\n`);
  }

  release(): void {
    this.#lock.release();
  }

  /** Of maps that come while one is written only the last is. */
  async #saveMaps(): Promise<string | null> {
    let problem: string | null = null;
    while (this.#waitingMap !== null) {
      const map = this.#waitingMap;
      this.#waitingMap = null;
      // Others got higher ids: the gap makes the file safe to begin from, should etcd ever be lost.
      const lastProposerId = this.#lastProposerId + limits.proposerIdGap;
      problem = await this.#replace(MAP_FILE, mapFileText({ lastProposerId, map }));
    }
    this.#saving = null;
    return problem;
  }

  async #replace(name: string, text: string): Promise<string | null> {
    try {
      await filePromise<void>((callback) =>
        this.#files.replace(join(this.#slotPath, name), Buffer.from(text), callback),
      );
      return null;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }
}

/** Of all slots; a file that is damaged is none. */
function newestMap(path: string): ClusterMap | null {
  let newest: ClusterMap | null = null;
  for (const slot of readdirSync(path)) {
    const contents = mapFileContents(readText(join(path, slot, MAP_FILE)));
    const map = contents.ok ? contents.value.map : null;
    if (map !== null && map.epoch > (newest?.epoch ?? 0)) newest = map;
  }
  return newest;
}

function readIds(path: string): ProposerIds {
  const match = /^\{"first":(\d{1,10}),"count":(\d{1,10})\}\s*$/.exec(readText(path));
  return match === null ? NO_IDS : { first: Number(match[1]), count: Number(match[2]) };
}

/** '' where there is no file. */
function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

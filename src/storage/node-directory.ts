import { join } from 'node:path';
import { assert } from '../base/assert.ts';
import type { FileLock } from '../base/file-lock.ts';
import { FileError, type Files, filePromise } from '../base/files.ts';
import { limits } from '../base/limits.ts';
import type { Machine } from '../base/machine.ts';
import { CeilingFile } from './ceiling-file.ts';
import { MonotoneSaver, type SavedCallback } from './monotone-saver.ts';
import {
  type Decoded,
  decodeIdentity,
  decodeRunMark,
  encodeIdentity,
  encodeRunMark,
  epochOfMapText,
  type NodeIdentity,
  type RunMark,
} from './node-files.ts';
import type { NodeStore } from './node-store.ts';
import type { Fsync } from './write-pipeline.ts';

/**
 * `clean`: nothing can be missing. `process-crash`: the process ended, and what it acknowledged is still there.
 * `distrusted`: the machine stopped, and acknowledged writes may be missing (protocol §2).
 */
export type Trust = 'clean' | 'process-crash' | 'distrusted';

export type OpenedNodeDirectory =
  | { readonly ok: true; readonly directory: NodeDirectory }
  /**
   * `problem` is for the operator. `damaged`: the directory cannot be used as it is. `newer`: a later version of the program
   * has used it, and can go on.
   */
  | { readonly ok: false; readonly reason: 'in-use' | 'damaged' | 'newer' | 'io'; readonly problem: string };

const REASONS: ReadonlyMap<string, 'damaged' | 'newer'> = new Map([
  ['EBADMSG', 'damaged'],
  ['ENOTSUP', 'newer'],
]);

interface MapText {
  readonly text: string | null;
  readonly epoch: number;
}

/**
 * Opens or makes a storage node's directory and locks it: a second process on the same data is told so. The lock is the
 * kernel's, so it is free as soon as its holder ended, in whatever way.
 */
export async function openNodeDirectory(files: Files, machine: Machine, path: string): Promise<OpenedNodeDirectory> {
  let lock: FileLock | null = null;
  try {
    await filePromise<void>((callback) => files.makeDirectory(path, callback));
    const locked = files.lock(join(path, 'lock'));
    if (locked.kind === 'failed') return { ok: false, reason: 'io', problem: locked.problem };
    if (locked.kind === 'taken') return { ok: false, reason: 'in-use', problem: await inUse(files, path) };
    lock = locked.lock;
    const directory = await NodeDirectory.load(files, machine, path, lock);
    lock = null;
    return { ok: true, directory };
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    return { ok: false, reason: REASONS.get(error.code) ?? 'io', problem: error.message };
  } finally {
    lock?.release();
  }
}

/** The durable things of a storage node that are not records (protocol §2), and the lock on them. */
export class NodeDirectory implements NodeStore {
  readonly path: string;
  readonly #files: Files;
  readonly #machine: Machine;
  readonly #lock: FileLock;
  readonly #ceiling: CeilingFile;
  readonly #map: MonotoneSaver<MapText>;
  readonly #lastRun: RunMark | null;
  #identity: NodeIdentity | null;
  #fsync: Fsync | null = null;
  #trust: Trust | null = null;

  /** Used by `openNodeDirectory`. Rejects with FileError; EBADMSG for content that cannot be used, ENOTSUP for a newer format. */
  static async load(files: Files, machine: Machine, path: string, lock: FileLock): Promise<NodeDirectory> {
    const identity = await readDecoded(files, join(path, 'identity.json'), decodeIdentity);
    const lastRun = await readDecoded(files, join(path, 'run.json'), decodeRunMark);
    if (identity === null && lastRun !== null) {
      throw new FileError('EBADMSG', `${join(path, 'identity.json')} is missing, although a node has run here`);
    }
    const map = await readMap(files, join(path, 'cluster-map.json'));
    const ceiling = await CeilingFile.open(files, join(path, 'ceiling'));
    return new NodeDirectory(files, machine, path, lock, identity, lastRun, map, ceiling);
  }

  private constructor(
    files: Files,
    machine: Machine,
    path: string,
    lock: FileLock,
    identity: NodeIdentity | null,
    lastRun: RunMark | null,
    map: MapText,
    ceiling: CeilingFile,
  ) {
    this.#files = files;
    this.#machine = machine;
    this.path = path;
    this.#lock = lock;
    this.#identity = identity;
    this.#lastRun = lastRun;
    this.#ceiling = ceiling;
    this.#map = new MonotoneSaver(
      map,
      (value) => value.epoch,
      (value, callback) => files.replace(join(path, 'cluster-map.json'), Buffer.from(value.text ?? ''), callback),
    );
  }

  /** Where the engine keeps the records. */
  get recordsPath(): string {
    return join(this.path, 'records');
  }

  /** Null on a new directory. */
  get identity(): NodeIdentity | null {
    return this.#identity;
  }

  get ceilingUs(): number {
    return this.#ceiling.ceilingUs;
  }

  /** The highest cluster map adopted, as its canonical text; null before the first. */
  get mapText(): string | null {
    return this.#map.durable.text;
  }

  /** Rejects with FileError, like the other calls for start and stop: the node must not go on then. */
  async saveIdentity(identity: NodeIdentity): Promise<void> {
    await this.#replace('identity.json', encodeIdentity(identity));
    const rejoins = this.#identity?.incarnation !== identity.incarnation;
    if (rejoins && this.#trust === 'distrusted') this.#trust = 'clean';
    this.#identity = identity;
  }

  saveCeiling(ceilingUs: number, callback: SavedCallback): void {
    this.#ceiling.save(ceilingUs, callback);
  }

  /** A map with a lower epoch than the one saved is no error and no write. */
  saveMap(text: string, callback: SavedCallback): void {
    const epoch = epochOfMapText(text);
    assert(epoch !== null && text.length <= limits.clusterMapChars, 'a valid cluster map is saved');
    this.#map.save({ text, epoch }, callback);
  }

  /** The machine has run on since the last run, or that one stopped cleanly: nothing that was written can be missing. */
  get losesNothing(): boolean {
    return this.#lastRun === null || this.#lastRun.state === 'clean' || this.#lastRun.bootId === this.#machine.bootId;
  }

  /**
   * How far the records can be trusted, by how the last run ended and by the `fsync` that it ran with (not the one
   * configured now: what it did not sync is lost all the same). `trustAfterMachineCrash`: the operator has decided to.
   */
  assessTrust(options: { readonly trustAfterMachineCrash: boolean }): Trust {
    this.#trust = this.#assess(options.trustAfterMachineCrash);
    return this.#trust;
  }

  /**
   * From here on the directory says that a node is running on it; durable when the promise resolves. Before the first
   * answer, and on a distrusted disk after the records were wiped and a new incarnation was saved: it ends the distrust.
   */
  async removeCleanMark(options: { readonly fsync: Fsync }): Promise<void> {
    assert(this.#identity !== null, 'a node has an identity before it runs');
    assert(this.#trust !== null && this.#trust !== 'distrusted', 'only a trusted disk, or a new incarnation, runs');
    await this.#replace('run.json', this.#runMark('running', options.fsync));
    this.#fsync = options.fsync;
  }

  /** The last step of a clean stop: only when the engine was synced and closed without an error. */
  async writeCleanMark(): Promise<void> {
    assert(this.#fsync !== null, 'only a node that ran stops');
    await this.#replace('run.json', this.#runMark('clean', this.#fsync));
  }

  /** Deletes the records, durably, before the engine is opened: for a disk that is distrusted or damaged. */
  wipeRecords(): Promise<void> {
    return filePromise<void>((callback) => this.#files.removeTree(this.recordsPath, callback));
  }

  /** Gives up the lock. Nothing may be in flight. */
  async close(): Promise<void> {
    try {
      await this.#ceiling.close();
    } finally {
      this.#lock.release();
    }
  }

  #assess(trustAfterMachineCrash: boolean): Trust {
    const last = this.#lastRun;
    if (last === null || last.state === 'clean') return 'clean';
    if (last.bootId === this.#machine.bootId) return 'process-crash';
    return last.fsync === 'always' || trustAfterMachineCrash ? 'process-crash' : 'distrusted';
  }

  #replace(name: string, bytes: Buffer): Promise<void> {
    return filePromise<void>((callback) => this.#files.replace(join(this.path, name), bytes, callback));
  }

  #runMark(state: RunMark['state'], fsync: Fsync): Buffer {
    return encodeRunMark({ state, bootId: this.#machine.bootId, fsync, pid: this.#machine.pid });
  }
}

async function inUse(files: Files, path: string): Promise<string> {
  const mark = await readDecoded(files, join(path, 'run.json'), decodeRunMark).catch(() => null);
  const holder = mark?.state === 'running' ? `, process ${mark.pid} by its last entry` : '';
  return `${path} is in use by another junokv node on this machine${holder}: stop it first, or give this node another directory`;
}

async function readMap(files: Files, path: string): Promise<MapText> {
  const bytes = await readIfThere(files, path, limits.clusterMapChars * 4);
  if (bytes === null) return { text: null, epoch: -1 };
  const text = bytes.toString('utf8');
  const epoch = epochOfMapText(text);
  if (epoch === null) throw new FileError('EBADMSG', `${path} is damaged: not a cluster map`);
  return { text, epoch };
}

async function readDecoded<T>(files: Files, path: string, decode: (bytes: Buffer) => Decoded<T>): Promise<T | null> {
  const bytes = await readIfThere(files, path, limits.nodeFileBytes);
  if (bytes === null) return null;
  const decoded = decode(bytes);
  if (!decoded.ok) throw new FileError(decoded.isNewer ? 'ENOTSUP' : 'EBADMSG', `${path} ${decoded.problem}`);
  return decoded.value;
}

async function readIfThere(files: Files, path: string, limitBytes: number): Promise<Buffer | null> {
  try {
    return await filePromise<Buffer>((callback) => files.read(path, limitBytes, callback));
  } catch (error) {
    if (error instanceof FileError && error.code === 'ENOENT') return null;
    throw error;
  }
}

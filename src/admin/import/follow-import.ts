import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { limits } from '../../base/limits.ts';
import { ErrorReply } from '../../resp/reply.ts';
import { pause } from '../backup/backup-link.ts';
import type { ImportCounts } from './import-counts.ts';
import { ImportProblem } from './import-problem.ts';
import { type ImportState, numberIn, type StateDirectory, textIn } from './import-state.ts';
import type { KeyExpiries } from './key-expiries.ts';
import type { KeyRepairs } from './key-repairs.ts';
import type { KeyWriter } from './key-writer.ts';
import { RdbImport } from './rdb-import.ts';
import { LinkLost, type RedisPlace } from './redis-link.ts';
import { ReplicaLink } from './replica-link.ts';
import { pageOf, type SourceReader } from './source-reader.ts';
import type { StreamApplier, StreamPlace } from './stream-applier.ts';
import { type StreamCommand, StreamCommands } from './stream-commands.ts';
import { StreamSpool } from './stream-spool.ts';
import type { TargetLinks } from './target-links.ts';

/** What a live import is made of. */
export interface FollowParts {
  readonly place: RedisPlace;
  readonly source: SourceReader;
  readonly target: SourceReader;
  readonly links: Pick<TargetLinks, 'noteLost' | 'quiet'>;
  readonly writer: KeyWriter;
  readonly applier: StreamApplier;
  readonly repairs: KeyRepairs;
  readonly expiries: KeyExpiries;
  readonly counts: ImportCounts;
  readonly directory: StateDirectory;
  readonly clock: Clock;
  /** Keys that only the target has are removed where everything is copied once more. */
  readonly ownsTarget: boolean;
}

/** Where a live import is, for who watches it. */
export interface FollowProgress {
  readonly phase: 'receiving' | 'copying' | 'following';
  /** Bytes of the RDB received or read, and all of them; null where not known. */
  readonly bytes: number;
  readonly totalBytes: number | null;
  /** Bytes of the stream that have come and are not done. */
  readonly behindBytes: number;
}

/** Follows a source as its replica: its keys first, then its commands as they come, over broken connections and restarts. */
export class FollowImport {
  readonly #parts: FollowParts;
  readonly #base: Pick<ImportState, 'source' | 'target'>;
  readonly #isStopped: () => boolean;
  readonly #onProgress: (progress: FollowProgress) => void;
  readonly #rdbPath: string;
  readonly #spool: StreamSpool;
  #id = '';
  #phase: 'rdb' | 'stream' = 'rdb';
  #keysDone = 0;
  #rdbPlace = 0;
  /** Commands up to here may have been sent. */
  #sentUpTo = 0;
  /** Where the last SWAPDB ends that was begun: it may have been carried out, and must not be twice. */
  #swapsUpTo = 0;
  #link: ReplicaLink | null = null;
  #mustBeginAnew = false;
  #failure: unknown = null;
  #isClosed = false;
  /** Synchronizations before this one of which keys may be there. */
  #syncs = 0;

  constructor(
    parts: FollowParts,
    base: Pick<ImportState, 'source' | 'target'>,
    isStopped: () => boolean,
    onProgress: (progress: FollowProgress) => void,
  ) {
    this.#parts = parts;
    this.#base = base;
    this.#isStopped = isStopped;
    this.#onProgress = onProgress;
    this.#rdbPath = join(parts.directory.path, 'source.rdb');
    this.#spool = new StreamSpool(parts.directory.path);
  }

  /** Until it is stopped, or `isEnough` says so while everything received is done. Throws ImportProblem. */
  async run(state: ImportState | null, isEnough: () => Promise<boolean>): Promise<void> {
    const unsureUpTo = this.#restore(state);
    try {
      let isFirst = true;
      while (!this.#isStopped()) {
        if (!isFirst || this.#id === '') await this.#begin();
        const receiving = this.#receive();
        if (this.#phase === 'rdb') await this.#copyKeys();
        if (this.#phase === 'stream') await this.#carryOut(isFirst ? unsureUpTo : 0, isEnough);
        const isDone = !this.#mustBeginAnew;
        this.#isClosed = isDone;
        this.#link?.close();
        await receiving;
        if (isDone) return;
        isFirst = false;
      }
    } finally {
      this.#isClosed = true;
      this.#link?.close();
      await this.#spool.close();
    }
  }

  /** What an earlier run left; the position up to which commands may have been carried out. */
  #restore(state: ImportState | null): number {
    this.#id = textIn(state, 'id');
    if (state === null) return 0;
    // Of a run that was killed something may still be under way.
    if (state['isQuiet'] !== true) this.#parts.links.noteLost();
    this.#syncs = typeof state['syncs'] === 'number' ? numberIn(state, 'syncs') : 1;
    if (this.#id === '') {
      // Some keys may be there of an RDB that is not.
      this.#syncs++;
      return 0;
    }
    this.#phase = state['phase'] === 'stream' ? 'stream' : 'rdb';
    this.#keysDone = numberIn(state, 'keysDone');
    this.#rdbPlace = numberIn(state, 'rdbPlace');
    this.#sentUpTo = numberIn(state, 'sentUpTo');
    this.#swapsUpTo = numberIn(state, 'swapsUpTo');
    this.#parts.applier.begin({ position: numberIn(state, 'position'), database: numberIn(state, 'database') });
    const unsure: unknown = state['unsure'];
    if (Array.isArray(unsure)) {
      for (const one of unsure as { database?: unknown; key?: unknown }[]) {
        const { database, key } = one;
        if (typeof database === 'number' && typeof key === 'string') {
          this.#parts.repairs.add(database, Buffer.from(key, 'base64'));
        }
      }
    }
    if (this.#phase === 'rdb' && !existsSync(this.#rdbPath)) {
      this.#id = '';
      this.#syncs++;
    }
    return this.#sentUpTo;
  }

  /** A full synchronization: all keys into a file. Tries until the source gives them. */
  async #begin(): Promise<void> {
    const { place, clock, repairs, expiries, applier } = this.#parts;
    this.#mustBeginAnew = false;
    this.#id = '';
    repairs.clear();
    expiries.clear();
    const startedMs = clock.monotonicMs();
    for (;;) {
      this.#link?.close();
      try {
        const link = await ReplicaLink.open(place, clock);
        this.#link = link;
        const agreed = await link.agree(null, 0);
        await link.receiveRdb(this.#rdbPath, (bytes, totalBytes) =>
          this.#onProgress({ phase: 'receiving', bytes, totalBytes, behindBytes: 0 }),
        );
        await this.#spool.reset(agreed.position);
        applier.begin({ position: agreed.position, database: 0 });
        [this.#id, this.#phase, this.#keysDone, this.#rdbPlace] = [agreed.id, 'rdb', 0, agreed.position];
        this.#sentUpTo = agreed.position;
        this.#swapsUpTo = 0;
        this.#save();
        return;
      } catch (error) {
        if (!(error instanceof LinkLost)) throw error;
        if (this.#isStopped() || clock.monotonicMs() - startedMs > limits.importSyncMs) {
          throw new ImportProblem(`the source did not give its keys: ${error.message}`);
        }
        await pause(clock, limits.importReconnectMs);
      }
    }
  }

  /** Puts the stream into the spool, over as many connections as it takes; ends when it is closed or has to begin anew. */
  async #receive(): Promise<void> {
    const { place, clock } = this.#parts;
    let lostMs: number | null = null;
    while (!this.#isClosed && !this.#mustBeginAnew) {
      try {
        if (this.#link === null) {
          this.#link = await ReplicaLink.open(place, clock);
          const agreed = await this.#link.agree(this.#id, this.#spool.end);
          if (agreed.kind === 'full') {
            this.#mustBeginAnew = true;
            break;
          }
          this.#id = agreed.id;
        }
        this.#link.acknowledge(() => this.#parts.applier.done.position);
        for (;;) {
          await this.#spool.append(await this.#link.receive());
          lostMs = null;
        }
      } catch (error) {
        this.#link?.close();
        this.#link = null;
        if (!(error instanceof LinkLost)) {
          this.#failure = error;
          break;
        }
        lostMs ??= clock.monotonicMs();
        if (clock.monotonicMs() - lostMs > limits.importSourceAwayMs) {
          this.#failure = new ImportProblem(`the source does not answer: ${error.message}`);
          break;
        }
        if (!this.#isClosed) await pause(clock, limits.importReconnectMs);
      }
    }
    this.#spool.wake();
  }

  async #copyKeys(): Promise<void> {
    const { writer, expiries, counts, applier } = this.#parts;
    const rdb = new RdbImport(writer, expiries, counts, this.#keysDone, null, ({ keysDone, position }) => {
      this.#keysDone = keysDone;
      this.#onProgress({ phase: 'copying', bytes: position, totalBytes: null, behindBytes: this.#behind() });
      if (this.#parts.directory.isDue) this.#save();
    });
    await rdb.file(this.#rdbPath, this.#isStopped);
    if (this.#failure !== null) throw this.#failure;
    if (this.#isStopped()) {
      this.#save();
      return;
    }
    applier.begin({ position: this.#rdbPlace, database: 0 });
    if (this.#syncs > 0 && this.#parts.ownsTarget) await this.#findStale();
    this.#syncs++;
    this.#phase = 'stream';
    this.#save();
    rmSync(this.#rdbPath, { force: true });
  }

  /** Keys that the source has deleted between two full synchronizations. */
  async #findStale(): Promise<void> {
    const { source, target, repairs } = this.#parts;
    for (const database of await target.occupied()) {
      let cursor = '0';
      do {
        const [reply] = await target.ask(database, [['SCAN', cursor, 'COUNT', String(limits.importScanKeys)]]);
        const page = pageOf(reply);
        const replies = await source.ask(
          database,
          page.keys.map((key) => ['EXISTS', key]),
        );
        page.keys.forEach((key, i) => {
          if (replies[i] === 0) repairs.add(database, key);
        });
        cursor = page.cursor;
      } while (cursor !== '0');
    }
  }

  async #carryOut(unsureUpTo: number, isEnough: () => Promise<boolean>): Promise<void> {
    const { applier, repairs, links } = this.#parts;
    await links.quiet();
    const commands = new StreamCommands();
    let readTo = applier.position;
    while (!this.#mustBeginAnew || readTo < this.#spool.end) {
      if (this.#failure !== null) throw this.#failure;
      repairs.throwIfFailed();
      const changed = this.#spool.changed();
      const chunk = await this.#spool.read(readTo);
      if (chunk === null) {
        await applier.drained();
        this.#noteProgress();
        if (this.#isStopped() || (await isEnough())) break;
        await Promise.race([changed, pause(this.#parts.clock, limits.importIdleMs)]);
        continue;
      }
      if (this.#isStopped()) break;
      readTo += chunk.length;
      commands.push(chunk);
      for (let command = commands.next(); command !== null; command = commands.next()) {
        if (applier.position + command.bytes > this.#sentUpTo) this.#goAhead(command.bytes);
        if (command.name === 'swapdb') await this.#beginSwap(command);
        await applier.take(command, applier.position < unsureUpTo);
        if (command.name === 'swapdb') this.#save();
      }
      this.#noteProgress();
    }
    await applier.drained();
    await links.quiet();
    this.#save(true);
  }

  /** Notes that it may be carried out from now on. Throws ImportProblem where it may have been before. */
  async #beginSwap({ bytes }: StreamCommand): Promise<void> {
    const { applier } = this.#parts;
    const end = applier.position + bytes;
    if (end <= this.#swapsUpTo) {
      throw new ImportProblem(
        `the import was interrupted at a SWAPDB, and it is open whether the target has carried it out: remove ${this.#parts.directory.path} to begin anew`,
      );
    }
    await applier.drained();
    this.#swapsUpTo = end;
    this.#save();
  }

  /** Notes that commands beyond what was noted so far may be carried out from now on. */
  #goAhead(bytes: number): void {
    const { applier, repairs } = this.#parts;
    const aheadBytes = limits.importAheadBytes * (1 + repairs.count / limits.importAheadKeys);
    this.#sentUpTo = applier.position + bytes + Math.ceil(aheadBytes);
    this.#save();
  }

  #noteProgress(): void {
    const { applier, directory } = this.#parts;
    this.#spool.drop(applier.done.position);
    this.#onProgress({ phase: 'following', bytes: 0, totalBytes: null, behindBytes: this.#behind() });
    if (directory.isDue) this.#save();
  }

  #behind(): number {
    return Math.max(0, this.#spool.end - this.#parts.applier.done.position);
  }

  /** `isQuiet`: nothing is under way. */
  #save(isQuiet = false): void {
    const { directory, applier, repairs, expiries, counts } = this.#parts;
    // Of what is said to be done here everything was noted.
    expiries.save();
    const { position, database }: StreamPlace = applier.done;
    directory.save({
      ...this.#base,
      id: this.#id,
      phase: this.#phase,
      keysDone: this.#keysDone,
      syncs: this.#syncs,
      rdbPlace: this.#rdbPlace,
      position,
      database,
      sentUpTo: this.#sentUpTo,
      swapsUpTo: this.#swapsUpTo,
      isQuiet,
      unsure: repairs.list(),
      expirySalts: expiries.salts,
      counts: counts.toJson(),
    });
  }

  /** Bytes of the source's stream until now, as it says. */
  async sourcePosition(): Promise<number> {
    const [info] = await this.#parts.source.ask(0, [['INFO', 'replication']]);
    if (info instanceof ErrorReply) throw new ImportProblem(`the source answered INFO with ${info.text}`);
    return Number(/^master_repl_offset:(\d+)/m.exec(String(info))?.[1] ?? 0);
  }
}

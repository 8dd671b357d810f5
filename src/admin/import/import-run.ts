import { statSync } from 'node:fs';
import { join } from 'node:path';
import { limits } from '../../base/limits.ts';
import { readClientTls } from '../client-tls.ts';
import type { CommandInput } from '../command-input.ts';
import { readPassword } from '../data-verbs/client-config.ts';
import { parseHostAndPort } from '../host-and-port.ts';
import type { Configuration } from '../option-table.ts';
import { ExpiryFile } from './expiry-file.ts';
import { FollowImport, type FollowProgress } from './follow-import.ts';
import type { ImportCounts } from './import-counts.ts';
import { ImportProblem } from './import-problem.ts';
import { ImportProgress } from './import-progress.ts';
import { type ImportState, numberIn, pairsIn, StateDirectory, textIn } from './import-state.ts';
import { KeyExpiries } from './key-expiries.ts';
import { KeyRepairs } from './key-repairs.ts';
import { KeyWriter } from './key-writer.ts';
import { RdbImport } from './rdb-import.ts';
import type { RedisPlace } from './redis-link.ts';
import { ScanImport } from './scan-import.ts';
import { isRedisUrl, type Source, sourceOf } from './source-place.ts';
import { type DatabaseSize, SourceReader } from './source-reader.ts';
import { StreamApplier } from './stream-applier.ts';
import { TargetLinks } from './target-links.ts';
import { type Verified, verifyImport } from './verify-import.ts';

const MIB = 1_048_576;

/** What came of an import. */
export interface ImportResult {
  readonly verified: Verified | null;
  /** What the counts of the keys show to be wrong. */
  readonly problem: string | null;
  readonly isStopped: boolean;
}

/** The proxies of --target, as the options say how to connect to them. Throws ImportProblem. */
export function targetPlaces(config: Configuration): readonly RedisPlace[] {
  const password = readPassword(config);
  if (!password.ok) throw new ImportProblem(password.problem);
  const tls = readClientTls(config);
  if (!tls.ok) throw new ImportProblem(tls.problem);
  const greeting: string[][] = [];
  if (password.password !== '') {
    greeting.push(config.username === '' ? ['AUTH', password.password] : ['AUTH', config.username, password.password]);
  }
  if (config.namespace !== '') greeting.push(['JUNO.NAMESPACE', config.namespace]);
  return config.target.map((text) => {
    const address = parseHostAndPort(text);
    if (address === null) throw new ImportProblem(`--target: ${text} is no HOST:PORT`);
    return { ...address, tls: tls.tls?.secureContext ?? null, greeting };
  });
}

/** One run of `junokv import`. */
export class ImportRun {
  readonly #input: CommandInput;
  readonly #from: string;
  readonly #counts: ImportCounts;
  readonly #links: TargetLinks;
  readonly #target: SourceReader;
  readonly #writer: KeyWriter;
  readonly #directory: StateDirectory;
  #isComparing = false;
  readonly #progress: ImportProgress;
  readonly #base: Pick<ImportState, 'source' | 'target'>;
  readonly #source: Source | null;
  #stops = 0;

  /** `from`: the URL of a Redis, or the path of an RDB file. Throws ImportProblem. */
  constructor(input: CommandInput, from: string, counts: ImportCounts) {
    const { config, system } = input;
    this.#input = input;
    this.#from = from;
    this.#counts = counts;
    const places = targetPlaces(config);
    const [first] = places;
    if (first === undefined) throw new ImportProblem('--target names no proxy');
    this.#source = isRedisUrl(from) ? sourceOf(from, config.sourcePassword, config.sourceCacert) : null;
    this.#links = new TargetLinks(places, limits.importConnections, system.clock);
    this.#target = new SourceReader(first, system.clock);
    this.#writer = new KeyWriter(this.#links, counts, config.importRate * MIB, system.clock);
    this.#directory = new StateDirectory(config.importState, system.clock);
    this.#progress = new ImportProgress(system);
    const name = this.#source?.name ?? from;
    const how = config.follow ? `${name} as its replica` : name;
    this.#base = { source: how, target: `${config.namespace}@${config.target.join(',')}` };
  }

  /** Throws ImportProblem. */
  async run(): Promise<ImportResult> {
    const { config, system } = this.#input;
    system.onStopSignal(() => {
      this.#stops++;
    });
    const reader = this.#source === null ? null : new SourceReader(this.#source.place, system.clock);
    try {
      const state = this.#directory.load(this.#base.source, this.#base.target);
      this.#counts.add(state?.['counts']);
      if (state === null && !config.importMerge) await this.#refuseKeys();
      if (reader === null) return await this.#file(state);
      const result = config.follow ? await this.#follow(reader, state) : await this.#copy(reader, state);
      return result;
    } finally {
      this.#progress.end();
      this.#links.close();
      this.#target.close();
      reader?.close();
    }
  }

  get #isStopped(): boolean {
    return this.#stops > 0;
  }

  async #refuseKeys(): Promise<void> {
    for (const [database, keys] of (await this.#target.counted()).entries()) {
      if (keys === 0) continue;
      throw new ImportProblem(
        `there are ${keys} keys in database ${database} of the target; --merge imports all the same`,
      );
    }
  }

  async #file(state: ImportState | null): Promise<ImportResult> {
    const sizeBytes = statSync(this.#from, { throwIfNoEntry: false })?.size ?? 0;
    if (state !== null && numberIn(state, 'sizeBytes') !== sizeBytes) {
      throw new ImportProblem(`${this.#from} is another file than the one that was begun with`);
    }
    const onlyDatabase = this.#input.config.sourceDatabases === 'one' ? 0 : null;
    const rdb = new RdbImport(
      this.#writer,
      null,
      this.#counts,
      numberIn(state, 'keysDone'),
      onlyDatabase,
      ({ keysDone, position }) => {
        this.#progress.show('importing', this.#counts.keys, this.#counts.bytes, position / Math.max(1, sizeBytes));
        if (this.#directory.isDue) this.#save({ sizeBytes, keysDone });
        lastDone = keysDone;
      },
    );
    let lastDone = 0;
    await rdb.file(this.#from, () => this.#isStopped);
    return this.#finish(null, null, () => this.#save({ sizeBytes, keysDone: lastDone }));
  }

  async #copy(reader: SourceReader, state: ImportState | null): Promise<ImportResult> {
    const sizes = await reader.sizes();
    const all = this.#input.config.sourceDatabases === 'all';
    const databases = all ? [...sizes.keys()].sort((a, b) => a - b) : [this.#source?.database ?? 0];
    let total = 0;
    for (const database of databases) total += sizes.get(database)?.keys ?? 0;
    if (state === null) for (const name of await reader.libraries()) this.#counts.skip('functions', name);
    let looked = numberIn(state, 'looked');
    let place = { database: numberIn(state, 'database'), cursor: textIn(state, 'cursor') || '0' };
    const scan = new ScanImport(reader, this.#writer, this.#counts);
    await scan.run(
      databases,
      place,
      () => this.#isStopped,
      (next, count) => {
        place = next;
        looked += count;
        this.#progress.show('copying', this.#counts.keys, this.#counts.bytes, looked / Math.max(1, total));
        if (this.#directory.isDue) this.#save({ ...place, looked });
      },
    );
    const verified = this.#isStopped ? null : await this.#verify(reader, databases);
    const problem = this.#isStopped ? null : await this.#compareSizes(reader, databases);
    return this.#finish(verified, problem, () => this.#save({ ...place, looked }));
  }

  async #follow(reader: SourceReader, state: ImportState | null): Promise<ImportResult> {
    const { config, system } = this.#input;
    const { clock, random } = system;
    const place = this.#source?.place;
    if (place === undefined) throw new ImportProblem('there is no source to follow');
    const file = new ExpiryFile(join(this.#directory.path, 'expiries'));
    const expiries = new KeyExpiries(file, pairsIn(state, 'expirySalts'));
    const repairs = new KeyRepairs(place, this.#links, expiries, this.#counts, clock, random);
    const [hasMulti] = await this.#target.ask(0, [['COMMAND', 'INFO', 'multi']]);
    const isThere = Array.isArray(hasMulti) && hasMulti[0] !== null;
    const applier = new StreamApplier(reader, this.#links, repairs, expiries, this.#counts, isThere, clock);
    const parts = {
      place,
      source: reader,
      target: this.#target,
      links: this.#links,
      writer: this.#writer,
      applier,
      repairs,
      expiries,
      counts: this.#counts,
      directory: this.#directory,
      clock,
      ownsTarget: !config.importMerge,
    };
    const verifiesFirst = config.importVerify;
    const follow = new FollowImport(
      parts,
      this.#base,
      // With --verify the first signal asks for the comparison, while everything goes on.
      () => this.#stops > (verifiesFirst ? 1 : 0),
      (progress) => this.#showFollowing(progress),
    );
    let goal: number | null = null;
    let verifying: Promise<void> | null = null;
    let verified: Verified | null = null;
    let failure: unknown = null;
    const isEnough = async (): Promise<boolean> => {
      if (!config.untilCaughtUp && !(verifiesFirst && this.#isStopped)) return false;
      goal ??= await follow.sourcePosition();
      if (verifying === null && (applier.done.position < goal || repairs.count > 0)) return false;
      if (!verifiesFirst) return true;
      verifying ??= this.#verifyAll(repairs).then(
        (found) => {
          verified = found;
        },
        (error: unknown) => {
          failure = error;
        },
      );
      if (failure !== null) throw failure;
      return verified !== null;
    };
    try {
      await follow.run(state, isEnough);
    } finally {
      repairs.close();
      applier.close();
      expiries.close();
    }
    const isDone = config.untilCaughtUp && (!this.#isStopped || verified !== null);
    if (isDone) this.#directory.remove();
    return { verified, problem: null, isStopped: !isDone };
  }

  /** Over connections of its own, for others go on meanwhile. */
  async #verifyAll(repairs: KeyRepairs): Promise<Verified | null> {
    const { clock } = this.#input.system;
    const place = this.#source?.place;
    const [target] = targetPlaces(this.#input.config);
    if (place === undefined || target === undefined) return null;
    const [source, ours] = [new SourceReader(place, clock), new SourceReader(target, clock)];
    try {
      const databases = new Set([...(await source.sizes()).keys(), ...(await ours.occupied())]);
      return await verifyImport(
        source,
        ours,
        [...databases],
        clock,
        (database, keys, use) => repairs.atOnePlace(database, keys, use),
        (compared) => this.#showComparing(compared),
      );
    } finally {
      source.close();
      ours.close();
    }
  }

  #verify(reader: SourceReader, databases: readonly number[]): Promise<Verified | null> {
    if (!this.#input.config.importVerify) return Promise.resolve(null);
    const { clock } = this.#input.system;
    return verifyImport(reader, this.#target, databases, clock, null, (compared) => this.#showComparing(compared));
  }

  #showComparing(compared: number): void {
    this.#isComparing = true;
    this.#progress.show('comparing', compared, null, null);
  }

  #showFollowing({ phase, bytes, totalBytes, behindBytes }: FollowProgress): void {
    // It goes on meanwhile, and is of no interest.
    if (this.#isComparing) return;
    const { keys, bytes: written, commands } = this.#counts;
    const share = totalBytes === null ? null : bytes / Math.max(1, totalBytes);
    if (phase === 'receiving') this.#progress.show('receiving', 0, bytes, share);
    else if (phase === 'copying')
      this.#progress.show('copying', keys, written, share, `, ${behindBytes} bytes to follow`);
    else this.#progress.show('following', keys + commands, written, null, `, ${behindBytes} bytes behind`);
  }

  /** What is wrong with the numbers of keys; keys that expire come and go. */
  async #compareSizes(reader: SourceReader, databases: readonly number[]): Promise<string | null> {
    if (this.#input.config.importMerge) return null;
    const [theirs, ours] = [await reader.sizes(), await this.#target.counted()];
    const none: DatabaseSize = { keys: 0, expires: 0 };
    let missing = 0;
    for (const database of databases) {
      const { keys, expires } = theirs.get(database) ?? none;
      missing += Math.max(0, keys - expires - (ours[database] ?? 0));
    }
    let explained = this.#counts.failures;
    for (const { count } of this.#counts.skipped.values()) explained += count;
    if (missing <= explained) return null;
    return `the source has ${missing - explained} keys more than the target: it was written to meanwhile; --follow takes that along`;
  }

  #finish(verified: Verified | null, problem: string | null, save: () => void): ImportResult {
    if (this.#isStopped) save();
    else this.#directory.remove();
    return { verified, problem, isStopped: this.#isStopped };
  }

  #save(fields: Readonly<Record<string, unknown>>): void {
    this.#directory.save({ ...this.#base, ...fields, counts: this.#counts.toJson() });
  }
}

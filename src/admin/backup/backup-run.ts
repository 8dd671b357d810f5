import { relative, resolve } from 'node:path';
import { limits } from '../../base/limits.ts';
import { sameBallot } from '../../record/ballot.ts';
import type { StoredRecord } from '../../record/state-codec.ts';
import type { System } from '../system.ts';
import { type ChainLink, openChain, readIndex } from './backup-chain.ts';
import { BACKUP_ID_BYTES, comparePositions, type IndexEntry, type Position } from './backup-format.ts';
import { pause } from './backup-link.ts';
import type { Manifest, Unfinished } from './backup-manifest.ts';
import { BackupProblem } from './backup-problem.ts';
import { BackupProgress, bytesText, type ProgressHost } from './backup-progress.ts';
import { BackupWriter, prepareDirectory } from './backup-writer.ts';
import type { ClusterInfo, ClusterRecords, ListedEntry, ShardPart } from './cluster-records.ts';

/** What a backup needs of the process that makes it. */
export type BackupHost = ProgressHost & Pick<System, 'random' | 'version'>;

export interface BackupRequest {
  readonly dir: string;
  /** The backup to add to; '' makes a full one. */
  readonly since: string;
  /** 0: as fast as it goes. */
  readonly bytesPerSecond: number;
  /** Files end with the record that makes them longer; default limits.backupFileBytes. */
  readonly fileBytes?: number;
}

export interface BackupResult {
  readonly manifest: Manifest;
  /** Records written in full; the others are in earlier backups. */
  readonly stored: number;
  readonly resumed: boolean;
  readonly tookMs: number;
}

/**
 * Makes a backup: each record as Q replicas have it at some moment of the backup. Goes on where an interrupted try into
 * the same directory ended. Throws BackupProblem.
 */
export async function runBackup(
  request: BackupRequest,
  cluster: ClusterRecords,
  system: BackupHost,
): Promise<BackupResult> {
  const startedMs = system.clock.monotonicMs();
  const unfinished = prepareDirectory(request.dir);
  const info = await cluster.info();
  const base = request.since === '' ? null : (openChain(request.since)[0] ?? null);
  if (base !== null && (base.manifest.clusterId !== info.clusterId || base.manifest.shards !== info.shards)) {
    throw new BackupProblem(`${request.since} is a backup of another cluster`);
  }
  if (base !== null && base.manifest.keystoreFingerprint !== info.keystoreFingerprint) {
    throw new BackupProblem(`${request.since} was made with another keystore than the cluster has`);
  }
  const manifest = unfinished === null ? newManifest(request, base, info, system) : taken(unfinished, base, info);
  const from: Position =
    unfinished === null
      ? { shard: 0, id: '' }
      : { shard: unfinished.shard, id: Buffer.from(unfinished.afterId, 'hex').toString('latin1') };
  const writer = new BackupWriter(request.dir, manifest, request.fileBytes);
  const run = new BackupRun(request, cluster, system, writer, base);
  try {
    await run.copy(from, info.shards);
    // A namespace may have been added meanwhile, or databases swapped: records carry the same number before and after that.
    const { groups, storedAs } = await cluster.info();
    const finished = await writer.finish(system.clock.wallMs(), groups, storedAs);
    const { stored } = writer.figures;
    const tookMs = system.clock.monotonicMs() - startedMs;
    return { manifest: finished, stored, resumed: unfinished !== null, tookMs };
  } catch (error) {
    await writer.abandon();
    throw error;
  } finally {
    run.progress.end();
  }
}

function newManifest(request: BackupRequest, base: ChainLink | null, info: ClusterInfo, system: BackupHost): Manifest {
  const id = Buffer.alloc(BACKUP_ID_BYTES);
  system.random.fill(id);
  const { clusterId, shards, keystoreFingerprint, groups } = info;
  return {
    formatVersion: 1,
    backupId: id.toString('hex'),
    junokvVersion: system.version,
    startedAtMs: system.clock.wallMs(),
    endedAtMs: 0,
    clusterId,
    shards,
    keystoreFingerprint,
    groups,
    base:
      base === null
        ? null
        : { backupId: base.manifest.backupId, path: relative(resolve(request.dir), resolve(base.dir)) },
    liveRecords: {},
    files: [],
  };
}

/** What an interrupted try had, if it was the same backup. */
function taken(unfinished: Unfinished, base: ChainLink | null, info: ClusterInfo): Manifest {
  const { shard: _shard, afterId: _afterId, ...manifest } = unfinished;
  const sameCluster =
    manifest.clusterId === info.clusterId && manifest.keystoreFingerprint === info.keystoreFingerprint;
  if (!sameCluster || (manifest.base?.backupId ?? '') !== (base?.manifest.backupId ?? '')) {
    throw new BackupProblem(
      'the directory holds the beginning of another backup (of another cluster, or with another --since); remove it first',
    );
  }
  return { ...manifest, groups: info.groups };
}

/** A part of a shard whose records are on their way. */
interface FetchedPart {
  readonly part: ShardPart;
  readonly wanted: readonly ListedEntry[];
  /** Of `wanted`, in order. */
  readonly states: Promise<readonly (StoredRecord | null)[]>;
}

class BackupRun {
  readonly progress: BackupProgress;
  readonly #request: BackupRequest;
  readonly #cluster: ClusterRecords;
  readonly #system: BackupHost;
  readonly #writer: BackupWriter;
  readonly #earlier: EarlierBackup | null;
  readonly #startedMs: number;
  readonly #startBytes: number;

  constructor(
    request: BackupRequest,
    cluster: ClusterRecords,
    system: BackupHost,
    writer: BackupWriter,
    base: ChainLink | null,
  ) {
    this.progress = new BackupProgress(system, 'backup');
    this.#request = request;
    this.#cluster = cluster;
    this.#system = system;
    this.#writer = writer;
    this.#earlier = base === null ? null : new EarlierBackup(base);
    this.#startedMs = system.clock.monotonicMs();
    this.#startBytes = writer.figures.bytes;
  }

  async copy(from: Position, shards: number): Promise<void> {
    const fetching: FetchedPart[] = [];
    let records = 0;
    const writeFirst = async (): Promise<void> => {
      const first = fetching.shift();
      if (first === undefined) return;
      records -= first.wanted.length;
      await this.#write(first, shards);
    };
    try {
      for await (const part of this.#cluster.parts(from, shards)) {
        const fetched = await this.#fetch(part);
        fetching.push(fetched);
        records += fetched.wanted.length;
        while (records > limits.backupListRecords || fetching.length > limits.backupShardsAtOnce) await writeFirst();
      }
      while (fetching.length > 0) await writeFirst();
    } finally {
      await this.#earlier?.close();
    }
  }

  /** Begins to read what the earlier backups do not have. */
  async #fetch(part: ShardPart): Promise<FetchedPart> {
    const wanted: ListedEntry[] = [];
    for (const entry of part.entries) if (!(await this.#earlier?.has(entry))) wanted.push(entry);
    const states = this.#cluster.read(part.shard, wanted);
    // Whoever awaits it hears of a problem; nobody may, if another one comes before.
    states.catch(() => {});
    return { part, wanted, states };
  }

  async #write({ part, wanted, states }: FetchedPart, shards: number): Promise<void> {
    const { shard, entries, upTo } = part;
    const found = await states;
    const fetched = new Map(wanted.map((entry, i) => [entry.id, found[i] ?? null]));
    const live: ListedEntry[] = [];
    for (const entry of entries) {
      const stored = fetched.get(entry.id);
      if (stored === undefined) {
        live.push(entry);
        continue;
      }
      const accepted = stored === null ? null : await this.#copyRecord(entry, stored);
      if (accepted !== null) live.push({ ...entry, accepted });
    }
    await this.#writer.index(shard, live);
    const end = upTo === null ? { shard: shard + 1, id: '' } : { shard, id: upTo };
    await this.#writer.reached(end);
    const figures = this.#writer.figures;
    this.progress.show(shareOf(end, shards), `${figures.live} records, ${bytesText(figures.bytes)}`);
    await this.#keepToRate(figures.bytes);
  }

  /** The ballot of the state that was written; null if the record is gone meanwhile. */
  async #copyRecord(entry: ListedEntry, found: StoredRecord): Promise<StoredRecord['accepted'] | null> {
    const { shard, id } = entry;
    let stored: StoredRecord | null = found;
    for (let tries = 1; stored !== null; tries++) {
      if (!stored.state.header.paged) {
        await this.#writer.record({ shard, id, stored, pageCount: 0 });
        return stored.accepted;
      }
      if (await this.#copyPaged(entry, stored)) return stored.accepted;
      if (tries >= limits.backupValueTries) {
        throw new BackupProblem('a large value changes faster than it can be copied, or pages of it are lost');
      }
      const read: readonly (StoredRecord | null)[] = await this.#cluster.read(shard, [entry]);
      stored = read[0] ?? null;
    }
    return null;
  }

  /**
   * False if a page was gone: the value was changed meanwhile. A value's pages outlive it by limits.purgeAfterMs, so the
   * rate is kept behind each value, not within it.
   */
  async #copyPaged({ shard, id }: ListedEntry, stored: StoredRecord): Promise<boolean> {
    const pageIds = await this.#cluster.pageIds(shard, id, stored);
    const record = { shard, id, stored, pageCount: pageIds.length };
    return this.#writer.pagedRecord(record, this.#cluster.allPages(record, pageIds));
  }

  async #keepToRate(bytes: number): Promise<void> {
    const { bytesPerSecond } = this.#request;
    if (bytesPerSecond === 0) return;
    const dueMs = this.#startedMs + ((bytes - this.#startBytes) / bytesPerSecond) * 1_000;
    const waitMs = dueMs - this.#system.clock.monotonicMs();
    if (waitMs > 0) await pause(this.#system.clock, waitMs);
  }
}

/** Which records an earlier backup of the chain has; asked in ascending order. */
class EarlierBackup {
  readonly #entries: AsyncGenerator<IndexEntry>;
  #next: IndexEntry | null | undefined;

  constructor(base: ChainLink) {
    this.#entries = readIndex(base);
  }

  /** True if the chain has the record's state under this very ballot. */
  async has(wanted: IndexEntry): Promise<boolean> {
    if (this.#next === undefined) await this.#advance();
    while (this.#next && comparePositions(this.#next, wanted) < 0) await this.#advance();
    const found = this.#next;
    return found !== null && found !== undefined && comparePositions(found, wanted) === 0
      ? sameBallot(found.accepted, wanted.accepted)
      : false;
  }

  async close(): Promise<void> {
    await this.#entries.return(undefined);
  }

  async #advance(): Promise<void> {
    this.#next = (await this.#entries.next()).value ?? null;
  }
}

/** How far `position` is; ids are spread evenly. */
function shareOf({ shard, id }: Position, shards: number): number {
  const within = id === '' ? 0 : (id.charCodeAt(0) * 256 + id.charCodeAt(1)) / 65_536;
  return (shard + within) / shards;
}

import { limits } from '../../base/limits.ts';
import { DATABASES_PER_GROUP, groupOf, LIMIT_NAMES, numberInGroup } from '../../cluster/namespace-groups.ts';
import { encodeContent } from '../../record/content-codec.ts';
import { type Value, ValueType } from '../../record/value.ts';
import type { System } from '../system.ts';
import { type ChainItem, type ChainLink, chainProblems, readChain } from './backup-chain.ts';
import type { PageEntry, Position, RecordEntry } from './backup-format.ts';
import { type BackupLink, bytesOf } from './backup-link.ts';
import { type Manifest, totalBytes } from './backup-manifest.ts';
import { BackupProblem } from './backup-problem.ts';
import { BackupProgress } from './backup-progress.ts';
import { CallWindow } from './call-window.ts';
import type { ClusterRecords } from './cluster-records.ts';
import { type BackupOpener, type OpenedBackupRecord, placeOf } from './opened-record.ts';
import { takePieces, type ValuePiece } from './value-pieces.ts';

/** What becomes of records that the cluster has. */
export type RestoreMode =
  /** Nothing is restored into a namespace that has any. */
  | 'empty'
  /** They are replaced where they are older than the backup's, else kept; deletions of the chain are done. */
  | 'merge'
  /** All of the namespaces that the backup has are emptied first. */
  | 'replace';

/** How many records came to what. */
export interface RestoreCounts {
  written: number;
  same: number;
  kept: number;
  expired: number;
  deleted: number;
}

export interface RestoreRequest {
  readonly links: readonly ChainLink[];
  readonly mode: RestoreMode;
  /** 0: as fast as it goes. */
  readonly bytesPerSecond: number;
}

const NO_BYTES = Buffer.alloc(0);

/** The namespace numbers that records of a backup carry, as databases of the cluster: by the names of their groups. */
export type NamespaceNumbers = (namespace: number) => number;

/**
 * Writes the records of a chain into a cluster of any shape, each a quorum write of its own that keeps value, expiry,
 * version and times. May be repeated. Throws BackupProblem.
 */
export async function runRestore(
  request: RestoreRequest,
  opener: BackupOpener,
  link: BackupLink,
  cluster: ClusterRecords,
  system: System,
): Promise<RestoreCounts> {
  const { links, mode } = request;
  await checkFiles(links, system, 'checking');
  const numbers = await enterGroups(links, link, cluster);
  const [newest] = links;
  if (newest !== undefined) await makeRoom(newest.manifest, mode, link, cluster, numbers);
  const counts: RestoreCounts = { written: 0, same: 0, kept: 0, expired: 0, deleted: 0 };
  const progress = new BackupProgress(system, 'restore');
  const window = new CallWindow(
    system.clock,
    limits.backupCallsAtOnce,
    limits.backupBytesAtOnce,
    request.bytesPerSecond,
  );
  const writer = new RecordWriter(opener, link, window, numbers, mode, counts);
  const shards = newest?.manifest.shards ?? 1;
  try {
    for await (const item of readChain(links)) {
      await writer.write(item);
      progress.show(shareOf(item, shards), `${counts.written} records written`);
    }
    await window.drained();
  } catch (error) {
    await window.drained().catch(() => {});
    throw error;
  } finally {
    progress.end();
  }
  return counts;
}

/** Throws BackupProblem that names what is damaged. */
export async function checkFiles(links: readonly ChainLink[], system: System, verb: string): Promise<void> {
  const progress = new BackupProgress(system, verb);
  const total = links.reduce((sum, { manifest }) => sum + totalBytes(manifest), 0);
  let read = 0;
  const problems = await chainProblems(links, (bytes) => {
    read += bytes;
    progress.show(total === 0 ? 1 : read / total, 'checksums');
  });
  progress.end();
  if (problems.length === 0) return;
  const shown = problems.slice(0, limits.backupProblemsShown);
  const more = problems.length - shown.length;
  throw new BackupProblem([...shown, ...(more > 0 ? [`and ${more} more`] : [])].join('\n  '));
}

/** Sees to it that the cluster has all groups that have records; new ones get the limits of the backup's. */
async function enterGroups(
  links: readonly ChainLink[],
  link: BackupLink,
  cluster: ClusterRecords,
): Promise<NamespaceNumbers> {
  const [newest] = links;
  if (newest === undefined) throw new BackupProblem('there is no backup');
  const { manifest } = newest;
  const known = new Set((await cluster.info()).groups.map(({ name }) => name));
  for (const { name, limits: own } of manifest.groups) {
    if (known.has(name)) continue;
    await link.call('JUNO.NAMESPACES', 'CREATE', name);
    const set = LIMIT_NAMES.filter((limit) => own[limit] !== 0).flatMap((limit) => [limit, own[limit]]);
    if (set.length > 0) await link.call('JUNO.LIMITS', 'SET', name, ...set);
  }
  return namespaceNumbers(manifest, cluster);
}

/** Throws BackupProblem where the cluster lacks a group. */
export async function namespaceNumbers(manifest: Manifest, cluster: ClusterRecords): Promise<NamespaceNumbers> {
  const names = (await cluster.info()).groups.map(({ name }) => name);
  const groups = manifest.groups.map(({ name }) => names.indexOf(name));
  return (carried) => {
    const namespace = databaseAmong(manifest.storedAs ?? [], carried);
    const group = groups[groupOf(namespace)];
    if (group === undefined || group < 0)
      throw new BackupProblem('a record is of a namespace that the cluster has not');
    return numberInGroup(group, namespace % DATABASES_PER_GROUP);
  };
}

/** The database whose records carry this number. */
function databaseAmong(storedAs: readonly number[], carried: number): number {
  const database = storedAs.indexOf(carried);
  return database < 0 ? carried : database;
}

async function makeRoom(
  manifest: Manifest,
  mode: RestoreMode,
  link: BackupLink,
  cluster: ClusterRecords,
  numbers: NamespaceNumbers,
): Promise<void> {
  if (mode === 'empty') await expectNoKeys(manifest, cluster, numbers);
  if (mode !== 'replace') return;
  for (let group = 0; group < manifest.groups.length; group++) {
    await link.backup('FLUSH', groupOf(numbers(numberInGroup(group, 0))));
  }
}

/** Lists the cluster up to the first key in a namespace and database that the backup has keys of. */
async function expectNoKeys(manifest: Manifest, cluster: ClusterRecords, numbers: NamespaceNumbers): Promise<void> {
  const used = new Set(Object.keys(manifest.liveRecords).map((name) => numbers(Number(name))));
  const { shards, groups, storedAs } = await cluster.info();
  for await (const { entries } of cluster.parts({ shard: 0, id: '' }, shards)) {
    const databases = entries.map(({ namespace }) => databaseAmong(storedAs, namespace));
    const found = databases.find((database) => used.has(database));
    if (found === undefined) continue;
    const name = groups[groupOf(found)]?.name ?? '';
    throw new BackupProblem(
      `namespace '${name}', database ${found % DATABASES_PER_GROUP}, has keys. --merge keeps what is newer there, ` +
        '--replace removes everything in the namespaces of the backup first; after an interrupted restore, go on with --merge.',
    );
  }
}

/** The arguments that tell of a record. */
export function recordArguments(
  record: OpenedBackupRecord,
  numbers: NamespaceNumbers,
): readonly [number, Buffer, number, number] {
  const content = encodeContent({ ...record.content, value: outlineOf(record.content.value) });
  return [numbers(record.namespace), content, record.expiresAtMs, record.sizeBytes];
}

/** What kind of value it is, without what is in it; of a string null. */
function outlineOf(value: Value | null): Value | null {
  if (value === null || value.type === ValueType.string) return null;
  if (!value.paged) return { ...value, bytes: null };
  return { ...value, trees: value.trees.map((tree) => ({ ...tree, depth: 0, root: NO_BYTES })) };
}

class RecordWriter {
  readonly #opener: BackupOpener;
  readonly #link: BackupLink;
  readonly #window: CallWindow;
  readonly #numbers: NamespaceNumbers;
  readonly #mode: RestoreMode;
  readonly #counts: RestoreCounts;

  constructor(
    opener: BackupOpener,
    link: BackupLink,
    window: CallWindow,
    numbers: NamespaceNumbers,
    mode: RestoreMode,
    counts: RestoreCounts,
  ) {
    this.#opener = opener;
    this.#link = link;
    this.#window = window;
    this.#numbers = numbers;
    this.#mode = mode;
    this.#counts = counts;
  }

  async write(item: ChainItem): Promise<void> {
    if (item.kind === 'missing') throw new BackupProblem(`the chain lacks ${placeOf(item.entry)}, which was live`);
    if (item.kind === 'dead') {
      // A deletion is carried to where an earlier backup of the chain was restored before.
      if (this.#mode === 'merge') await this.#drop(this.#open(item.record));
      return;
    }
    const record = this.#open(item.record);
    if (record.content.value?.paged === true) await this.#writePaged(record, item.nextPage);
    else await this.#writeWhole(record);
  }

  #open(entry: RecordEntry): OpenedBackupRecord {
    const record = this.#opener.record(entry);
    if (typeof record === 'string') throw new BackupProblem(`${placeOf(entry)} ${record}`);
    return record;
  }

  async #drop(record: OpenedBackupRecord): Promise<void> {
    await this.#window.start(0, async () => {
      this.#count(await this.#link.backup('DROP', ...recordArguments(record, this.#numbers)));
    });
  }

  async #writeWhole(record: OpenedBackupRecord): Promise<void> {
    const { value } = record.content;
    const bytes = value === null || value.paged || value.bytes === null ? NO_BYTES : value.bytes;
    await this.#window.start(bytes.length + record.content.key.length, async () => {
      this.#count(await this.#put(record, 0, bytes));
    });
  }

  /** Piece by piece, each after the one before; beside other records where all of them are few bytes. */
  async #writePaged(record: OpenedBackupRecord, nextPage: () => Promise<PageEntry | null>): Promise<void> {
    const pieces = this.#opener.pieces(record, nextPage);
    const first = await takePieces(pieces, limits.backupPieceBytes);
    let reply: unknown = null;
    const put = async (piece: ValuePiece): Promise<void> => {
      reply = await this.#putBehind(record, piece, reply);
    };
    if (first.isAll) {
      await this.#window.start(first.bytes, async () => {
        for (const piece of first.pieces) await put(piece);
        this.#count(reply);
      });
      return;
    }
    const putAlone = async (piece: ValuePiece): Promise<void> => {
      await this.#window.start(piece.bytes.length, () => put(piece));
      await this.#window.drained();
    };
    for (const piece of first.pieces) await putAlone(piece);
    for await (const piece of pieces) await putAlone(piece);
    this.#count(reply);
  }

  /** `before`: what the piece before was answered; only behind one that was written comes another. */
  async #putBehind(record: OpenedBackupRecord, piece: ValuePiece, before: unknown): Promise<unknown> {
    const { offset, bytes, isHole } = piece;
    if (bytes.length > limits.maxStringBytes)
      throw new BackupProblem(`${placeOf(record.entry)} has too long an element`);
    return isHole || (offset > 0 && !isWritten(before)) ? before : this.#put(record, offset, bytes);
  }

  #put(record: OpenedBackupRecord, offset: number, bytes: Buffer): Promise<unknown> {
    const over = this.#mode === 'merge' ? 'OLDER' : 'EMPTY';
    return this.#link.backup('PUT', ...recordArguments(record, this.#numbers), offset, bytes, over);
  }

  #count(reply: unknown): void {
    const word = bytesOf(reply).toString('latin1');
    if (word === 'written' || word === 'same' || word === 'kept' || word === 'expired' || word === 'deleted') {
      this.#counts[word]++;
    } else if (word !== 'absent') {
      throw new BackupProblem(`the proxy answers ${word} to JUNO.BACKUP`);
    }
  }
}

function isWritten(reply: unknown): boolean {
  return bytesOf(reply).toString('latin1') === 'written';
}

/** How far a chain is read; ids are spread evenly. */
export function shareOf(item: ChainItem, shards: number): number {
  const { shard, id }: Position = item.kind === 'missing' ? item.entry : item.record;
  return (shard + id.charCodeAt(0) / 256) / shards;
}

import { existsSync, readdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { limits } from '../../base/limits.ts';
import { sameBallot } from '../../record/ballot.ts';
import { fileProblem, readPayloads } from './backup-file.ts';
import {
  comparePositions,
  type IndexEntry,
  type PageEntry,
  type Payload,
  type Position,
  type RecordEntry,
} from './backup-format.ts';
import { MANIFEST_FILE, type Manifest, readManifest } from './backup-manifest.ts';
import { BackupProblem } from './backup-problem.ts';

/** One backup of a chain. */
export interface ChainLink {
  readonly dir: string;
  readonly manifest: Manifest;
}

/** What the chain says of a record. */
export type ChainItem =
  /** It was live when the newest backup was made. Its pages, if it has any, are to be taken before the next item. */
  | { readonly kind: 'live'; readonly record: RecordEntry; nextPage(): Promise<PageEntry | null> }
  /** It was live in an earlier backup, and gone by the newest. */
  | { readonly kind: 'dead'; readonly record: RecordEntry }
  /** It was live, and no backup of the chain has its state. */
  | { readonly kind: 'missing'; readonly entry: IndexEntry };

/** The backup in `dir` and those that it rests on, newest first. Throws BackupProblem. */
export function openChain(dir: string): readonly ChainLink[] {
  const links: ChainLink[] = [];
  let next: { readonly dir: string; readonly backupId: string | null } | null = { dir, backupId: null };
  while (next !== null) {
    if (links.length >= limits.backupChain) {
      throw new BackupProblem(`${dir} rests on more than ${limits.backupChain} backups; make a full one`);
    }
    const manifest = readManifest(next.dir);
    if (next.backupId !== null && manifest.backupId !== next.backupId) {
      throw new BackupProblem(`${next.dir} is not the backup that the one after it was made on`);
    }
    const newest = links[0]?.manifest ?? manifest;
    const { clusterId, shards, keystoreFingerprint } = newest;
    const fits =
      manifest.clusterId === clusterId &&
      manifest.shards === shards &&
      manifest.keystoreFingerprint === keystoreFingerprint;
    if (!fits) throw new BackupProblem(`${next.dir} is a backup of another cluster than ${dir}`);
    links.push({ dir: next.dir, manifest });
    next = manifest.base === null ? null : { dir: baseDir(next.dir, manifest.base), backupId: manifest.base.backupId };
  }
  return links;
}

/** Where the base was when the backup was made, as seen from it; or beside it, under whatever name. */
function baseDir(dir: string, base: NonNullable<Manifest['base']>): string {
  const noted = resolve(dir, base.path);
  if (existsSync(join(noted, MANIFEST_FILE))) return noted;
  const beside = dirname(resolve(dir));
  for (const entry of readdirSync(beside, { withFileTypes: true })) {
    const candidate = join(beside, entry.name);
    if (!entry.isDirectory() || !existsSync(join(candidate, MANIFEST_FILE))) continue;
    if (readManifest(candidate).backupId === base.backupId) return candidate;
  }
  throw new BackupProblem(`${dir} adds to a backup that is neither at ${noted} nor beside it`);
}

/** Lengths and checksums of all files of a chain; gives what is wrong, a line each. `onBytes` is told of each piece read. */
export async function chainProblems(
  links: readonly ChainLink[],
  onBytes: (bytes: number) => void,
): Promise<readonly string[]> {
  const problems: string[] = [];
  for (const { dir, manifest } of links) {
    for (const file of manifest.files) {
      const problem = await fileProblem(dir, file, onBytes);
      if (problem !== null) problems.push(problem);
    }
  }
  return problems;
}

/** The index of a backup: its live records, ascending. Throws BackupProblem. */
export async function* readIndex({ dir, manifest }: ChainLink): AsyncGenerator<IndexEntry> {
  let last: Position | null = null;
  for (const file of manifest.files) {
    if (file.kind !== 'index') continue;
    for await (const payload of readPayloads(dir, file, manifest.backupId)) {
      if (payload.kind !== 'index') throw new BackupProblem(`${join(dir, file.name)}: holds more than an index`);
      for (const entry of payload.entries) {
        inOrder(last, entry, join(dir, file.name));
        last = entry;
        yield entry;
      }
    }
  }
}

function inOrder(before: Position | null, after: Position, path: string): void {
  if (before !== null && comparePositions(before, after) >= 0) throw new BackupProblem(`${path}: is out of order`);
}

/** What to do with a record that a newer backup of the chain has, too. */
export type Visit = (record: RecordEntry, nextPage: () => Promise<PageEntry | null>) => Promise<void>;

/**
 * All records of a chain as the newest backup knows them, ascending; in memory one block of each backup. `onSuperseded`
 * sees those that a newer backup replaces. Throws BackupProblem.
 */
export async function* readChain(
  links: readonly ChainLink[],
  onSuperseded: Visit | null = null,
): AsyncGenerator<ChainItem> {
  const [newest] = links;
  if (newest === undefined) return;
  const index = readIndex(newest);
  const readers = links.map((link) => new RecordReader(link));
  try {
    for (const reader of readers) await reader.next();
    let entry = (await index.next()).value ?? null;
    for (;;) {
      const position = lowest([...readers.map((reader) => reader.current), entry]);
      if (position === null) break;
      const isLive = entry !== null && comparePositions(entry, position) === 0;
      const holders = readers.filter(({ current }) => current !== null && comparePositions(current, position) === 0);
      const [holder] = holders;
      const record = holder?.current ?? null;
      if (isLive && entry !== null && (record === null || !sameBallot(record.stored.accepted, entry.accepted))) {
        yield { kind: 'missing', entry };
      } else if (record !== null && holder !== undefined) {
        if (isLive) yield { kind: 'live', record, nextPage: () => holder.nextPage() };
        else yield { kind: 'dead', record };
      }
      for (const older of holders) {
        const isShown = older === holder && isLive;
        if (!isShown && older.current !== null) await onSuperseded?.(older.current, () => older.nextPage());
        await older.next();
      }
      if (isLive) entry = (await index.next()).value ?? null;
    }
  } finally {
    await index.return(undefined);
    for (const reader of readers) await reader.close();
  }
}

function lowest(positions: readonly (Position | null)[]): Position | null {
  let first: Position | null = null;
  for (const position of positions) {
    if (position !== null && (first === null || comparePositions(position, first) < 0)) first = position;
  }
  return first;
}

/** The records of one backup, one after the other. */
class RecordReader {
  /** Null after the last one, and before `next`. */
  current: RecordEntry | null = null;
  readonly #payloads: AsyncGenerator<Payload>;
  #pagesLeft = 0;

  constructor({ dir, manifest }: ChainLink) {
    this.#payloads = payloadsOf(dir, manifest);
  }

  /** The next page of the current record; null after the last. */
  async nextPage(): Promise<PageEntry | null> {
    if (this.#pagesLeft === 0) return null;
    this.#pagesLeft--;
    const { value } = await this.#payloads.next();
    if (value === undefined || value.kind !== 'page') throw new BackupProblem('a backup lacks pages of a record');
    return value.page;
  }

  async next(): Promise<void> {
    while (this.#pagesLeft > 0) await this.nextPage();
    const before = this.current;
    const { value } = await this.#payloads.next();
    if (value !== undefined && value.kind !== 'record') throw new BackupProblem('a backup has pages of no record');
    this.current = value === undefined ? null : value.record;
    this.#pagesLeft = this.current?.pageCount ?? 0;
    if (this.current !== null) inOrder(before, this.current, 'a backup');
  }

  async close(): Promise<void> {
    await this.#payloads.return(undefined);
  }
}

async function* payloadsOf(dir: string, manifest: Manifest): AsyncGenerator<Payload> {
  for (const file of manifest.files) {
    if (file.kind === 'records') yield* readPayloads(dir, file, manifest.backupId);
  }
}

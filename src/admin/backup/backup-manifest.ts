import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { limits } from '../../base/limits.ts';
import type { NamespaceLimits } from '../../cluster/map.ts';
import { LIMIT_NAMES } from '../../cluster/namespace-groups.ts';
import type { FileKind } from './backup-format.ts';
import { BackupProblem, messageOf } from './backup-problem.ts';

export const MANIFEST_FILE = 'manifest.json';
/** What is known of a backup that is under way; taken up again by the next try. */
export const UNFINISHED_FILE = 'unfinished.json';

export interface BackupFile {
  readonly name: string;
  readonly kind: FileKind;
  readonly bytes: number;
  /** 64 hex digits, of the whole file. */
  readonly sha256: string;
  /** Records, or index entries. */
  readonly entries: number;
}

export interface BackupGroup {
  readonly name: string;
  readonly limits: NamespaceLimits;
}

/** What a backup is of, and what it consists of. */
export interface Manifest {
  /** 2 with `storedAs`, which older programs would pass over. */
  readonly formatVersion: 1 | 2;
  /** 32 hex digits. */
  readonly backupId: string;
  readonly junokvVersion: string;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  readonly clusterId: string;
  readonly shards: number;
  /** Of the keystore that is needed to restore; '' of a test's. */
  readonly keystoreFingerprint: string;
  readonly groups: readonly BackupGroup[];
  /** The backup that this one adds to; its directory as seen from this one's. Null: a full backup. */
  readonly base: { readonly backupId: string; readonly path: string } | null;
  /**
   * By database number, up to the last that was ever swapped (SWAPDB): the namespace number that its records carry. Absent: each
   * its own.
   */
  readonly storedAs?: readonly number[];
  /** Live records by the namespace number that they carry: sixteen to a group. */
  readonly liveRecords: Readonly<Record<string, number>>;
  /** In the order of their contents. */
  readonly files: readonly BackupFile[];
}

/** A manifest in the making: `files` hold everything up to `shard` and `afterId` (hex), inclusive. */
export interface Unfinished extends Manifest {
  readonly shard: number;
  readonly afterId: string;
}

/** Sum of a backup's files. */
export function totalBytes(manifest: Manifest): number {
  return manifest.files.reduce((sum, file) => sum + file.bytes, 0);
}

export function liveTotal(manifest: Manifest): number {
  return Object.values(manifest.liveRecords).reduce((sum, count) => sum + count, 0);
}

/** Writes durably, or not at all; `checksum` over all other fields goes with it. */
export async function writeManifest(dir: string, name: string, manifest: Manifest): Promise<void> {
  const path = join(dir, name);
  const text = JSON.stringify({ ...manifest, checksum: checksumOf(manifest) }, null, 1);
  try {
    const file = await open(`${path}.new`, 'w', 0o600);
    try {
      await file.writeFile(`${text}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(`${path}.new`, path);
    const directory = await open(dirname(path), 'r');
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  } catch (error) {
    throw new BackupProblem(`cannot write ${path}: ${messageOf(error)}`);
  }
}

/** The manifest of a finished backup. Throws BackupProblem. */
export function readManifest(dir: string): Manifest {
  const found = readFields(dir, MANIFEST_FILE);
  if (found === null) {
    throw new BackupProblem(`${dir} holds no finished backup: it has no ${MANIFEST_FILE}`);
  }
  return found.manifest;
}

/** What an interrupted backup left; null if there is none. */
export function readUnfinished(dir: string): Unfinished | null {
  const found = readFields(dir, UNFINISHED_FILE);
  if (found === null) return null;
  const { shard, afterId } = found.fields;
  if (!isCount(shard) || typeof afterId !== 'string') throw new BackupProblem(`${UNFINISHED_FILE} is damaged`);
  return { ...found.manifest, shard, afterId };
}

type Fields = Readonly<Record<string, unknown>>;

function readFields(dir: string, name: string): { readonly manifest: Manifest; readonly fields: Fields } | null {
  const path = join(dir, name);
  let fields: unknown;
  try {
    if (statSync(path).size > limits.backupManifestBytes) throw new BackupProblem(`${path} is too long to be one`);
    fields = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw new BackupProblem(`${path} is damaged: ${messageOf(error)}`);
  }
  if (!isFields(fields)) throw new BackupProblem(`${path} is damaged: it is not a JSON object`);
  if (fields['formatVersion'] !== 1 && fields['formatVersion'] !== 2)
    throw new BackupProblem(`${path} has a format that this version does not know`);
  const { checksum, ...rest } = fields;
  if (!isManifest(rest) || checksum !== checksumOf(rest)) throw new BackupProblem(`${path} is damaged`);
  return { manifest: rest, fields };
}

function checksumOf(manifest: object): string {
  return createHash('sha256').update(JSON.stringify(manifest)).digest('hex');
}

function isManifest(fields: object): fields is Manifest {
  if (!isFields(fields)) return false;
  const { files, groups, base, liveRecords, storedAs } = fields;
  const texts = ['backupId', 'junokvVersion', 'clusterId', 'keystoreFingerprint'];
  const counts = ['startedAtMs', 'endedAtMs', 'shards'];
  return (
    texts.every((name) => typeof fields[name] === 'string') &&
    counts.every((name) => isCount(fields[name])) &&
    Array.isArray(files) &&
    files.every(isBackupFile) &&
    Array.isArray(groups) &&
    groups.every(isBackupGroup) &&
    (storedAs === undefined ? fields['formatVersion'] === 1 : isStoredAs(storedAs)) &&
    (base === null || (isFields(base) && typeof base['backupId'] === 'string' && typeof base['path'] === 'string')) &&
    isFields(liveRecords) &&
    Object.values(liveRecords).every(isCount)
  );
}

/** A name is one of this directory, and no way out of it. */
function isBackupFile(file: unknown): file is BackupFile {
  return (
    isFields(file) &&
    typeof file['name'] === 'string' &&
    /^[0-9]{6}\.(records|index)$/.test(file['name']) &&
    (file['kind'] === 'records' || file['kind'] === 'index') &&
    typeof file['sha256'] === 'string' &&
    isCount(file['bytes']) &&
    isCount(file['entries'])
  );
}

export function isBackupGroup(group: unknown): group is BackupGroup {
  if (!isFields(group) || typeof group['name'] !== 'string') return false;
  const own = group['limits'];
  return isFields(own) && LIMIT_NAMES.every((name) => isCount(own[name]));
}

/** Each number stands for one database. */
export function isStoredAs(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every(isCount) && new Set(value).size === value.length;
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

import { mkdirSync, readdirSync } from 'node:fs';
import { unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { limits } from '../../base/limits.ts';
import { BackupFileWriter } from './backup-file.ts';
import {
  encodeIndex,
  encodePage,
  encodeRecord,
  type IndexEntry,
  type PageEntry,
  type Position,
  type RecordEntry,
} from './backup-format.ts';
import {
  type BackupFile,
  type BackupGroup,
  MANIFEST_FILE,
  type Manifest,
  readUnfinished,
  UNFINISHED_FILE,
  type Unfinished,
  writeManifest,
} from './backup-manifest.ts';
import { BackupProblem, messageOf } from './backup-problem.ts';

/** Makes a directory ready for a backup; gives what an interrupted one left there. Throws BackupProblem. */
export function prepareDirectory(dir: string): Unfinished | null {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    const names = readdirSync(dir);
    if (names.includes(MANIFEST_FILE))
      throw new BackupProblem(`${dir} holds a finished backup; name another directory`);
    const unfinished = readUnfinished(dir);
    const foreign = names.find(
      (name) => !/^([0-9]{6}\.(records|index)|unfinished\.json(\.new)?|manifest\.json\.new)$/.test(name),
    );
    if (foreign !== undefined)
      throw new BackupProblem(`${dir} holds other things (${foreign}); name an empty directory`);
    return unfinished;
  } catch (error) {
    if (error instanceof BackupProblem) throw error;
    throw new BackupProblem(`cannot use ${dir}: ${messageOf(error)}`);
  }
}

/** Writes the files of a backup. After each pair of them, what is done is noted, so that an interrupted backup can go on. */
export class BackupWriter {
  readonly #dir: string;
  readonly #fileBytes: number;
  readonly #manifest: Manifest;
  readonly #files: BackupFile[];
  readonly #liveRecords: Map<string, number>;
  #records: BackupFileWriter | null = null;
  #index: BackupFileWriter | null = null;
  /** Records that are written in full. */
  #stored = 0;
  #bytes = 0;

  /** `manifest` has the files, and the counts, of what is done already. */
  constructor(dir: string, manifest: Manifest, fileBytes: number = limits.backupFileBytes) {
    this.#dir = dir;
    this.#fileBytes = fileBytes;
    this.#manifest = manifest;
    this.#files = [...manifest.files];
    this.#liveRecords = new Map(Object.entries(manifest.liveRecords));
    for (const { kind, entries, bytes } of manifest.files) {
      if (kind === 'records') this.#stored += entries;
      this.#bytes += bytes;
    }
  }

  /** Bytes written, records written in full, and live ones. */
  get figures(): { readonly bytes: number; readonly stored: number; readonly live: number } {
    const open = (this.#records?.bytes ?? 0) + (this.#index?.bytes ?? 0);
    let live = 0;
    for (const count of this.#liveRecords.values()) live += count;
    return { bytes: this.#bytes + open, stored: this.#stored, live };
  }

  /** A record without pages. */
  async record(record: RecordEntry): Promise<void> {
    await (await this.#open()).records.append(encodeRecord(record), 1);
    this.#stored++;
  }

  /** A record with its pages, `pages` by `pages`; false, and nothing written, where one of them is null. */
  async pagedRecord(record: RecordEntry, pages: AsyncIterable<readonly PageEntry[] | null>): Promise<boolean> {
    const { records } = await this.#open();
    const mark = await records.mark();
    await records.append(encodeRecord(record), 1);
    for await (const some of pages) {
      if (some === null) {
        await records.takeBack(mark);
        return false;
      }
      for (const page of some) await records.append(encodePage(page), 0);
    }
    this.#stored++;
    return true;
  }

  /** The live records of the next part of a shard, with their namespaces; those of `record` are among them. */
  async index(shard: number, entries: readonly (IndexEntry & { readonly namespace: number })[]): Promise<void> {
    if (entries.length === 0) return;
    await (await this.#open()).index.append(encodeIndex(shard, entries), entries.length);
    for (const { namespace } of entries) {
      const name = String(namespace);
      this.#liveRecords.set(name, (this.#liveRecords.get(name) ?? 0) + 1);
    }
  }

  /** All up to `position` is written. Long files end here. */
  async reached(position: Position): Promise<void> {
    if ((this.#records?.bytes ?? 0) + (this.#index?.bytes ?? 0) < this.#fileBytes) return;
    await this.#closeFiles();
    const { shard, id } = position;
    const unfinished: Unfinished = { ...this.#current(0), shard, afterId: Buffer.from(id, 'latin1').toString('hex') };
    await writeManifest(this.#dir, UNFINISHED_FILE, unfinished);
  }

  /** Everything is written: the manifest makes it a backup. */
  async finish(endedAtMs: number, groups: readonly BackupGroup[], storedAs: readonly number[]): Promise<Manifest> {
    await this.#closeFiles();
    const plain = { ...this.#current(endedAtMs), groups };
    const manifest = storedAs.length === 0 ? plain : { ...plain, formatVersion: 2 as const, storedAs };
    await writeManifest(this.#dir, MANIFEST_FILE, manifest);
    await unlink(join(this.#dir, UNFINISHED_FILE)).catch(() => {});
    return manifest;
  }

  async abandon(): Promise<void> {
    await this.#records?.abandon();
    await this.#index?.abandon();
  }

  #current(endedAtMs: number): Manifest {
    return {
      ...this.#manifest,
      endedAtMs,
      liveRecords: Object.fromEntries(this.#liveRecords),
      files: [...this.#files],
    };
  }

  async #open(): Promise<{ readonly records: BackupFileWriter; readonly index: BackupFileWriter }> {
    const { backupId } = this.#manifest;
    const number = this.#files.length / 2 + 1;
    this.#records ??= await BackupFileWriter.create(this.#dir, number, 'records', backupId);
    this.#index ??= await BackupFileWriter.create(this.#dir, number, 'index', backupId);
    return { records: this.#records, index: this.#index };
  }

  async #closeFiles(): Promise<void> {
    if (this.#records === null || this.#index === null) return;
    for (const writer of [this.#records, this.#index]) {
      const file = await writer.close();
      this.#files.push(file);
      this.#bytes += file.bytes;
    }
    this.#records = null;
    this.#index = null;
  }
}

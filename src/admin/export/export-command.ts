import { rmSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { resolve } from 'node:path';
import { limits } from '../../base/limits.ts';
import { openDump } from '../../record/rdb/dump-payload.ts';
import { pause } from '../backup/backup-link.ts';
import { bytesText, durationText } from '../backup/backup-progress.ts';
import type { Command, CommandInput } from '../command-input.ts';
import { ImportCounts, nameOf, talliesText } from '../import/import-counts.ts';
import { ImportProblem } from '../import/import-problem.ts';
import { ImportProgress } from '../import/import-progress.ts';
import { targetPlaces } from '../import/import-run.ts';
import { type KeyAndValue, pageOf, SourceReader } from '../import/source-reader.ts';
import { EXIT_FAILED, EXIT_OK } from '../serve.ts';
import { writeLargeCollection } from './large-collection.ts';
import { RdbFileWriter } from './rdb-file-writer.ts';

const MIB = 1_048_576;

/** `junokv export FILE` */
export const exportCommand: Command = async (input) => {
  const { config, system, words } = input;
  const path = resolve(words[0] ?? '');
  const hold = system.hold();
  const counts = new ImportCounts();
  const startedMs = system.clock.monotonicMs();
  try {
    const bytes = await new ExportRun(input, path, counts).run();
    const isFine = counts.failures === 0;
    const took = durationText(system.clock.monotonicMs() - startedMs);
    if (config.json) {
      system.print(JSON.stringify({ ok: isFine, file: path, fileBytes: bytes, ...counts.toJson() }));
    } else {
      system.print(`exported ${counts.keys} keys into ${path}, ${bytesText(bytes)}, in ${took}`);
      if (!isFine) system.complain(`FAILED: ${talliesText(counts.failed)}`);
    }
    return isFine ? EXIT_OK : EXIT_FAILED;
  } catch (error) {
    const isExpected = error instanceof ImportProblem || (error instanceof Error && 'code' in error);
    if (!isExpected) throw error;
    if (config.json) system.print(JSON.stringify({ ok: false, error: { message: error.message } }));
    else system.complain(`junokv: ${error.message}`);
    return EXIT_FAILED;
  } finally {
    hold.cancel();
  }
};

class ExportRun {
  readonly #input: CommandInput;
  readonly #path: string;
  readonly #counts: ImportCounts;
  readonly #reader: SourceReader;
  readonly #progress: ImportProgress;
  readonly #startedMs: number;
  #looked = 0;

  constructor(input: CommandInput, path: string, counts: ImportCounts) {
    const [place] = targetPlaces(input.config);
    if (place === undefined) throw new ImportProblem('--target names no proxy');
    this.#input = input;
    this.#path = path;
    this.#counts = counts;
    this.#reader = new SourceReader(place, input.system.clock);
    this.#progress = new ImportProgress(input.system);
    this.#startedMs = input.system.clock.monotonicMs();
  }

  /** Bytes of the file, which is there only when it is whole. */
  async run(): Promise<number> {
    const partial = `${this.#path}.new`;
    try {
      const handle = await open(partial, 'w');
      const file = new RdbFileWriter(handle);
      try {
        file.begin(this.#input.system.clock.wallMs());
        const counted = await this.#reader.counted();
        const total = counted.reduce((sum, keys) => sum + keys, 0);
        for (const [database, keys] of counted.entries()) {
          if (keys === 0) continue;
          file.database(database, keys);
          await this.#database(database, file, total);
        }
        await file.end();
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(partial, this.#path);
      return file.bytes;
    } finally {
      this.#progress.end();
      this.#reader.close();
      for (const path of [partial, `${this.#path}.elements`]) rmSync(path, { force: true });
    }
  }

  async #database(database: number, file: RdbFileWriter, total: number): Promise<void> {
    let cursor = '0';
    do {
      const [reply] = await this.#reader.ask(database, [['SCAN', cursor, 'COUNT', String(limits.importScanKeys)]]);
      const page = pageOf(reply);
      for await (const batch of this.#reader.values(database, page.keys)) {
        for (const one of batch) await this.#key(database, one, file);
      }
      cursor = page.cursor;
      this.#looked += page.keys.length;
      this.#progress.show('exporting', this.#counts.keys, file.bytes, this.#looked / Math.max(1, total));
      await this.#keepPace(file.bytes);
    } while (cursor !== '0');
  }

  async #key(database: number, { key, value }: KeyAndValue, file: RdbFileWriter): Promise<void> {
    if (value === null) return;
    if (typeof value === 'string') {
      const isWritten =
        value.includes('too large') &&
        (await writeLargeCollection(this.#reader, database, key, file, `${this.#path}.elements`));
      if (isWritten) this.#counts.keys++;
      else this.#counts.fail(value, nameOf(database, key));
      return;
    }
    const opened = openDump(value.payload);
    if (opened === null) throw new ImportProblem('the proxy answers something else than DUMP does');
    this.#counts.keys++;
    this.#counts.bytes += opened.value.length;
    await file.key(key, value.expiresAtMs, opened.type, opened.value);
  }

  async #keepPace(bytes: number): Promise<void> {
    const { config, system } = this.#input;
    if (config.importRate === 0) return;
    const dueMs = this.#startedMs + (bytes / (config.importRate * MIB)) * 1_000;
    const waitMs = dueMs - system.clock.monotonicMs();
    if (waitMs > 0) await pause(system.clock, waitMs);
  }
}

import { limits } from '../../base/limits.ts';
import { openDump } from '../../record/rdb/dump-payload.ts';
import { type ImportCounts, nameOf } from './import-counts.ts';
import type { KeyWriter } from './key-writer.ts';
import { pageOf, type SourceReader, type SourceValue } from './source-reader.ts';

/** Where a copy is: databases before this one are done, and of this one what SCAN showed before this cursor. */
export interface ScanPlace {
  readonly database: number;
  readonly cursor: string;
}

/** Copies what SCAN shows of these databases, from a place on. */
export class ScanImport {
  readonly #reader: SourceReader;
  readonly #writer: KeyWriter;
  readonly #counts: ImportCounts;

  constructor(reader: SourceReader, writer: KeyWriter, counts: ImportCounts) {
    this.#reader = reader;
    this.#writer = writer;
    this.#counts = counts;
  }

  /** `onPlace` is called with each place before which everything is written. */
  async run(
    databases: readonly number[],
    from: ScanPlace,
    isStopped: () => boolean,
    onPlace: (place: ScanPlace, looked: number) => void,
  ): Promise<void> {
    for (const database of databases) {
      if (database < from.database) continue;
      let cursor = database === from.database ? from.cursor : '0';
      do {
        const [reply] = await this.#reader.ask(database, [['SCAN', cursor, 'COUNT', String(limits.importScanKeys)]]);
        const page = pageOf(reply);
        await this.#copy(database, page.keys);
        await this.#writer.drained();
        cursor = page.cursor;
        onPlace(cursor === '0' ? { database: database + 1, cursor } : { database, cursor }, page.keys.length);
      } while (cursor !== '0' && !isStopped());
      if (isStopped()) return;
    }
  }

  async #copy(database: number, keys: readonly Buffer[]): Promise<void> {
    for await (const batch of this.#reader.values(database, keys)) {
      for (const { key, value } of batch) await this.#write(database, key, value);
    }
  }

  async #write(database: number, key: Buffer, value: SourceValue | string | null): Promise<void> {
    if (value === null) return;
    const opened = typeof value === 'string' ? null : openDump(value.payload);
    if (typeof value === 'string' || opened === null) {
      const problem = typeof value === 'string' ? value : 'values of a version that is not known';
      this.#counts.fail(problem, nameOf(database, key));
      return;
    }
    const target = { database, key, expiresAtMs: value.expiresAtMs };
    await this.#writer.write(target, opened.type, opened.value, () => undefined);
  }
}

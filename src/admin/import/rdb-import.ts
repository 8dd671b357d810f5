import { open } from 'node:fs/promises';
import { type RdbEvent, RdbStream } from '../../record/rdb/rdb-stream.ts';
import { DoneInOrder } from './done-in-order.ts';
import type { ImportCounts } from './import-counts.ts';
import { nameOf } from './import-counts.ts';
import { ImportProblem } from './import-problem.ts';
import type { KeyExpiries } from './key-expiries.ts';
import type { KeyWriter } from './key-writer.ts';

const READ_BYTES = 1_048_576;

/** Where an import of an RDB is. */
export interface RdbProgress {
  /** Keys that are done without a gap: so many are skipped when it goes on. */
  readonly keysDone: number;
  readonly position: number;
}

/** Takes the keys of an RDB, in order, to a writer. */
export class RdbImport {
  readonly #writer: KeyWriter;
  readonly #counts: ImportCounts;
  readonly #skipKeys: number;
  readonly #expiries: KeyExpiries | null;
  readonly #done: DoneInOrder;
  readonly #onlyDatabase: number | null;
  readonly #onProgress: (progress: RdbProgress) => void;
  #database = 0;
  #keys = 0;

  /** `skipKeys`: done by an earlier run. `onlyDatabase` null: all of them. `expiries`: told when the keys expire. */
  constructor(
    writer: KeyWriter,
    expiries: KeyExpiries | null,
    counts: ImportCounts,
    skipKeys: number,
    onlyDatabase: number | null,
    onProgress: (progress: RdbProgress) => void,
  ) {
    this.#writer = writer;
    this.#expiries = expiries;
    this.#counts = counts;
    this.#skipKeys = skipKeys;
    this.#done = new DoneInOrder(skipKeys);
    this.#onlyDatabase = onlyDatabase;
    this.#onProgress = onProgress;
  }

  /** Reads a file to its end; everything is written then. Throws ImportProblem. */
  async file(path: string, isStopped: () => boolean): Promise<void> {
    const file = await open(path).catch((error: Error) => {
      throw new ImportProblem(`cannot read ${path}: ${error.message}`);
    });
    const stream = new RdbStream();
    try {
      const buffer = Buffer.allocUnsafe(READ_BYTES);
      for (let isEnd = false; !isEnd && !isStopped(); ) {
        const { bytesRead } = await file.read(buffer, 0, READ_BYTES);
        if (bytesRead === 0) stream.finish();
        else stream.push(buffer.subarray(0, bytesRead));
        for (let event = stream.next(); event !== null && !isStopped(); event = stream.next()) {
          if (event.kind === 'problem') throw new ImportProblem(`${path}: ${event.text}`);
          isEnd = event.kind === 'end';
          await this.#take(event);
        }
        this.#onProgress({ keysDone: this.#done.done, position: stream.position });
      }
    } finally {
      await file.close();
    }
    await this.#writer.drained();
    this.#onProgress({ keysDone: this.#done.done, position: stream.position });
  }

  async #take(event: RdbEvent): Promise<void> {
    switch (event.kind) {
      case 'database':
        this.#database = event.database;
        return;
      case 'value': {
        if (!this.#isWanted()) return;
        const { key, expiresAtMs, type, value } = event;
        if (expiresAtMs !== 0) this.#expiries?.set(this.#database, key, expiresAtMs);
        await this.#writer.write({ database: this.#database, key, expiresAtMs }, type, value, this.#done.begin());
        return;
      }
      case 'part': {
        const { key, expiresAtMs, part, isFirst, isLast } = event;
        // All parts of a key that was written before are passed over.
        if (isFirst) this.#isPartWanted = this.#isWanted();
        if (!this.#isPartWanted) return;
        if (isFirst && expiresAtMs !== 0) this.#expiries?.set(this.#database, key, expiresAtMs);
        await this.#writer.writePart({ database: this.#database, key, expiresAtMs }, part, isFirst, isLast);
        if (isLast) this.#done.begin()();
        return;
      }
      case 'skipped':
        if (event.key === null) {
          if (this.#skipKeys === 0) this.#counts.skip(event.what, event.name);
        } else if (this.#isWanted()) {
          this.#counts.skip(event.what, nameOf(this.#database, event.key));
          this.#done.begin()();
        }
        return;
      default:
    }
  }

  #isPartWanted = false;

  /** Counts a key; whether it is to be taken. */
  #isWanted(): boolean {
    if (this.#onlyDatabase !== null && this.#database !== this.#onlyDatabase) return false;
    return this.#keys++ >= this.#skipKeys;
  }
}

import { closeSync, fdatasyncSync, ftruncateSync, openSync, readSync, renameSync, rmSync, writeSync } from 'node:fs';
import type { ExpiryTable } from './expiry-table.ts';

/* record := hash:f64 time:f64, in milliseconds; of the same hash the last counts, and time 0 takes it away */
const RECORD_BYTES = 16;
const PIECE_RECORDS = 65_536;
/** So many records that count no more do not make it worth writing anew. */
const SPARE_RECORDS = 1_048_576;

/** What a table is told, in a file: appended from time to time, and written anew when most of it counts no more. */
export class ExpiryFile {
  readonly #path: string;
  readonly #piece = Buffer.allocUnsafeSlow(PIECE_RECORDS * RECORD_BYTES);
  #length = 0;
  #records = 0;
  #descriptor: number;

  /** Made if it is not there. */
  constructor(path: string) {
    this.#path = path;
    this.#descriptor = openSync(path, 'a');
  }

  /** Tells a table what an earlier run left. */
  load(table: ExpiryTable): void {
    const descriptor = openSync(this.#path, 'r');
    try {
      for (;;) {
        // What was cut off in the middle is at the end.
        const records = Math.floor(readSync(descriptor, this.#piece) / RECORD_BYTES);
        if (records === 0) break;
        for (let at = 0; at < records * RECORD_BYTES; at += RECORD_BYTES) {
          const hash = this.#piece.readDoubleLE(at);
          const timeMs = this.#piece.readDoubleLE(at + 8);
          if (Number.isSafeInteger(hash) && hash > 0 && timeMs >= 0) table.set(hash, timeMs);
        }
      }
    } finally {
      closeSync(descriptor);
    }
    this.#writeAnew(table);
  }

  note(hash: number, timeMs: number): void {
    if (this.#length === this.#piece.length) this.#append();
    this.#length = this.#piece.writeDoubleLE(hash, this.#length);
    this.#length = this.#piece.writeDoubleLE(timeMs, this.#length);
    this.#records++;
  }

  /** Everything noted is on the disk then. `table` has all that counts. */
  save(table: ExpiryTable): void {
    if (this.#records > 2 * table.count + SPARE_RECORDS) {
      this.#writeAnew(table);
    } else if (this.#length > 0) {
      this.#append();
      fdatasyncSync(this.#descriptor);
    }
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  /** Forgets all. */
  clear(): void {
    ftruncateSync(this.#descriptor);
    [this.#length, this.#records] = [0, 0];
  }

  #append(): void {
    for (let from = 0; from < this.#length; )
      from += writeSync(this.#descriptor, this.#piece, from, this.#length - from);
    this.#length = 0;
  }

  #writeAnew(table: ExpiryTable): void {
    const path = `${this.#path}.new`;
    rmSync(path, { force: true });
    closeSync(this.#descriptor);
    this.#descriptor = openSync(path, 'a');
    [this.#length, this.#records] = [0, 0];
    table.each((hash, timeMs) => this.note(hash, timeMs));
    this.#append();
    fdatasyncSync(this.#descriptor);
    renameSync(path, this.#path);
  }
}

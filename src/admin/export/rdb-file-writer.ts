import type { FileHandle } from 'node:fs/promises';
import { RdbFileEncoder } from '../../record/rdb/rdb-file-encoder.ts';

const FLUSH_BYTES = 1_048_576;

/** Puts an RDB into a file. */
export class RdbFileWriter {
  readonly #file: FileHandle;
  readonly #encoder = new RdbFileEncoder();
  #written = 0;

  constructor(file: FileHandle) {
    this.#file = file;
  }

  get bytes(): number {
    return this.#written + this.#encoder.pendingBytes;
  }

  begin(createdAtMs: number): void {
    this.#encoder.begin(createdAtMs);
  }

  /** The keys that follow are of this database, about so many. */
  database(database: number, keys: number): void {
    this.#encoder.database(database, keys);
  }

  /** A key, with its value as a payload has it; or with its beginning, where `raw` follows. */
  async key(key: Buffer, expiresAtMs: number, type: number, value: Buffer): Promise<void> {
    this.#encoder.key(key, expiresAtMs, type, value);
    await this.#flushIfFull();
  }

  /** Bytes as they are. */
  async raw(bytes: Buffer): Promise<void> {
    this.#encoder.raw(bytes);
    await this.#flushIfFull();
  }

  async end(): Promise<void> {
    await this.#write(this.#encoder.end());
  }

  async #flushIfFull(): Promise<void> {
    if (this.#encoder.pendingBytes >= FLUSH_BYTES) await this.#write(this.#encoder.take());
  }

  async #write(bytes: Buffer): Promise<void> {
    this.#written += bytes.length;
    await this.#file.write(bytes);
  }
}

import type { FileHandle } from 'node:fs/promises';
import { Crc64 } from '../../record/rdb/crc64.ts';
import { RDB_VERSION, RdbOpcode } from '../../record/rdb/rdb-format.ts';
import { RdbWriter } from '../../record/rdb/rdb-writer.ts';

const FLUSH_BYTES = 1_048_576;

/** Writes an RDB file that redis-server 7.0 loads, in the order of the calls. */
export class RdbFileWriter {
  readonly #file: FileHandle;
  readonly #crc = new Crc64();
  #writer = new RdbWriter(FLUSH_BYTES);
  #written = 0;

  constructor(file: FileHandle) {
    this.#file = file;
  }

  get bytes(): number {
    return this.#written + this.#writer.length;
  }

  begin(createdAtMs: number): void {
    this.#writer.bytes(Buffer.from(`REDIS${String(RDB_VERSION).padStart(4, '0')}`));
    this.#aux('redis-ver', '7.0.15');
    this.#aux('redis-bits', '64');
    this.#aux('ctime', String(Math.floor(createdAtMs / 1_000)));
  }

  /** The keys that follow are of this database; about so many, of which so many expire. */
  database(database: number, keys: number, expires: number): void {
    this.#writer.byte(RdbOpcode.selectDatabase);
    this.#writer.count(database);
    this.#writer.byte(RdbOpcode.resizeDatabase);
    this.#writer.count(keys);
    this.#writer.count(expires);
  }

  /** A key, with its value as a payload has it; or without, where `raw` follows. */
  async key(key: Buffer, expiresAtMs: number, type: number, value: Buffer): Promise<void> {
    const writer = this.#writer;
    if (expiresAtMs !== 0) {
      writer.byte(RdbOpcode.expiresAtMs);
      writer.uint64LE(expiresAtMs);
    }
    writer.byte(type);
    writer.string(key);
    await this.raw(value);
  }

  /** Bytes as they are. */
  async raw(bytes: Buffer): Promise<void> {
    this.#writer.bytes(bytes);
    if (this.#writer.length >= FLUSH_BYTES) await this.#flush();
  }

  async end(): Promise<void> {
    this.#writer.byte(RdbOpcode.end);
    await this.#flush();
    const checksum = Buffer.alloc(8);
    this.#crc.write(checksum, 0);
    await this.#file.write(checksum);
    this.#written += checksum.length;
  }

  #aux(name: string, text: string): void {
    this.#writer.byte(RdbOpcode.aux);
    this.#writer.string(Buffer.from(name));
    this.#writer.string(Buffer.from(text));
  }

  async #flush(): Promise<void> {
    const bytes = this.#writer.finish();
    this.#writer = new RdbWriter(FLUSH_BYTES);
    this.#crc.update(bytes);
    this.#written += bytes.length;
    await this.#file.write(bytes);
  }
}

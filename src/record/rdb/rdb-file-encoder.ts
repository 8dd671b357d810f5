import { Crc64 } from './crc64.ts';
import { RDB_VERSION, RdbOpcode } from './rdb-format.ts';
import { RdbWriter } from './rdb-writer.ts';

/** Of the Redis whose format it is: redis-server warns of files of later versions. */
const REDIS_VERSION = '7.0.15';
const FIRST_BYTES = 65_536;

/** Makes an RDB file that redis-server 7.0 loads, in the order of the calls, piece by piece. */
export class RdbFileEncoder {
  readonly #crc = new Crc64();
  #writer = new RdbWriter(FIRST_BYTES);

  /** Bytes that `take` would give. */
  get pendingBytes(): number {
    return this.#writer.length;
  }

  /** What has been made since the last call. */
  take(): Buffer {
    const bytes = this.#writer.finish();
    this.#writer = new RdbWriter(FIRST_BYTES);
    this.#crc.update(bytes);
    return bytes;
  }

  begin(createdAtMs: number): void {
    this.#writer.bytes(Buffer.from(`REDIS${String(RDB_VERSION).padStart(4, '0')}`));
    this.#aux('redis-ver', REDIS_VERSION);
    this.#aux('redis-bits', '64');
    this.#aux('ctime', String(Math.floor(createdAtMs / 1_000)));
  }

  /** The keys that follow are of this database; about so many of them, 0 where that is not known. */
  database(database: number, keys: number): void {
    this.#writer.byte(RdbOpcode.selectDatabase);
    this.#writer.count(database);
    if (keys === 0) return;
    this.#writer.byte(RdbOpcode.resizeDatabase);
    this.#writer.count(keys);
    this.#writer.count(0);
  }

  /** A key with its value as a payload has it, or with the beginning of that; `raw` adds the rest. `expiresAtMs` 0: never. */
  key(key: Buffer, expiresAtMs: number, type: number, value: Buffer): void {
    const writer = this.#writer;
    if (expiresAtMs !== 0) {
      writer.byte(RdbOpcode.expiresAtMs);
      writer.uint64LE(expiresAtMs);
    }
    writer.byte(type);
    writer.string(key);
    writer.bytes(value);
  }

  /** Bytes as they are. */
  raw(bytes: Buffer): void {
    this.#writer.bytes(bytes);
  }

  /** The last bytes: with those before them a whole file. */
  end(): Buffer {
    this.#writer.byte(RdbOpcode.end);
    const before = this.take();
    const checksum = Buffer.alloc(8);
    this.#crc.write(checksum, 0);
    return Buffer.concat([before, checksum]);
  }

  #aux(name: string, text: string): void {
    this.#writer.byte(RdbOpcode.aux);
    this.#writer.string(Buffer.from(name));
    this.#writer.string(Buffer.from(text));
  }
}

import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { limits } from '../../base/limits.ts';
import {
  decodePayload,
  encodeFileHeader,
  FILE_HEADER_BYTES,
  type FileKind,
  FRAME_HEADER_BYTES,
  fileHeaderProblem,
  frameChecksum,
  type Payload,
} from './backup-format.ts';
import type { BackupFile } from './backup-manifest.ts';
import { BackupProblem, messageOf } from './backup-problem.ts';

/** Frames are gathered up to so many bytes before they are written. */
const WRITE_BYTES = 1_048_576;
/** Each backup of a chain has such a block in memory while it is read. */
const READ_BYTES = 262_144;

/** A place in a file that is being written. */
export interface WriterMark {
  readonly hash: Hash;
  readonly bytes: number;
  readonly entries: number;
}

/** A file of a backup while it is written. */
export class BackupFileWriter {
  readonly #name: string;
  readonly #kind: FileKind;
  readonly #file: FileHandle;
  #hash: Hash = createHash('sha256');
  /** Bytes in the file; the others are gathered. */
  #written = 0;
  #gathered: Buffer[] = [];
  #gatheredBytes = 0;
  #bytes = 0;
  #entries = 0;

  private constructor(name: string, kind: FileKind, file: FileHandle) {
    this.#name = name;
    this.#kind = kind;
    this.#file = file;
  }

  /** A file of this name that is there already is from an interrupted try, and overwritten. */
  static async create(dir: string, number: number, kind: FileKind, backupId: string): Promise<BackupFileWriter> {
    const name = `${String(number).padStart(6, '0')}.${kind}`;
    try {
      const writer = new BackupFileWriter(name, kind, await open(join(dir, name), 'w', 0o600));
      await writer.#put(encodeFileHeader(kind, backupId));
      return writer;
    } catch (error) {
      throw new BackupProblem(`cannot write ${join(dir, name)}: ${messageOf(error)}`);
    }
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** `entries`: how many records or index entries the frame holds. */
  async append(frame: Buffer, entries: number): Promise<void> {
    this.#entries += entries;
    await this.#put(frame);
  }

  /** What comes from here on can be taken back. */
  async mark(): Promise<WriterMark> {
    await this.#flush();
    return { hash: this.#hash.copy(), bytes: this.#bytes, entries: this.#entries };
  }

  /** The file is again as it was. */
  async takeBack(mark: WriterMark): Promise<void> {
    this.#gathered = [];
    this.#gatheredBytes = 0;
    this.#hash = mark.hash;
    this.#bytes = mark.bytes;
    this.#written = mark.bytes;
    this.#entries = mark.entries;
    await this.#file.truncate(mark.bytes);
  }

  /** Durable afterwards. */
  async close(): Promise<BackupFile> {
    try {
      await this.#flush();
      await this.#file.sync();
    } finally {
      await this.#file.close();
    }
    const sha256 = this.#hash.digest('hex');
    return { name: this.#name, kind: this.#kind, bytes: this.#bytes, sha256, entries: this.#entries };
  }

  /** What was written of it counts for nothing. */
  async abandon(): Promise<void> {
    await this.#file.close();
  }

  async #put(bytes: Buffer): Promise<void> {
    this.#gathered.push(bytes);
    this.#gatheredBytes += bytes.length;
    this.#bytes += bytes.length;
    if (this.#gatheredBytes >= WRITE_BYTES) await this.#flush();
  }

  async #flush(): Promise<void> {
    const bytes = Buffer.concat(this.#gathered);
    this.#gathered = [];
    this.#gatheredBytes = 0;
    this.#hash.update(bytes);
    try {
      for (let at = 0; at < bytes.length; ) {
        const { bytesWritten } = await this.#file.write(bytes, at, bytes.length - at, this.#written);
        at += bytesWritten;
        this.#written += bytesWritten;
      }
    } catch (error) {
      throw new BackupProblem(`cannot write ${this.#name}: ${messageOf(error)}`);
    }
  }
}

/** What is wrong with a file as a whole, or null: its length and checksum. `onBytes` is told of each piece read. */
export async function fileProblem(
  dir: string,
  file: BackupFile,
  onBytes: (bytes: number) => void,
): Promise<string | null> {
  const path = join(dir, file.name);
  const hash = createHash('sha256');
  let bytes = 0;
  try {
    for await (const piece of createReadStream(path, { highWaterMark: READ_BYTES })) {
      if (!Buffer.isBuffer(piece)) continue;
      hash.update(piece);
      bytes += piece.length;
      onBytes(piece.length);
    }
  } catch (error) {
    return `${path}: cannot be read: ${messageOf(error)}`;
  }
  if (bytes !== file.bytes) return `${path}: has ${bytes} bytes instead of ${file.bytes}`;
  return hash.digest('hex') === file.sha256 ? null : `${path}: is damaged: its SHA-256 is not the manifest's`;
}

/** The frames of a file. Throws BackupProblem at the first that is damaged. */
export async function* readPayloads(dir: string, file: BackupFile, backupId: string): AsyncGenerator<Payload> {
  const path = join(dir, file.name);
  const damaged = (what: string): BackupProblem => new BackupProblem(`${path}: ${what}`);
  const reader = await ByteReader.open(path);
  try {
    const header = await reader.take(FILE_HEADER_BYTES);
    if (header === null) throw damaged('is too short');
    const problem = fileHeaderProblem(header, file.kind, backupId);
    if (problem !== null) throw damaged(problem);
    for (;;) {
      const at = reader.position;
      const frame = await reader.take(FRAME_HEADER_BYTES);
      if (frame === null) break;
      const length = frame.readUInt32BE(0);
      const payload = length > limits.backupFrameBytes ? null : await reader.take(length);
      if (payload === null || frameChecksum(payload) !== frame.readUInt32BE(4)) {
        throw damaged(`is damaged at byte ${at}`);
      }
      const decoded = decodePayload(payload);
      if (decoded === null) throw damaged(`cannot be understood at byte ${at}`);
      yield decoded;
    }
    if (reader.position !== file.bytes) throw damaged(`has ${reader.position} bytes instead of ${file.bytes}`);
  } finally {
    await reader.close();
  }
}

/** A file from its start on, in pieces of the length asked for, each a buffer of its own. */
class ByteReader {
  readonly #path: string;
  readonly #file: FileHandle;
  #block: Buffer = Buffer.alloc(0);
  #at = 0;
  #taken = 0;

  private constructor(path: string, file: FileHandle) {
    this.#path = path;
    this.#file = file;
  }

  static async open(path: string): Promise<ByteReader> {
    try {
      return new ByteReader(path, await open(path, 'r'));
    } catch (error) {
      throw new BackupProblem(`${path}: cannot be read: ${messageOf(error)}`);
    }
  }

  get position(): number {
    return this.#taken;
  }

  /** Null where the file ends before; what was left is then taken. */
  async take(length: number): Promise<Buffer | null> {
    const bytes = Buffer.allocUnsafe(length);
    let filled = 0;
    while (filled < length) {
      if (this.#at === this.#block.length && !(await this.#fill())) break;
      const copied = this.#block.copy(bytes, filled, this.#at);
      this.#at += copied;
      this.#taken += copied;
      filled += copied;
    }
    return filled === length ? bytes : null;
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  async #fill(): Promise<boolean> {
    try {
      const { bytesRead, buffer } = await this.#file.read(Buffer.allocUnsafe(READ_BYTES), 0, READ_BYTES, null);
      this.#block = buffer.subarray(0, bytesRead);
      this.#at = 0;
      return bytesRead > 0;
    } catch (error) {
      throw new BackupProblem(`${this.#path}: cannot be read: ${messageOf(error)}`);
    }
  }
}

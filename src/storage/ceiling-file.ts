import { crc32 } from 'node:zlib';
import { FileError, type Files, filePromise, type OpenFile } from '../base/files.ts';
import { MonotoneSaver, type SavedCallback } from './monotone-saver.ts';

/**
 * The node's durable ceiling (protocol §2): a file of two slots, each in a disk sector of its own, written in turn and in
 * place. So raising it, every few seconds while serving, is one small write and one fdatasync that changes no
 * metadata; and a write cut short leaves the other slot.
 *
 * A slot: magic (4 bytes), sequence (8, big endian), ceiling in microseconds (8), CRC-32 of these 20 bytes (4).
 */
const SLOT_BYTES = 24;
const SECTOR_BYTES = 512;
const FILE_BYTES = 2 * SECTOR_BYTES;
const MAGIC = 0x4a435531;

interface Slot {
  readonly sequence: number;
  readonly ceilingUs: number;
}

export class CeilingFile {
  readonly #file: OpenFile;
  readonly #saver: MonotoneSaver<number>;
  #sequence: number;

  /** Makes the file, with a ceiling of 0, if there is none. Rejects with FileError; EBADMSG if no slot is whole. */
  static async open(files: Files, path: string): Promise<CeilingFile> {
    let bytes: Buffer;
    try {
      bytes = await filePromise<Buffer>((callback) => files.read(path, FILE_BYTES, callback));
    } catch (error) {
      if (!(error instanceof FileError) || error.code !== 'ENOENT') throw error;
      bytes = Buffer.alloc(FILE_BYTES);
      // In both slots: a slot that is not whole from now on is a write that was cut short.
      for (const sequence of [0, 1]) encodeSlot({ sequence, ceilingUs: 0 }).copy(bytes, sequence * SECTOR_BYTES);
      await filePromise<void>((callback) => files.replace(path, bytes, callback));
    }
    const slots = [decodeSlot(bytes, 0), decodeSlot(bytes, SECTOR_BYTES)].filter((slot) => slot !== null);
    const newest = slots.sort((a, b) => b.sequence - a.sequence)[0];
    if (newest === undefined) throw new FileError('EBADMSG', `${path} is damaged: it holds no whole ceiling`);
    const file = await filePromise<OpenFile>((callback) => files.open(path, false, callback));
    return new CeilingFile(file, newest);
  }

  private constructor(file: OpenFile, newest: Slot) {
    this.#file = file;
    this.#sequence = newest.sequence;
    this.#saver = new MonotoneSaver(
      newest.ceilingUs,
      (ceilingUs) => ceilingUs,
      (ceilingUs, callback) => this.#write(ceilingUs, callback),
    );
  }

  /** The last durable ceiling, microseconds. */
  get ceilingUs(): number {
    return this.#saver.durable;
  }

  /** Null: this ceiling or a higher one survives a loss of power. */
  save(ceilingUs: number, callback: SavedCallback): void {
    this.#saver.save(ceilingUs, callback);
  }

  close(): Promise<void> {
    return filePromise<void>((callback) => this.#file.close(callback));
  }

  #write(ceilingUs: number, callback: SavedCallback): void {
    // After a failure the same slot is written again: the other one holds what was promised.
    const sequence = this.#sequence + 1;
    const slot = encodeSlot({ sequence, ceilingUs });
    this.#file.writeAt((sequence % 2) * SECTOR_BYTES, slot, (writeError) => {
      if (writeError !== null) {
        callback(writeError);
        return;
      }
      this.#file.sync((syncError) => {
        if (syncError === null) this.#sequence = sequence;
        callback(syncError);
      });
    });
  }
}

function encodeSlot(slot: Slot): Buffer {
  const bytes = Buffer.alloc(SLOT_BYTES);
  bytes.writeUInt32BE(MAGIC, 0);
  bytes.writeBigUInt64BE(BigInt(slot.sequence), 4);
  bytes.writeBigUInt64BE(BigInt(slot.ceilingUs), 12);
  bytes.writeUInt32BE(crc32(bytes.subarray(0, 20)), 20);
  return bytes;
}

function decodeSlot(bytes: Buffer, offset: number): Slot | null {
  if (bytes.length < offset + SLOT_BYTES) return null;
  const slot = bytes.subarray(offset, offset + SLOT_BYTES);
  if (slot.readUInt32BE(0) !== MAGIC || slot.readUInt32BE(20) !== crc32(slot.subarray(0, 20))) return null;
  return { sequence: Number(slot.readBigUInt64BE(4)), ceilingUs: Number(slot.readBigUInt64BE(12)) };
}

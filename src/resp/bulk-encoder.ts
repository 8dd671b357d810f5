import { limits } from '../base/limits.ts';
import { BulkItems } from './reply.ts';

/** '$', digits, line end, and the line end behind the bytes. */
const OVERHEAD_BYTES = 1 + 10 + 2 + 2;
const DOLLAR = 36;
const CR = 13;
const LF = 10;
const ZERO = 48;

/** Encodes bulk strings one after the other into blocks: the items of a BulkItems reply, or some of them. */
export class BulkEncoder {
  readonly #pieces: Buffer[] = [];
  #block: Buffer;
  #end = 0;
  #count = 0;
  #bytes = 0;

  /** `expectedBytes`: about what will come, so that a small reply takes a small block. */
  constructor(expectedBytes: number) {
    this.#block = Buffer.allocUnsafe(Math.min(limits.replyBlockMaxBytes, expectedBytes + OVERHEAD_BYTES));
  }

  /** The bytes from `start` up to, not including, `end`; they are copied. */
  add(bytes: Buffer, start = 0, end = bytes.length): void {
    const length = end - start;
    this.#makeRoom(OVERHEAD_BYTES + length);
    const block = this.#block;
    let at = this.#end;
    block[at++] = DOLLAR;
    at = writeDigits(block, at, length);
    block[at++] = CR;
    block[at++] = LF;
    bytes.copy(block, at, start, end);
    at += length;
    block[at++] = CR;
    block[at++] = LF;
    this.#end = at;
    this.#count++;
  }

  /** Bytes that stand between the items as they are: they are copied, and count as no item. */
  addRaw(bytes: Buffer): void {
    this.#makeRoom(bytes.length);
    this.#block.set(bytes, this.#end);
    this.#end += bytes.length;
  }

  finish(kind: BulkItems['kind']): BulkItems {
    this.#cut();
    return new BulkItems(kind, this.#count, this.#bytes, this.#pieces);
  }

  #makeRoom(bytes: number): void {
    if (this.#block.length - this.#end >= bytes) return;
    this.#cut();
    this.#block = Buffer.allocUnsafe(Math.max(bytes, limits.replyBlockMaxBytes));
    this.#end = 0;
  }

  #cut(): void {
    if (this.#end === 0) return;
    this.#pieces.push(this.#block.subarray(0, this.#end));
    this.#bytes += this.#end;
    this.#end = 0;
  }
}

function writeDigits(target: Buffer, offset: number, value: number): number {
  let end = offset + 1;
  for (let rest = value; rest >= 10; rest = Math.floor(rest / 10)) end++;
  let rest = value;
  for (let at = end - 1; at >= offset; at--) {
    target[at] = ZERO + (rest % 10);
    rest = Math.floor(rest / 10);
  }
  return end;
}

/** Pieces from here on are kept as they came; smaller ones are copied together. */
const KEPT_PIECE_BYTES = 16_384;
const FIRST_BLOCK_BYTES = 256;
const LAST_BLOCK_BYTES = 65_536;

const EMPTY = Buffer.alloc(0);

/**
 * Puts together bytes that arrive in pieces, in linear time and with memory for at most about twice what has arrived.
 * Large pieces are kept by reference and joined once at the end, small ones are copied into a block that doubles.
 */
export class ByteGatherer {
  /** Bytes gathered so far. */
  length = 0;
  private readonly pieces: Buffer[] = [];
  private piecesBytes = 0;
  private block: Buffer = EMPTY;
  private blockLength = 0;

  /** Memory held, in bytes. */
  get heldBytes(): number {
    return this.piecesBytes + this.block.length;
  }

  /** Adds `chunk` from `start` to `end`. */
  append(chunk: Buffer, start: number, end: number): void {
    const size = end - start;
    if (size === 0) return;
    this.length += size;
    if (size >= KEPT_PIECE_BYTES) {
      this.sealBlock();
      this.pieces.push(chunk.subarray(start, end));
      this.piecesBytes += size;
      return;
    }
    const fits = Math.min(size, this.roomFor(size));
    chunk.copy(this.block, this.blockLength, start, start + fits);
    this.blockLength += fits;
    if (fits < size) {
      this.sealBlock();
      this.roomFor(size - fits);
      chunk.copy(this.block, 0, start + fits, end);
      this.blockLength = size - fits;
    }
  }

  /** All bytes in one buffer; the gatherer is empty afterwards. */
  take(): Buffer {
    this.sealBlock();
    const [first = EMPTY] = this.pieces;
    const whole = this.pieces.length > 1 ? Buffer.concat(this.pieces, this.length) : first;
    this.clear();
    return whole;
  }

  clear(): void {
    this.length = 0;
    this.pieces.length = 0;
    this.piecesBytes = 0;
    this.block = EMPTY;
    this.blockLength = 0;
  }

  /** Grows the block for `size` more bytes, up to its largest size; returns how many it has room for. */
  private roomFor(size: number): number {
    const needed = this.blockLength + size;
    if (needed > this.block.length && this.block.length < LAST_BLOCK_BYTES) {
      const doubled = Math.max(FIRST_BLOCK_BYTES, this.block.length * 2, needed);
      const grown = Buffer.allocUnsafeSlow(Math.min(doubled, LAST_BLOCK_BYTES));
      this.block.copy(grown, 0, 0, this.blockLength);
      this.block = grown;
    }
    return this.block.length - this.blockLength;
  }

  private sealBlock(): void {
    if (this.blockLength === 0) return;
    this.pieces.push(this.block.subarray(0, this.blockLength));
    this.piecesBytes += this.block.length;
    this.block = EMPTY;
    this.blockLength = 0;
  }
}

import { limits } from '../base/limits.ts';

/** Gets whole frames: the payload is frame[offset, end). False stops. Views into `frame` stay valid: it is not reused. */
export interface FrameSink {
  onFrame(kind: number, frame: Buffer, offset: number, end: number): boolean;
}

const LENGTH_BYTES = 4;
const EMPTY = Buffer.alloc(0);
/** First memory for a frame that did not come in one piece. */
const START_BYTES = 4_096;

/**
 * Cuts a stream of bytes into frames. A frame that lies whole in what was read is passed on where it lies; one that does
 * not is collected, in memory that grows as its bytes arrive, not as its length announces.
 */
export class FrameParser {
  #maxFrameBytes: number;
  #partial: Buffer = EMPTY;
  #held = 0;

  constructor(maxFrameBytes: number) {
    this.#maxFrameBytes = maxFrameBytes;
  }

  /** For the time after the handshake. */
  allowFullFrames(): void {
    this.#maxFrameBytes = limits.frameBytes;
  }

  /** False: what arrived is no stream of frames, or the sink stopped; nothing more may be fed. */
  feed(chunk: Buffer, sink: FrameSink): boolean {
    let offset = 0;
    if (this.#held > 0) {
      offset = this.#continueFrame(chunk, sink);
      if (offset < 0) return false;
    }
    while (chunk.length - offset >= LENGTH_BYTES) {
      const length = chunk.readUInt32BE(offset);
      if (!this.#allowed(length)) return false;
      const end = offset + LENGTH_BYTES + length;
      if (end > chunk.length) break;
      const payload = offset + LENGTH_BYTES + 1;
      if (!sink.onFrame(chunk.readUInt8(payload - 1), chunk, payload, end)) return false;
      offset = end;
    }
    if (offset < chunk.length) this.#collect(chunk, offset, chunk.length - offset, Number.POSITIVE_INFINITY);
    return true;
  }

  #allowed(length: number): boolean {
    return length >= 1 && length <= this.#maxFrameBytes - LENGTH_BYTES;
  }

  /** Where the frame that had begun ends in `chunk`; -1 as feed's false. */
  #continueFrame(chunk: Buffer, sink: FrameSink): number {
    let offset = 0;
    if (this.#held < LENGTH_BYTES) {
      offset = Math.min(LENGTH_BYTES - this.#held, chunk.length);
      this.#collect(chunk, 0, offset, Number.POSITIVE_INFINITY);
      if (this.#held < LENGTH_BYTES) return offset;
    }
    const length = this.#partial.readUInt32BE(0);
    if (!this.#allowed(length)) return -1;
    const total = LENGTH_BYTES + length;
    const bytes = Math.min(total - this.#held, chunk.length - offset);
    this.#collect(chunk, offset, bytes, total);
    if (this.#held === total) {
      const frame = this.#partial;
      this.#partial = EMPTY;
      this.#held = 0;
      if (!sink.onFrame(frame.readUInt8(LENGTH_BYTES), frame, LENGTH_BYTES + 1, total)) return -1;
    }
    return offset + bytes;
  }

  #collect(chunk: Buffer, offset: number, bytes: number, total: number): void {
    const needed = this.#held + bytes;
    if (needed > this.#partial.length) {
      const size = Math.min(total, Math.max(START_BYTES, needed, 2 * this.#partial.length));
      const larger = Buffer.allocUnsafeSlow(size);
      this.#partial.copy(larger, 0, 0, this.#held);
      this.#partial = larger;
    }
    chunk.copy(this.#partial, this.#held, offset, offset + bytes);
    this.#held = needed;
  }
}

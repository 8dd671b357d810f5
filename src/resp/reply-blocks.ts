import { limits } from '../base/limits.ts';

/**
 * Memory that replies are written into, lent to one writer after the other: a connection needs a block only from its
 * first reply of a turn until the socket has taken them, and making one costs more than a small reply.
 */
export class ReplyBlocks {
  readonly #free: Buffer[] = [];

  /** A block of limits.replyBlockBytes. */
  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(limits.replyBlockBytes);
  }

  /** Nobody may read or write `block` any more. Blocks of another size are not kept. */
  giveBack(block: Buffer): void {
    if (block.length === limits.replyBlockBytes && this.#free.length < limits.replyBlocksKept) this.#free.push(block);
  }
}

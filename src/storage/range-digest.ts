import { sodium } from '../crypto/sodium.ts';
import type { Ballot } from '../record/ballot.ts';
import { BALLOT_BYTES, writeBallot, writeLatin1 } from '../record/bytes.ts';
import { ID_BYTES } from '../record/record-id.ts';
import type { RecordId } from '../record/state.ts';

const ENTRY_BYTES = ID_BYTES + BALLOT_BYTES;
const DIGEST_BYTES = 16;
const BLOCK_ENTRIES = 1_024;

/** Digest of records in id order (protocol §7): 16 bytes of BLAKE2b over id and accepted of each, chained by blocks. */
export class RangeDigest {
  readonly #block: Buffer;
  readonly #output = Buffer.alloc(DIGEST_BYTES);
  #at = DIGEST_BYTES;
  #records = 0;

  /** The digest depends on the block's length too. */
  constructor(blockEntries = BLOCK_ENTRIES) {
    this.#block = Buffer.alloc(DIGEST_BYTES + blockEntries * ENTRY_BYTES);
  }

  get records(): number {
    return this.#records;
  }

  add(id: RecordId, accepted: Ballot): void {
    if (this.#at === this.#block.length) this.#close();
    this.#at = writeBallot(this.#block, writeLatin1(this.#block, this.#at, id), accepted);
    this.#records++;
  }

  /** 16 bytes as latin1; starts over. */
  finish(): string {
    this.#close();
    const digest = this.#block.toString('latin1', 0, DIGEST_BYTES);
    this.#block.fill(0, 0, DIGEST_BYTES);
    this.#records = 0;
    return digest;
  }

  /** The next block begins with the digest of this one. */
  #close(): void {
    sodium().crypto_generichash(this.#output, this.#block.subarray(0, this.#at));
    this.#output.copy(this.#block);
    this.#at = DIGEST_BYTES;
  }
}

import type { Random } from '../base/random.ts';
import { NONCE_BYTES } from './sodium.ts';

/** Nonces drawn at a time: 4080 bytes. One draw costs about as much as sealing a dozen small records. */
const POOL_NONCES = 170;

/** Random nonces, each given out once. 24 random bytes do not repeat in the life of a key. */
export class NoncePool {
  readonly #random: Random;
  readonly #pool = Buffer.alloc(POOL_NONCES * NONCE_BYTES);
  readonly #views: Uint8Array[] = [];
  #used = POOL_NONCES;

  constructor(random: Random) {
    this.#random = random;
    for (let i = 0; i < POOL_NONCES; i++) this.#views.push(this.#pool.subarray(i * NONCE_BYTES, (i + 1) * NONCE_BYTES));
  }

  /** A view that holds good until the next call. */
  next(): Uint8Array {
    if (this.#used === POOL_NONCES) {
      this.#random.fill(this.#pool);
      this.#used = 0;
    }
    return this.#views[this.#used++] ?? this.#pool;
  }
}

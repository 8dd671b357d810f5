import { assert } from '../base/assert.ts';
import { ID_BYTES } from '../record/record-id.ts';
import type { RecordId } from '../record/state.ts';
import type { Sodium } from './sodium.ts';
import { sodium } from './sodium.ts';

/** Namespace and generation, before the key. */
const PREFIX_BYTES = 4 + 4;
/** Keys up to this length are hashed without an allocation. */
const SCRATCH_KEY_BYTES = 512;

/**
 * Makes record ids: 16 bytes of keyed BLAKE2b over namespace:u32 generation:u32 key (big endian), so that neither a disk
 * nor a storage node shows the name of a key. The hash key is never changed: ids are forever.
 */
export class RecordIdHasher {
  readonly #hashKey: Buffer;
  readonly #sodium: Sodium = sodium();
  readonly #output = Buffer.alloc(ID_BYTES);
  readonly #input = Buffer.alloc(PREFIX_BYTES + SCRATCH_KEY_BYTES);
  /** Views of the scratch input by the key's length, made when first needed. */
  readonly #views: (Buffer | undefined)[] = new Array(SCRATCH_KEY_BYTES + 1).fill(undefined);

  constructor(hashKey: Buffer) {
    assert(hashKey.length === 32, 'the record id key has 32 bytes');
    this.#hashKey = hashKey;
  }

  recordId(namespace: number, generation: number, key: Buffer): RecordId {
    const input = this.#inputFor(key.length);
    input.writeUInt32BE(namespace, 0);
    input.writeUInt32BE(generation, 4);
    input.set(key, PREFIX_BYTES);
    this.#sodium.crypto_generichash(this.#output, input, this.#hashKey);
    return this.#output.toString('latin1');
  }

  #inputFor(keyLength: number): Buffer {
    if (keyLength > SCRATCH_KEY_BYTES) return Buffer.allocUnsafe(PREFIX_BYTES + keyLength);
    const view = this.#views[keyLength] ?? this.#input.subarray(0, PREFIX_BYTES + keyLength);
    this.#views[keyLength] = view;
    return view;
  }
}

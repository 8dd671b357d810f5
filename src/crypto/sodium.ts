import { createRequire } from 'node:module';

/**
 * The part of sodium-native that we use. It checks lengths itself and throws on a wrong one; a failed authentication
 * throws too. `c` and `m` of one call may start at the same place in memory.
 */
export interface Sodium {
  /** `c` has the length of `m` + 16. Returns c's length. */
  crypto_aead_xchacha20poly1305_ietf_encrypt(
    c: Uint8Array,
    m: Uint8Array,
    ad: Uint8Array,
    nsec: null,
    npub: Uint8Array,
    k: Uint8Array,
  ): number;
  /** `m` has the length of `c` - 16. Returns m's length. */
  crypto_aead_xchacha20poly1305_ietf_decrypt(
    m: Uint8Array,
    nsec: null,
    c: Uint8Array,
    ad: Uint8Array,
    npub: Uint8Array,
    k: Uint8Array,
  ): number;
  /** BLAKE2b with an output of 16 to 64 bytes and a key of 16 to 64 bytes or none. */
  crypto_generichash(output: Uint8Array, input: Uint8Array, key?: Uint8Array): void;
  /** Guarded memory outside the heap, locked where the system allows it. Freed when nothing refers to it any more. */
  sodium_malloc(bytes: number): Buffer;
  /** Constant time. Equal lengths. */
  sodium_memcmp(a: Uint8Array, b: Uint8Array): boolean;
}

export const SEAL_KEY_BYTES = 32;
export const NONCE_BYTES = 24;
export const TAG_BYTES = 16;

export type LoadedSodium =
  | { readonly ok: true; readonly sodium: Sodium }
  | { readonly ok: false; readonly reason: string };

const require = createRequire(import.meta.url);
let loaded: LoadedSodium | null = null;

/** Loads the native library, once. The only place that names it. */
export function loadSodium(): LoadedSodium {
  if (loaded !== null) return loaded;
  try {
    loaded = { ok: true, sodium: require('sodium-native') as Sodium };
  } catch (error) {
    loaded = { ok: false, reason: error instanceof Error ? error.message : String(error) };
  }
  return loaded;
}

/** The library. Throws if it cannot be loaded: `cryptoSelfTest` says so in good words, and is run first. */
export function sodium(): Sodium {
  const result = loadSodium();
  if (!result.ok) throw new Error(`sodium-native cannot be loaded: ${result.reason}`);
  return result.sodium;
}

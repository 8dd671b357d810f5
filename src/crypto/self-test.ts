import type { LoadedSodium, Sodium } from './sodium.ts';
import { loadSodium, TAG_BYTES } from './sodium.ts';

/** The test vector of draft-irtf-cfrg-xchacha-03, A.3.1. */
const SEAL_VECTOR = {
  key: '808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f',
  nonce: '404142434445464748494a4b4c4d4e4f5051525354555657',
  associated: '50515253c0c1c2c3c4c5c6c7',
  plain:
    "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
  sealed:
    'bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f4eda7e39' +
    'ae64c6708c54c216cb96b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9' +
    '21f9664c97637da9768812f615c68b13b52ec0875924c1c7987947deafd8780acf49',
} as const;

/** BLAKE2b with 32 bytes of output, of the three bytes "abc". */
const HASH_OF_ABC = 'bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319';

/**
 * Loads the native cryptography and checks it against known answers. To be called at start, before anything else of this
 * room. Null if all is well, else a text for the operator.
 */
export function cryptoSelfTest(load: () => LoadedSodium = loadSodium): string | null {
  const loaded = load();
  if (!loaded.ok) return describeLoadFailure(loaded.reason);
  let wrong: string | null;
  try {
    wrong = checkVectors(loaded.sodium);
  } catch (error) {
    wrong = error instanceof Error ? error.message : String(error);
  }
  return wrong === null
    ? null
    : `The cryptography library (sodium-native) gives wrong answers on this machine: ${wrong}.`;
}

/** What to do about a library that does not load. */
function describeLoadFailure(reason: string): string {
  const head = `The cryptography library (sodium-native) cannot be loaded on ${process.platform}-${process.arch}: ${firstLine(reason)}.`;
  const missing = /(lib[\w.+-]+?\.so[\w.]*)/.exec(reason)?.[1];
  if (missing !== undefined) {
    return `${head} Install the package that holds ${missing} (on Debian and Ubuntu: apt-get install libstdc++6 libgcc-s1 libatomic1).`;
  }
  if (/Cannot find (package|module) 'sodium-native'/.test(reason)) return `${head} Run npm ci, without --omit.`;
  return `${head} Prebuilt libraries exist for Linux (glibc), macOS and Windows on x64 and arm64; install again with npm ci on the machine that runs it.`;
}

function firstLine(text: string): string {
  const end = text.indexOf('\n');
  return (end < 0 ? text : text.slice(0, end)).replace(/\.$/, '');
}

/** Null if all answers are right. */
function checkVectors(sodium: Sodium): string | null {
  const key = Buffer.from(SEAL_VECTOR.key, 'hex');
  const nonce = Buffer.from(SEAL_VECTOR.nonce, 'hex');
  const associated = Buffer.from(SEAL_VECTOR.associated, 'hex');
  const plain = Buffer.from(SEAL_VECTOR.plain);
  const sealed = Buffer.alloc(plain.length + TAG_BYTES);
  sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(sealed, plain, associated, null, nonce, key);
  if (sealed.toString('hex') !== SEAL_VECTOR.sealed) return 'XChaCha20-Poly1305 seals wrongly';

  const opened = Buffer.alloc(plain.length);
  sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(opened, null, sealed, associated, nonce, key);
  if (!opened.equals(plain)) return 'XChaCha20-Poly1305 opens wrongly';

  sealed[0] = (sealed[0] ?? 0) ^ 1;
  if (opensDamaged(sodium, opened, sealed, associated, nonce, key)) return 'XChaCha20-Poly1305 opens damaged bytes';

  const hash = Buffer.alloc(32);
  sodium.crypto_generichash(hash, Buffer.from('abc'));
  return hash.toString('hex') === HASH_OF_ABC ? null : 'BLAKE2b hashes wrongly';
}

function opensDamaged(
  sodium: Sodium,
  opened: Buffer,
  sealed: Buffer,
  associated: Buffer,
  nonce: Buffer,
  key: Buffer,
): boolean {
  try {
    sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(opened, null, sealed, associated, nonce, key);
    return true;
  } catch {
    return false;
  }
}

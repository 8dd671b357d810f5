import { assert } from '../base/assert.ts';
import { limits } from '../base/limits.ts';
import type { Random } from '../base/random.ts';
import type { KeyRing } from './key-ring.ts';
import { keyRingOf } from './key-ring.ts';
import { SEAL_KEY_BYTES, sodium } from './sodium.ts';

/** First field of a keystore file. */
const KEYSTORE_FORMAT_VERSION = 1;
const RECORD_ID_KEY_BYTES = 32;
const KEYSTORE_ID_BYTES = 16;
const MAX_KEY_VERSION = 0xffff_ffff;

/** One key that seals, or sealed, records. */
export interface SealKey {
  readonly keyVersion: number;
  readonly createdAtMs: number;
  readonly key: Buffer;
}

/** All secrets of one cluster. Immutable: a rotation makes a new one. */
export interface Keystore {
  /** 32 hex digits, given once. Not a secret. */
  readonly keystoreId: string;
  /** Makes record ids; never rotates, since ids are forever. */
  readonly recordIdKey: Buffer;
  /** Oldest first; the active one is among them. */
  readonly sealKeys: readonly SealKey[];
  readonly activeVersion: number;
}

/** A new keystore with one key version. `random` must be cryptographically strong. */
export function generateKeystore(random: Random, nowMs: number): Keystore {
  const keystoreId = randomBytes(random, KEYSTORE_ID_BYTES).toString('hex');
  const recordIdKey = randomBytes(random, RECORD_ID_KEY_BYTES);
  const key = randomBytes(random, SEAL_KEY_BYTES);
  return { keystoreId, recordIdKey, sealKeys: [{ keyVersion: 1, createdAtMs: nowMs, key }], activeVersion: 1 };
}

/** The keystore with one key version more, which becomes the active one; null if it is full. */
export function withNewKeyVersion(keystore: Keystore, random: Random, nowMs: number): Keystore | null {
  const newest = keystore.sealKeys.at(-1);
  assert(newest !== undefined, 'a keystore has a key');
  if (keystore.sealKeys.length >= limits.keyVersions || newest.keyVersion >= MAX_KEY_VERSION) return null;
  const keyVersion = newest.keyVersion + 1;
  const added: SealKey = { keyVersion, createdAtMs: nowMs, key: randomBytes(random, SEAL_KEY_BYTES) };
  return { ...keystore, sealKeys: [...keystore.sealKeys, added], activeVersion: keyVersion };
}

export function keyRing(keystore: Keystore): KeyRing {
  return keyRingOf(keystore.activeVersion, new Map(keystore.sealKeys.map(({ keyVersion, key }) => [keyVersion, key])));
}

/**
 * 32 hex digits that tell keystores apart and give nothing away: data remembers it, so that a start with another keystore
 * is a clear error. Rotations keep it.
 */
export function keystoreFingerprint(keystore: Keystore): string {
  const fingerprint = Buffer.alloc(16);
  const input = Buffer.from(`junokv keystore fingerprint ${keystore.keystoreId}`);
  sodium().crypto_generichash(fingerprint, input, keystore.recordIdKey);
  return fingerprint.toString('hex');
}

/** The text of a keystore file: JSON, keys in hex. */
export function formatKeystore(keystore: Keystore): string {
  const file = {
    formatVersion: KEYSTORE_FORMAT_VERSION,
    keystoreId: keystore.keystoreId,
    recordIdKey: keystore.recordIdKey.toString('hex'),
    activeVersion: keystore.activeVersion,
    sealKeys: keystore.sealKeys.map(({ keyVersion, createdAtMs, key }) => ({
      keyVersion,
      createdAtMs,
      key: key.toString('hex'),
    })),
  };
  return `${JSON.stringify(file, null, 2)}\n`;
}

export type ParsedKeystore =
  | { readonly ok: true; readonly keystore: Keystore }
  /** What is wrong, without quoting the text: it may hold keys. */
  | { readonly ok: false; readonly problem: string };

/** Reads the text of a keystore file. */
export function parseKeystore(text: string): ParsedKeystore {
  let file: unknown;
  try {
    file = JSON.parse(text);
  } catch {
    return malformed('it is not JSON');
  }
  if (!isFields(file)) return malformed('it is not a JSON object');
  if (file['formatVersion'] !== KEYSTORE_FORMAT_VERSION) {
    return malformed(`its formatVersion is not ${KEYSTORE_FORMAT_VERSION}`);
  }
  const keystoreId = hexField(file, 'keystoreId', KEYSTORE_ID_BYTES);
  if (keystoreId === null) return malformed('keystoreId is not 32 hex digits');
  const recordIdKey = hexField(file, 'recordIdKey', RECORD_ID_KEY_BYTES);
  if (recordIdKey === null) return malformed('recordIdKey is not 64 hex digits');
  const sealKeys = parseSealKeys(file['sealKeys']);
  if (typeof sealKeys === 'string') return malformed(sealKeys);
  const activeVersion = file['activeVersion'];
  const active = sealKeys.find(({ keyVersion }) => keyVersion === activeVersion);
  if (active === undefined) return malformed('activeVersion names no key of sealKeys');
  const keystore = {
    keystoreId: keystoreId.toString('hex'),
    recordIdKey,
    sealKeys,
    activeVersion: active.keyVersion,
  };
  return { ok: true, keystore };
}

/** The keys, or what is wrong with them. */
function parseSealKeys(list: unknown): SealKey[] | string {
  if (!Array.isArray(list) || list.length === 0) return 'sealKeys is not a list of keys';
  if (list.length > limits.keyVersions) return `sealKeys has more than ${limits.keyVersions} keys`;
  const sealKeys: SealKey[] = [];
  let lastVersion = 0;
  for (const [index, entry] of list.entries()) {
    const where = `sealKeys[${index}]`;
    if (!isFields(entry)) return `${where} is not an object`;
    const keyVersion = entry['keyVersion'];
    if (!isWholeNumber(keyVersion) || keyVersion > MAX_KEY_VERSION) return `${where}.keyVersion is no 32-bit number`;
    if (keyVersion <= lastVersion) return `${where}.keyVersion does not rise`;
    const createdAtMs = entry['createdAtMs'];
    if (!isWholeNumber(createdAtMs)) return `${where}.createdAtMs is no number of milliseconds`;
    const key = hexField(entry, 'key', SEAL_KEY_BYTES);
    if (key === null) return `${where}.key is not 64 hex digits`;
    sealKeys.push({ keyVersion, createdAtMs, key });
    lastVersion = keyVersion;
  }
  return sealKeys;
}

function malformed(problem: string): ParsedKeystore {
  return { ok: false, problem };
}

function isFields(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isWholeNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

/** The field's bytes; null unless it is a string of exactly that many bytes in hex. */
function hexField(fields: Record<string, unknown>, name: string, bytes: number): Buffer | null {
  const text = fields[name];
  if (typeof text !== 'string' || text.length !== bytes * 2 || !/^[0-9a-fA-F]*$/.test(text)) return null;
  return Buffer.from(text, 'hex');
}

function randomBytes(random: Random, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  random.fill(bytes);
  return bytes;
}

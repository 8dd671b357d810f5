import { assert } from '../base/assert.ts';
import { limits } from '../base/limits.ts';
import type { Random } from '../base/random.ts';
import type { KeyRing } from './key-ring.ts';
import { keyRingOf } from './key-ring.ts';
import { type HiddenKeys, hideKeys, keyReference, referredKey, revealKeys, secretKeys } from './secret-bytes.ts';
import { sodium } from './sodium.ts';

/** First field of a keystore file. */
const KEYSTORE_FORMAT_VERSION = 1;
const KEYSTORE_ID_BYTES = 16;
const KEYSTORE_ID = /^[0-9a-fA-F]{32}$/;
const MAX_KEY_VERSION = 0xffff_ffff;

/** One key that seals, or sealed, records. */
export interface SealKey {
  readonly keyVersion: number;
  readonly createdAtMs: number;
  /** Wall clock at which it begins to seal; absent: `activeVersion` alone says what seals. */
  readonly activeFromMs?: number;
  /** In memory of its own (`secret-bytes.ts`). */
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
  /** Seals until the time of a later version has come: see `activeVersionAt`. */
  readonly activeVersion: number;
}

/** A version's part in a keystore at some time. */
export type KeyRole = 'waiting' | 'active' | 'old';

/** A new keystore with one key version. `random` must be cryptographically strong. */
export function generateKeystore(random: Random, nowMs: number): Keystore {
  const id = Buffer.alloc(KEYSTORE_ID_BYTES);
  random.fill(id);
  const [recordIdKey, key] = secretKeys(2);
  assert(recordIdKey !== undefined && key !== undefined, 'two keys');
  random.fill(recordIdKey);
  random.fill(key);
  const sealKeys = [{ keyVersion: 1, createdAtMs: nowMs, key }];
  return { keystoreId: id.toString('hex'), recordIdKey, sealKeys, activeVersion: 1 };
}

/** The version that seals at a time: the latest whose time has come. */
export function activeVersionAt(keystore: Keystore, nowMs: number): number {
  let active = keystore.activeVersion;
  for (const { keyVersion, activeFromMs } of keystore.sealKeys) {
    if (keyVersion > active && activeFromMs !== undefined && activeFromMs <= nowMs) active = keyVersion;
  }
  return active;
}

export function keyRoleAt(keystore: Keystore, keyVersion: number, nowMs: number): KeyRole {
  const active = activeVersionAt(keystore, nowMs);
  if (keyVersion === active) return 'active';
  return keyVersion > active ? 'waiting' : 'old';
}

/**
 * The keystore with one key version more, which begins to seal at `activeFromMs`: all processes must have it before that.
 * Null if it is full.
 */
export function withNewKeyVersion(
  keystore: Keystore,
  random: Random,
  nowMs: number,
  activeFromMs: number = nowMs,
): Keystore | null {
  const newest = keystore.sealKeys.at(-1);
  assert(newest !== undefined, 'a keystore has a key');
  if (keystore.sealKeys.length >= limits.keyVersions || newest.keyVersion >= MAX_KEY_VERSION) return null;
  const keyVersion = newest.keyVersion + 1;
  const [key] = secretKeys(1);
  assert(key !== undefined, 'one key');
  random.fill(key);
  const sealKeys = [...keystore.sealKeys, { keyVersion, createdAtMs: nowMs, activeFromMs, key }];
  return { ...keystore, sealKeys, activeVersion: activeVersionAt({ ...keystore, sealKeys }, nowMs) };
}

/** The keystore without an old version: what it sealed cannot be read any more. Null if it is not there, or not old. */
export function withoutKeyVersion(keystore: Keystore, keyVersion: number, nowMs: number): Keystore | null {
  const sealKeys = keystore.sealKeys.filter((known) => known.keyVersion !== keyVersion);
  if (sealKeys.length === keystore.sealKeys.length || keyRoleAt(keystore, keyVersion, nowMs) !== 'old') return null;
  return { ...keystore, sealKeys, activeVersion: activeVersionAt(keystore, nowMs) };
}

/** A ring that never changes; a process that serves has a `LiveKeyRing`. */
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

/** A keystore file: JSON, keys in hex. The caller wipes the bytes. */
export function encodeKeystore(keystore: Keystore): Buffer {
  return revealKeys(hiddenKeystore(keystore));
}

/** The same as text, which cannot be wiped: for tools and tests. */
export function formatKeystore(keystore: Keystore): string {
  return encodeKeystore(keystore).toString();
}

function hiddenKeystore(keystore: Keystore): HiddenKeys {
  const file = {
    formatVersion: KEYSTORE_FORMAT_VERSION,
    keystoreId: keystore.keystoreId,
    recordIdKey: keyReference(0),
    activeVersion: keystore.activeVersion,
    sealKeys: keystore.sealKeys.map(({ key: _key, ...sealKey }, index) => ({
      ...sealKey,
      key: keyReference(index + 1),
    })),
  };
  const keys = [keystore.recordIdKey, ...keystore.sealKeys.map(({ key }) => key)];
  return { text: `${JSON.stringify(file, null, 2)}\n`, keys };
}

export type ParsedKeystore =
  | { readonly ok: true; readonly keystore: Keystore }
  /** What is wrong, without quoting the text: it may hold keys. */
  | { readonly ok: false; readonly problem: string };

/** Reads the text of a keystore file. */
export function parseKeystore(text: string): ParsedKeystore {
  return decodeKeystore(Buffer.from(text));
}

/** Reads a keystore file; the keys in `bytes` are overwritten. */
export function decodeKeystore(bytes: Buffer): ParsedKeystore {
  const hidden = hideKeys(bytes);
  if (hidden === null) return malformed('a text in it begins with #');
  let file: unknown;
  try {
    file = JSON.parse(hidden.text);
  } catch {
    return malformed('it is not JSON');
  }
  const { keys } = hidden;
  if (!isFields(file)) return malformed('it is not a JSON object');
  if (file['formatVersion'] !== KEYSTORE_FORMAT_VERSION) {
    return malformed(`its formatVersion is not ${KEYSTORE_FORMAT_VERSION}`);
  }
  const keystoreId = file['keystoreId'];
  if (typeof keystoreId !== 'string' || !KEYSTORE_ID.test(keystoreId))
    return malformed('keystoreId is not 32 hex digits');
  const recordIdKey = referredKey(file['recordIdKey'], keys);
  if (recordIdKey === null) return malformed('recordIdKey is not 64 hex digits');
  const sealKeys = parseSealKeys(file['sealKeys'], keys);
  if (typeof sealKeys === 'string') return malformed(sealKeys);
  const activeVersion = file['activeVersion'];
  const active = sealKeys.find(({ keyVersion }) => keyVersion === activeVersion);
  if (active === undefined) return malformed('activeVersion names no key of sealKeys');
  const keystore = {
    keystoreId: keystoreId.toLowerCase(),
    recordIdKey,
    sealKeys,
    activeVersion: active.keyVersion,
  };
  return { ok: true, keystore };
}

/** The keys, or what is wrong with them. */
function parseSealKeys(list: unknown, keys: readonly Buffer[]): SealKey[] | string {
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
    const activeFromMs = entry['activeFromMs'];
    if (activeFromMs !== undefined && !isWholeNumber(activeFromMs)) return `${where}.activeFromMs is no time`;
    const key = referredKey(entry['key'], keys);
    if (key === null) return `${where}.key is not 64 hex digits`;
    sealKeys.push({ keyVersion, createdAtMs, ...(activeFromMs === undefined ? {} : { activeFromMs }), key });
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

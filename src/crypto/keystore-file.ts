import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { tryLockFile } from '../base/file-lock.ts';
import { limits } from '../base/limits.ts';
import type { Random } from '../base/random.ts';
import type { Keystore } from './keystore.ts';
import {
  activeVersionAt,
  decodeKeystore,
  encodeKeystore,
  generateKeystore,
  withNewKeyVersion,
  withoutKeyVersion,
} from './keystore.ts';

/** Why there is no keystore. `detail` is a sentence for the operator; it never holds a key. */
export interface KeystoreFailure {
  readonly kind: /** No such file. */
    | 'missing'
    /** A new one was asked for where there is one. */
    | 'exists'
    /** Others than its owner may read it. */
    | 'permissions'
    | 'malformed'
    /** Another process is rotating it. */
    | 'locked'
    /** No room for another key version. */
    | 'full'
    /** The version that was added last does not seal yet. */
    | 'waiting'
    /** Only an old version can be retired. */
    | 'not-old'
    /** A command was to write the keystore, and did not. */
    | 'command'
    /** The file system said no. */
    | 'io';
  readonly detail: string;
}

export type KeystoreResult =
  | { readonly ok: true; readonly keystore: Keystore }
  | { readonly ok: false; readonly failure: KeystoreFailure };

const OWNER_ONLY = 0o600;
const ANYBODY_ELSE = 0o077;

/** Reads the keystore at `path`. */
export function openKeystore(path: string): KeystoreResult {
  let descriptor: number;
  try {
    descriptor = openSync(path, constants.O_RDONLY);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return failure('missing', `There is no keystore at ${path}.`);
    return ioFailure(`cannot open the keystore ${path}`, error);
  }
  try {
    return readKeystore(path, descriptor);
  } catch (error) {
    return ioFailure(`cannot read the keystore ${path}`, error);
  } finally {
    closeSync(descriptor);
  }
}

function readKeystore(path: string, descriptor: number): KeystoreResult {
  const stat = fstatSync(descriptor);
  if (!stat.isFile()) return failure('malformed', `The keystore ${path} is not a file.`);
  if ((stat.mode & ANYBODY_ELSE) !== 0) {
    const mode = (stat.mode & 0o777).toString(8).padStart(4, '0');
    const detail = `The keystore ${path} can be used by others than its owner (mode ${mode}). Run: chmod 600 ${path}`;
    return failure('permissions', detail);
  }
  if (stat.size > limits.keystoreFileBytes) return failure('malformed', `The keystore ${path} is too large to be one.`);
  const bytes = readFileSync(descriptor);
  const parsed = decodeKeystore(bytes);
  bytes.fill(0);
  if (parsed.ok) return parsed;
  return failure('malformed', `The keystore ${path} is damaged: ${parsed.problem}. Restore it from a backup.`);
}

/**
 * Makes a new keystore at `path` (mode 0600, and its folder if missing), durably, or not at all; never replaces a file.
 * `random` must be cryptographically strong.
 */
export function createKeystore(path: string, random: Random, nowMs: number): KeystoreResult {
  const keystore = generateKeystore(random, nowMs);
  const temporary = temporaryPath(path, random);
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeDurably(temporary, keystore);
    if (!linkUnlessThere(temporary, path)) return failure('exists', `There is a keystore at ${path} already.`);
    syncFolder(path);
  } catch (error) {
    return ioFailure(`cannot create the keystore ${path}`, error);
  }
  return { ok: true, keystore };
}

/**
 * Adds a key version to the keystore at `path`, which begins to seal at `activeFromMs`; the older ones remain, so that what they
 * sealed stays readable. The file is replaced as a whole. Running processes take it up by themselves.
 */
export function addKeyVersion(
  path: string,
  random: Random,
  nowMs: number,
  activeFromMs: number = nowMs,
): KeystoreResult {
  return changeKeystore(path, random, (current) => {
    const active = activeVersionAt(current, nowMs);
    const newest = current.sealKeys.at(-1)?.keyVersion ?? active;
    if (newest > active) {
      return failure('waiting', `Version ${newest}, which was added last, does not seal yet; wait until it does.`);
    }
    const keystore = withNewKeyVersion(current, random, nowMs, activeFromMs);
    if (keystore !== null) return { ok: true, keystore };
    return failure('full', `The keystore ${path} holds all the key versions that it may.`);
  });
}

/** Takes an old key version out: what it sealed, backups included, cannot be read with this keystore any more. */
export function removeKeyVersion(path: string, random: Random, keyVersion: number, nowMs: number): KeystoreResult {
  return changeKeystore(path, random, (current) => {
    const keystore = withoutKeyVersion(current, keyVersion, nowMs);
    if (keystore !== null) return { ok: true, keystore };
    const known = current.sealKeys.some((key) => key.keyVersion === keyVersion);
    return failure(
      'not-old',
      known
        ? `Version ${keyVersion} is not an old one: it seals, or will.`
        : `The keystore ${path} has no version ${keyVersion}.`,
    );
  });
}

function changeKeystore(path: string, random: Random, change: (current: Keystore) => KeystoreResult): KeystoreResult {
  const found = openKeystore(path);
  if (!found.ok) return found;
  let realPath: string;
  try {
    realPath = realpathSync(path);
  } catch (error) {
    return ioFailure(`cannot find the keystore ${path}`, error);
  }
  const lock = tryLockFile(`${realPath}.lock`);
  if (lock.kind === 'taken') return failure('locked', `Another process is changing the keystore ${path}.`);
  if (lock.kind === 'failed') return failure('io', lock.problem);
  try {
    // Read under the lock: another change may have ended just now.
    const current = openKeystore(realPath);
    const changed = current.ok ? change(current.keystore) : current;
    if (changed.ok) replaceKeystore(realPath, changed.keystore, random);
    return changed;
  } catch (error) {
    return ioFailure(`cannot change the keystore ${path}`, error);
  } finally {
    lock.lock.release();
  }
}

function replaceKeystore(path: string, keystore: Keystore, random: Random): void {
  const temporary = temporaryPath(path, random);
  writeDurably(temporary, keystore);
  try {
    renameSync(temporary, path);
  } catch (error) {
    unlinkSync(temporary);
    throw error;
  }
  syncFolder(path);
}

/** Gives the finished file its name; a link, unlike a rename, refuses to replace what is there: false then. */
function linkUnlessThere(temporary: string, path: string): boolean {
  try {
    linkSync(temporary, path);
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw error;
  } finally {
    unlinkSync(temporary);
  }
}

/** In the same folder, so that it can be linked and renamed. */
function temporaryPath(path: string, random: Random): string {
  const suffix = Buffer.alloc(6);
  random.fill(suffix);
  return `${path}.${suffix.toString('hex')}.new`;
}

/** Makes the file, which must not exist, readable to its owner alone from the first moment. */
function writeDurably(path: string, keystore: Keystore): void {
  const bytes = encodeKeystore(keystore);
  const descriptor = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, OWNER_ONLY);
  try {
    writeFileSync(descriptor, bytes);
    fsyncSync(descriptor);
  } catch (error) {
    unlinkSync(path);
    throw error;
  } finally {
    bytes.fill(0);
    closeSync(descriptor);
  }
}

/** A new name survives a loss of power only once its folder is synced. */
function syncFolder(path: string): void {
  const descriptor = openSync(dirname(path), constants.O_RDONLY);
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function errorCode(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

function ioFailure(what: string, error: unknown): KeystoreResult {
  return failure('io', `${what}: ${error instanceof Error ? error.message : String(error)}`);
}

function failure(kind: KeystoreFailure['kind'], detail: string): KeystoreResult {
  return { ok: false, failure: { kind, detail } };
}

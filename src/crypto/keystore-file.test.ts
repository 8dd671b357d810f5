import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { tryLockFile } from '../base/file-lock.ts';
import { limits } from '../base/limits.ts';
import { SystemRandom } from '../base/system-random.ts';
import type { Keystore } from './keystore.ts';
import type { KeystoreFailure, KeystoreResult } from './keystore-file.ts';
import { addKeyVersion, createKeystore, openKeystore, removeKeyVersion } from './keystore-file.ts';

const random = new SystemRandom();
const nowMs = 1_700_000_000_000;
let folder = '';
let path = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'junokv-keystore-'));
  path = join(folder, 'keys', 'keystore.json');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function created(): Keystore {
  const result = createKeystore(path, random, nowMs);
  if (!result.ok) throw new Error(result.failure.detail);
  return result.keystore;
}

function failureOf(result: KeystoreResult): KeystoreFailure {
  if (result.ok) throw new Error('it worked');
  return result.failure;
}

describe('creating a keystore', () => {
  it('writes it for its owner alone, and leaves nothing else behind', () => {
    const keystore = created();
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, 'keys')).mode & 0o777).toBe(0o700);
    expect(readdirSync(join(folder, 'keys'))).toEqual(['keystore.json']);
    expect(openKeystore(path)).toEqual({ ok: true, keystore });
  });

  it('never replaces one', () => {
    created();
    const before = readFileSync(path, 'utf8');
    expect(failureOf(createKeystore(path, random, nowMs))).toEqual({
      kind: 'exists',
      detail: `There is a keystore at ${path} already.`,
    });
    expect(readFileSync(path, 'utf8')).toBe(before);
    expect(readdirSync(join(folder, 'keys'))).toEqual(['keystore.json']);
  });

  it('says so when the file system refuses', () => {
    writeFileSync(join(folder, 'keys'), 'a file where the folder should be');
    const failure = failureOf(createKeystore(path, random, nowMs));
    expect(failure.kind).toBe('io');
    expect(failure.detail).toContain(`cannot create the keystore ${path}`);
  });
});

describe('opening a keystore', () => {
  it('tells a missing one', () => {
    expect(failureOf(openKeystore(path))).toEqual({ kind: 'missing', detail: `There is no keystore at ${path}.` });
  });

  it.each([0o640, 0o604, 0o660, 0o644, 0o610])('refuses one that others may use: mode %o', (mode) => {
    created();
    chmodSync(path, mode);
    const failure = failureOf(openKeystore(path));
    expect(failure.kind).toBe('permissions');
    expect(failure.detail).toContain(`chmod 600 ${path}`);
    expect(failure.detail).toContain(`mode 0${mode.toString(8)}`);
    chmodSync(path, 0o400);
    expect(openKeystore(path).ok).toBe(true);
  });

  it('refuses a damaged one without showing its keys', () => {
    const keystore = created();
    const text = readFileSync(path, 'utf8');
    writeFileSync(path, text.slice(0, -20));
    const failure = failureOf(openKeystore(path));
    expect(failure.kind).toBe('malformed');
    expect(failure.detail).toContain('not JSON');
    expect(failure.detail).not.toContain(keystore.recordIdKey.toString('hex').slice(0, 8));
  });

  it('refuses a folder and a file that is too large', () => {
    mkdirSync(path, { recursive: true });
    expect(failureOf(openKeystore(path))).toMatchObject({ kind: 'malformed' });
    rmSync(path, { recursive: true });
    writeFileSync(path, Buffer.alloc(limits.keystoreFileBytes + 1, 0x20), { mode: 0o600 });
    expect(failureOf(openKeystore(path)).detail).toContain('too large');
  });
});

describe('rotating', () => {
  it('adds a version and keeps the rest', () => {
    const before = created();
    const result = addKeyVersion(path, random, nowMs + 1);
    expect(result.ok && result.keystore.activeVersion).toBe(2);
    expect(openKeystore(path)).toEqual(result);
    expect(result.ok && result.keystore.sealKeys[0]).toEqual(before.sealKeys[0]);
    expect(result.ok && result.keystore.sealKeys[1]?.createdAtMs).toBe(nowMs + 1);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(folder, 'keys')).filter((name) => name.endsWith('.new'))).toEqual([]);
  });

  it('follows a link to the file instead of replacing the link', () => {
    created();
    const link = join(folder, 'link.json');
    symlinkSync(path, link);
    expect(addKeyVersion(link, random, nowMs).ok).toBe(true);
    const opened = openKeystore(path);
    expect(opened.ok && opened.keystore.activeVersion).toBe(2);
  });

  it('waits for nobody', () => {
    created();
    const held = tryLockFile(`${path}.lock`);
    expect(held.kind).toBe('held');
    expect(failureOf(addKeyVersion(path, random, nowMs)).kind).toBe('locked');
    if (held.kind === 'held') held.lock.release();
    expect(addKeyVersion(path, random, nowMs).ok).toBe(true);
  });

  it('adds no second version before the first one seals', () => {
    created();
    expect(addKeyVersion(path, random, nowMs, nowMs + 1_000).ok).toBe(true);
    expect(failureOf(addKeyVersion(path, random, nowMs + 999, nowMs + 5_000)).kind).toBe('waiting');
    const later = addKeyVersion(path, random, nowMs + 1_000, nowMs + 5_000);
    expect(later.ok && later.keystore.activeVersion).toBe(2);
  });

  it('retires an old version, and no other', () => {
    created();
    addKeyVersion(path, random, nowMs, nowMs + 1_000);
    expect(failureOf(removeKeyVersion(path, random, 1, nowMs + 999)).detail).toContain('seals, or will');
    expect(failureOf(removeKeyVersion(path, random, 2, nowMs + 1_000)).kind).toBe('not-old');
    expect(failureOf(removeKeyVersion(path, random, 7, nowMs + 1_000)).detail).toContain('has no version 7');
    const result = removeKeyVersion(path, random, 1, nowMs + 1_000);
    expect(result.ok && result.keystore.sealKeys.map((key) => key.keyVersion)).toEqual([2]);
    expect(openKeystore(path)).toEqual(result);
  });

  it('needs a keystore', () => {
    expect(failureOf(addKeyVersion(path, random, nowMs)).kind).toBe('missing');
    expect(readdirSync(folder)).toEqual([]);
  });
});

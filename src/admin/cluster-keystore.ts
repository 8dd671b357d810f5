import { closeSync, fsyncSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { Random } from '../base/random.ts';
import { type Keystore, keystoreFingerprint } from '../crypto/keystore.ts';
import { createKeystore } from '../crypto/keystore-file.ts';
import { commandSource, fileSource, type KeystoreSource } from './keys/keystore-source.ts';

export interface KeystoreRequest {
  readonly keystoreFile: string;
  /** Where it comes from instead; '': from the file. */
  readonly keystoreCommand: string;
  /** The cluster's map; `<mapFile>.fingerprint` beside it remembers which keystore the data belong to. */
  readonly mapFile: string;
  /** Something may have been stored already: then only the keystore that it was sealed with will do. */
  readonly hasData: boolean;
  /** Make a new keystore file if there is none, and no data. */
  readonly create: boolean;
}

export type ClusterKeystore =
  | { readonly ok: true; readonly keystore: Keystore; readonly isNew: boolean; readonly source: KeystoreSource }
  | { readonly ok: false; readonly problem: string };

/** Where the keystore of a one-process cluster lies unless told: beside its data directory, never in it. */
export function keystorePathBeside(dataPath: string): string {
  const full = resolve(dataPath);
  return join(dirname(dataPath), `${basename(full)}-keystore.json`);
}

/** Opens the keystore that belongs to the data, or makes the first one of a new cluster. */
export async function openClusterKeystore(
  request: KeystoreRequest,
  random: Random,
  nowMs: number,
): Promise<ClusterKeystore> {
  const { keystoreFile, keystoreCommand, mapFile, hasData } = request;
  const source = keystoreCommand === '' ? fileSource(keystoreFile) : commandSource(keystoreCommand);
  const fingerprintFile = `${mapFile}.fingerprint`;
  const known = readFingerprint(fingerprintFile);
  if (!known.ok) return known;
  let result = await source.load();
  let isNew = false;
  if (!result.ok && result.failure.kind === 'missing') {
    if (hasData || known.fingerprint !== null) {
      return failed(
        `the keystore ${keystoreFile} is missing, and the data beside ${mapFile} can only be read with it. ` +
          'Put it back, or name the right one with --keystore. A new one is never made for existing data.',
      );
    }
    if (!request.create) return failed(`there is no keystore at ${keystoreFile}; name it with --keystore.`);
    result = createKeystore(keystoreFile, random, nowMs);
    isNew = true;
  }
  if (!result.ok) return failed(result.failure.detail);

  const fingerprint = keystoreFingerprint(result.keystore);
  if (known.fingerprint === fingerprint) return { ok: true, keystore: result.keystore, isNew, source };
  if (known.fingerprint !== null) {
    return failed(
      `the keystore of ${source.name} is not the one that the data beside ${mapFile} were encrypted with ` +
        `(its fingerprint is ${fingerprint}, theirs ${known.fingerprint}). Name the right one with --keystore.`,
    );
  }
  if (hasData) {
    return failed(
      `${fingerprintFile} is missing, which says what keystore the data belong to. Put it back from a backup, or, if you ` +
        `are sure that the keystore of ${source.name} is theirs, write this line into it: ${fingerprint}`,
    );
  }
  try {
    writeDurably(fingerprintFile, `${fingerprint}\n`);
  } catch (error) {
    return failed(`cannot write ${fingerprintFile}: ${messageOf(error)}`);
  }
  return { ok: true, keystore: result.keystore, isNew, source };
}

type KnownFingerprint =
  | { readonly ok: true; readonly fingerprint: string | null }
  | { readonly ok: false; readonly problem: string };

function readFingerprint(path: string): KnownFingerprint {
  try {
    return { ok: true, fingerprint: readFileSync(path, 'utf8').trim() };
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return { ok: true, fingerprint: null };
    return { ok: false, problem: `cannot read ${path}: ${messageOf(error)}` };
  }
}

function writeDurably(path: string, text: string): void {
  const file = openSync(path, 'w', 0o600);
  try {
    writeFileSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  const directory = openSync(dirname(path), 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

function failed(problem: string): ClusterKeystore {
  return { ok: false, problem };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

import { type FileHandle, open } from 'node:fs/promises';
import type { ClientEncryption } from './types.ts';

const FILE_BYTES_MOST = 1024 * 1024;
const KEY_BYTES = 32;
const KEY_NAME_BYTES_MOST = 255;
/** Anything for the group or for others. */
const FOREIGN_MODE = 0o077;

export type KeystoreResult =
  | { readonly ok: true; readonly value: ClientEncryption }
  /** Why the file cannot be used, with its path. */
  | { readonly ok: false; readonly message: string };

/**
 * Keys for `ClientOptions.encryption` from a JSON file: `{"format": 1, "current": "<name>", "keys": {"<name>": "<32 bytes
 * as base64>"}}`. As ssh does, it refuses a file that others may read or write.
 */
export async function loadKeystore(path: string): Promise<KeystoreResult> {
  let file: FileHandle | null = null;
  try {
    file = await open(path, 'r');
    const { mode, size } = await file.stat();
    if (process.platform !== 'win32' && (mode & FOREIGN_MODE) !== 0) {
      const permissions = (mode & 0o777).toString(8).padStart(4, '0');
      return refused(`${path} is open to others (mode ${permissions}); chmod 600 it`);
    }
    if (size > FILE_BYTES_MOST) return refused(`${path} is larger than a keystore can be`);
    const content = parseKeystore(await file.readFile('utf8'));
    return content.ok ? content : refused(`${path}: ${content.message}`);
  } catch (error) {
    return refused(`${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  } finally {
    await file?.close();
  }
}

/** The keys of a keystore file's text. */
export function parseKeystore(text: string): KeystoreResult {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    // The parser's message would quote the file.
    return refused('not JSON');
  }
  if (!isObject(content) || content['format'] !== 1) return refused('not a keystore of format 1');
  const { current, keys } = content;
  if (typeof current !== 'string' || !isObject(keys)) return refused('"current" or "keys" is missing');
  const parsed: [string, Uint8Array][] = [];
  for (const [name, encoded] of Object.entries(keys)) {
    const bytes = Buffer.byteLength(name);
    if (bytes === 0 || bytes > KEY_NAME_BYTES_MOST) return refused('a key name has 1 to 255 bytes');
    const key = typeof encoded === 'string' ? Buffer.from(encoded, 'base64') : null;
    if (key === null || key.length !== KEY_BYTES || key.toString('base64') !== encoded) {
      return refused(`key "${name}" is not 32 bytes as base64`);
    }
    parsed.push([name, key]);
  }
  if (!parsed.some(([name]) => name === current)) return refused(`the current key "${current}" is not among the keys`);
  return { ok: true, value: { current, keys: Object.fromEntries(parsed) } };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function refused(message: string): { readonly ok: false; readonly message: string } {
  return { ok: false, message };
}

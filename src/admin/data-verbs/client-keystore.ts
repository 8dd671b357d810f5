import { readFileSync, statSync } from 'node:fs';
import { limits } from '../../base/limits.ts';
import type { ClientEncryption } from '../../juno-ext/client/src/types.ts';

const ANYBODY_ELSE = 0o077;
const KEY_BYTES = 32;
const KEY_NAME_BYTES = 255;

export type ClientKeystoreResult =
  | { readonly ok: true; readonly encryption: ClientEncryption }
  /** A sentence for the operator; it never holds a key. */
  | { readonly ok: false; readonly problem: string };

/**
 * Reads the keys for sealing values on the client's side: JSON `{"current": NAME, "keys": {NAME: 64 hex digits, ...}}` in a
 * file that only its owner can use.
 */
export function readClientKeystore(path: string): ClientKeystoreResult {
  let text: string;
  try {
    const stat = statSync(path);
    if ((stat.mode & ANYBODY_ELSE) !== 0) {
      return failed(`the client keystore ${path} can be used by others than its owner. Run: chmod 600 ${path}`);
    }
    if (stat.size > limits.keystoreFileBytes) return failed(`the client keystore ${path} is too large to be one`);
    text = readFileSync(path, 'utf8');
  } catch (error) {
    return failed(`cannot read the client keystore: ${error instanceof Error ? error.message : String(error)}`);
  }
  const parsed = parseClientKeystore(text);
  return parsed.ok ? parsed : failed(`the client keystore ${path} ${parsed.problem}`);
}

/** `problem` continues a sentence whose subject is the file. */
export function parseClientKeystore(text: string): ClientKeystoreResult {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // The parser's own message quotes the text, and with it perhaps a key.
    return failed('is not JSON');
  }
  if (!isObject(json) || typeof json['current'] !== 'string' || !isObject(json['keys'])) {
    return failed('must be of the form {"current": NAME, "keys": {NAME: 64 hexadecimal digits, ...}}');
  }
  const keys: [string, Uint8Array][] = [];
  for (const [name, digits] of Object.entries(json['keys'])) {
    if (name === '' || Buffer.byteLength(name) > KEY_NAME_BYTES) {
      return failed(`has a key whose name is empty or longer than ${KEY_NAME_BYTES} bytes`);
    }
    const isKey = typeof digits === 'string' && /^[0-9a-f]+$/i.test(digits) && digits.length === KEY_BYTES * 2;
    if (!isKey) return failed(`does not give ${KEY_BYTES * 2} hexadecimal digits for the key '${name}'`);
    keys.push([name, Buffer.from(digits, 'hex')]);
  }
  const current = json['current'];
  if (!keys.some(([name]) => name === current))
    return failed(`has no key '${current}', which it calls the current one`);
  return { ok: true, encryption: { current, keys: Object.fromEntries(keys) } };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function failed(problem: string): { readonly ok: false; readonly problem: string } {
  return { ok: false, problem };
}

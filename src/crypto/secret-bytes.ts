import { inspect } from 'node:util';
import { assert } from '../base/assert.ts';
import { sodium } from './sodium.ts';

/** Bytes of every key in a keystore. */
export const SECRET_KEY_BYTES = 32;
const SHOWN = '[key]';

/**
 * Room for `count` keys, zeroed, outside the heap: memory that is not swapped out where the system lets it be locked, and left
 * out of core dumps where it can tell (libsodium's guarded allocation). JSON and inspection show a key as `[key]`.
 */
export function secretKeys(count: number): Buffer[] {
  assert(count > 0, 'room for a key at least');
  const memory = sodium().sodium_malloc(count * SECRET_KEY_BYTES);
  memory.fill(0);
  return Array.from({ length: count }, (_, index) => {
    const at = memory.byteOffset + index * SECRET_KEY_BYTES;
    return unshown(Buffer.from(memory.buffer, at, SECRET_KEY_BYTES));
  });
}

/** What shows an object's fields must not show these. */
function unshown(key: Buffer): Buffer {
  Object.defineProperty(key, 'toJSON', { value: () => SHOWN });
  Object.defineProperty(key, inspect.custom, { value: () => SHOWN });
  return key;
}

const HEX_DIGITS = SECRET_KEY_BYTES * 2;
const QUOTE = 0x22;
const MARK = 0x23;
const ZERO = 0x30;
const LOWER_A = 0x61;

/** Text in which keys stand as references, and the keys. */
export interface HiddenKeys {
  readonly text: string;
  readonly keys: readonly Buffer[];
}

/**
 * Takes the keys out of JSON before it becomes a string, which could not be wiped: each string of 64 hex digits becomes a
 * reference (`keyReference`), also in `json` itself. Null if the bytes hold something that looks like a reference already.
 */
export function hideKeys(json: Buffer): HiddenKeys | null {
  if (json.includes('"#')) return null;
  const places: number[] = [];
  for (let at = json.indexOf(QUOTE); at >= 0; at = json.indexOf(QUOTE, at + 1)) {
    if (isKeyAt(json, at + 1)) places.push(at + 1);
  }
  const keys = places.length === 0 ? [] : secretKeys(places.length);
  for (const [index, at] of places.entries()) {
    const key = keys[index];
    assert(key !== undefined, 'a key for each place');
    for (let i = 0; i < SECRET_KEY_BYTES; i++) {
      key[i] = (digit(json[at + 2 * i]) << 4) | digit(json[at + 2 * i + 1]);
    }
    json.write(keyReference(index), at, 'latin1');
  }
  return { text: json.toString('utf8'), keys };
}

/** What stands for key number `index` in text: as long as the key in hex. */
export function keyReference(index: number): string {
  return `#${String(index).padStart(HEX_DIGITS - 1, '0')}`;
}

/** The key that a reference names; null if `text` is none. */
export function referredKey(text: unknown, keys: readonly Buffer[]): Buffer | null {
  if (typeof text !== 'string' || !/^#\d{63}$/.test(text)) return null;
  return keys[Number(text.slice(1))] ?? null;
}

/** The bytes of JSON whose references, which stand in order, have become keys again. Whoever gets them wipes them. */
export function revealKeys({ text, keys }: HiddenKeys): Buffer {
  const json = Buffer.from(text);
  let at = 0;
  for (const [index, key] of keys.entries()) {
    at = json.indexOf(`"${keyReference(index)}"`, at) + 1;
    assert(at > 0, 'each key has its place');
    for (let i = 0; i < SECRET_KEY_BYTES; i++) {
      const byte = key[i] ?? 0;
      json[at + 2 * i] = hexOf(byte >> 4);
      json[at + 2 * i + 1] = hexOf(byte & 15);
    }
  }
  return json;
}

function isKeyAt(json: Buffer, at: number): boolean {
  if (json[at + HEX_DIGITS] !== QUOTE || json[at] === MARK) return false;
  for (let i = 0; i < HEX_DIGITS; i++) if (digit(json[at + i]) < 0) return false;
  return true;
}

/** -1: no hex digit. */
function digit(code: number | undefined): number {
  if (code === undefined) return -1;
  if (code >= ZERO && code < ZERO + 10) return code - ZERO;
  const lower = code | 0x20;
  return lower >= LOWER_A && lower < LOWER_A + 6 ? lower - LOWER_A + 10 : -1;
}

function hexOf(value: number): number {
  return value < 10 ? ZERO + value : LOWER_A + value - 10;
}

import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import { isOptionKey, keyByName } from './configuration.ts';
import type { Option } from './option.ts';
import { optionTable } from './option-table.ts';

const MODE_BITS = 0o777;

/**
 * CONFIG REWRITE: puts parameters that CONFIG SET has changed into the JSON file that --config names, as the options that they
 * are; all else in it stays. Returns what went wrong in words, null if nothing did.
 */
export function rewriteConfigFile(path: string, changed: ReadonlyMap<string, string>): string | null {
  const options = new Map<string, string>();
  const others: string[] = [];
  for (const [name, value] of changed) {
    if (isKept(name, value)) options.set(name, value);
    else others.push(name);
  }
  try {
    const json: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (typeof json !== 'object' || json === null || Array.isArray(json)) return `${path} holds no JSON object`;
    if (options.size > 0)
      replaceFile(path, `${JSON.stringify({ ...json, ...Object.fromEntries(options) }, null, 2)}\n`);
  } catch (error) {
    return `${path}: ${error instanceof Error ? error.message : String(error)}`;
  }
  if (others.length === 0) return null;
  return `${others.join(', ')}: no option of junokv, so CONFIG SET of it holds until the proxy ends; all others were written`;
}

function isKept(name: string, value: string): boolean {
  const key = keyByName.get(name);
  if (key === undefined || !isOptionKey(key)) return false;
  const option: Option<unknown> = optionTable[key];
  return option.lineOnly !== true && option.parse(value).ok;
}

/** The old file, or the new one whole, whatever happens. */
function replaceFile(path: string, text: string): void {
  const mode = statSync(path).mode & MODE_BITS;
  const fresh = `${path}.new`;
  try {
    const file = openSync(fresh, 'w', mode);
    try {
      writeSync(file, text);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(fresh, path);
  } catch (error) {
    rmSync(fresh, { force: true });
    throw error;
  }
}

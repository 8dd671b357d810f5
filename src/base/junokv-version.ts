import { existsSync, readFileSync } from 'node:fs';

function readVersion(): string {
  // From src/base in a clone, from dist/src/base in the package.
  for (const path of ['../../package.json', '../../../package.json']) {
    const url = new URL(path, import.meta.url);
    if (!existsSync(url)) continue;
    const parsed: unknown = JSON.parse(readFileSync(url, 'utf8'));
    if (typeof parsed !== 'object' || parsed === null || !('name' in parsed) || parsed.name !== 'junokv') continue;
    if ('version' in parsed && typeof parsed.version === 'string') return parsed.version;
  }
  return 'unknown';
}

/** The version of this package, read once at start. */
export const JUNOKV_VERSION = readVersion();

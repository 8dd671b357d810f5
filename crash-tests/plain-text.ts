import { closeSync, openSync, readdirSync, readSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Report } from './report.ts';
import { KEY_MARK, VALUE_MARK } from './write-load.ts';

const BLOCK_BYTES = 4_194_304;
/** Below this, hardly anything was stored, and nothing found would prove nothing. */
const LEAST_BYTES = 100_000;

export interface SearchResult {
  readonly files: number;
  readonly bytes: number;
  /** `file: what` */
  readonly found: readonly string[];
}

/** Looks for any of the texts in every file below the directories, as `grep -r` would. */
export function searchFiles(dirs: readonly string[], texts: readonly string[]): SearchResult {
  const overlap = Math.max(...texts.map((text) => text.length));
  const block = Buffer.alloc(BLOCK_BYTES + overlap);
  const found: string[] = [];
  let files = 0;
  let bytes = 0;
  for (const dir of dirs) {
    for (const entry of readdirSync(dir, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const path = join(entry.parentPath, entry.name);
      files += 1;
      const file = openSync(path, 'r');
      let kept = 0;
      for (;;) {
        const count = readSync(file, block, kept, BLOCK_BYTES, null);
        if (count === 0) break;
        bytes += count;
        const view = block.subarray(0, kept + count);
        for (const text of texts) if (view.includes(text, 0, 'latin1')) found.push(`${path}: ${text}`);
        const keep = Math.min(overlap, view.length);
        view.copy(block, 0, view.length - keep);
        kept = keep;
      }
      closeSync(file);
    }
  }
  return { files, bytes, found: [...new Set(found)] };
}

/** No key and no value of the write load is readable in what the storage nodes keep. */
export function checkNothingReadable(report: Report, name: string, dirs: readonly string[], output: string): void {
  const marks = [KEY_MARK, VALUE_MARK];
  const result = searchFiles(dirs, marks);
  const figures = `${result.files} files, ${(result.bytes / 1e6).toFixed(1)} MB`;
  report.check(`${name}: no key and no value is readable on disk (${figures})`, [
    ...result.found,
    ...(result.bytes < LEAST_BYTES ? [`only ${result.bytes} bytes were stored`] : []),
  ]);
  report.check(
    `${name}: nor in what the processes print`,
    marks.filter((mark) => output.includes(mark)),
  );
  const control = join(dirs[0] ?? '', 'control');
  writeFileSync(control, `${'x'.repeat(BLOCK_BYTES - 5)}${KEY_MARK}`);
  const seen = searchFiles(dirs, marks).found;
  report.check(`${name}: the search does find a key that is there`, seen.length === 1 ? [] : ['it was not found']);
}

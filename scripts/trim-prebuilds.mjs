// Removes from node_modules the native files of other platforms, which the packages bring along: an image needs one.
// node scripts/trim-prebuilds.mjs NODE_MODULES [PLATFORM-ARCH]
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** Keeps `keep` (such as linux-x64) where a package has it, and all where it has not. Returns what was removed. */
export function trimPrebuilds(modules, keep = `${process.platform}-${process.arch}`) {
  const removed = [];
  for (const directory of packages(modules)) {
    const prebuilds = join(directory, 'prebuilds');
    const platforms = list(prebuilds);
    if (!platforms.includes(keep)) continue;
    for (const platform of platforms) {
      if (platform === keep) continue;
      rmSync(join(prebuilds, platform), { recursive: true });
      removed.push(join(prebuilds, platform));
    }
  }
  return removed;
}

function* packages(modules) {
  for (const name of list(modules)) {
    const directory = join(modules, name);
    if (name.startsWith('@')) yield* packages(directory);
    else {
      yield directory;
      yield* packages(join(directory, 'node_modules'));
    }
  }
}

function list(directory) {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [, , modules, keep] = process.argv;
  if (modules === undefined) throw new Error('usage: trim-prebuilds.mjs NODE_MODULES [PLATFORM-ARCH]');
  console.log(`${trimPrebuilds(modules, keep).length} directories of other platforms removed`);
}

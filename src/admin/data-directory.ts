import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tryLockFile } from '../base/file-lock.ts';

/** The data directory of a one-process cluster or of one storage process, held by this process alone. */
export interface DataDirectory {
  readonly path: string;
  /** Nothing was ever stored here. */
  readonly isNew: boolean;
  /** Where a storage node keeps what is its own. */
  nodePath(nodeId: number): string;
  readonly mapFile: string;
  /** Lets another process have it. */
  release(): void;
}

export type OpenedDirectory =
  | { readonly ok: true; readonly directory: DataDirectory }
  | { readonly ok: false; readonly problem: string };

/** Files that are there before anything is stored; all else means that there are data. */
const BEFORE_DATA: ReadonlySet<string> = new Set(['lock', 'pid', 'lost+found', '.gitkeep']);

/** Makes the directory if it is missing (for its owner only) and locks it against a second process. */
export function openDataDirectory(path: string): OpenedDirectory {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    return { ok: false, problem: `cannot make the data directory ${path}: ${messageOf(error)}` };
  }
  const locked = tryLockFile(join(path, 'lock'));
  if (locked.kind === 'failed')
    return { ok: false, problem: `cannot use the data directory ${path}: ${locked.problem}` };
  const pidFile = join(path, 'pid');
  if (locked.kind === 'taken') {
    const holder = existsSync(pidFile) ? ` (process ${readFileSync(pidFile, 'utf8').trim()})` : '';
    return {
      ok: false,
      problem: `another junokv${holder} is using the data directory ${path}. Stop it first, or give this one another --data.`,
    };
  }
  try {
    writeFileSync(pidFile, `${process.pid}\n`);
    const isNew = readdirSync(path).every((name) => BEFORE_DATA.has(name));
    return {
      ok: true,
      directory: {
        path,
        isNew,
        nodePath: (nodeId) => join(path, `node-${nodeId}`),
        mapFile: join(path, 'cluster-map.json'),
        release() {
          rmSync(pidFile, { force: true });
          locked.lock.release();
        },
      },
    };
  } catch (error) {
    locked.lock.release();
    return { ok: false, problem: `cannot use the data directory ${path}: ${messageOf(error)}` };
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
